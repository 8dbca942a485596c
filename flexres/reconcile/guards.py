"""The guards: evaluated on the whole plan before the first write, all told at once, lifted for exactly these changes.

Every guarded thing has a digest of its own, and the plan has one over all that nobody has approved yet. Either
lifts: the plan's to approve all in one go, a change's own so that an approval still holds for what is left when a
run was cut short.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from flexres.desired.model import Limit, StackConfig
from flexres.live.model import LiveUser, Snapshot
from flexres.reconcile.change import Change, Kind, Route, SettingChange, UserChange, Why
from flexres.reconcile.coverage import UNREAD_HINT, Routing, shortfalls
from flexres.reconcile.fields import live_skills
from flexres.reconcile.key import EMAIL, ROLES
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, canonical, fold_case


class Rule(StrEnum):
    """The guards. Each is evaluated on the whole plan before the first write."""

    OLDER_CHECKOUT = "older checkout"
    MAX_REMOVALS = "max_removals"
    MAX_CHANGES = "max_changes"
    MIN_ADMINS = "min_admins"
    PROTECTED = "protected"
    EMAIL_DOMAINS = "email_domains"
    GAINS_ADMIN = "gains admin"
    LOSES_SKILLS = "loses all skills"
    LOSES_CAPACITY = "loses all capacity"
    DEACTIVATED = "deactivated"
    CONSOLE_CHANGES = "console_changes"
    QUEUES = "queues"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One thing that a guard watches: its own digest approves it alone; `approved_by` names who did."""

    rule: Rule
    username: str
    detail: str
    digest: str
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A guard that refuses the plan: what it found (`message`), about whom, and what lifts it (`hint`)."""

    rule: Rule
    message: str
    usernames: tuple[str, ...]
    hint: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A digest, and who approved it: "--approve by ana", or "stacks/prod/flex.yaml:21, Ana Ruiz"."""

    digest: str
    by: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the guards look at. `markers` are the readable ones of this stack, by username."""

    wanted: StackConfig
    snapshot: Snapshot
    changes: tuple[Change, ...]
    markers: Mapping[str, Marker]
    approvals: Sequence[Approval]
    commit_time: int | None
    allow_older: bool
    allow_admin: frozenset[str]
    declared: int
    routing: Routing | None = None

    @property
    def users(self) -> tuple[UserChange, ...]:
        """The changes of users."""
        return tuple(change for change in self.changes if isinstance(change, UserChange))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guards found. `digest` approves every guarded change that nobody has approved."""

    guarded: tuple[Guarded, ...]
    violations: tuple[Violation, ...]
    digest: str


def change_digest(stack_id: str, rule: Rule, username: str, detail: str) -> str:
    """The digest that approves one guarded thing: eight hexadecimal digits of SHA-256."""
    text = canonical([stack_id, rule, username, detail])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def approver(approvals: Iterable[Approval], digest: str) -> str | None:
    """Who approved a digest."""
    return next((approval.by for approval in approvals if approval.digest == digest), None)


def deactivated_since(live: LiveUser) -> str:
    """When a deactivated user was deactivated, as Flex tells it."""
    return live.user.deactivated_date or "a date that Flex does not tell"


def evaluate(given: Evidence) -> Verdict:
    """Every guard's word on the plan."""
    watched = [item for rule, watch in _WATCHERS.items() for item in _watch(given, rule, watch)]
    watched.extend(_queues_watched(given))
    open_items = [item for item in watched if not item.approved_by]
    violations = [violation for check in _CHECKS for violation in check(given, open_items)]
    violations.extend(_older_checkout(given))
    violations.extend(_console(given))
    refused = {violation.rule for violation in violations}
    asked = sorted({item.digest for item in open_items if item.rule in refused})
    if not asked:
        return Verdict(tuple(watched), tuple(violations), "")
    digest = hashlib.sha256(canonical([given.wanted.id, asked]).encode()).hexdigest()[:8]
    by = approver(given.approvals, digest)
    if by is None:
        return Verdict(tuple(watched), tuple(violations), digest)
    lifted = tuple(
        replace(item, approved_by=by) if item.rule in refused and not item.approved_by else item for item in watched
    )
    return Verdict(lifted, tuple(one for one in violations if one.rule in _NOT_BY_DIGEST or not one.usernames), digest)


