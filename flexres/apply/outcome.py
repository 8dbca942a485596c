"""Outcomes: what became of each change of a plan, and what the run as a whole exits with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeGuard, TypeVar

from flexres.errors import Exit, FlexresError, TwilioError, UnreachableError
from flexres.reconcile.change import Change, IdpChange, SettingChange, UserChange
from flexres.reconcile.context import is_overdue
from flexres.reconcile.plan import Plan

C_co = TypeVar("C_co", bound=Change, covariant=True)


class Result(StrEnum):
    """What became of one change."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    BLOCKED = "blocked"
    NOT_TAKEN = "not taken"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[C_co]):
    """One change, whatever it is about, and what became of it.

    `message` says why in one line where it is not plainly done; `not_taken` are the fields that Flex did not
    hold when the user was read back. `request_id` is Twilio's name for the request that failed.
    """

    change: C_co
    result: Result
    message: str = ""
    not_taken: tuple[str, ...] = ()
    request_id: str | None = None


UserOutcome: TypeAlias = Outcome[UserChange]
C = TypeVar("C", bound=Change)


def failed(change: C, error: FlexresError) -> Outcome[C]:
    """The outcome of a change that an error ended."""
    if isinstance(error, TwilioError):
        return Outcome(change, Result.FAILED, str(error), request_id=error.request_id)
    hint = "" if isinstance(error, UnreachableError) else error.hint
    return Outcome(change, Result.FAILED, f"{error.message}; {hint}" if hint else error.message)


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan and the outcome of each of its changes, in its order. `seconds` and `requests` are of the whole run.

    What waits for a person in Console is no outcome. `errors` are what else failed, of no change in particular.
    """

    plan: Plan
    outcomes: tuple[Outcome[Change], ...]
    seconds: float = 0.0
    requests: int = 0
    interrupted: bool = False
    errors: tuple[str, ...] = ()

    @property
    def users(self) -> tuple[UserOutcome, ...]:
        """The outcomes of users."""
        return tuple(one for one in self.outcomes if _is_about(one, UserChange))

    @property
    def settings(self) -> tuple[Outcome[SettingChange], ...]:
        """The outcomes of settings of single sign-on."""
        return tuple(one for one in self.outcomes if _is_about(one, SettingChange))

    @property
    def at_idp(self) -> tuple[Outcome[IdpChange], ...]:
        """The outcomes of the identity provider's set-up."""
        return tuple(one for one in self.outcomes if _is_about(one, IdpChange))

    def of(self, *results: Result) -> Iterator[UserOutcome]:
        """The outcomes of users that are of these kinds, in the plan's order."""
        return (outcome for outcome in self.users if outcome.result in results)

    def counts(self) -> Counter[Result]:
        """How many changes came to each result."""
        return Counter(outcome.result for outcome in self.outcomes)

    @property
    def exit(self) -> Exit:
        """5 when something was left out: failed, blocked, not reached, not taken, waiting too long."""
        policy, as_of = self.plan.policy, self.plan.as_of
        # Who is offline with a task is no leaver who waits to the plan, which sees no tasks.
        overdue = any(is_overdue(outcome.change.marker, as_of, policy) for outcome in self.of(Result.WAITING))
        missed = any(outcome.result not in {Result.DONE, Result.WAITING} for outcome in self.outcomes)
        return Exit.PARTIAL if missed or overdue or self.interrupted or self.errors else Exit.DONE


_Some = TypeVar("_Some", bound=Change)


def _is_about(outcome: Outcome[Change], kind: type[_Some]) -> TypeGuard[Outcome[_Some]]:
    return isinstance(outcome.change, kind)
