"""Outcomes: what became of each change of a plan, and what the run as a whole exits with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flexres.errors import Exit
from flexres.reconcile.idp.model import IdpChange
from flexres.reconcile.model import Plan, SettingChange, UserChange
from flexres.reconcile.ownership import is_overdue


class Result(StrEnum):
    """What became of one change."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    BLOCKED = "blocked"
    NOT_TAKEN = "not taken"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One change and what became of it.

    `message` says why in one line where it is not plainly done; `not_taken` are the fields that Flex did not
    hold when the user was read back.
    """

    change: UserChange
    result: Result
    message: str = ""
    not_taken: tuple[str, ...] = ()
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SettingOutcome:
    """One setting of single sign-on and what became of it; `message` says why where it is not plainly done."""

    change: SettingChange
    result: Result
    message: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdpOutcome:
    """One part of the identity provider's set-up and what became of it."""

    change: IdpChange
    result: Result
    message: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan and the outcome of each of its changes. `seconds` and `requests` are of the whole run.

    `settings` has those settings that an API was to write; what waits for a person in Console is no outcome.
    `idp` has the parts of the identity provider's set-up that were not as declared.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0
    requests: int = 0
    interrupted: bool = False
    settings: tuple[SettingOutcome, ...] = ()
    idp: tuple[IdpOutcome, ...] = ()

    def of(self, *results: Result) -> Iterator[Outcome]:
        """The outcomes of these kinds, in the plan's order."""
        return (outcome for outcome in self.outcomes if outcome.result in results)

    def counts(self) -> Counter[Result]:
        """How many changes came to each result."""
        return Counter(outcome.result for outcome in self.outcomes)

    @property
    def exit(self) -> Exit:
        """5 when somebody or some setting was left out: failed, blocked, not reached, not taken, waiting too long."""
        counts = self.counts()
        policy, as_of = self.plan.policy, self.plan.as_of
        # Who is offline with a task is no leaver who waits to the plan, which sees no tasks.
        overdue = any(is_overdue(outcome.change.marker, as_of, policy) for outcome in self.of(Result.WAITING))
        missed = counts[Result.FAILED] + counts[Result.NOT_TAKEN] + counts[Result.BLOCKED] + counts[Result.NOT_STARTED]
        missed += sum(outcome.result is not Result.DONE for outcome in self.settings)
        missed += sum(outcome.result is not Result.DONE for outcome in self.idp)
        return Exit.PARTIAL if missed or overdue or self.interrupted else Exit.DONE