_NOT_BY_DIGEST: Final = frozenset({Rule.OLDER_CHECKOUT, Rule.CONSOLE_CHANGES})


def _queues_watched(given: Evidence) -> Iterable[Guarded]:
    """Everybody whom a queue loses that goes below what the policy asks for."""
    for short in shortfalls(given.routing, given.wanted.policy, given.users):
        for username in short.usernames:
            digest = change_digest(given.wanted.id, Rule.QUEUES, username, short.detail)
            yield Guarded(Rule.QUEUES, username, short.detail, digest, approver(given.approvals, digest))


def _queues(given: Evidence, items: list[Guarded]) -> Iterable[Violation]:
    for short in shortfalls(given.routing, given.wanted.policy, given.users):
        names = tuple(item.username for item in _of(items, Rule.QUEUES) if item.detail == short.detail)
        if names:
            yield Violation(Rule.QUEUES, short.message, names, "")
    unread = given.routing.unread if given.routing and given.wanted.policy.queues else ""
    if unread and any(change.pending for change in given.users):
        yield Violation(Rule.QUEUES, f"the task queues cannot be read: {unread}", (), UNREAD_HINT)


def roles_before(change: UserChange) -> frozenset[str]:
    """The roles that the person has in Flex now (under the old name, for a rename)."""
    before = change.old or change.live
    return frozenset() if before is None or before.user.deactivated else frozenset(before.user.roles)


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


def counts_as_removal(change: UserChange, markers: Mapping[str, Marker]) -> bool:
    """Whether the change takes somebody's Flex away: those counted once, when first marked, do not count again.

    An expiry does not count when the same date was applied before. Nor does a rename's old name, which keeps its
    person: the rename marked it as leaving, which a `previously` that merely claims so has not.
    """
    if not change.leaves or (change.marker and change.marker.leaving is not None):
        return False
    if change.why is Why.EXPIRED and change.desired:
        marker = markers.get(change.username)
        return marker is None or marker.until != change.desired.until
    return True


def _watch(given: Evidence, rule: Rule, watch: Callable[[Evidence, UserChange], str | None]) -> Iterable[Guarded]:
    for change in given.users:
        detail = watch(given, change)
        if detail is None:
            continue
        digest = change_digest(given.wanted.id, rule, change.username, detail)
        by = approver(given.approvals, digest)
        if by is None and rule is Rule.GAINS_ADMIN and change.username in given.allow_admin:
            by = "--allow-admin"
        yield Guarded(rule, change.username, detail, digest, by)


def _removal(given: Evidence, change: UserChange) -> str | None:
    if counts_as_removal(change, given.markers):
        return "leaves"
    if change.leaves:
        return None
    lost = (roles_before(change) - roles_after(change)) & {"admin", "supervisor"}
    return f"loses {', '.join(sorted(lost))}" if lost else None


def _edit(_given: Evidence, change: UserChange) -> str | None:
    if change.kind not in {Kind.ADOPT, Kind.UPDATE, Kind.REACTIVATE} or not change.pending:
        return None
    after = {f.key.text: "" if f.after is ABSENT else canonical(f.after) for f in change.fields if f.writes}
    for item in change.idp.fields if change.idp else ():
        after[f"at the IdP {item.key.text}"] = "" if item.after is ABSENT else canonical(item.after)
    if change.kind is Kind.UPDATE and not after:
        return None
    return f"{change.kind} {canonical(after)}"


def _admin_lost(_given: Evidence, change: UserChange) -> str | None:
    if change.marker and change.marker.leaving is not None and change.leaves:
        return None  # counted when they were marked; waiting must not refuse every run until they are offline
    return "loses admin" if "admin" in roles_before(change) - roles_after(change) else None


