"""The verdict on a plan: how safe it is, who is at risk and how many are touched; all formats tell this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from flexres.errors import Exit
from flexres.reconcile.change import Kind, Route, SettingState, UserChange
from flexres.reconcile.context import is_online
from flexres.reconcile.guards import Guarded, Rule, deactivated_since, roles_after, roles_before
from flexres.reconcile.key import ROLES
from flexres.reconcile.plan import Plan
from flexres.report.visible import visible
from flexres.report.wording import field_label, names_of, told, value_text, values_text, when

Position: TypeAlias = "Callable[[str], str | None]"
"""Username → the place in the YAML that declares the user, `users/ops.yaml:14`; None where there is none."""


class Verdict(StrEnum):
    """How safe a plan is."""

    IN_SYNC = "in sync"
    SAFE = "safe"
    NEEDS_CARE = "needs care"
    REFUSED = "refused"


class Risk(StrEnum):
    """What somebody should look at before a plan is applied, in the order of telling."""

    LEFT_EMPTY = "left empty"
    """A task queue that loses the last one who can get its work."""
    GAINS_ADMIN = "gains admin"
    GAINS_SUPERVISOR = "gains supervisor"
    LOSES_ADMIN = "loses admin"
    LOSES_SUPERVISOR = "loses supervisor"
    REACTIVATED = "reactivated"
    CUT_OFF = "may lose a conversation"
    LEAVES = "leaves"
    LET_GO = "let go"
    OVERDUE = "waits too long"
    WAITS = "waits"
    LOSES_SKILLS = "loses all skills"
    LOSES_CAPACITY = "loses all capacity"
    BLOCKED = "blocked"
    AT_IDP = "at the IdP"

    def counted(self, count: int) -> str:
        """The count and the risk: `1 leaves`, `2 leave`."""
        verb, space, rest = self.partition(" ")
        verb = verb.removesuffix("s") if count != 1 and verb in {"gains", "loses", "leaves", "waits"} else verb
        return f"{count:,} {verb}{space}{rest}"


_ORDER: Final = {risk: place for place, risk in enumerate(Risk)}
_RULES: Final[Mapping[Risk, tuple[Rule, ...]]] = {
    Risk.GAINS_ADMIN: (Rule.GAINS_ADMIN,),
    Risk.LOSES_ADMIN: (Rule.MIN_ADMINS, Rule.PROTECTED, Rule.MAX_REMOVALS),
    Risk.LOSES_SUPERVISOR: (Rule.PROTECTED, Rule.MAX_REMOVALS),
    Risk.REACTIVATED: (Rule.DEACTIVATED,),
    Risk.CUT_OFF: (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS),
    Risk.LEAVES: (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS),
    Risk.LET_GO: (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS),
    Risk.OVERDUE: (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS),
    Risk.WAITS: (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS),
    Risk.LOSES_SKILLS: (Rule.LOSES_SKILLS,),
    Risk.LOSES_CAPACITY: (Rule.LOSES_CAPACITY,),
}


@dataclass(frozen=True, slots=True)
class RiskItem:
    """One person at risk: `detail` says how, `where` the YAML's place.

    `care` is False where nothing has to be decided before applying: a leaver who waits as planned, a change to
    make at the identity provider. `approve` is the digest that approves it alone, `approved_by` who has.
    `elsewhere`: it would happen without this change, too.
    """

    kind: Risk
    username: str
    detail: str
    where: str | None = None
    care: bool = True
    approve: str = ""
    approved_by: str | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """Guarded changes of one rule that somebody approved."""

    rule: Rule
    by: str
    usernames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What every format of the report begins with.

    `counts` is by kind, without `noted`: the updates that write nothing but our marker, because Flex already is
    as declared. `exit` is what `plan --check` exits with.
    """

    verdict: Verdict
    risks: tuple[RiskItem, ...]
    counts: Mapping[Kind, int]
    noted: int
    approved: tuple[Approved, ...]
    exit: Exit

    @property
    def by_risk(self) -> Counter[Risk]:
        """How many are at which risk, in the order of telling."""
        return Counter(item.kind for item in self.risks)


