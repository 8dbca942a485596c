"""Reading back: what was changed is planned again, and what Flex did not take is repaired once, then reported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flexres.apply.outcome import Result, UserOutcome
from flexres.errors import FlexresError, TwilioError, UnreachableError
from flexres.live.http.retrying import each
from flexres.reconcile.change import Kind, Route, UserChange
from flexres.reconcile.plan import Plan
from flexres.session import Session
from flexres.values import same

ONE_BY_ONE: Final = 20
"""Up to so many changed users are read one by one (three requests each); more are read by pages of a thousand."""

WAITS: Final = (0.5, 2.0)
"""Seconds before what seems not to have been taken is looked at again: Flex may show a write late."""

_WRITTEN = frozenset({Kind.CREATE, Kind.ADOPT, Kind.REACTIVATE, Kind.UPDATE, Kind.RENAME})


@dataclass(frozen=True, slots=True)
class Missing:
    """What would still have to be done for a user; `beyond`: that is more than the plan showed, so nobody does it."""

    change: UserChange
    beyond: bool


async def read_back(
    session: Session,
    plan: Plan,
    outcomes: Sequence[UserOutcome],
    *,
    repair: Callable[[UserChange], Awaitable[UserOutcome]],
) -> list[UserOutcome]:
    """The outcomes, with those that Flex did not take as NOT_TAKEN and their fields.

    Repaired is no more than the plan showed: who was promoted or demoted by somebody since the write stays so.
    """
    written = {
        outcome.change.username: outcome.change
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
    session: Session,
    plan: Plan,
    written: Mapping[str, UserChange],
    repair: Callable[[UserChange], Awaitable[UserOutcome]],
) -> dict[str, Missing]:
    missing = await _missing(session, plan, written)
    for wait in WAITS:
        if not missing:
            break
        await session.transport.timing.sleep(wait)
        missing = await _missing(session, plan, {name: written[name] for name in missing})
    mine = [one.change for one in missing.values() if not one.beyond]
    if mine:
        # A claim may be typed otherwise than we think: the Worker API says the same without typing.
        await each(repair, mine)
        missing = await _missing(session, plan, {name: written[name] for name in missing})
    return missing


async def _missing(session: Session, plan: Plan, written: Mapping[str, UserChange]) -> dict[str, Missing]:
    """Username → what would still have to be done for the user."""
    if not written:
        return {}
    by_pages = len(written) > ONE_BY_ONE
    again = await session.plan_for(set(written), instance=plan.instance, as_of=plan.as_of, by_pages=by_pages)
    agreed = {item.digest for item in plan.guarded}
    guarded = {item.username for item in again.guarded if item.digest not in agreed}
    return {
        change.username: Missing(change, bool(guarded & _names(change)) or _is_moved(written[change.username], change))
        for change in again.users
        if change.username in written and change.pending
    }


def _names(change: UserChange) -> set[str]:
    return {change.username, *([change.old.username] if change.old is not None else [])}


def _is_moved(planned: UserChange, now: UserChange) -> bool:
    """Whether the profile is neither as it was before the plan nor as it was written: that was somebody else since."""
    before = {field.key: field.before for field in planned.fields}
    profile = [field for field in now.written if field.route is Route.PROFILE]
    return any(field.key not in before or not same(before[field.key], field.before) for field in profile)


def _unread(outcome: UserOutcome, error: FlexresError) -> UserOutcome:
    return replace(outcome, result=Result.NOT_TAKEN, message=f"written, but it could not be read back: {error}")


def _judged(outcome: UserOutcome, missing: Missing | None) -> UserOutcome:
    if missing is None:
        return outcome
    fields = tuple(field.key.text for field in missing.change.fields) or (str(missing.change.kind),)
    message = "Flex did not take " + ", ".join(fields)
    if missing.beyond:
        told = ", ".join(fields)
        message = f"Flex did not take {told}, or somebody changed that since, and it was left so; run it again"
    return replace(outcome, result=Result.NOT_TAKEN, message=message, not_taken=fields)
