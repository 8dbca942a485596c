"""The direct engine: carries a plan out in one async process, arrivals and edits first, departures last.

It keeps no state: every operation may be repeated, so the recovery from a crash at any point is to run it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from flexres.apply.context import Context
from flexres.apply.gate import ProvisionGate
from flexres.apply.journal import Journal
from flexres.apply.operations import carry_out
from flexres.apply.outcome import Applied, Outcome, Result
from flexres.apply.readback import read_back
from flexres.errors import RefusedError, UnreachableError
from flexres.reconcile.model import Kind, Plan, UserChange
from flexres.session import Session


class Progress(Protocol):
    """Who is told what is happening to whom, as it happens."""

    def phase(self, text: str, total: int) -> None:
        """A new part of the run begins, of `total` changes."""

    def started(self, change: UserChange) -> None:
        """An operation on this user begins."""

    def finished(self, outcome: Outcome) -> None:
        """The operation ended like this."""


class Silent:
    """Tells nobody."""

    def phase(self, text: str, total: int) -> None:
        """Nothing."""

    def started(self, change: UserChange) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""


async def apply_plan(
    plan: Plan,
    session: Session,
    *,
    journal: Journal,
    progress: Progress,
    stop: asyncio.Event,
    allow_older: bool = False,
) -> Applied:
    """Carry out every change of the plan, read back what was changed, and say what became of each.

    When `stop` is set, what is in flight is finished and the rest reported as not started.
    Raises RefusedError when a guard refuses the plan, and UnreachableError when nobody got through.
    """
    if plan.violations:
        raise RefusedError(
            "; ".join(violation.message for violation in plan.violations), hint=f"--approve {plan.digest}"
        )
    started, sent = session.transport.timing.monotonic(), session.transport.sent
    run = _Run(context_of(session, plan, journal, allow_older=allow_older), session, journal, progress, stop)
    arrivals = [change for change in plan.changes if not change.leaves]
    departures = [change for change in plan.changes if change.leaves]
    outcomes = await run.phase("Adding and changing", arrivals)
    outcomes = await read_back(session, plan, outcomes, repair=run.repair)
    outcomes += await run.phase("Retiring", departures)
    if run.unreachable and not any(outcome.result is Result.DONE for outcome in outcomes):
        raise run.unreachable
    order = {id(change): place for place, change in enumerate(plan.changes)}
    return Applied(
        plan=plan,
        outcomes=tuple(sorted(outcomes, key=lambda outcome: order[id(outcome.change)])),
        seconds=session.transport.timing.monotonic() - started,
        requests=session.transport.sent - sent,
        interrupted=stop.is_set(),
    )


def context_of(session: Session, plan: Plan, journal: Journal, *, allow_older: bool) -> Context:
    """What the operations of one run over this plan need."""
    return Context(
        users=session.users,
        workers=session.workers(plan.instance),
        scope=session.wanted.scope,
        policy=plan.policy,
        offline_activity=plan.instance.offline_activity,
        as_of=plan.as_of,
        commit_time=plan.commit_time,
        allow_older=allow_older,
        journal=journal,
        gate=ProvisionGate(),
    )


class _Run:
    """One run's workers: as many at once as the transport has connections."""

    def __init__(
        self, context: Context, session: Session, journal: Journal, progress: Progress, stop: asyncio.Event
    ) -> None:
        self._context = context
        self._width = session.transport.limiter.ceiling
        self._journal = journal
        self._progress = progress
        self._stop = stop
        self.unreachable: UnreachableError | None = None

    async def phase(self, text: str, changes: Sequence[UserChange]) -> list[Outcome]:
        """Carry out these changes concurrently."""
        if not changes:
            return []
        self._progress.phase(text, len(changes))
        waiting = iter(changes)
        outcomes: list[Outcome] = []

        async def work() -> None:
            for change in waiting:
                outcomes.append(await self._one(change))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._width, len(changes))):
                group.create_task(work())
        return outcomes

    async def repair(self, change: UserChange) -> Outcome:
        """Carry out one more change, that the read-back found still to be missing."""
        return await self._carry_out(change)

    async def _one(self, change: UserChange) -> Outcome:
        if change.kind is Kind.AT_IDP:
            return Outcome(change, Result.DONE)
        if self._stop.is_set():
            return Outcome(change, Result.NOT_STARTED, "not started")
        self._progress.started(change)
        outcome = await self._carry_out(change)
        self._progress.finished(outcome)
        return outcome

    async def _carry_out(self, change: UserChange) -> Outcome:
        try:
            outcome = await carry_out(self._context, change)
        except UnreachableError as error:
            # Nobody else would get through either; what was not tried is reported as not started.
            self.unreachable = error
            self._stop.set()
            outcome = Outcome(change, Result.FAILED, error.message)
        self._journal.outcome(outcome)
        return outcome