def summarise(plan: Plan, position: Position | None = None) -> Summary:
    """The verdict on a plan; `position` finds the place of a declared user."""
    guarded = {(item.rule, item.username): item for item in plan.guarded}
    risks = [item for change in plan.users for item in _risks(change, plan, guarded, position)]
    risks.extend(_emptied(plan))
    risks.sort(key=lambda item: _ORDER[item.kind])
    counts = Counter(change.kind for change in plan.users)
    noted = sum(writes_only_marker(change) for change in plan.of_kind(Kind.UPDATE))
    counts[Kind.UPDATE] -= noted
    return Summary(
        verdict=_verdict(plan, risks),
        risks=tuple(risks),
        counts={kind: counts[kind] for kind in Kind if counts[kind]},
        noted=noted,
        approved=tuple(_approved(plan)),
        exit=check_exit(plan),
    )


def check_exit(plan: Plan) -> Exit:
    """4 when a guard refuses, 3 when something is pending or single sign-on drifted, 5 when only the stuck are left.

    Those are people who are blocked or overdue. Settings that wait for a person in Console are no reason by themselves.
    """
    if plan.violations:
        return Exit.REFUSED
    if plan.pending or any(plan.settings_in(SettingState.DRIFT)) or _differs_at_idp(plan):
        return Exit.PENDING
    stuck = any(change.kind is Kind.BLOCKED or change.overdue for change in plan.users)
    stuck = stuck or (plan.idp is not None and bool(plan.idp.troubles))
    return Exit.PARTIAL if stuck else Exit.DONE


def _differs_at_idp(plan: Plan) -> bool:
    """Whether the provider says otherwise than the YAML in what this plan does not write."""
    return plan.idp is not None and bool(plan.idp.differing or plan.idp.strangers)


def writes_only_marker(change: UserChange) -> bool:
    """Whether an update changes nothing that people see: Flex is as declared, and our marker takes note."""
    writes = change.idp is not None or any(field.writes for field in change.fields)
    return change.kind is Kind.UPDATE and not change.reason and not writes


def place_of(change: UserChange, position: Position | None) -> str | None:
    """Where the YAML declares the user: with the line if `position` knows, else the file."""
    found = position(change.username) if position and change.desired else None
    return found or change.file


def _verdict(plan: Plan, risks: list[RiskItem]) -> Verdict:
    if plan.violations:
        return Verdict.REFUSED
    at_idp = _differs_at_idp(plan) or (plan.idp is not None and bool(plan.idp.troubles))
    if any(item.care for item in risks) or any(setting.care for setting in plan.settings) or at_idp:
        return Verdict.NEEDS_CARE
    return Verdict.SAFE if plan.pending else Verdict.IN_SYNC


_Guarded: TypeAlias = "Mapping[tuple[Rule, str], Guarded]"


def _risks(change: UserChange, plan: Plan, guarded: _Guarded, position: Position | None) -> Iterator[RiskItem]:
    for kind, detail, care in _found(change, plan, guarded):
        watched = (guarded.get((rule, change.username)) for rule in _RULES.get(kind, ()))
        by = next((item.approved_by for item in watched if item and item.approved_by), None)
        approve = change.digest if kind is Risk.BLOCKED else ""
        elsewhere = change.elsewhere or (kind in _OF_ROLES and _roles_elsewhere(change))
        yield RiskItem(kind, change.username, detail, place_of(change, position), care, approve, by, elsewhere)


def _emptied(plan: Plan) -> Iterator[RiskItem]:
    """The queues that the plan leaves without anybody of whom it is certain that they can get its work."""
    touched = {change.username: change for change in plan.users}
    for one in plan.routing.changed if plan.routing else ():
        if one.empties:
            mine = [change for name in one.loses if (change := touched.get(name))]
            elsewhere = bool(mine) and all(change.elsewhere for change in mine)
            perhaps = f"; {len(one.doubts)} uncertain" if one.doubts else ""
            loses = f"the task queue loses {names_of(one.loses)}{perhaps}"
            yield RiskItem(Risk.LEFT_EMPTY, one.queue.name, loses, elsewhere=elsewhere)