def _protected(given: Evidence, change: UserChange) -> str | None:
    name = change.old.username if change.old else change.username
    if fold_case(name) not in {fold_case(protected) for protected in given.wanted.policy.protected}:
        return None
    if change.old:
        return f"is renamed to {change.username}"
    return "leaves" if change.leaves else _removal(given, change)


def _email_domain(given: Evidence, change: UserChange) -> str | None:
    allowed = given.wanted.policy.email_domains
    if not allowed or change.desired is None or not change.pending or change.leaves:
        return None
    written = change.kind is not Kind.UPDATE or any(f.key is EMAIL and f.writes for f in change.fields)
    domain = change.desired.email.rpartition("@")[2].lower()
    return change.desired.email if written and domain not in {name.lower() for name in allowed} else None


def _admin_gained(_given: Evidence, change: UserChange) -> str | None:
    if not change.pending:
        return None
    return "gains admin" if "admin" in roles_after(change) - roles_before(change) else None


def _skills_lost(_given: Evidence, change: UserChange) -> str | None:
    if change.kind not in {Kind.UPDATE, Kind.ADOPT} or change.live is None or change.live.worker is None:
        return None
    removed = {f.key.name for f in change.fields if f.key.space == "skill" and f.after is ABSENT}
    if not removed:
        return None
    had = set(live_skills(change.live.worker.attributes() or {}))
    gained = any(f.key.space == "skill" and f.before is ABSENT and f.writes for f in change.fields)
    return f"loses {', '.join(sorted(had))}" if had and had <= removed and not gained else None


def _capacity_lost(_given: Evidence, change: UserChange) -> str | None:
    channels = change.live.channels if change.live else None
    if not channels or change.kind not in {Kind.UPDATE, Kind.ADOPT}:
        return None
    after = {name: (channel.available, channel.capacity) for name, channel in channels.items()}
    if not any(available and capacity for available, capacity in after.values()):
        return None
    for item in change.fields:
        if item.route is not Route.CHANNEL or not item.writes:
            continue
        name, setting = item.key.path
        available, capacity = after.get(name, (False, 0))
        if setting == "available":
            after[name] = (item.after is True, capacity)
        else:
            after[name] = (available, item.after if isinstance(item.after, int) else 0)
    return None if any(available and capacity for available, capacity in after.values()) else "takes no task any more"


def _reactivated(_given: Evidence, change: UserChange) -> str | None:
    comes_back = change.live is not None and change.live.user.deactivated and change.pending
    return deactivated_since(change.live) if change.live and comes_back else None


_WATCHERS: dict[Rule, Callable[[Evidence, UserChange], str | None]] = {
    Rule.MAX_REMOVALS: _removal,
    Rule.MAX_CHANGES: _edit,
    Rule.MIN_ADMINS: _admin_lost,
    Rule.PROTECTED: _protected,
    Rule.EMAIL_DOMAINS: _email_domain,
    Rule.GAINS_ADMIN: _admin_gained,
    Rule.LOSES_SKILLS: _skills_lost,
    Rule.LOSES_CAPACITY: _capacity_lost,
    Rule.DEACTIVATED: _reactivated,
}


def _of(items: Iterable[Guarded], rule: Rule) -> list[Guarded]:
    return [item for item in items if item.rule is rule]


def _limit(items: list[Guarded], rule: Rule, limit: Limit, *, what: str, of: int, whom: str) -> Iterable[Violation]:
    found = _of(items, rule)
    if found and not limit.allows(len(found), of):
        message = f"{len(found)} {what} among {of} {whom}; {rule} is {limit}"
        yield Violation(rule, message, tuple(item.username for item in found), "")


def _removals(given: Evidence, items: list[Guarded]) -> Iterable[Violation]:
    limit, of = given.wanted.policy.max_removals, len(given.markers)
    return _limit(
        items, Rule.MAX_REMOVALS, limit, what="leave or lose admin or supervisor", of=of, whom="managed users"
    )


