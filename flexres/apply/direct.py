"""The direct engine: carries a plan out in one async process, arrivals and edits first, departures last.

It keeps no state: every operation may be repeated, so the recovery from a crash at any point is to run it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from flexres.apply.idp import UserWriter, write_setup
from flexres.apply.journal import Journal, JournalError
from flexres.apply.outcome import Applied, C_co, Outcome, Result, UserOutcome, failed
from flexres.apply.readback import read_back
from flexres.apply.sso import SignOnWriter, to_write
from flexres.apply.users.context import Context, Newcomers, ProvisionGate
from flexres.apply.users.operations import carry_out
from flexres.errors import NOBODY_GETS_THROUGH, FlexresError, RefusedError
from flexres.reconcile.change import Arrival, Change, Kind, Rename, UserChange
from flexres.reconcile.guards.watch import gained_roles, roles_after, roles_of_person_before
from flexres.reconcile.plan import Plan
from flexres.session import Session

SILENCES: Final = 3
"""After so many users in a row with whom nothing got through, nobody else is begun with."""

_GAVE_UP: Final = "not started: the run could not go on, see those that failed"


class Progress(Protocol):
    """Who is told what is happening to whom, as it happens."""

    def phase(self, text: str, total: int) -> None:
        """A new part of the run begins, of `total` changes."""

    def started(self, change: UserChange) -> None:
        """An operation on this user begins."""

    def finished(self, outcome: UserOutcome) -> None:
        """The operation ended like this."""


class Silent:
    """Tells nobody."""

    def phase(self, text: str, total: int) -> None:
        """Nothing."""

    def started(self, change: UserChange) -> None:
        """Nothing."""

    def finished(self, outcome: UserOutcome) -> None:
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

    The identity provider's set-up goes first. Settings of single sign-on that let somebody in are written before the
    users, those that keep somebody out after them; a failing one stops nobody. When `stop` is set, what is in flight
    is finished and the rest reported as not started.
    Raises RefusedError when a guard refuses the plan, UnreachableError or UnavailableError when nobody got through, and
    JournalError when there is no room for the first line of what would be done.
    """
    if plan.violations:
        raise RefusedError(
            "; ".join(violation.message for violation in plan.violations),
            hint=f"--approve {plan.digest}" if plan.digest else plan.violations[0].hint,
        )
    started, sent = session.transport.timing.monotonic(), session.sent
    context = context_of(session, plan, journal, allow_older=allow_older)
    run = _Run(context, session, journal, progress, stop)
    journal.approvals(plan.guarded)
    for change in (*plan.at_idp, *to_write(plan.settings)):
        journal.begins(change)
    outcomes: list[Outcome[Change]] = [run.noted(one) for one in await write_setup(context.idp, plan)]
    sign_on = SignOnWriter(session.wanted.config, session.transport)
    written = await sign_on.before_users(plan.settings)
    arrivals = [change for change in plan.users if not change.leaves]
    departures = [change for change in plan.users if change.leaves]
    users = await run.phase("Adding and changing", arrivals)
    users = await read_back(session, plan, users, repair=run.repair)
    for outcome in users:
        if outcome.result is Result.NOT_TAKEN:
            run.noted(outcome)
    kept = _kept_admins(departures, users)
    users += await run.phase("Retiring", [change for change in departures if change not in kept])
    users += [Outcome(change, Result.NOT_STARTED, _NO_NEW_ADMIN) for change in kept]
    if not run.stopped:
        written += await sign_on.after_users(plan.settings)
    outcomes += users
    outcomes += [run.noted(outcome) for outcome in await sign_on.read_back(written)]
    if run.unreachable and not any(map(_got_through, outcomes)):
        raise run.unreachable
    order = {id(change): place for place, change in enumerate(plan.changes)}
    return Applied(
        plan=plan,
        outcomes=tuple(sorted(outcomes, key=lambda outcome: order.get(id(outcome.change), len(order)))),
        seconds=session.transport.timing.monotonic() - started,
        requests=session.sent - sent,
        interrupted=stop.is_set(),
    )


