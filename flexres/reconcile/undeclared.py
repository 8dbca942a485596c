"""Users whom nobody declares: who leaves, who waits to, whom we let go of, and who is none of our business."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser
from flexres.reconcile.change import Blocked, Departure, Kind, Unmanaged, UserChange, Why
from flexres.reconcile.context import UNREADABLE, Context, is_busy, is_leaver, is_overdue
from flexres.reconcile.marker import Marker
from flexres.reconcile.ownership import Owner, ownership
from flexres.values import fold_case


def spoken_for(context: Context, changes: Iterable[UserChange]) -> set[str]:
    """Names in Flex that nobody declares but that a declared user's change is about: they do not leave by themselves.

    Who is blocked keeps the old name, and the name as Flex spells it, until somebody has looked.
    """
    names: set[str] = set()
    for change in changes:
        if change.old:
            names.add(change.old.username)
        if change.kind is not Kind.BLOCKED or change.username in context.markers:
            continue
        if change.live:
            names.add(change.live.username)
        if change.desired and change.desired.previously and not is_leaver(context, change.desired.previously):
            names.add(change.desired.previously)
    return names


def undeclared_changes(context: Context, spoken_for: set[str]) -> tuple[list[UserChange], list[UserChange]]:
    leavers = {fold_case(name) for name in context.wanted.config.leavers}
    changes: list[UserChange] = []
    unmanaged: list[UserChange] = []
    for username in sorted(context.snapshot.users):
        live = context.snapshot.users[username]
        if username in context.wanted.users or username in spoken_for or live.user.deactivated:
            continue
        attributes = live.worker.attributes() if live.worker else None
        found = ownership(attributes or {}, context.scope.stack_id, as_of=context.as_of)
        leaver = fold_case(username) in leavers
        if found.owner is Owner.UNREADABLE and not leaver:
            changes.append(Blocked(username, live=live, reason=UNREADABLE))
            continue
        if found.ours:
            context.markers[username] = found.ours
        if leaver:
            leaving = departure(context, live, found.ours, Why.LEAVER)
        elif found.ours:
            leaving = departure(context, live, found.ours, _why(context, username, found.ours))
        else:
            reason = f"managed by stack id {found.marker.stack_id}" if found.marker else ""
            unmanaged.append(Unmanaged(username, live=live, marker=found.marker, reason=reason))
            continue
        if leaving:
            changes.append(leaving)
    return changes, unmanaged


def _why(context: Context, username: str, marker: Marker) -> Why:
    users = context.wanted.users.values()
    renamed = any(user.previously == username and user.username in context.markers for user in users)
    if renamed:
        return Why.RENAMED
    return Why.RENAME_TAKEN_BACK if marker.rename else Why.UNDECLARED


def departure(
    context: Context, live: LiveUser, marker: Marker | None, why: Why, desired: DesiredUser | None = None
) -> Departure | None:
    policy = context.policy
    reason = f"{why} ({desired.until})" if desired and desired.until else str(why)
    leaving = Departure(live.username, Kind.RETIRE, desired=desired, live=live, marker=marker, why=why, reason=reason)
    if policy.retire == "keep" or why is Why.RENAME_TAKEN_BACK:
        return None if marker is None else replace(leaving, kind=Kind.LET_GO)
    if not is_busy(live.worker, context.snapshot.instance.offline_activity, policy):
        return leaving
    return replace(leaving, kind=Kind.WAIT, overdue=is_overdue(marker, context.as_of, policy))
