"""What `drift --fix` wants, so that only what others changed is put back; and the queues that lost somebody by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from flexres.desired.model import DesiredUser
from flexres.reconcile.change import Cause, FieldChange, Kind, UserChange
from flexres.reconcile.context import Wanted
from flexres.reconcile.drift.findings import FIXED, Drift, Reason
from flexres.reconcile.fields import PROFILE, owns_all_skills
from flexres.reconcile.key import Key
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan
from flexres.reconcile.restate import restated
from flexres.routing.coverage import QueueCoverage
from flexres.values import ABSENT, Value


def drifted(change: UserChange) -> bool:
    """Whether somebody outside of git changed the user, in a way that applying puts back."""
    if change.kind is not Kind.UPDATE:
        return False
    lost_worker = change.live is not None and change.live.worker is None
    return lost_worker or any(field.cause in FIXED and field.writes for field in change.fields)


def as_deployed(wanted: Wanted, plan: Plan) -> Wanted:
    """The YAML without what is in git and was never applied, as far as drifted users are concerned.

    What was changed on both sides is left as it is, the marker's word on it too: an apply is to tell it as that.
    """
    users, left = dict(wanted.users), dict(wanted.left)
    today = plan.as_of.astimezone(ZoneInfo(plan.policy.timezone)).date()
    for change in plan.users:
        if drifted(change) and change.desired is not None:
            users[change.username] = _reverted(change.desired, change, today)
            left[change.username] = _changed_by_both(change)
    return replace(wanted, users=users, left=left)


def _changed_by_both(change: UserChange) -> dict[Key, str]:
    keys = change.marker.keys if change.marker is not None else {}
    both = (field.key for field in change.fields if field.cause is Cause.BOTH)
    return {key: keys[key] for key in both if key in keys}


def _reverted(desired: DesiredUser, change: UserChange, today: date) -> DesiredUser:
    marker = change.marker
    if marker is None:
        return desired
    undone = [field for field in change.fields if field.cause not in FIXED and field.key.space != "marker"]
    exact = owns_all_skills(desired)
    values = {field.key: _before(field, marker, exact=exact) for field in undone}
    return replace(
        restated(desired, values, exact_skills=exact),
        skills_exact=exact,
        # A day that git has moved on meanwhile must not let them leave.
        until=desired.until if marker.until is not None and marker.until < today else marker.until,
    )


def _before(field: FieldChange, marker: Marker, *, exact: bool) -> Value:
    """What the YAML said when it was last applied: what Flex has, for nobody else touched it; or nothing.

    Nothing is said of what was changed on both sides either: nobody knows what it was, and neither is to win here.
    Where the whole list of skills is owned, saying nothing of one would take it away.
    """
    known = field.key in marker.keys and field.cause is not Cause.BOTH
    said = known or field.key in PROFILE or (exact and field.key.space == "skill")
    return field.before if said else ABSENT


def left_by_fix(drift: Drift) -> Drift:
    """What others changed, and putting back leaves as it is, because git changed it, too.

    What git has not deployed is no part of it: that is for the next apply, as before.
    """
    left = tuple(one for one in drift.findings if one.reason is Reason.BOTH)
    return replace(
        drift,
        # Which queues lost somebody by it is nothing that is left.
        plan=replace(drift.plan, routing=None),
        findings=left,
        counts={Reason.BOTH: len(left)} if left else {},
    )


@dataclass(frozen=True, slots=True)
class LostQueue:
    """A queue, and who is not in it any more by a change in Flex."""

    coverage: QueueCoverage
    usernames: tuple[str, ...]


def lost_queues(plan: Plan) -> tuple[LostQueue, ...]:
    """The queues that would get somebody back if what others changed in Flex were put back."""
    return tuple(_lost(plan))


def _lost(plan: Plan) -> Iterator[LostQueue]:
    by_others = {change.username for change in plan.users if _is_only_drift(change)}
    for one in plan.routing.changed if plan.routing else ():
        names = tuple(name for name in one.gains if name in by_others)
        if names:
            yield LostQueue(one, names)


def _is_only_drift(change: UserChange) -> bool:
    """Whether nothing that git changed has a part in it: then it is certain what took them out of a queue."""
    return drifted(change) and all(field.cause in FIXED for field in change.fields if field.writes)