def _edits(given: Evidence, items: list[Guarded]) -> Iterable[Violation]:
    limit = given.wanted.policy.max_changes
    return _limit(
        items, Rule.MAX_CHANGES, limit, what="are adopted or changed", of=given.declared, whom="declared users"
    )


def _admins(given: Evidence, items: list[Guarded]) -> Iterable[Violation]:
    lost = _of(items, Rule.MIN_ADMINS)
    least = given.wanted.policy.min_admins
    before = {name for name, live in given.snapshot.users.items() if _is_admin(live)}
    after = before - {change.old.username for change in given.users if change.old}
    for change in given.users:
        if change.kind is Kind.BLOCKED:
            continue
        (after.add if "admin" in roles_after(change) else after.discard)(change.username)
    if lost and len(after) < least and len(after) < len(before):
        message = f"{len(after)} of {len(before)} admins would be left; min_admins is {least}"
        yield Violation(Rule.MIN_ADMINS, message, tuple(item.username for item in lost), "")


def _is_admin(live: LiveUser) -> bool:
    return not live.user.deactivated and "admin" in live.user.roles


def _each(rule: Rule, says: str) -> Callable[[Evidence, list[Guarded]], Iterable[Violation]]:
    def check(given: Evidence, items: list[Guarded]) -> Iterable[Violation]:
        for item in _of(items, rule):
            hint = f"--allow-admin {item.username}" if rule is Rule.GAINS_ADMIN else ""
            domains = ", ".join(given.wanted.policy.email_domains)
            message = says.format(user=item.username, detail=item.detail, domains=domains)
            yield Violation(rule, message, (item.username,), hint)

    return check


_CHECKS: tuple[Callable[[Evidence, list[Guarded]], Iterable[Violation]], ...] = (
    _removals,
    _edits,
    _admins,
    _each(Rule.PROTECTED, "{user} is protected and {detail}"),
    _each(Rule.EMAIL_DOMAINS, "{user} has the e-mail address {detail}; email_domains allows {domains}"),
    _each(Rule.GAINS_ADMIN, "{user} gains admin"),
    _each(Rule.LOSES_SKILLS, "{user} {detail}: no skill is left"),
    _each(Rule.LOSES_CAPACITY, "{user} {detail}: every channel is unavailable or without capacity"),
    _queues,
)


def _older_checkout(given: Evidence) -> Iterable[Violation]:
    applied = max((marker.at for marker in given.markers.values()), default=0)
    ours = given.commit_time
    if given.allow_older or not applied or (ours is not None and ours >= applied):
        return
    newest = datetime.fromtimestamp(applied, UTC)
    here = (
        f"this checkout is of {datetime.fromtimestamp(ours, UTC):%Y-%m-%d %H:%M} UTC" if ours else "this is no commit"
    )
    names = tuple(sorted(name for name, marker in given.markers.items() if marker.at > (ours or 0)))
    message = f"a commit of {newest:%Y-%m-%d %H:%M} UTC was applied before, and {here}"
    yield Violation(Rule.OLDER_CHECKOUT, message, names, "pull first, or --allow-older")


def _console(given: Evidence) -> Iterable[Violation]:
    """The refusal of a plan that waits for a person in Console, where the policy wants that to fail."""
    waiting = [change.name for change in given.changes if isinstance(change, SettingChange) and change.waits]
    if given.wanted.policy.console_changes == "fail" and waiting:
        settings_are = "1 setting waits" if len(waiting) == 1 else f"{len(waiting)} settings wait"
        message = f"{settings_are} for a person in Twilio Console: {', '.join(waiting[:5])}"
        more = f" and {len(waiting) - 5} more" if len(waiting) > 5 else ""
        yield Violation(Rule.CONSOLE_CHANGES, message + more, (), "enter them, then flexres sso attest --all")
