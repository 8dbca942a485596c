"""The plan: every user's difference, then every guard, from the YAML and one snapshot; no I/O and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flexres.desired.model import DesiredUser, Policy, StackConfig
from flexres.live.model import LiveUser, Snapshot, Worker
from flexres.live.sign_on import SignOn
from flexres.reconcile.diff import Scope, creation_fields, field_changes, overlaid
from flexres.reconcile.fields import PROFILE, Facts, facts, odd_routing
from flexres.reconcile.guards import Approval, GuardInput, approver, change_digest, deactivated_since, evaluate
from flexres.reconcile.idp import IdpSides, join
from flexres.reconcile.marker import ATTRIBUTE, Marker, UnreadableMarker, parse
from flexres.reconcile.model import FieldChange, Kind, Plan, Route, Rule, UserChange, Why
from flexres.reconcile.sso import console_violations, setting_changes


@dataclass(frozen=True, slots=True)
class Wanted:
    """The YAML's side of a plan: one stack's configuration and users, and the commit they were read from.

    `commit_time` is in seconds since 1970 UTC, None when the folder is not a commit.
    """

    name: str
    config: StackConfig
    users: Mapping[str, DesiredUser]
    commit: str | None = None
    commit_time: int | None = None

    @property
    def scope(self) -> Scope:
        """Which fields are ours: with SSO and an identity provider that we do not manage, not the profile."""
        idp_owns = self.config.sso is not None and self.config.idp is None
        return Scope(self.config.id, frozenset(PROFILE) if idp_owns else frozenset())


@dataclass(frozen=True, slots=True)
class _Context:
    wanted: Wanted
    snapshot: Snapshot
    as_of: datetime
    today: date
    scope: Scope
    approvals: Sequence[Approval]
    folded: Mapping[str, str]
    gone: Mapping[str, str]
    orphans: frozenset[str]
    markers: dict[str, Marker] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        return self.wanted.config.policy


def make_plan(
    wanted: Wanted,
    snapshot: Snapshot,
    *,
    as_of: datetime,
    approvals: Sequence[Approval] = (),
    allow_older: bool = False,
    allow_admin: Iterable[str] = (),
    pick: Callable[[UserChange], bool] | None = None,
    sign_on: SignOn | None = None,
    idp: IdpSides | None = None,
) -> Plan:
    """Everything that would happen, and every guard's word on it.

    `as_of` is an aware time: it decides what has expired and who has waited too long. `approvals` lift guards
    for the changes whose digests they hold. With `pick` the plan, and so the guards' word, is of some users' changes
    alone. `sign_on` is what was seen of single sign-on, `idp` both sides of the identity provider; None: nobody looked.
    """
    policy = wanted.config.policy
    context = _Context(
        wanted=wanted,
        snapshot=snapshot,
        as_of=as_of,
        today=as_of.astimezone(ZoneInfo(policy.timezone)).date(),
        scope=wanted.scope,
        approvals=approvals,
        folded={name.casefold(): name for name, live in snapshot.users.items() if not live.user.deactivated},
        gone={name.casefold(): name for name, live in snapshot.users.items() if live.user.deactivated},
        orphans=frozenset(worker.friendly_name.casefold() for worker in snapshot.orphans),
    )
    changes = _declared_changes(context)
    others, unmanaged = _undeclared_changes(context, _spoken_for(context, changes))
    changes.extend(others)
    at_idp = None
    if idp is not None:
        changes, at_idp = join(idp, changes, wanted.users, snapshot.users, context.markers)
    touched = sum(change.desired is not None for change in changes)
    settings = setting_changes(wanted.config, sign_on) if sign_on is not None else ()
    if pick is not None:
        changes = [change for change in changes if pick(change)]
    in_flex = sum(not live.user.deactivated for live in snapshot.users.values())
    guarded = evaluate(
        GuardInput(
            wanted=wanted.config,
            snapshot=snapshot,
            changes=changes,
            markers=context.markers,
            approvals=approvals,
            commit_time=wanted.commit_time,
            allow_older=allow_older,
            allow_admin=frozenset(allow_admin),
            declared=len(wanted.users),
        )
    )
    return Plan(
        stack=wanted.name,
        stack_id=wanted.config.id,
        instance=snapshot.instance,
        policy=policy,
        as_of=as_of,
        changes=tuple(changes),
        unmanaged=tuple(unmanaged) if policy.unmanaged == "report" else (),
        orphans=snapshot.orphans if policy.unmanaged == "report" else (),
        personas=snapshot.personas(),
        declared=len(wanted.users),
        in_flex=in_flex,
        in_sync=len(wanted.users) - touched,
        guarded=guarded.guarded,
        violations=(*guarded.violations, *console_violations(policy, settings)),
        digest=guarded.digest,
        commit=wanted.commit,
        commit_time=wanted.commit_time,
        requests=snapshot.requests,
        seconds=snapshot.seconds,
        settings=settings,
        idp=at_idp if pick is None else None,
    )


def read_marker(attributes: Mapping[str, Any]) -> Marker | None:
    """The marker among a Worker's attributes, None where there is none. Raises UnreadableMarker."""
    return parse(attributes[ATTRIBUTE]) if ATTRIBUTE in attributes else None


