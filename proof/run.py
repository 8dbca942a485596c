"""One run of the proof: the story up to its change, the change applied under a harm, applied again, and judged."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from proof.flex import Flex, User, flex, losses
from proof.harms import Harm
from proof.story import AFTER, BEFORE, STACK, Stack

PATIENCE = 240.0
"""Seconds after which a run hangs."""
AGAIN = 3
"""How often "run it again" may be needed: once, and again where writes are seen late or somebody is still at it."""
USUAL = 112
"""Requests of an unharmed run: a signal comes when a random part of them has been answered."""
EXITS = {0, 1, 2, 3, 4, 5, 6, 130}
CLOCK_LIBRARY = "libfaketime.so.1"


class CannotRunError(Exception):
    """This harm needs something that is not here; the text says what."""


@dataclass(slots=True)
class Judged:
    """What one run showed. `lost` is empty where all held; `unjournalled` are changed users whom no line names."""

    harm: str
    seed: int
    exit: int = 0
    again: int = 0
    requests: int = 0
    seconds: float = 0
    lost: list[str] = field(default_factory=list)
    unjournalled: list[str] = field(default_factory=list)


def run(harm: Harm, seed: int, *, engine: str = "direct") -> Judged:
    """Tell the story once under this harm. The same seed gives the same chances, if not the same moments.

    Raises:
        CannotRunError: what the harm needs is not installed.
    """
    chance, judged, started = random.Random(seed), Judged(harm.name, seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder, flex(Path(folder), *harm.options) as local:
        stack = Stack(Path(folder) / "repository", engine)
        local.begin()
        stack.write(BEFORE)
        _expect(judged, "begins", *_apply(stack, local))
        local.use()
        stack.write(AFTER)
        before = local.people()
        with _harmed(harm, local, chance):
            code, output = _under(harm, stack, local, chance)
        judged.exit = code
        _check_process(judged, stack, output, killed=harm.signal is not None)
        after = local.people()
        judged.unjournalled = _unjournalled(stack, before, after)
        for judged.again in range(1, AGAIN + 1):
            code, output = _apply(stack, local)
            if code == 0:
                break
        _expect(judged, "run again", code, output)
        judged.lost += losses(AFTER, local.people(), before)
        judged.requests = local.requests()
    judged.seconds = time.monotonic() - started
    return judged


def _expect(judged: Judged, when: str, code: int, output: str) -> None:
    if code != 0:
        judged.lost.append(f"{when}: exit {code}: {output[-400:]}")


def _check_process(judged: Judged, stack: Stack, output: str, *, killed: bool) -> None:
    """No traceback, an exit code that the docs name, and nothing left behind."""
    if "Traceback" in output:
        judged.lost.append(f"a traceback: {output[-800:]}")
    if judged.exit not in EXITS and not (killed and judged.exit < 0):
        judged.lost.append(f"exit {judged.exit}")
    known = {"stacks", ".flexres", "Pulumi.yaml", ".pulumi-state"}
    left = [path.name for path in stack.folder.iterdir() if path.name not in known]
    left += [path.name for path in stack.folder.rglob("*tmp*")]
    if left and not killed:
        judged.lost.append(f"files are left: {left}")


def _unjournalled(stack: Stack, before: Mapping[str, list[User]], after: Mapping[str, list[User]]) -> list[str]:
    """Declared or departed users whom the run changed and no line of the journal names."""
    journal = stack.folder / ".flexres" / "journal" / f"{STACK}.jsonl"
    named = set()
    for line in journal.read_text().splitlines() if journal.exists() else []:
        with suppress(ValueError):
            told = json.loads(line)
            named |= {told.get("username"), told.get("previously")}
    ours = BEFORE.keys() | AFTER.keys()
    return sorted(who for who in ours if _seen(before, who) != _seen(after, who) and who not in named)


def _seen(people: Mapping[str, list[User]], username: str) -> list[tuple[object, ...]]:
    """What of somebody our run can have changed: not what others wrote meanwhile."""
    return [
        (one.active, str(one.profile), {k: v for k, v in one.read.items() if k != "desk_phone"}.__repr__())
        for one in people.get(username, [])
    ]


def _apply(stack: Stack, local: Flex) -> tuple[int, str]:
    with subprocess.Popen(**_started(stack, local, {})) as process:  # type: ignore[call-overload]
        return _ended(process)


def _under(harm: Harm, stack: Stack, local: Flex, chance: random.Random) -> tuple[int, str]:
    """The run that is harmed."""
    limit = chance.randrange(1, 30_000)

    def begin() -> None:
        # A run in the background has inherited an ignored Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if harm.file_limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environ = _clock(stack.folder.parent) if harm.clock else {}
    options = _started(stack, local, environ) | {"preexec_fn": begin}
    with subprocess.Popen(**options) as process:  # type: ignore[call-overload]
        until = local.requests() + chance.randrange(USUAL)
        while (harm.signal or harm.meddle or harm.clock) and process.poll() is None:
            if harm.meddle:
                harm.meddle(local, chance)
            if harm.clock:
                (stack.folder.parent / "clock").write_text(f"{chance.choice('+-')}{chance.randrange(1, 400)}d\n")
            if harm.signal and local.requests() >= until:
                process.send_signal(harm.signal)
                break
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01 if harm.signal else 0.05)
        code, output = _ended(process)
    return code, output


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        return 1000, f"hangs: {output}"
    return process.returncode, output


def _started(stack: Stack, local: Flex, more: Mapping[str, str]) -> dict[str, object]:
    """How `flexres apply` is started: as in CI, alone with its credentials."""
    home = stack.folder.parent
    return {
        "args": [sys.executable, "-m", "flexres", "apply", "--stack", STACK, "--yes"],
        "cwd": stack.folder,
        "env": {"PATH": os.environ["PATH"], "HOME": str(home), "PULUMI_CONFIG_PASSPHRASE": "", **local.environ, **more},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "start_new_session": True,
    }


def _clock(folder: Path) -> dict[str, str]:
    """The environment in which wall clocks follow a file, and the monotonic one does not."""
    if shutil.which("faketime") is None:
        raise CannotRunError("faketime is not installed")
    library = next(iter(Path("/usr/lib").rglob(CLOCK_LIBRARY)), None)
    if library is None:
        raise CannotRunError(f"{CLOCK_LIBRARY} is not there")
    (folder / "clock").write_text("+0d\n")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def _harmed(harm: Harm, local: Flex, chance: random.Random) -> Iterator[None]:
    for line in harm.faults:
        local.fault(line)
    try:
        yield
    finally:
        local.heal()