def _roles_elsewhere(change: UserChange) -> bool:
    return any(field.key is ROLES and field.elsewhere for field in change.fields)


_OF_ROLES: Final = {Risk.GAINS_ADMIN, Risk.GAINS_SUPERVISOR, Risk.LOSES_ADMIN, Risk.LOSES_SUPERVISOR}


def _found(change: UserChange, plan: Plan, guarded: _Guarded) -> Iterator[tuple[Risk, str, bool]]:
    if change.kind is Kind.BLOCKED:
        yield Risk.BLOCKED, told(change.reason), True
        return
    if change.leaves:
        yield _departure(change, plan)
        return
    yield from _role_risks(change)
    if change.live and change.live.user.deactivated:
        yield Risk.REACTIVATED, f"was deactivated on {told(deactivated_since(change.live))}", True
    for risk, rule in ((Risk.LOSES_SKILLS, Rule.LOSES_SKILLS), (Risk.LOSES_CAPACITY, Rule.LOSES_CAPACITY)):
        item = guarded.get((rule, change.username))
        if item:
            yield risk, visible(item.detail.removeprefix("loses ")), True
    if change.kind is Kind.RENAME and change.old:
        yield Risk.AT_IDP, f"change the NameID from {visible(change.old.username)}", True
    at_idp = [field for field in change.fields if field.route is Route.IDP]
    if at_idp:
        yield Risk.AT_IDP, "; ".join(f"{field_label(field.key)}: {values_text(field)}" for field in at_idp), False


def _role_risks(change: UserChange) -> Iterator[tuple[Risk, str, bool]]:
    before, after = roles_before(change), roles_after(change)
    if before == after:
        return
    old, new = (value_text(sorted(roles)) for roles in (before, after))
    detail = f"{old} → {new}" if before else f"new: {new}"
    gained, lost = after - before, before - after
    if "admin" in gained:
        yield Risk.GAINS_ADMIN, detail, True
    elif "supervisor" in gained:
        yield Risk.GAINS_SUPERVISOR, detail, True
    if "admin" in lost:
        yield Risk.LOSES_ADMIN, detail, True
    elif "supervisor" in lost:
        yield Risk.LOSES_SUPERVISOR, detail, True


def _departure(change: UserChange, plan: Plan) -> tuple[Risk, str, bool]:
    high = [role for role in ("admin", "supervisor") if role in roles_before(change)]
    said = [told(change.reason or str(change.why or "")), *([f"is {' and '.join(high)}"] if high else [])]
    said += [f"loses the roles at {visible(change.idp.provider)} too"] if change.idp else []
    if change.kind is Kind.RETIRE:
        activity = _busy_with(change, plan)
        return (Risk.CUT_OFF, "; ".join([activity, *said]), True) if activity else (Risk.LEAVES, "; ".join(said), True)
    if change.kind is Kind.LET_GO:
        return Risk.LET_GO, "; ".join([*said, "stays in Flex, unmanaged"]), True
    worker = change.live.worker if change.live else None
    since = change.marker.waiting_since() if change.marker else None
    until = f"since {when(since)}" if since else "leaves when offline"
    if change.overdue:
        until = f"{until}, longer than {plan.policy.retire_within.total_seconds() / 3600:g}h"
    said = [until, *([f"activity {visible(worker.activity_name)}"] if worker else []), *said]
    return (Risk.OVERDUE if change.overdue else Risk.WAITS), "; ".join(said), change.pending or change.overdue


def _busy_with(change: UserChange, plan: Plan) -> str:
    """What somebody who is retired at once is doing, where that is not being offline."""
    worker = change.live.worker if change.live else None
    if worker is None or not is_online(worker, plan.instance.offline_activity):
        return ""
    return f"leaves while {visible(worker.activity_name)}"


def _approved(plan: Plan) -> Iterator[Approved]:
    groups: dict[tuple[Rule, str], list[str]] = {}
    for item in plan.guarded:
        if item.approved_by:
            groups.setdefault((item.rule, item.approved_by), []).append(item.username)
    for (rule, by), usernames in groups.items():
        yield Approved(rule, by, tuple(usernames))