class _NotOursError(Exception):
    """The marker is another stack's, or not one that we wrote."""


def _own_marker(context: _Context, attributes: Mapping[str, Any]) -> Marker | None:
    try:
        marker = read_marker(attributes)
    except UnreadableMarker:
        raise _NotOursError(_UNREADABLE) from None
    ours = context.scope.stack_id
    if marker and marker.stack_id != ours:
        raise _NotOursError(f"the Worker is marked as managed by stack id {marker.stack_id}, not by {ours}")
    # Agents can edit their own marker: a time that no commit has would make every checkout look older.
    if marker and marker.at > context.as_of.timestamp() + _CLOCK_SKEW:
        raise _NotOursError(_FROM_THE_FUTURE)
    return marker


def is_busy(worker: Worker | None, offline_activity: str | None, policy: Policy) -> bool:
    """Whether a leaver has to wait: in any activity but the offline one, unless the policy says `now`.

    Assigned tasks are not in a snapshot; the operation reads them just before it retires somebody.
    """
    return policy.retire_when != "now" and worker is not None and is_online(worker, offline_activity)


def is_online(worker: Worker, offline_activity: str | None) -> bool:
    """Whether a Worker is in any activity but the offline one."""
    if offline_activity is None:
        return worker.activity_name != "Offline"
    return worker.activity_sid != offline_activity


def _declared_changes(context: _Context) -> list[UserChange]:
    users = sorted(context.wanted.users.values(), key=lambda user: (user.file, user.username))
    return [change for user in users if (change := _declared_or_blocked(context, user)) is not None]


def _declared_or_blocked(context: _Context, desired: DesiredUser) -> UserChange | None:
    live = context.snapshot.users.get(desired.username)
    try:
        return _declared_change(context, desired, live)
    except _NotOursError as error:
        return _blocked(desired, live, str(error))


def _declared_change(context: _Context, desired: DesiredUser, live: LiveUser | None) -> UserChange | None:
    expired = desired.until is not None and context.today > desired.until
    if live is None or live.user.deactivated:
        return None if expired else _arrival(context, desired, live)
    attributes = live.worker.attributes() if live.worker else {}
    if attributes is None:
        return _blocked(desired, live, _NO_OBJECT)
    marker = _own_marker(context, attributes)
    if marker:
        context.markers[desired.username] = marker
    if expired:
        return _departure(context, live, marker, Why.EXPIRED, desired)
    return _difference(context, desired, live, facts(live, attributes), marker)


