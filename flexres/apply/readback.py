"""Reading back: what was changed is planned again, and what Flex did not take is repaired once, then reported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from flexres.apply.outcome import Result, UserOutcome
from flexres.errors import FlexresError, TwilioError, UnreachableError
from flexres.live.http.retrying import each
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan
from flexres.session import Session

ONE_BY_ONE: Final = 20
"""Up to so many changed users are read one by one (three requests each); more are read by pages of a thousand."""

WAITS: Final = (0.5, 2.0)
"""Seconds before what seems not to have been taken is looked at again: Flex may show a write late."""

_WRITTEN = frozenset({Kind.CREATE, Kind.ADOPT, Kind.REACTIVATE, Kind.UPDATE, Kind.RENAME})


async def read_back(
    session: Session,
    plan: Plan,
    outcomes: Sequence[UserOutcome],
    *,
    repair: Callable[[UserChange], Awaitable[UserOutcome]],
) -> list[UserOutcome]:
    """The outcomes, with those that Flex did not take as NOT_TAKEN and their fields."""
    written = {
        outcome.change.username
        for outcome in outcomes
        if outcome.change.kind in _WRITTEN
        and not outcome.change.only_at_idp
        and outcome.result in {Result.DONE, Result.WAITING}
    }
    try:
        missing = await _not_taken(session, plan, written, repair)
    except (TwilioError, UnreachableError) as error:
        return [_unread(outcome, error) if outcome.change.username in written else outcome for outcome in outcomes]
    return [_judged(outcome, missing.get(outcome.change.username)) for outcome in outcomes]


async def _not_taken(
    session: Session, plan: Plan, written: set[str], repair: Callable[[UserChange], Awaitable[UserOutcome]]
) -> dict[str, UserChange]:
    missing = await _missing(session, plan, written)
    for wait in WAITS:
        if not missing:
            break
        await session.transport.timing.sleep(wait)
        missing = await _missing(session, plan, missing)
    if missing:
        # A claim may be typed otherwise than we think: the Worker API says the same without typing.
        await each(repair, missing.values())
        missing = await _missing(session, plan, missing)
    return missing


async def _missing(session: Session, plan: Plan, usernames: set[str] | dict[str, UserChange]) -> dict[str, UserChange]:
    """Username → what would still have to be done for the user."""
    if not usernames:
        return {}
    only = set(usernames)
    by_pages = len(only) > ONE_BY_ONE
    again = await session.plan_for(only, instance=plan.instance, as_of=plan.as_of, by_pages=by_pages)
    return {change.username: change for change in again.users if change.username in only and change.pending}


def _unread(outcome: UserOutcome, error: FlexresError) -> UserOutcome:
    return replace(outcome, result=Result.NOT_TAKEN, message=f"written, but it could not be read back: {error}")


def _judged(outcome: UserOutcome, missing: UserChange | None) -> UserOutcome:
    if missing is None:
        return outcome
    fields = tuple(field.key.text for field in missing.fields) or (str(missing.kind),)
    message = "Flex did not take " + ", ".join(fields)
    return replace(outcome, result=Result.NOT_TAKEN, message=message, not_taken=fields)
