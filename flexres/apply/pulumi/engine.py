"""The pulumi engine, driven through the Automation API: preview and up of one stack, told as plans and outcomes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexres.apply.direct import Progress
from flexres.apply.outcome import Applied, Outcome, Result, UserOutcome
from flexres.apply.pulumi.events import Steps, after_run, outcomes, plain_error
from flexres.apply.pulumi.project import engine_environment, refuse_forgetful_backend
from flexres.apply.readback import read_back
from flexres.apply.sso import SignOnWriter, to_write
from flexres.errors import FlexresError, RefusedError, SetupError
from flexres.reconcile.change import IdpChange, SettingChange, UserChange
from flexres.reconcile.fingerprint import fingerprint
from flexres.reconcile.plan import Plan
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
        started, sent = session.transport.timing.monotonic(), session.transport.sent
        steps = await asyncio.to_thread(self._up, plan, progress)
        told = await read_back(session, plan, outcomes(plan, steps), repair=_no_repair)
        if any(change.leaves or change.old for change in plan.users):
            told = after_run(told, await session.plan(as_of=plan.as_of, allow_older=True))
        others = (*await _settings(plan, session, steps), *_at_idp(plan, steps))
        applied = Applied(plan=plan, outcomes=(*told, *others), interrupted=stop.is_set())
        seconds = session.transport.timing.monotonic() - started
        return replace(applied, seconds=seconds, requests=session.transport.sent - sent + steps.requests)

    def _preview(self, name: str) -> Steps | None:
        from pulumi.automation import StackNotFoundError  # noqa: PLC0415 - slow to import

        steps = Steps()
        try:
            stack = self._stack(name, create=False)
        except StackNotFoundError:
            return None
        self._run(lambda: stack.preview(on_event=steps.take, **_QUIETLY), name, steps)
        if steps.errors:
            raise _failed(steps.errors)
        return steps

    def _up(self, plan: Plan, progress: Progress) -> Steps:
        stack = self._stack(plan.stack, create=True, more={"FLEXRES_PLAN": fingerprint(plan)})
        changes = {change.username: change for change in plan.users if change.pending}
        progress.phase("Applying by pulumi up", len(changes))

        def begun(username: str) -> None:
            if username in changes:
                progress.started(changes[username])

        def ended(username: str) -> None:
            if username in changes:
                change = changes[username]
                progress.finished(next(iter(outcomes(plan.with_users([change]), steps))))

        steps = Steps(begun, ended)
        self._run(lambda: stack.up(on_event=steps.take, continue_on_error=True, **_QUIETLY), plan.stack, steps)
        if steps.errors and not steps.users and steps.departures is None:
            raise _failed(steps.errors)
        return steps

    def _stack(self, name: str, *, create: bool, more: Mapping[str, str] | None = None) -> PulumiStack:
        from pulumi import automation  # noqa: PLC0415 - slow to import

        refuse_forgetful_backend(self.project, self.environ)
        options = automation.LocalWorkspaceOptions(
            env_vars={**engine_environment(self.project, self.environ), **self.told, **(more or {})},
            pulumi_command=automation.PulumiCommand(root=str(self.cli.parent.parent)),
        )
        make = automation.create_or_select_stack if create else automation.select_stack
        try:
            return make(name, work_dir=str(self.project), opts=options)
        except automation.StackNotFoundError:
            raise
        except automation.CommandError as error:
            raise _explained(str(error), name) from None

    def _run(self, run: Callable[[], Any], name: str, steps: Steps) -> None:
        """Run the engine. Where it fails with events, those say what of; where without, its own words do."""
        from pulumi.automation import CommandError, ConcurrentUpdateError  # noqa: PLC0415 - slow to import

        try:
            run()
        except ConcurrentUpdateError as error:
            raise _explained(str(error), name) from None
        except CommandError as error:
            if not steps.users and not steps.errors and steps.departures is None:
                raise _explained(str(error), name) from None


def _at_idp(plan: Plan, steps: Steps) -> Iterator[Outcome[IdpChange]]:
    """What became of the identity provider's set-up: one resource, which fails as a whole."""
    for change in plan.at_idp:
        yield Outcome(change, Result.FAILED, "; ".join(steps.errors)) if steps.errors else Outcome(change, Result.DONE)


async def _settings(plan: Plan, session: Session, steps: Steps) -> tuple[Outcome[SettingChange], ...]:
    """What became of the settings of single sign-on, by what they are now; why, in the engine's words."""
    written = [Outcome(each, Result.DONE) for each in to_write(plan.settings)]
    found = await SignOnWriter(session.wanted.config, session.transport).read_back(written)
    if not steps.errors:
        return tuple(found)
    why = "; ".join(steps.errors)
    return tuple(one if one.result is Result.DONE else replace(one, message=why) for one in found)


_QUIETLY: Final[dict[str, Any]] = {"color": "never", "suppress_progress": True, "suppress_outputs": True}


async def _no_repair(change: UserChange) -> UserOutcome:
    """Nothing is written beside the engine; the next run puts it right."""
    return Outcome(change, Result.NOT_TAKEN)


def _failed(errors: list[str]) -> FlexresError:
    text = "\n".join(errors)
    return RefusedError(text) if "refused by a guard" in text else SetupError(text)


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