def _difference(
    context: _Context, desired: DesiredUser, live: LiveUser, known: Facts, marker: Marker | None
) -> UserChange | None:
    old = _old_of(context, desired) if marker is None else None
    if live.worker is None:
        fields = creation_fields(desired, known)
        kind = Kind.RENAME if old else Kind.UPDATE
        reason = _renamed(old) if old else "has no Worker; Provision makes one"
        return UserChange(desired.username, kind, fields, desired, live, None, old, reason=reason)
    found = field_changes(desired, known, marker, context.scope)
    if marker is not None and not found:
        return None
    unwritable = _unwritable(known.attributes, found, marker, handing_over=old is not None)
    if unwritable:
        return _blocked(desired, live, unwritable)
    if marker is None:
        fields = tuple(change for change in found if change.writes or change.route is Route.IDP)
        if old:
            return UserChange(desired.username, Kind.RENAME, fields, desired, live, None, old, reason=_renamed(old))
        return UserChange(desired.username, Kind.ADOPT, fields, desired, live)
    kind = Kind.AT_IDP if all(change.route is Route.IDP for change in found) else Kind.UPDATE
    return UserChange(desired.username, kind, tuple(found), desired, live, marker)


def _unwritable(
    attributes: Mapping[str, Any], found: Iterable[FieldChange], marker: Marker | None, *, handing_over: bool
) -> str:
    """Why writing would destroy what somebody else put on the Worker; empty where it would not."""
    if odd_routing(attributes) and (handing_over or any(change.key.startswith("skill:") for change in found)):
        return _ODD_ROUTING
    hidden = overlaid(found, attributes, marker)
    return f"the attribute {hidden} is no map, as the YAML declares it; remove it in Console first" if hidden else ""


def _arrival(context: _Context, desired: DesiredUser, live: LiveUser | None) -> UserChange:
    """A declared user who is not in Flex, or no longer."""
    username = desired.username
    spelled = context.folded.get(username.casefold())
    if spelled is not None:
        reason = f"Flex spells this user {spelled}; a Worker's name does not tell case apart, so write it that way"
        return _blocked(desired, context.snapshot.users[spelled], reason)
    if username.casefold() in context.orphans:
        reason = "a Worker of this name belongs to no Flex user and never will; rename or delete it in TaskRouter"
        return _blocked(desired, live, reason)
    digest = since = spelling = ""
    if live is None and username.casefold() in context.gone:
        # Nobody says whether Flex tells case apart: where it does not, Provision would bring this one back.
        live = context.snapshot.users[context.gone[username.casefold()]]
        spelling = f" as {live.username}"
    if live is not None:
        since = deactivated_since(live)
        digest = change_digest(context.scope.stack_id, Rule.DEACTIVATED, username, since)
        if not approver(context.approvals, digest):
            reason = f"was deactivated in Flex{spelling} on {since}: somebody offboarded them"
            return replace(_blocked(desired, live, reason), digest=digest)
    fields = creation_fields(desired, facts(live, {}) if live and not spelling else None)
    old = _old_of(context, desired)
    if old:
        return UserChange(username, Kind.RENAME, fields, desired, live, None, old, reason=_renamed(old), digest=digest)
    if live is None:
        return UserChange(username, Kind.CREATE, fields, desired)
    reason = f"was deactivated{spelling} on {since}; reactivating is approved"
    return UserChange(username, Kind.REACTIVATE, fields, desired, live, reason=reason, digest=digest)


def _old_of(context: _Context, desired: DesiredUser) -> LiveUser | None:
    """The live user that `previously` names, as long as a rename has something to do.

    Raises _NotOursError where it may not do it, or would lose what the old Worker knows.
    """
    old = context.snapshot.users.get(desired.previously) if desired.previously else None
    if old is None or old.user.deactivated or old.worker is None:
        return None
    attributes = old.worker.attributes()
    if attributes is None or odd_routing(attributes):
        raise _NotOursError(f"{old.username} before: {_NO_OBJECT if attributes is None else _ODD_ROUTING}")
    try:
        marker = _own_marker(context, attributes)
    except _NotOursError as error:
        raise _NotOursError(f"{old.username} before: {error}") from None
    if marker:
        context.markers[old.username] = marker
    return old


def _spoken_for(context: _Context, changes: Iterable[UserChange]) -> set[str]:
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
        if change.desired and change.desired.previously:
            names.add(change.desired.previously)
    return names


