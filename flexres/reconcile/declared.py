"""Every user's change: what brings a declared one to the YAML, who leaves or waits to, and whom nobody may touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser
from flexres.reconcile.change import (
    Arrival,
    Block,
    Blocked,
    Departure,
    Edit,
    FieldChange,
    Kind,
    Rename,
    Route,
    Unmanaged,
    UserChange,
    Why,
    renamed_from,
)
from flexres.reconcile.context import (
    NO_OBJECT,
    ODD_ROUTING,
    UNREADABLE,
    Context,
    NotOursError,
    is_busy,
    is_leaver,
    is_overdue,
    own_marker,
)
from flexres.reconcile.diff import creation_fields, field_changes, overlaid
from flexres.reconcile.fields import Facts, facts, odd_routing
from flexres.reconcile.guards.approvals import approver
from flexres.reconcile.guards.watch import deactivated_on, reactivation_digest
from flexres.reconcile.marker import Marker
from flexres.reconcile.ownership import Owner, owner_of
from flexres.reconcile.worker_attributes import too_long
from flexres.values import ABSENT, fold_case


def declared_changes(context: Context) -> list[UserChange]:
    users = sorted(context.wanted.users.values(), key=attrgetter("file", "username"))
    return [change for user in users if (change := _declared_or_blocked(context, user)) is not None]


def _declared_or_blocked(context: Context, desired: DesiredUser) -> UserChange | None:
    live = context.snapshot.users.get(desired.username)
    try:
        change = _declared_change(context, desired, live)
    except NotOursError as error:
        return _blocked(desired, live, str(error))
    reason = _unkeepable(context, desired, change) if isinstance(change, Arrival | Edit | Rename) else ""
    return _blocked(desired, live, reason) if reason else change


def _unkeepable(context: Context, desired: DesiredUser, change: Arrival | Edit | Rename) -> str:
    """Why TaskRouter could not keep the user as the YAML has them; empty where it can."""
    if change.kind is Kind.AT_IDP:
        return ""
    known = context.snapshot.task_channels if change.live is None or change.live.worker is None else None
    missing = min(desired.channels.keys() - known, default=None) if known is not None else None
    if missing is not None:
        return _no_channel(missing)
    marker = context.markers.get(desired.username)
    return too_long(desired, change.live, marker, context.scope, context.wanted.commit_time, old=change.old)


def _declared_change(context: Context, desired: DesiredUser, live: LiveUser | None) -> UserChange | None:
    expired = desired.until is not None and context.today > desired.until
    if live is None or live.user.deactivated:
        return None if expired else _arrival(context, desired, live)
    settled = context.ahead.settled(desired, live) if context.ahead is not None else None
    if settled is not None:
        context.markers[desired.username] = settled
        return None
    attributes = live.worker.attributes() if live.worker else {}
    if attributes is None and not expired:
        return _blocked(desired, live, NO_OBJECT)
    marker = own_marker(context, live.worker)
    if marker and marker.rename:
        marker = None  # a rename from this name was taken back: they are nobody's, as before
    if marker:
        context.markers[desired.username] = marker
    if expired:
        return departure(context, live, marker, Why.EXPIRED, desired)
    return _difference(context, desired, live, facts(live, attributes or {}), marker)


def _difference(
    context: Context, desired: DesiredUser, live: LiveUser, known: Facts, marker: Marker | None
) -> UserChange | None:
    # A marker that holds no field yet is that of a rename which was cut short.
    old = _old_of(context, desired) if marker is None or marker.begun else None
    if live.worker is None:
        fields = creation_fields(desired, known)
        if old:
            return _rename(desired, live, old, fields)
        reason = "has no Worker; Provision makes one"
        return Edit(desired.username, Kind.UPDATE, fields, desired=desired, live=live, reason=reason)
    found = field_changes(desired, known, marker, context.scope)
    unwritable = _unwritable(known, found, marker, handing_over=old is not None)
    if unwritable and (marker is None or old or found):
        return _blocked(desired, live, unwritable)
    if marker is not None and old is None:
        return _update(desired, live, marker, tuple(found)) if found else None
    fields = tuple(change for change in found if change.writes or change.route is Route.IDP)
    if old:
        return _rename(desired, live, old, fields)
    return Edit(desired.username, Kind.ADOPT, fields, desired=desired, live=live)


def _update(desired: DesiredUser, live: LiveUser, marker: Marker, fields: tuple[FieldChange, ...]) -> Edit:
    kind = Kind.AT_IDP if all(change.route is Route.IDP for change in fields) else Kind.UPDATE
    return Edit(desired.username, kind, fields, desired=desired, live=live, marker=marker)


def _rename(
    desired: DesiredUser, live: LiveUser | None, old: LiveUser, fields: tuple[FieldChange, ...], digest: str = ""
) -> Rename:
    reason = renamed_from(old.username)
    return Rename(
        desired.username, Kind.RENAME, fields, desired=desired, live=live, old=old, reason=reason, digest=digest
    )


def _unwritable(known: Facts, found: Iterable[FieldChange], marker: Marker | None, *, handing_over: bool) -> str:
    """Why writing cannot work, or would destroy what somebody else put on the Worker; empty where neither is so."""
    attributes = known.attributes
    if odd_routing(attributes) and (handing_over or any(change.key.space == "skill" for change in found)):
        return ODD_ROUTING
    lacking = (item.key for item in found if item.route is Route.CHANNEL and item.before is ABSENT and item.writes)
    missing = min(lacking, default=None)
    if missing and known.channels is not None:
        return _no_channel(missing.path[0])
    hidden = overlaid(found, attributes, marker)
    return f"the attribute {hidden} is no map, as the YAML declares it; remove it in Console first" if hidden else ""


def _no_channel(name: str) -> str:
    return f"the Workspace has no task channel {name}; make it in TaskRouter, or take it out of channels"


def _arrival(context: Context, desired: DesiredUser, live: LiveUser | None) -> UserChange:
    """A declared user who is not in Flex, or no longer."""
    username = desired.username
    spelled = context.folded.get(fold_case(username))
    if spelled is not None:
        reason = f"Flex spells this user {spelled}; a Worker's name does not tell case apart, so write it that way"
        return _blocked(desired, context.snapshot.users[spelled], reason)
    if fold_case(username) in context.orphans:
        reason = "a Worker of this name belongs to no Flex user and never will; rename or delete it in TaskRouter"
        return _blocked(desired, live, reason)
    digest = since = spelling = ""
    if live is None and fold_case(username) in context.gone:
        # Nobody says whether Flex tells case apart: where it does not, Provision would bring this one back.
        live = context.snapshot.users[context.gone[fold_case(username)]]
        spelling = f" as {live.username}"
    if live is not None:
        since = deactivated_on(live)
        digest = reactivation_digest(context.scope.stack_id, username, live)
        if not approver(context.approvals, digest):
            reason = f"was deactivated in Flex{spelling} on {since}: somebody offboarded them"
            return replace(_blocked(desired, live, reason), digest=digest, block=Block.DEACTIVATED)
    fields = creation_fields(desired, facts(live, {}) if live and not spelling else None)
    old = _old_of(context, desired)
    if old:
        return _rename(desired, live, old, fields, digest)
    if live is None:
        return Arrival(username, Kind.CREATE, fields, desired=desired)
    reason = f"was deactivated{spelling} on {since}; reactivating is approved"
    return Arrival(username, Kind.REACTIVATE, fields, desired=desired, live=live, reason=reason, digest=digest)


def _old_of(context: Context, desired: DesiredUser) -> LiveUser | None:
    """The live user that `previously` names, as long as a rename has something to do.

    Raises NotOursError where it may not do it, or would lose what the old Worker knows.
    """
    if desired.previously is None or is_leaver(context, desired.previously):
        return None
    old = context.snapshot.users.get(desired.previously)
    if old is None or old.user.deactivated or old.worker is None:
        return None
    attributes = old.worker.attributes()
    if attributes is None or odd_routing(attributes):
        raise NotOursError(f"{old.username} before: {NO_OBJECT if attributes is None else ODD_ROUTING}")
    try:
        marker = own_marker(context, old.worker)
    except NotOursError as error:
        raise NotOursError(f"{old.username} before: {error}") from None
    if marker:
        context.markers[old.username] = marker
    return old


def _blocked(desired: DesiredUser, live: LiveUser | None, reason: str) -> Blocked:
    return Blocked(desired.username, desired=desired, live=live, reason=reason)


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
        found = owner_of(live.worker, context.scope.stack_id, as_of=context.as_of)
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
            unread = NO_OBJECT if live.worker is not None and live.worker.attributes() is None else ""
            reason = f"managed by stack id {found.marker.stack_id}" if found.marker else unread
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
