"""What a reviewer looks at first: by what a plan was judged, what the change does to that, and who is at risk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from flexres.desired.model import InForce, JudgedBy
from flexres.reconcile.change import Kind, Route, UserChange
from flexres.reconcile.context import is_online
from flexres.reconcile.fields import live_skills
from flexres.reconcile.guards.approvals import Approval, Standing, by_entry
from flexres.reconcile.guards.model import Guarded, Rule
from flexres.reconcile.guards.watch import deactivated_on, roles_after, roles_of_person_before
from flexres.reconcile.key import EMAIL, ROLES, Key
from flexres.reconcile.plan import Plan
from flexres.reconcile.stricter import Effect
from flexres.report.next_step import PlanRun, prune_command
from flexres.report.terms import RISKS, STANDINGS, Risk
from flexres.report.wording import field_label, names_of, value_text, values_text, when
from flexres.text import visible

Position: TypeAlias = "Callable[[str], str | None]"
"""Username → the place in the YAML that declares the user, `users/ops.yaml:14`; None where there is none."""


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


def risks_of(plan: Plan, position: Position | None = None) -> tuple[RiskItem, ...]:
    """Everybody at risk, in the order of the risks; `position` finds the place of a declared user."""
    guarded = {(item.rule, item.username): item for item in plan.guarded}
    found = [item for change in plan.users for item in _risks(change, plan, guarded, position)]
    found.extend(_emptied(plan))
    found.extend(_undeclared_admins(plan))
    return tuple(sorted(found, key=lambda item: _ORDER[item.kind]))


_ORDER: Final = {risk: place for place, risk in enumerate(Risk)}


def place_of(change: UserChange, position: Position | None) -> str | None:
    """Where the YAML declares the user: with the line if `position` knows, else the file."""
    found = position(change.username) if position and change.desired else None
    return found or change.file


_Guarded: TypeAlias = "Mapping[tuple[Rule, str], Guarded]"


def _risks(change: UserChange, plan: Plan, guarded: _Guarded, position: Position | None) -> Iterator[RiskItem]:
    for kind, detail, care in _found(change, plan, guarded):
        watched = (guarded.get((rule, change.username)) for rule in RISKS[kind].rules)
        by = next((item.approved_by for item in watched if item and item.approved_by), None)
        approve = change.digest if kind is Risk.BLOCKED else ""
        elsewhere = change.elsewhere or (RISKS[kind].of_roles and _roles_elsewhere(change))
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


def _found(change: UserChange, plan: Plan, guarded: _Guarded) -> Iterator[tuple[Risk, str, bool]]:
    if change.kind is Kind.BLOCKED:
        yield Risk.BLOCKED, visible(change.reason), True
        return
    if change.leaves:
        yield _departure(change, plan)
        return
    yield from _role_risks(change)
    if change.live and change.live.user.deactivated:
        yield Risk.REACTIVATED, f"was deactivated on {visible(deactivated_on(change.live))}", True
    yield from _field_risks(change)
    if (Rule.LOSES_SKILLS, change.username) in guarded:
        yield Risk.LOSES_SKILLS, _skills_of(change), True
    if (Rule.LOSES_CAPACITY, change.username) in guarded:
        yield Risk.LOSES_CAPACITY, "takes no task any more", True
    if change.kind is Kind.RENAME and change.old:
        yield Risk.AT_IDP, f"change the NameID from {visible(change.old.username)}", True
    at_idp = [field for field in change.fields if field.route is Route.IDP]
    if at_idp:
        yield Risk.AT_IDP, "; ".join(f"{field_label(field.key)}: {values_text(field)}" for field in at_idp), False


def _field_risks(change: UserChange) -> Iterator[tuple[Risk, str, bool]]:
    """What single fields can do that their names do not tell, of new users as of all others."""
    for item in change.fields:
        if not item.writes:
            continue
        if item.key is EMAIL and "@" in change.username and item.after != change.username:
            yield Risk.OTHER_ADDRESS, values_text(item), True
        elif item.key is _CONTACT and isinstance(item.after, str):
            yield Risk.CALLS_ELSEWHERE, values_text(item), True
        elif item.key is _PICTURE and isinstance(item.after, str) and _host(item.after) != _host(item.before):
            yield Risk.PICTURE, values_text(item), True
        elif item.key.space == "channel" and item.key.name == "capacity" and item.after == 0:
            yield Risk.CHANNEL_CLOSED, f"{visible(item.key.path[0])}: {values_text(item)}", True


def _host(value: object) -> str:
    try:
        return (urlsplit(value).hostname or "") if isinstance(value, str) else ""
    except ValueError:
        return ""


_CONTACT: Final = Key.of("attr", "contact_uri")
_PICTURE: Final = Key.of("attr", "image_url")


def _undeclared_admins(plan: Plan) -> Iterator[RiskItem]:
    for change in plan.unmanaged_admins:
        roles = value_text(sorted(roles_of_person_before(change)))
        yield RiskItem(Risk.UNMANAGED_ADMIN, change.username, f"has {roles} in Flex", care=False)


def _skills_of(change: UserChange) -> str:
    worker = change.live.worker if change.live else None
    return visible(", ".join(sorted(live_skills(worker.attributes() or {})))) if worker else ""


def _role_risks(change: UserChange) -> Iterator[tuple[Risk, str, bool]]:
    before, after = roles_of_person_before(change), roles_after(change)
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
    high = [role for role in ("admin", "supervisor") if role in roles_of_person_before(change)]
    said = [visible(change.reason or str(change.why or "")), *([f"is {' and '.join(high)}"] if high else [])]
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


@dataclass(frozen=True, slots=True)
class TopLine:
    """One line on top: a few words, the rest, and whether somebody has to look.

    `grave`: it takes something away from what judges plans, so it is told in red.
    """

    what: str
    says: str
    care: bool = False
    grave: bool = False


def top_lines(plan: Plan, run: PlanRun) -> tuple[TopLine, ...]:
    """What to say before anything else; empty where nothing differs and all was compared."""
    return (*_judged(plan, run), *_changed(plan), *_approvals(plan))


def _judged(plan: Plan, run: PlanRun) -> Iterator[TopLine]:
    found = plan.judged_by
    if run.not_compared:
        yield TopLine("not compared", f"with {visible(run.base)}: {visible(run.not_compared)}", care=True)
    if found is not None and found.by is JudgedBy.NOTHING:
        says = f"judged by its own policy alone: {visible(found.why)}"
        yield TopLine("not compared", says, care=found.lost, grave=found.lost)
    elif found is not None and found.why:
        yield TopLine("judged by", f"{_where(plan)}: {visible(found.why)}", care=True)


def _changed(plan: Plan) -> Iterator[TopLine]:
    where = _where(plan)
    for change in sorted(plan.stack_changes, key=lambda change: _BY_EFFECT[change.effect]):
        says = f"{change.key}: {visible(change.before)} → {visible(change.after)}"
        loosened = change.effect is Effect.LOOSENED
        later = f"; this plan is still judged by {where}" if loosened else ""
        yield TopLine(str(change.effect), says + later, change.effect is not Effect.TIGHTENED, loosened)


def judged_too(found: InForce | None) -> str:
    """By whose policy a plan is judged besides its own, in words; empty where by none."""
    return _NAMES[found.by].format(name=visible(found.name)) if found is not None and found.name else ""


def _where(plan: Plan) -> str:
    return judged_too(plan.judged_by) or "what was before"


_BY_EFFECT: Final = {Effect.LOOSENED: 0, Effect.CHANGED: 1, Effect.TIGHTENED: 2}
_NAMES: Final = {
    JudgedBy.BASE: "{name}",
    JudgedBy.FIRST_PARENT: "the commit before ({name})",
    JudgedBy.HEAD: "HEAD ({name})",
    JudgedBy.NOTHING: "",
}


def _approvals(plan: Plan) -> Iterator[TopLine]:
    """One line for each standing that somebody has to know of; of old ones that lift nothing, how many."""
    entries = by_entry(plan.approvals)
    used = [one.approval for one in entries if one.standing is Standing.USED and one.approval.added]
    who = "this very change" if any(map(plan.proposes, used)) else "the last commit"
    for verb, found in (
        ("added by", [one for one in used if one.extends is None]),
        ("made to hold longer by", [one for one in used if one.extends is not None]),
    ):
        if found:
            yield TopLine("approves itself", f"{verb} {who}: {_listed(found)}", care=True, grave=True)
    idle = plan.idle_approvals
    early = [
        one.approval for number, one in enumerate(entries) if one.standing is not Standing.USED and number not in idle
    ]
    if early:
        says = f"added by this very change, and approves nothing that is refused: {_listed(early)}"
        yield TopLine("approves nothing", says, care=True)
    changed = [one.approval for one in idle.values() if one.standing is Standing.UNUSED]
    if changed:
        yield TopLine("approvals unused", f"what they were given for has changed since: {_listed(changed)}")
    if idle:
        counted = Counter(one.standing for one in idle.values())
        said = ", ".join(f"{counted[standing]:,} {STANDINGS[standing]}" for standing in STANDINGS if counted[standing])
        yield TopLine("old approvals", f"{said}; {prune_command(plan)} takes them out")


def _listed(entries: Sequence[Approval]) -> str:
    shown = "; ".join(f"{visible(one.purpose)} (until {_until(one)})" for one in entries[:_NAMED])
    return f"{shown}; and {len(entries) - _NAMED} more" if len(entries) > _NAMED else shown


def _until(one: Approval) -> str:
    return f"{one.until}, {one.extends} before" if one.extends is not None else str(one.until)


_NAMED: Final = 3
