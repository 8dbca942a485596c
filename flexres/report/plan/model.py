"""What a report says of a plan, or of what became of it: worked out once, laid out by each format without thinking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import groupby
from typing import Final

from flexres.apply.outcome import Applied, Result, UserOutcome
from flexres.errors import Exit
from flexres.reconcile.base import from_this_change, not_from_this_change
from flexres.reconcile.change import Kind, SettingChange, SettingState, UserChange
from flexres.reconcile.guards.model import Rule, Violation
from flexres.reconcile.plan import Plan
from flexres.report.idp.provider import untidy
from flexres.report.next_step import AS_PLANNED, PlanRun, apply_command, lift, next_after, waits_for_console
from flexres.report.plan.risks import Position, RiskItem, TopLine, place_of, risks_of, top_lines
from flexres.report.plan.user import UserReport
from flexres.report.terms import KINDS, RESULTS, Risk, Verdict


@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard that refuses: `says` is what it found, `briefly` the same beside the name of its rule.

    `lifts` is what lifts it for good, besides an approval; empty where nothing else does.
    """

    rule: Rule
    says: str
    briefly: str
    lifts: str
    violation: Violation


@dataclass(frozen=True, slots=True)
class Approved:
    """Guarded changes of one rule that somebody approved."""

    rule: Rule
    by: str
    usernames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeamFile:
    """The changes of one team file: by kind in the order of telling, and in the plan's order within a kind."""

    file: str
    changes: tuple[UserReport, ...]
    counts: Mapping[Kind, int]


class Where(Enum):
    """What somebody is whom the YAML does not declare."""

    USER = auto()
    OTHER_STACK = auto()
    WORKER = auto()
    PERSON = auto()


@dataclass(frozen=True, slots=True)
class Undeclared:
    """Somebody in Flex whom the YAML does not declare; of a person billed more than once, `names` are the users."""

    what: Where
    name: str
    stack_id: str = ""
    names: tuple[str, ...] = ()