def _undeclared_changes(context: _Context, spoken_for: set[str]) -> tuple[list[UserChange], list[UserChange]]:
    leavers = {name.casefold() for name in context.wanted.config.leavers}
    changes: list[UserChange] = []
    unmanaged: list[UserChange] = []
    for username in sorted(context.snapshot.users):
        live = context.snapshot.users[username]
        if username in context.wanted.users or username in spoken_for or live.user.deactivated:
            continue
        attributes = live.worker.attributes() if live.worker else None
        marker, unreadable = _any_marker(context, attributes or {})
        if unreadable and username.casefold() not in leavers:
            changes.append(UserChange(username, Kind.BLOCKED, live=live, reason=unreadable))
            continue
        ours = marker is not None and marker.stack_id == context.scope.stack_id
        if marker and ours:
            context.markers[username] = marker
        if username.casefold() in leavers:
            departure = _departure(context, live, marker if ours else None, Why.LEAVER)
        elif ours:
            departure = _departure(context, live, marker, _why(context, username))
        else:
            reason = f"managed by stack id {marker.stack_id}" if marker else ""
            unmanaged.append(UserChange(username, Kind.UNMANAGED, live=live, marker=marker, reason=reason))
            continue
        if departure:
            changes.append(departure)
    return changes, unmanaged


def _any_marker(context: _Context, attributes: Mapping[str, Any]) -> tuple[Marker | None, str]:
    """The marker, whosever it is, and why it cannot be believed."""
    try:
        marker = read_marker(attributes)
        return (
            (_own_marker(context, attributes), "")
            if marker and marker.stack_id == context.scope.stack_id
            else (marker, "")
        )
    except UnreadableMarker:
        return None, _UNREADABLE
    except _NotOursError as error:
        return None, str(error)


def _why(context: _Context, username: str) -> Why:
    users = context.wanted.users.values()
    renamed = any(user.previously == username and user.username in context.markers for user in users)
    return Why.RENAMED if renamed else Why.UNDECLARED


def _departure(
    context: _Context, live: LiveUser, marker: Marker | None, why: Why, desired: DesiredUser | None = None
) -> UserChange | None:
    username, policy = live.username, context.policy
    reason = f"{why} ({desired.until})" if desired and desired.until else str(why)
    if policy.retire == "keep":
        if marker is None:
            return None
        return UserChange(username, Kind.LET_GO, (), desired, live, marker, why=why, reason=reason)
    if not is_busy(live.worker, context.snapshot.instance.offline_activity, policy):
        return UserChange(username, Kind.RETIRE, (), desired, live, marker, why=why, reason=reason)
    overdue = is_overdue(marker, context.as_of, policy)
    return UserChange(username, Kind.WAIT, (), desired, live, marker, why=why, reason=reason, overdue=overdue)


def is_overdue(marker: Marker | None, as_of: datetime, policy: Policy) -> bool:
    """Whether somebody has waited to leave for longer than the policy calls normal."""
    since = marker.waiting_since() if marker else None
    return since is not None and as_of - since > policy.retire_within


def _blocked(desired: DesiredUser, live: LiveUser | None, reason: str) -> UserChange:
    return UserChange(desired.username, Kind.BLOCKED, (), desired, live, reason=reason)


def _renamed(old: LiveUser) -> str:
    return f"renamed from {old.username}; change the NameID at the identity provider too"


_NO_OBJECT = "the Worker's attributes are not a JSON object; mend them in Console"
_ODD_ROUTING = "the Worker's routing attribute is not of Flex's form; mend it in Console"
_UNREADABLE = (
    f"the Worker's attribute {ATTRIBUTE} is not a marker we wrote; remove it in Console to adopt the user again"
)
_FROM_THE_FUTURE = (
    f"the Worker's attribute {ATTRIBUTE} names a commit of the future: not one that we wrote; remove it in Console"
)
_CLOCK_SKEW = 86_400  # seconds: a commit's time is that of the machine where it was made
