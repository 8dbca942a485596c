"""What one plan is made from, and what its parts ask of it: who is busy, who has waited too long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from flexres.desired.model import DesiredUser, Policy, StackConfig
from flexres.live.model import ChannelSettings, LiveUser, Snapshot, Worker
from flexres.reconcile.ahead import Ahead
from flexres.reconcile.change import Block, Blocked, Kind, UserChange, Why
from flexres.reconcile.diff import Scope
from flexres.reconcile.fields import PROFILE, desired_fields, hash_of
from flexres.reconcile.guards.approvals import Approval
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import Owner, owner_of, ownership
from flexres.values import fold_case


@dataclass(frozen=True, slots=True)
class Wanted:
    """The YAML's side of a plan: one stack's configuration and users, and the commit they were read from.

    `commit_time` is in seconds since 1970 UTC, None when the folder is not a commit. `dirty`: it differs from that
    commit. `left` are the fields that are not to be touched, as in `Scope`.
    """

    name: str
    config: StackConfig
    users: Mapping[str, DesiredUser]
    commit: str | None = None
    commit_time: int | None = None
    dirty: bool = False
    left: Mapping[str, Mapping[Key, str]] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Which fields are ours: with SSO and an identity provider that we do not manage, not the profile."""
        idp_owns = self.config.sso is not None and self.config.idp is None
        return Scope(self.config.id, frozenset(PROFILE) if idp_owns else frozenset(), self.left)


@dataclass(frozen=True, slots=True)
class Context:
    """What one plan is made from. `commit_time` is of this checkout (0: no commit), None where it may be older.

    `policy` is the one that the plan is judged by, `ahead` what was compared while Flex was read.
    """

    wanted: Wanted
    snapshot: Snapshot
    as_of: datetime
    today: date
    scope: Scope
    approvals: Sequence[Approval]
    folded: Mapping[str, str]
    gone: Mapping[str, str]
    orphans: frozenset[str]
    commit_time: int | None = None
    policy: Policy = field(default_factory=Policy)
    ahead: Ahead | None = None
    markers: dict[str, Marker] = field(default_factory=dict)


NO_OBJECT = "the Worker's attributes are not a JSON object, or nest too deep to be read; mend them in Console"
ODD_ROUTING = "the Worker's routing attribute is not of Flex's form; mend it in Console"
UNREADABLE = (
    f"the Worker's attribute {ATTRIBUTE} is not a marker we wrote; remove it in Console to adopt the user again"
)


class NotOursError(Exception):
    """The marker is another stack's, or not one that we wrote."""


def own_marker(context: Context, worker: Worker | None) -> Marker | None:
    """Our marker, None where there is none. Raises NotOursError where the Worker is somebody else's, or may be."""
    found = owner_of(worker, context.scope.stack_id, as_of=context.as_of)
    if found.owner is Owner.UNREADABLE:
        raise NotOursError(UNREADABLE)
    if found.owner is Owner.FOREIGN and found.marker:
        ours = context.scope.stack_id
        raise NotOursError(f"the Worker is marked as managed by stack id {found.marker.stack_id}, not by {ours}")
    return found.ours


def held_back(context: Context, change: UserChange) -> UserChange:
    """The change, or that nobody may touch its user: a later commit than this checkout was applied to them.

    Each user for themselves, since agents can edit their own marker; a name in `leavers` leaves whatever it says.
    """
    marker = context.markers.get(change.old.username) if change.old is not None else change.marker
    ours = context.commit_time
    untouched = change.kind in {Kind.BLOCKED, Kind.AT_IDP, Kind.UNMANAGED} or change.why is Why.LEAVER
    if ours is None or marker is None or marker.at <= ours or untouched:
        return change
    here = f"this checkout is of {_minute(ours)}" if ours else "this is no commit"
    reason = f"a commit of {_minute(marker.at)} was applied before, and {here}; pull first, or --allow-older"
    return Blocked(
        change.username,
        desired=change.desired,
        live=change.live,
        marker=change.marker,
        reason=reason,
        block=Block.OLDER_CHECKOUT,
    )


def is_leaver(context: Context, username: str) -> bool:
    """Whether a name leaves whatever its marker says, and whoever claims to have had it before."""
    return fold_case(username) in {fold_case(name) for name in context.wanted.config.leavers}


def _minute(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


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


def is_overdue(marker: Marker | None, as_of: datetime, policy: Policy) -> bool:
    """Whether somebody has waited to leave for longer than the policy calls normal."""
    since = marker.waiting_since() if marker else None
    return since is not None and as_of - since > policy.retire_within


Settings = Mapping[str, ChannelSettings]


def channels_as_set(declared: Iterable[DesiredUser], live: Mapping[str, LiveUser], scope: Scope) -> dict[str, Settings]:
    """Username → the channels that the YAML declares, of those to whom exactly these were applied last.

    That they still are so is another question: somebody may have changed them in Flex since.
    """
    return {
        user.username: settings
        for user in declared
        if user.channels and user.username in live and (settings := _as_set(user, live[user.username], scope))
    }


def _as_set(user: DesiredUser, live: LiveUser, scope: Scope) -> Settings:
    if live.worker is None or live.user.deactivated:
        return {}
    marker = ownership(live.worker.attributes() or {}, scope.stack_id).ours
    if marker is None:
        return {}
    set_last = {key: value for key, value in marker.keys.items() if key.space == "channel"}
    wanted = {key: hash_of(value) for key, value in desired_fields(user).items() if key.space == "channel"}
    if set_last != wanted:
        return {}
    return {name: ChannelSettings(one.available, one.capacity) for name, one in user.channels.items()}
