"""What a Pulumi program does before it declares a stack: load it and check everything, or say all in one error."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import pulumi

from flexres.apply.pulumi.channel import PROGRAM, Sender
from flexres.apply.pulumi.project import refuse_forgetful_backend
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.desired.stack import Stack
from flexres.errors import FlexresError, SetupError
from flexres.live import credentials
from flexres.resources import messages as words
from flexres.resources.properties import team_of
from flexres.resources.settings import SWITCH_ENGINE, settings

_WARNINGS: Final = 20
_FRAMES: Final = 8
"""Six are the SDK's own and the constructor's; what is left says where in the program a resource comes from."""

NO_FRAMES: Final = 5
"""For users and teams, who come from no line of the program: the SDK's own, of which it stores none."""

_OURS: Final = ("flexres:", "twilio:")

_ABOVE: Final = 6
"""Of so many processes above the program one is `pulumi`: between them are its plugin's."""


def load(name: str, project: Path, environ: Mapping[str, str] = os.environ) -> Stack:
    """The stack of this name, from the project in this folder, if it is to be run by this engine.

    Raises:
        pulumi.RunError: with everything that is wrong, each as file:line:column.
    """
    try:
        told = settings(environ, project)
        source = FolderSource(told.stacks / name, shown_as=f"{told.stacks.name}/{name}")
        stack = load_stack(source, name=name, as_of=datetime.now(UTC).date())
        _check_engine(stack, told.switch)
        _check_config(name)
        _check_targets(stack, _targets_of_run())
        refuse_forgetful_backend(project, environ)
        # The provider takes them from the same environment; said here, it is one line and not one a resource.
        local = stack.config.endpoint is not None
        credentials.from_environment(name, stack.config.account, environ, local=local)
        credentials.endpoint(stack.config.endpoint, environ)
    except FlexresError as error:
        Sender(environ).failure(name, words.failure(error, PROGRAM, name))
        raise pulumi.RunError(words.one_line(error)) from None
    for problem in stack.warnings[:_WARNINGS]:
        pulumi.warn(words.problem(problem))
    return stack


@contextmanager
def short_call_stacks(frames: int = _FRAMES) -> Iterator[None]:
    """Meanwhile the SDK sees so many innermost frames alone: it stores every resource's whole call stack in the state.

    That would be a third of the state.
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = frames
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


_SDK: Final = "pulumi.runtime."


def without_the_sdks_own_debug_lines() -> None:
    """From now on send the engine none of the debug lines that the SDK writes of its own work; others' go on.

    There are several for each resource, sent whether or not anybody asked for `--debug`, and the program waits for
    each: half of its time, where it declares a thousand users.
    """
    said = pulumi.log.debug
    if said.__module__ == __name__:
        return

    def debug(
        msg: str, resource: pulumi.Resource | None = None, stream_id: int | None = None, ephemeral: bool | None = None
    ) -> None:
        if not str(sys._getframe(1).f_globals.get("__name__")).startswith(_SDK):
            said(msg, resource, stream_id, ephemeral)

    pulumi.log.debug = debug


def _check_engine(stack: Stack, switch: str) -> None:
    if stack.config.engine == "direct" and switch != stack.name:
        place = stack.position("engine")
        raise SetupError(
            f"the engine of {stack.name} is direct ({place}): pulumi is refused, so that a laptop and CI do the same",
            hint=f"use flexres apply --stack {stack.name}, write engine: pulumi, or set {SWITCH_ENGINE}={stack.name} "
            "for this once",
        )


def _check_targets(stack: Stack, targets: Sequence[str]) -> None:
    """The engine would say of a user's URN that it is nowhere, and nothing at all of a pattern that meets nobody."""
    if stack.config.resources != "team":
        return
    for target in targets:
        username = re.split(r"::|/", target)[-1]
        user = stack.users.get(username)
        if user is not None:
            team = team_of(user)
            raise SetupError(
                f"{username} ({stack.line_of(username)}) is no resource of their own, for {stack.name} has teams "
                f"({stack.position('pulumi')})",
                hint=f"name the team instead: --target '**::{team}'",
            )


def _targets_of_run() -> list[str]:
    """The `--target`s of the `pulumi` that runs this program; none where they cannot be known.

    The engine tells a program nothing of its targets. So this reads its command line, which Linux alone has as a file.
    """
    process = os.getpid()
    for _ in range(_ABOVE):
        folder = Path("/proc") / str(process)
        with suppress(OSError, ValueError, IndexError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == "pulumi":
                return _targets(words)
            process = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return []


def _targets(words: Sequence[str]) -> list[str]:
    found = [word.partition("=")[2] for word in words if word.startswith(("--target=", "--target-replace="))]
    return found + [word for option, word in pairwise(words) if option in {"--target", "-t", "--target-replace"}]


def _check_config(name: str) -> None:
    """Pulumi keeps its config in the state and uses it, stale, for refresh and destroy: so flexres takes none."""
    keys = sorted(key for key in json.loads(os.environ.get("PULUMI_CONFIG") or "{}") if key.startswith(_OURS))
    if keys:
        raise SetupError(
            f"Pulumi's config of {name} holds {', '.join(keys)}, which flexres does not read",
            hint=f"take it out with pulumi config rm {keys[0]}: credentials come from the environment only, and "
            "everything else from flex.yaml",
        )