class Step(Enum):
    """What is to be done with a plan."""

    NOTHING = auto()
    APPLY = auto()
    LOOK_AND_APPLY = auto()
    APPROVE = auto()
    CONSOLE = auto()
    READ_FLEX = auto()
    """The plan has not looked at Flex, so there is nothing to apply yet."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """All that any format says of a plan.

    `counts` is by kind, without `noted`: the updates that write nothing but our marker, because Flex already is as
    declared. `users` are all changes; `files` and `elsewhere` list them, the latter what is not from this change,
    each with those of somebody's fields that belong there. `settings` are those that are not simply as declared.
    `exit` is what `plan --check` exits with. `command` applies the plan.
    """

    plan: Plan
    run: PlanRun
    position: Position | None
    verdict: Verdict
    exit: Exit
    top: tuple[TopLine, ...]
    refusals: tuple[Refusal, ...]
    risks: tuple[RiskItem, ...]
    approved: tuple[Approved, ...]
    counts: Mapping[Kind, int]
    noted: int
    users: tuple[UserReport, ...]
    files: tuple[TeamFile, ...]
    elsewhere: tuple[UserReport, ...]
    settings: tuple[SettingChange, ...]
    undeclared: tuple[Undeclared, ...]
    step: Step
    command: str

    @property
    def by_risk(self) -> Counter[Risk]:
        """How many are at which risk, in the order of telling."""
        return Counter(item.kind for item in self.risks)

    @property
    def settled(self) -> bool:
        """Whether there is nothing to tell but that all is as declared."""
        return not (
            self.plan.users
            or any(line.care for line in self.top)
            or self.refusals
            or self.settings
            or untidy(self.plan)
        )

    @property
    def needs_care(self) -> bool:
        """Whether somebody at risk has to be decided about."""
        return any(item.care for item in self.risks)

    @property
    def brings_back(self) -> bool:
        """Whether somebody leaves whom a login would bring back: nothing is taken from them at the provider."""
        return any(change.loses_flex and change.idp is None for change in self.plan.users)


@dataclass(frozen=True, slots=True)
class AppliedReport:
    """All that any format says of what became of a plan.

    `groups` are the outcomes of users by result, in the order of telling. `command` is what to type next and `why`
    when, both empty where nothing is left to do.
    """

    applied: Applied
    plan: PlanReport
    says: str
    groups: Mapping[Result, tuple[UserOutcome, ...]]
    counts: Mapping[Result, int]
    command: str
    why: str
    at_idp: tuple[RiskItem, ...] = field(default=())

    @property
    def troubled(self) -> Iterator[UserOutcome]:
        """Whoever is not plainly done, in the order of telling."""
        return (one for result, found in self.groups.items() if result is not Result.DONE for one in found)

    @property
    def done(self) -> tuple[UserOutcome, ...]:
        """Whoever is."""
        return self.groups.get(Result.DONE, ())

    @property
    def brings_back(self) -> bool:
        """Whether somebody left whom a login would bring back: the identity provider was not told."""
        return any(one.change.loses_flex and one.change.idp is None for one in self.done)


def report_of(plan: Plan, run: PlanRun = AS_PLANNED, position: Position | None = None) -> PlanReport:
    """What to say of a plan; `position` gives the place in the YAML of a declared user."""
    risks = risks_of(plan, position)
    counts = Counter(change.kind for change in plan.users)
    users = {change.username: UserReport(change) for change in plan.users}
    noted = sum(one.noted for one in users.values())
    counts[Kind.UPDATE] -= noted
    top = top_lines(plan, run)
    loosened = plan.loosened
    verdict = _verdict(plan, risks, top)
    return PlanReport(
        plan=plan,
        run=run,
        position=position,
        verdict=verdict,
        exit=check_exit(plan),
        top=top,
        refusals=tuple(_refusal(plan, violation, loosened) for violation in plan.violations),
        risks=risks,
        approved=tuple(_approved(plan)),
        counts={kind: counts[kind] for kind in Kind if counts[kind]},
        noted=noted,
        users=tuple(users.values()),
        files=tuple(_files(_part(users, from_this_change(plan.users)))),
        elsewhere=_by_kind(_part(users, not_from_this_change(plan.users))),
        settings=tuple(each for each in plan.settings if each.state is not SettingState.AS_DECLARED),
        undeclared=tuple(_undeclared(plan)),
        step=_step(plan, run, verdict),
        command=apply_command(plan, run),
    )


def applied_report_of(applied: Applied, run: PlanRun = AS_PLANNED, position: Position | None = None) -> AppliedReport:
    """What to say of what became of a plan; `run` is that of the plan."""
    plan, counted, done = report_of(applied.plan, run, position), applied.counts(), applied.exit is Exit.DONE
    command, why = next_after(applied, run)
    return AppliedReport(
        applied=applied,
        plan=plan,
        says="interrupted" if applied.interrupted else "applied" if done else "applied in part",
        groups={result: found for result in RESULTS if (found := tuple(applied.of(result)))},
        counts={result: counted[result] for result in Result if counted[result]},
        command=command,
        why=why,
        at_idp=tuple(item for item in plan.risks if item.kind is Risk.AT_IDP),
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


def _verdict(plan: Plan, risks: Sequence[RiskItem], top: Sequence[TopLine]) -> Verdict:
    if plan.violations:
        return Verdict.REFUSED
    at_idp = _differs_at_idp(plan) or (plan.idp is not None and bool(plan.idp.troubles))
    care = [*(line.care for line in top), *(item.care for item in risks), *(setting.care for setting in plan.settings)]
    if at_idp or any(care):
        return Verdict.NEEDS_CARE
    return Verdict.SAFE if plan.pending else Verdict.IN_SYNC


def _step(plan: Plan, run: PlanRun, verdict: Verdict) -> Step:
    if plan.violations:
        return Step.CONSOLE if waits_for_console(plan) else Step.APPROVE
    if run.offline:
        return Step.READ_FLEX
    if not plan.pending:
        return Step.NOTHING
    return Step.APPLY if verdict is Verdict.SAFE else Step.LOOK_AND_APPLY


def _refusal(plan: Plan, violation: Violation, loosened: Container[Violation]) -> Refusal:
    # The rule says what is gained; beside it the name is enough.
    only_name = violation.rule is Rule.GAINS_ADMIN and len(violation.usernames) == 1
    briefly = violation.usernames[0] if only_name else violation.message
    lifts = lift(plan, violation, loosened=violation in loosened)
    return Refusal(violation.rule, violation.message, briefly, lifts, violation)


def _approved(plan: Plan) -> Iterator[Approved]:
    groups: dict[tuple[Rule, str], list[str]] = {}
    for item in plan.guarded:
        if item.approved_by:
            groups.setdefault((item.rule, item.approved_by), []).append(item.username)
    for (rule, by), usernames in groups.items():
        yield Approved(rule, by, tuple(usernames))


def _part(users: Mapping[str, UserReport], changes: Iterable[UserChange]) -> list[UserReport]:
    """What is said of some of the changes, or of only some of their fields."""
    found = ((users[change.username], change) for change in changes)
    return [one if one.change is change else UserReport(change) for one, change in found]


def _files(changes: Sequence[UserReport]) -> Iterator[TeamFile]:
    declared = [one for one in changes if one.change.file and not KINDS[one.change.kind].in_risks]
    declared.sort(key=lambda one: one.change.file or "")
    for file, found in groupby(declared, key=lambda one: one.change.file or ""):
        ordered = _by_kind(found)
        yield TeamFile(file, ordered, Counter(one.change.kind for one in ordered))


def _by_kind(changes: Iterable[UserReport]) -> tuple[UserReport, ...]:
    return tuple(sorted(changes, key=lambda one: _KIND_ORDER[one.change.kind]))


_KIND_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


def _undeclared(plan: Plan) -> Iterator[Undeclared]:
    for change in plan.unmanaged:
        if change.marker is None:
            yield Undeclared(Where.USER, change.username)
        else:
            yield Undeclared(Where.OTHER_STACK, change.username, change.marker.stack_id)
    for worker in plan.orphans:
        yield Undeclared(Where.WORKER, worker.friendly_name)
    for email, names in plan.personas.items():
        yield Undeclared(Where.PERSON, email, names=tuple(names))


def where_of(report: PlanReport, change: UserChange) -> str | None:
    """Where the YAML declares a user."""
    return place_of(change, report.position)
