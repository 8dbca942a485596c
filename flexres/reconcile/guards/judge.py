"""The guards' word on a plan: every violation at once, lifted for exactly the changes that somebody approved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from flexres.live.model import LiveUser
from flexres.reconcile.change import Kind, SettingChange
from flexres.reconcile.coverage import shortfalls
from flexres.reconcile.guards.approvals import approver, plan_digest
from flexres.reconcile.guards.model import LIFTED_BY_NO_DIGEST, Evidence, Guarded, Rule, Verdict, Violation
from flexres.reconcile.guards.watch import roles_after, watched
from flexres.values import ABSENT

_NAMED: Final = 5
"""So many names stand in a violation's own sentence."""


def evaluate(given: Evidence) -> Verdict:
    """Every guard's word on the plan.

    Each guarded thing has a digest of its own, and the plan has one over all that nobody has approved yet. Either
    lifts: the plan's to approve all in one go, a change's own so that an approval still holds for what is left when
    a run was cut short.
    """
    items = watched(given)
    open_items = [item for item in items if item.approval is None]
    violations = [violation for check in _CHECKS for violation in check(given, open_items)]
    refused = {violation.rule for violation in violations}
    asked = sorted({item.digest for item in open_items if item.rule in refused})
    if not asked:
        return Verdict(tuple(items), tuple(violations), "")
    digest = plan_digest(given.scope.stack_id, asked)
    approval = approver(given.approvals, digest)
    if approval is None:
        return Verdict(tuple(items), tuple(violations), digest)
    lifted = tuple(
        replace(item, approval=approval) if item.rule in refused and item.approval is None else item for item in items
    )
    return Verdict(lifted, tuple(one for one in violations if one.rule in LIFTED_BY_NO_DIGEST), digest)


def _of(items: Iterable[Guarded], rule: Rule) -> list[Guarded]:
    return [item for item in items if item.rule is rule]


def _removals(given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    limit, of = given.policy.max_removals, len(given.markers)
    found = _of(items, Rule.MAX_REMOVALS)
    if found and not limit.allows(len(found), of):
        yield Violation(Rule.MAX_REMOVALS, _names(found), len(found), of, limit)


def _edits(given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    limit = given.policy.max_changes
    found = _of(items, Rule.MAX_CHANGES)
    if found and not limit.allows(len(found), given.declared, least=1):
        yield Violation(Rule.MAX_CHANGES, _names(found), len(found), given.declared, limit)


def _admins(given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    lost = _of(items, Rule.MIN_ADMINS)
    least = given.policy.min_admins
    before = {name for name, live in given.snapshot.users.items() if _is_admin(live)}
    after = before - {change.old.username for change in given.users if change.old}
    for change in given.users:
        if change.kind is Kind.BLOCKED:
            continue
        (after.add if "admin" in roles_after(change) else after.discard)(change.username)
    if lost and len(after) < least and len(after) < len(before):
        yield Violation(Rule.MIN_ADMINS, _names(lost), len(after), len(before), least)


def _is_admin(live: LiveUser) -> bool:
    return not live.user.deactivated and "admin" in live.user.roles


def _each(rule: Rule, _given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    for item in _of(items, rule):
        yield Violation(rule, (item.username,), 1, detail=item.detail)


def _protected_nobody(given: Evidence, _items: list[Guarded]) -> Iterator[Violation]:
    """A misspelt name protects nobody, and looks as if it did."""
    for name in given.protected_nobody:
        yield Violation(Rule.PROTECTED_NOBODY, (name,), 1)


def _outside_domains(given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    allowed = ", ".join(given.policy.email_domains or ()) or "none"
    for item in _of(items, Rule.EMAIL_DOMAINS):
        detail = f"{item.detail}; email_domains allows {allowed}"
        yield Violation(Rule.EMAIL_DOMAINS, (item.username,), 1, detail=detail)


def _names(items: Iterable[Guarded]) -> tuple[str, ...]:
    return tuple(item.username for item in items)


def _unmanaged_admins(given: Evidence, _items: list[Guarded]) -> Iterator[Violation]:
    """The refusal of any plan while somebody whom no file names has admin or supervisor."""
    names = tuple(change.username for change in given.unmanaged)
    if given.policy.unmanaged_admins == "fail" and names:
        yield Violation(Rule.UNMANAGED_ADMINS, names, len(names), detail=_first(names))


def _console(given: Evidence, _items: list[Guarded]) -> Iterator[Violation]:
    """The refusal of a plan that waits for a person in Console, where the policy wants that to fail."""
    waiting = [change.name for change in given.changes if isinstance(change, SettingChange) and change.waits]
    if given.policy.console_changes == "fail" and waiting:
        yield Violation(Rule.CONSOLE_CHANGES, (), len(waiting), detail=_first(waiting))


def _queues(given: Evidence, items: list[Guarded]) -> Iterator[Violation]:
    for short in shortfalls(given.routing, given.policy, given.users):
        names = tuple(item.username for item in _of(items, Rule.QUEUES) if item.what == (short.queue,))
        if names:
            yield Violation(
                Rule.QUEUES, names, short.after, short.before, short.least, short.queue, uncertain=short.uncertain
            )
    unread = given.routing.unread if given.routing and given.policy.queues else ""
    if unread and any(change.pending for change in given.users):
        yield Violation(Rule.QUEUES_UNREAD, detail=unread)


def _unknown_skills(given: Evidence, _items: list[Guarded]) -> Iterator[Violation]:
    """The refusal of a plan that writes a skill that Flex does not have so, where the policy wants that to fail."""
    if given.policy.unknown_skills != "fail" or not given.skills:
        return
    wrong = {(username, one.name) for one in given.skills for username in one.usernames}
    written = [
        (change.username, item.key.name)
        for change in given.users
        if change.pending
        for item in change.fields
        if item.key.space == "skill" and item.writes and item.after is not ABSENT
    ]
    found = [one for one in written if one in wrong]
    if found:
        names = tuple(dict.fromkeys(username for username, _ in found))
        detail = _first(dict.fromkeys(name for _, name in found))
        yield Violation(Rule.UNKNOWN_SKILLS, names, len(names), detail=detail)


def _first(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return f"{', '.join(every[:_NAMED])}{more}"


_CHECKS: Final[tuple[Callable[[Evidence, list[Guarded]], Iterator[Violation]], ...]] = (
    _removals,
    _edits,
    _admins,
    partial(_each, Rule.PROTECTED),
    _protected_nobody,
    _outside_domains,
    partial(_each, Rule.GAINS_ADMIN),
    partial(_each, Rule.LOSES_SKILLS),
    partial(_each, Rule.LOSES_CAPACITY),
    partial(_each, Rule.RENAME),
    _queues,
    _unmanaged_admins,
    _console,
    _unknown_skills,
)
