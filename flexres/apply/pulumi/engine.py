"""The pulumi engine, driven through the Automation API: preview and up of one stack, told as plans and outcomes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from flexres.apply.direct import Progress
from flexres.apply.outcome import Applied, Outcome, Result, UserOutcome
from flexres.apply.pulumi.channel import VARIABLE, Ended, Receiver
from flexres.apply.pulumi.events import Complaint, Steps, plain_error
from flexres.apply.pulumi.project import command_of, engine_environment, refuse_forgetful_backend
from flexres.apply.readback import read_back
from flexres.apply.sso import SignOnWriter, to_write
from flexres.errors import FlexresError, RefusedError, SetupError
from flexres.reconcile.change import UserChange
from flexres.reconcile.plan import Plan
from flexres.reconcile.saved_plan import fingerprint
from flexres.session import Session

if TYPE_CHECKING:
    from pulumi.automation import Stack as PulumiStack

_LOCK: Final = re.compile(r"created by (?P<who>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True, slots=True)
class Engine:
    """Pulumi's CLI and the project that it is to run in.

    `environ` is the process' own; `told` are the variables through which the program and the provider are told
    what the command line says.
    """

    cli: Path
    project: Path
    environ: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)

    async def preview(self, stack: str) -> Steps | None:
        """What the engine would do; None where it knows nothing of the stack yet, and would create all of it.

        Raises:
            FlexresError: it refuses, or fails, in one line.
        """
        return await asyncio.to_thread(self._preview, stack)

    async def apply(self, plan: Plan, session: Session, *, progress: Progress, stop: asyncio.Event) -> Applied:
        """Carry out exactly this plan by `pulumi up`, read back what was changed, and say what became of each.

        Raises:
            FlexresError: nothing was changed, and why.
        """
        if plan.violations:
            found = "; ".join(violation.message for violation in plan.violations)
            raise RefusedError(found, hint=f"--approve {plan.digest}")
        started, sent = session.transport.timing.monotonic(), session.sent
        with _received(plan.stack) as received:
            try:
                ended = await asyncio.to_thread(self._up, plan, received, progress, stop)
            except FlexresError:
                if not stop.is_set():
                    raise
                # Whoever stops the engine before it has begun with anything knows why it says that it failed.
                ended = Ended(Steps(), received)
        writer = SignOnWriter(session.wanted.config, session.transport)
        return Applied(
            plan=plan,
            outcomes=(
                *await read_back(session, plan, ended.users(plan), repair=_no_repair),
                *await writer.read_back(ended.of(to_write(plan.settings))),
                *ended.of(plan.at_idp),
            ),
            seconds=session.transport.timing.monotonic() - started,
            requests=session.sent - sent + received.requests,
            interrupted=stop.is_set(),
            errors=tuple(failure.problem.message for failure in ended.others(plan)),
        )

    def _preview(self, name: str) -> Steps | None:
        from pulumi.automation import StackNotFoundError  # noqa: PLC0415 - slow to import

        with _received(name) as received:
            try:
                stack = self._stack(name, received, create=False)
            except StackNotFoundError:
                return None
            ended = Ended(Steps(), received)
            self._run(lambda: stack.preview(on_event=ended.steps.take, **_QUIETLY), name, ended)
        if (error := ended.error()) is not None:
            raise error
        return ended.steps

    def _up(self, plan: Plan, received: Receiver, progress: Progress, stop: asyncio.Event) -> Ended:
        changes = {change.username: change for change in plan.users if change.pending}
        progress.phase("Applying by pulumi up", len(changes))
        stack = self._stack(
            plan.stack, received, create=True, more={"FLEXRES_PLAN": f"{plan.stack}:{fingerprint(plan)}"}
        )

        def begun(username: str) -> None:
            if username in changes:
                progress.started(changes[username])

        def finished(username: str) -> None:
            if username in changes:
                received.receive()
                progress.finished(ended.user(changes[username]))

        ended = Ended(Steps(begun, finished), received)
        if stop.is_set():
            # A Ctrl-C that came before the engine was there has stopped nothing.
            return ended
        self._run(lambda: stack.up(on_event=ended.steps.take, continue_on_error=True, **_QUIETLY), plan.stack, ended)
        if not ended.begun and (error := ended.error()) is not None:
            raise error
        return ended

    def _stack(
        self, name: str, received: Receiver, *, create: bool, more: Mapping[str, str] | None = None
    ) -> PulumiStack:
        from pulumi import automation  # noqa: PLC0415 - slow to import

        refuse_forgetful_backend(self.project, self.environ)
        environ = engine_environment(self.project, self.environ)
        options = automation.LocalWorkspaceOptions(
            env_vars={**environ, **self.told, **(more or {}), VARIABLE: str(received.path)},
            pulumi_command=command_of(self.cli, self.environ),
        )
        make = automation.create_or_select_stack if create else automation.select_stack
        try:
            return make(name, work_dir=str(self.project), opts=options)
        except automation.StackNotFoundError:
            raise
        except automation.CommandError as error:
            raise _explained(str(error), name) from None

    def _run(self, run: Callable[[], Any], name: str, ended: Ended) -> None:
        """Run the engine. Where it fails, what was told says what of; where nothing was, its own words do."""
        from pulumi.automation import CommandError, ConcurrentUpdateError  # noqa: PLC0415 - slow to import

        try:
            run()
        except ConcurrentUpdateError as error:
            raise _explained(str(error), name) from None
        except CommandError as error:
            ended.received.receive()
            if ended.received.failures or ended.steps.complaints:
                return
            why = _explained(str(error), name)
            if not ended.begun:
                raise why from None
            ended.steps.complaints.append(Complaint("", "", why.message))
        else:
            ended.received.receive()


@contextmanager
def _received(stack: str) -> Iterator[Receiver]:
    """A file for what is told about a stack below the engine; it holds names, so it is for nobody else."""
    with TemporaryDirectory(prefix="flexres-") as folder:
        path = Path(folder) / "outcomes.jsonl"
        path.touch(mode=0o600)
        yield Receiver(path, stack)


_QUIETLY: Final[dict[str, Any]] = {"color": "never", "suppress_progress": True, "suppress_outputs": True}


async def _no_repair(change: UserChange) -> UserOutcome:
    """Nothing is written beside the engine; the next run puts it right."""
    return Outcome(change, Result.NOT_TAKEN)


def _explained(output: str, name: str) -> FlexresError:
    """The CLI's own words for a failure before any event, as one line and what to do."""
    lock = _LOCK.search(output)
    if lock:
        return FlexresError(
            f"another run holds the lock of {name}: {lock['who']} (process {lock['pid']}), since {lock['at']}",
            hint=f"wait until it is done; if it was killed, free the stack with pulumi cancel --stack {name}",
        )
    if "locked by" in output or "409" in output:
        return FlexresError(f"another run holds the lock of {name}", hint="wait until it is done")
    if "incorrect passphrase" in output:
        return SetupError(
            f"PULUMI_CONFIG_PASSPHRASE is not the one that the state of {name} was made with",
            hint="set the right one; flexres itself uses the empty one where none is set",
        )
    stderr = output.rpartition("stderr:")[2]
    return SetupError(plain_error(stderr) or plain_error(output), hint=f"see what pulumi preview --stack {name} says")
