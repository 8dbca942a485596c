"""What became of a plan under the engine: what was told below it, beside which resources the engine stepped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.apply.pulumi.channel import PROGRAM, Failure, Receiver, Told
from flexres.apply.pulumi.events import State, Steps
from flexres.errors import Exit, FlexresError, RefusedError, SetupError, UnreachableError
from flexres.reconcile.change import Change, Kind, UserChange
from flexres.reconcile.plan import Plan

C = TypeVar("C", bound=Change)

_ERRORS: Final[Mapping[Exit, type[FlexresError]]] = {
    Exit.SETUP: SetupError,
    Exit.REFUSED: RefusedError,
    Exit.UNREACHABLE: UnreachableError,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of the engine that has ended, or goes on: its steps, and what was told meanwhile."""

    steps: Steps
    received: Receiver

    @property
    def begun(self) -> bool:
        """Whether anything was begun with, so that there is something to tell of."""
        return bool(self.steps.users or self.steps.departures or self.received.outcomes)

    def failures(self) -> list[Failure]:
        """Why calls failed, each once: those of outcomes aside, and the engine's words where nobody else has any."""
        ours = [failure for failure in self.received.failures if not failure.told]
        explained = {(failure.kind, failure.name) for failure in self.received.failures}
        if any(failure.kind == PROGRAM for failure in ours):
            explained.add(("", ""))
        for complaint in self.steps.complaints:
            if (complaint.kind, complaint.name) not in explained:
                ours.append(Failure(complaint.kind, complaint.name, Exit.SETUP, complaint.text))
        return list({(one.message, one.hint): one for one in reversed(ours)}.values())[::-1]

    def error(self) -> FlexresError | None:
        """All failures as one error, None where there are none; the first says what the command exits with."""
        found = self.failures()
        if not found:
            return None
        hints = {failure.hint: None for failure in found}
        kind = _ERRORS.get(found[0].exit, FlexresError)
        return kind("\n".join(failure.message for failure in found), hint="; ".join(filter(None, hints)))

    def users(self, plan: Plan) -> list[UserOutcome]:
        """What became of each change of a user."""
        return [self.user(change) for change in plan.users]

    def user(self, change: UserChange) -> UserOutcome:
        """What became of one change: as it was told, or else as far as the engine got."""
        told = self._told(change)
        if told is not None:
            return told.of(change)
        if change.kind is Kind.BLOCKED:
            return Outcome(change, Result.BLOCKED, change.reason)
        step = self.steps.step_of(change)
        if step is None and not change.pending:
            return Outcome(change, Result.WAITING if change.kind is Kind.WAIT else Result.DONE)
        why = "; ".join(failure.message for failure in self._failures_of(change))
        if step is None or step.state is State.PLANNED:
            return Outcome(change, Result.NOT_STARTED, why or "not started")
        if step.state is State.FAILED:
            return Outcome(change, Result.FAILED, why or "failed, and nobody said why")
        return Outcome(change, Result.DONE)

    def of(self, changes: Iterable[C]) -> list[Outcome[C]]:
        """What became of changes that are no users'; of what nobody says anything was not started."""
        nothing = Told(Result.NOT_STARTED, "not started")
        return [told.of(change) for change, told in ((one, self._told(one) or nothing) for one in changes)]

    def others(self, plan: Plan) -> list[Failure]:
        """The failures that are no user's of the plan."""
        users = {self._resource_of(change) for change in plan.users}
        return [failure for failure in self.failures() if (failure.kind, failure.name) not in users]

    def _told(self, change: Change) -> Told | None:
        return self.received.outcomes.get((change.about, change.name))

    def _failures_of(self, change: UserChange) -> Iterator[Failure]:
        resource = self._resource_of(change)
        return (failure for failure in self.failures() if (failure.kind, failure.name) == resource)

    def _resource_of(self, change: UserChange) -> tuple[str, str]:
        by_departures = self.steps.departures is not None and self.steps.step_of(change) is self.steps.departures
        return ("Departures", "departures") if by_departures else ("User", change.username)
