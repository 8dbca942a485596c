"""What the guards watch: of each user's change whatever somebody should have looked at, with a digest of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from flexres.live.model import LiveUser
from flexres.reconcile.change import FieldChange, Kind, Route, UserChange, Why
from flexres.reconcile.coverage import shortfalls
from flexres.reconcile.fields import live_skills
from flexres.reconcile.guards.approvals import Approval, Source, approver, change_digest
from flexres.reconcile.guards.model import Evidence, Guarded, Rule, Step
from flexres.reconcile.key import EMAIL, ROLES
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, Json, Value, canonical, fold_case

HIGH_ROLES: Final = frozenset({"admin", "supervisor"})


@dataclass(frozen=True, slots=True)
class _Found:
    """What a guard saw in one change: the step, what it is about, and the guarded fields before and after."""

    step: Step
    what: tuple[str, ...] = ()
    sides: Json = ()
    username: str = ""


def watched(given: Evidence) -> list[Guarded]:
    """Everything that the guards watch in a plan, refused or not."""
    items = [item for rule, watch in _WATCHERS.items() for item in _watch(given, rule, watch)]
    return [*items, *_queues_watched(given)]


def _queues_watched(given: Evidence) -> Iterator[Guarded]:
    """Everybody whom a queue loses that goes below what the policy asks for."""
    for short in shortfalls(given.routing, given.policy, given.users):
        for username in short.usernames:
            live = given.snapshot.users.get(username)
            state = _state(live, given.markers.get(username))
            digest = change_digest(given.scope.stack_id, Rule.QUEUES, username, [short.queue, short.least], state)
            approval = approver(given.approvals, digest)
            yield Guarded(Rule.QUEUES, username, Step.LEAVES_QUEUE, (short.queue,), digest, approval)


def deactivated_on(live: LiveUser) -> str:
    """When a deactivated user was deactivated, as times are shown: `2026-10-01 08:00 UTC`."""
    since = deactivated_since(live)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return since
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo is not None else since


def deactivated_since(live: LiveUser) -> str:
    """When a deactivated user was deactivated, as Flex tells it."""
    return live.user.deactivated_date or "a date that Flex does not tell"


def reactivation_digest(stack_id: str, username: str, live: LiveUser) -> str:
    """The digest that approves bringing a deactivated user back."""
    sides = [["deactivated", deactivated_since(live), None]]
    return change_digest(stack_id, Rule.DEACTIVATED, username, sides, _state(live, None))


def _watch(given: Evidence, rule: Rule, watch: Callable[[Evidence, UserChange], _Found | None]) -> Iterator[Guarded]:
    for change in given.users:
        found = watch(given, change)
        if found is None:
            continue
        username = found.username or change.username
        digest = _digest(given, rule, change, found)
        approval = approver(given.approvals, digest)
        if approval is None and rule is Rule.GAINS_ADMIN and change.username in given.allow_admin:
            approval = Approval("", Source.ALLOW_ADMIN)
        yield Guarded(rule, username, found.step, found.what, digest, approval)


def _digest(given: Evidence, rule: Rule, change: UserChange, found: _Found) -> str:
    if rule is Rule.DEACTIVATED and change.live is not None:
        return reactivation_digest(given.scope.stack_id, change.username, change.live)
    live = change.old or change.live
    marker = given.markers.get(live.username) if live is not None else None
    sides = [[found.step, *found.what], found.sides]
    return change_digest(given.scope.stack_id, rule, change.username, sides, _state(live, marker))


def _state(live: LiveUser | None, marker: Marker | None) -> Json:
    """What tells this time from a later one: whose account it is, and what was last applied to it.

    A run that was cut short leaves it as it is, since the marker is written last; whatever is applied later moves
    it. Waiting to leave is no part of it.
    """
    if live is None:
        return []
    applied = replace(marker, leaving=None).text() if marker is not None and not marker.rename else ""
    return [live.user.sid, live.user.deactivated_date, applied]


def roles_before(change: UserChange) -> frozenset[str]:
    """The roles that this name has in Flex now: a name that a rename makes has none yet."""
    return _roles(change.live)


def roles_of_person_before(change: UserChange) -> frozenset[str]:
    """The roles that the person has in Flex now, under the old name where a rename leaves one behind."""
    return _roles(change.old or change.live)


def _roles(live: LiveUser | None) -> frozenset[str]:
    return frozenset() if live is None or live.user.deactivated else frozenset(live.user.roles)


def roles_after(change: UserChange) -> frozenset[str]:
    """The roles that the person would have in Flex after the change; waiting leavers are as good as gone."""
    if change.kind in {Kind.BLOCKED, Kind.LET_GO, Kind.UNMANAGED}:
        return roles_before(change)
    if change.leaves:
        return frozenset()
    for change_of in change.fields:
        if change_of.key is ROLES:
            after = change_of.after
            if change_of.route is not Route.IDP and isinstance(after, list):
                return frozenset(str(role) for role in after)
    # What the identity provider is given, Flex has after the next login.
    for change_of in change.idp.fields if change.idp else ():
        if change_of.key is ROLES and isinstance(change_of.after, list):
            return frozenset(str(role) for role in change_of.after)
    if change.live and not change.live.user.deactivated:
        return frozenset(change.live.user.roles)
    return frozenset(change.desired.roles) if change.desired else frozenset()


def gained_roles(change: UserChange) -> frozenset[str]:
    """Admin and supervisor, as far as the person would have them anew."""
    return (roles_after(change) - roles_of_person_before(change)) & HIGH_ROLES


def lost_roles(change: UserChange) -> frozenset[str]:
    """The roles beyond agent that the person would have no more: admin, supervisor, and those of Flex Insights."""
    lost = roles_of_person_before(change) - roles_after(change)
    return frozenset(role for role in lost if role in HIGH_ROLES or role.startswith("wfo."))


def counts_as_removal(change: UserChange, markers: Mapping[str, Marker]) -> bool:
    """Whether the change takes somebody's Flex away: those counted once, when first marked, do not count again.

    An expiry does not count when the same date was applied before. Nor does a rename's old name, which was counted
    with the rename and marked as leaving by it; a `previously` that merely claims so has not marked anybody.
    """
    if not change.leaves or (change.marker and change.marker.leaving is not None):
        return False
    if change.why is Why.EXPIRED and change.desired:
        marker = markers.get(change.username)
        return marker is None or marker.until != change.desired.until
    return True


def _role_sides(change: UserChange) -> Json:
    return [["roles", sorted(roles_of_person_before(change)), sorted(roles_after(change))]]


def _sides(fields: Iterable[FieldChange]) -> Json:
    return sorted(([item.key.text, _side(item.before), _side(item.after)] for item in fields), key=canonical)


def _side(value: Value) -> Json:
    return [] if value is ABSENT else [value]


def _loses(change: UserChange) -> _Found | None:
    lost = lost_roles(change)
    return _Found(Step.LOSES, tuple(sorted(lost)), _role_sides(change)) if lost else None


def _removal(given: Evidence, change: UserChange) -> _Found | None:
    if counts_as_removal(change, given.markers):
        return _Found(Step.LEAVES, (), _role_sides(change))
    if change.old is not None and change.pending:
        return _Found(Step.IS_RENAMED, (change.username,), _role_sides(change), change.old.username)
    return None if change.leaves else _loses(change)


def _edit(_given: Evidence, change: UserChange) -> _Found | None:
    if change.kind not in {Kind.ADOPT, Kind.UPDATE, Kind.REACTIVATE} or not change.pending:
        return None
    at_idp = change.idp.fields if change.idp else ()
    written = [item for item in change.fields if item.writes]
    if change.kind is Kind.UPDATE and not written and not at_idp:
        return None
    step = Step.IS_ADOPTED if change.kind is Kind.ADOPT else Step.IS_CHANGED
    return _Found(step, (), [change.kind, _sides(written), _sides(at_idp)])


def _admin_lost(_given: Evidence, change: UserChange) -> _Found | None:
    if change.marker and change.marker.leaving is not None and change.leaves:
        return None  # counted when they were marked; waiting must not refuse every run until they are offline
    lost = "admin" in roles_of_person_before(change) - roles_after(change)
    return _Found(Step.LOSES, ("admin",), _role_sides(change)) if lost else None


def _protected(given: Evidence, change: UserChange) -> _Found | None:
    name = change.old.username if change.old else change.username
    if fold_case(name) not in {fold_case(protected) for protected in given.policy.protected}:
        return None
    if change.leaves:
        return _Found(Step.LEAVES, (), _role_sides(change))
    return _removal(given, change)


def _email_domain(given: Evidence, change: UserChange) -> _Found | None:
    allowed = given.policy.email_domains
    if allowed is None or change.desired is None or not change.pending or change.leaves:
        return None
    written = change.kind is not Kind.UPDATE or any(f.key is EMAIL and f.writes for f in change.fields)
    address = change.desired.email
    if not written or address.rpartition("@")[2].lower() in {name.lower() for name in allowed}:
        return None
    before = change.live.user.email if change.live else ""
    return _Found(Step.HAS_ADDRESS, (address,), [["email", before, address]])


def _admin_gained(_given: Evidence, change: UserChange) -> _Found | None:
    gained = change.pending and "admin" in roles_after(change) - roles_before(change)
    return _Found(Step.GAINS, ("admin",), _role_sides(change)) if gained else None


def _skills_lost(_given: Evidence, change: UserChange) -> _Found | None:
    if change.kind not in {Kind.UPDATE, Kind.ADOPT} or change.live is None or change.live.worker is None:
        return None
    skills = [f for f in change.fields if f.key.space == "skill"]
    removed = {f.key.name for f in skills if f.after is ABSENT}
    if not removed:
        return None
    had = set(live_skills(change.live.worker.attributes() or {}))
    gained = any(f.before is ABSENT and f.writes for f in skills)
    return _Found(Step.LOSES, tuple(sorted(had)), _sides(skills)) if had and had <= removed and not gained else None


def _capacity_lost(_given: Evidence, change: UserChange) -> _Found | None:
    channels = change.live.channels if change.live else None
    if not channels or change.kind not in {Kind.UPDATE, Kind.ADOPT}:
        return None
    after = {name: (channel.available, channel.capacity) for name, channel in channels.items()}
    if not any(available and capacity for available, capacity in after.values()):
        return None
    written = [item for item in change.fields if item.route is Route.CHANNEL and item.writes]
    for item in written:
        name, setting = item.key.path
        available, capacity = after.get(name, (False, 0))
        if setting == "available":
            after[name] = (item.after is True, capacity)
        else:
            after[name] = (available, item.after if isinstance(item.after, int) else 0)
    still = any(available and capacity for available, capacity in after.values())
    return None if still else _Found(Step.TAKES_NOTHING, (), _sides(written))


def _reactivated(_given: Evidence, change: UserChange) -> _Found | None:
    if change.live is None or not change.live.user.deactivated or not change.pending:
        return None
    return _Found(Step.COMES_BACK, (deactivated_since(change.live),))


def _renamed(given: Evidence, change: UserChange) -> _Found | None:
    """A rename of somebody who is not plainly the same person: without our marker, or by another name and address."""
    if change.old is None or change.desired is None:
        return None
    old, new = change.old.user, change.desired
    names_alike = fold_case(old.full_name) == fold_case(new.full_name)
    marker = given.markers.get(old.username)
    ours = marker is not None and not marker.rename
    if ours and (names_alike or fold_case(old.email) == fold_case(new.email)):
        return None
    sides = [["full_name", old.full_name, new.full_name], ["email", old.email, new.email]]
    return _Found(Step.TAKES_OVER, (old.username,), sides)


_WATCHERS: Final[Mapping[Rule, Callable[[Evidence, UserChange], _Found | None]]] = {
    Rule.MAX_REMOVALS: _removal,
    Rule.MAX_CHANGES: _edit,
    Rule.MIN_ADMINS: _admin_lost,
    Rule.PROTECTED: _protected,
    Rule.EMAIL_DOMAINS: _email_domain,
    Rule.GAINS_ADMIN: _admin_gained,
    Rule.LOSES_SKILLS: _skills_lost,
    Rule.LOSES_CAPACITY: _capacity_lost,
    Rule.DEACTIVATED: _reactivated,
    Rule.RENAME: _renamed,
}