def _kept_admins(departures: Sequence[UserChange], outcomes: Sequence[UserOutcome]) -> list[UserChange]:
    """Admins who stay for now: min_admins counted on somebody who did not become admin after all."""
    failed = [outcome.change for outcome in outcomes if outcome.result is not Result.DONE]
    if not any("admin" in gained_roles(change) for change in failed):
        return []
    return [change for change in departures if "admin" in roles_of_person_before(change) - roles_after(change)]


_NO_NEW_ADMIN: Final = "an admin leaves only when every new admin is in place, and one is not"


def _got_through(outcome: Outcome[Change]) -> bool:
    sent = not isinstance(outcome.change, UserChange) or outcome.change.kind is not Kind.AT_IDP
    return outcome.result in {Result.DONE, Result.WAITING} and sent


def context_of(session: Session, plan: Plan, journal: Journal, *, allow_older: bool) -> Context:
    """What the operations of one run over this plan need."""
    users = session.users
    made = sum(1 for change in plan.users if isinstance(change, Arrival | Rename))
    return Context(
        users=users,
        workers=session.workers(plan.instance),
        scope=session.wanted.scope,
        policy=plan.policy,
        offline_activity=plan.instance.offline_activity,
        as_of=plan.as_of,
        commit_time=plan.commit_time,
        allow_older=allow_older,
        journal=journal,
        gate=ProvisionGate(),
        newcomers=Newcomers(users, made, monotonic=session.transport.timing.monotonic),
        idp=UserWriter(session.provider) if session.provider is not None else None,
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
        self._silent = 0
        self._gave_up = False
        self.unreachable: FlexresError | None = None

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be begun: a person said so, or nobody gets through."""
        return self._gave_up or self._stop.is_set()

    async def phase(self, text: str, changes: Sequence[UserChange]) -> list[UserOutcome]:
        """Carry out these changes concurrently."""
        if not changes:
            return []
        self._progress.phase(text, len(changes))
        waiting = iter(changes)
        outcomes: list[UserOutcome] = []

        async def work() -> None:
            for change in waiting:
                outcomes.append(await self._one(change))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._width, len(changes))):
                group.create_task(work())
        return outcomes

    async def repair(self, change: UserChange) -> UserOutcome:
        """Carry out one more change, that the read-back found still to be missing."""
        return await self._carry_out(change)

    async def _one(self, change: UserChange) -> UserOutcome:
        if change.kind is Kind.AT_IDP:
            return Outcome(change, Result.DONE)
        if self.stopped:
            return Outcome(change, Result.NOT_STARTED, _GAVE_UP if self._gave_up else "")
        self._progress.started(change)
        outcome = await self._carry_out(change)
        self._progress.finished(outcome)
        return outcome

    async def _carry_out(self, change: UserChange) -> UserOutcome:
        try:
            outcome = await carry_out(self._context, change)
        except JournalError as error:
            self._gave_up = True
            return Outcome(change, Result.NOT_STARTED, error.message)
        except NOBODY_GETS_THROUGH as error:
            # One user's answers may break off for a reason of their own; several in a row are everybody's.
            self.unreachable = error
            self._silent += 1
            self._gave_up = self._gave_up or self._silent >= SILENCES
            outcome = failed(change, error)
        else:
            self._silent = 0
        return self.noted(outcome)

    def noted(self, outcome: Outcome[C_co]) -> Outcome[C_co]:
        """The outcome, journalled; what nobody can look up later is not done."""
        try:
            self._journal.outcome(outcome)
        except JournalError as error:
            # What nobody can look up later is not done: the run ends here, and tells what it did.
            self._gave_up = True
            message = f"{outcome.message}; {error.message}" if outcome.message else f"done, but {error.message}"
            return replace(outcome, result=Result.FAILED, message=message)
        return outcome
