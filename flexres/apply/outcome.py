"""Outcomes: what became of each change of a plan, and what the run as a whole exits with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flexres.errors import Exit
from flexres.reconcile.model import Plan, UserChange


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
class Applied:
    """A plan and the outcome of each of its changes. `seconds` and `requests` are of the whole run."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0
    requests: int = 0
    interrupted: bool = False

    def of(self, *results: Result) -> Iterator[Outcome]:
        """The outcomes of these kinds, in the plan's order."""
        return (outcome for outcome in self.outcomes if outcome.result in results)

    def counts(self) -> Counter[Result]:
        """How many changes came to each result."""
        return Counter(outcome.result for outcome in self.outcomes)

    @property
    def exit(self) -> Exit:
        """5 when somebody was left out: failed, blocked, not reached, not taken, or waiting for too long."""
        counts = self.counts()
        overdue = any(outcome.change.overdue for outcome in self.of(Result.WAITING))
        missed = counts[Result.FAILED] + counts[Result.NOT_TAKEN] + counts[Result.BLOCKED] + counts[Result.NOT_STARTED]
        return Exit.PARTIAL if missed or overdue or self.interrupted else Exit.DONE
