"""A plan, or what became of it, as the content of the HTML page: what the model of the report says, laid out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flexres.apply.outcome import Result
from flexres.errors import Exit
from flexres.reconcile.plan import Plan
from flexres.report.html.content import (
    Chart,
    Content,
    Past,
    Section,
    Told,
    facts_of,
    history_chart,
    kinds_chart,
    queues_chart,
    teams_chart,
)
from flexres.report.html.rows import AS_DECLARED, NOTED, Person, rows_of
from flexres.report.idp import provider
from flexres.report.next_step import approve_command, passes_with
from flexres.report.plan.model import AppliedReport, PlanReport
from flexres.report.plan.risks import RiskItem
from flexres.report.plan.skills import place_of_skill
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.terms import KINDS, RISKS, Risk
from flexres.report.wording import ELSEWHERE, LONG, SSO_BRINGS_BACK, missed_because, names_of, short_place
from flexres.routing.coverage import QueueCoverage
from flexres.text import visible


def plan_content(report: PlanReport, people: Iterable[Person], past: Sequence[Past]) -> Content:
    """The page of a plan."""
    risks = _risks(report, "Needs care" if report.needs_care else "To know")
    return Content(
        report="plan",
        stack=visible(report.plan.stack),
        verdict=str(report.verdict),
        headline=_to_do(report),
        facts=_facts(report, report.run.seconds, report.run.requests),
        sections=_sections(report, _refused(report), risks),
        charts=_charts(report, people, past),
        rows=rows_of(report, people),
    )


def applied_content(report: AppliedReport, people: Iterable[Person], past: Sequence[Past]) -> Content:
    """The page of a run with its plan in it."""
    applied = report.applied
    done = "done" if applied.exit is Exit.DONE else "done in part"
    return Content(
        report="apply",
        stack=visible(applied.plan.stack),
        verdict="interrupted" if applied.interrupted else done,
        headline=" · ".join(f"{count:,} {result}" for result, count in report.counts.items()) or "nothing was to do",
        facts=_facts(report.plan, applied.seconds, applied.requests),
        sections=_sections(report.plan, _missed(report), _risks(report.plan, "What needed care")),
        charts=_charts(report.plan, people, past),
        rows=rows_of(report.plan, people, applied.users),
    )


def _sections(report: PlanReport, in_the_way: Section, risks: Section) -> list[Section]:
    plan = report.plan
    after = (_queues(plan), _skills(report), _settings(report), _provider(plan), _approved(plan))
    return [section for section in (_top(report), in_the_way, risks, *after) if section.lines]


def _charts(report: PlanReport, people: Iterable[Person], past: Sequence[Past]) -> list[Chart | None]:
    return [queues_chart(queues.shown(report.plan)), _kinds(report), teams_chart(people), history_chart(past)]


def _facts(report: PlanReport, seconds: float, requests: int) -> list[tuple[str, str]]:
    plan, run = report.plan, report.run
    users = plan.channels_as_set
    return facts_of(
        plan,
        run,
        ("Digest", plan.digest),
        ("Not looked at", f"whether channels of {users:,} users are available" if users else ""),
        ("Took", f"{seconds:.1f} s, {requests:,} requests" if requests else ""),
    )


def _top(report: PlanReport) -> Section:
    """What has to be known of what judges the plan, before anything else."""
    lines = [Told(bold=one.what, text=one.says, care=one.grave) for one in report.top]
    return Section("Before anything else", lines)


def _queues(plan: Plan) -> Section:
    """The task queues that change, each with those who are in it folded below."""
    lines = [
        Told(
            bold=f"{one.before:,} → {one.after:,}",
            name=visible(one.queue.name),
            text="; ".join(_moves(one)),
            quiet=", ".join(visible(route.name) for route in one.queue.routes),
            care=bool(one.loses),
            names=tuple(map(visible, one.eligible)),
        )
        for one in queues.shown(plan)
    ]
    if standing := queues.standing_words(plan):
        lines.append(Told(text=standing))
    return Section("Queues", lines, table=True, note="; ".join(map(visible, queues.notes(plan))))


def _skills(report: PlanReport) -> Section:
    """The declared skills that Flex does not have so."""
    lines = [
        Told(
            name=visible(one.name),
            text=f"{one.message} ({names_of(one.usernames)})",
            quiet=short_place(report.plan.stack, place_of_skill(one, report.position)),
        )
        for one in report.plan.skills
    ]
    return Section("Skills that Flex does not have so", lines, table=True)


def _moves(one: QueueCoverage) -> Iterator[str]:
    if one.loses:
        yield f"loses {names_of(one.loses)}"
    if one.gains:
        yield f"gains {names_of(one.gains)}"
    if one.doubts:
        yield f"{len(one.doubts):,} uncertain"


def _kinds(report: PlanReport) -> Chart | None:
    bars = [(one.name, one.colour, report.counts.get(kind, 0)) for kind, one in KINDS.items()]
    return kinds_chart(bar for bar in (*bars, (NOTED, "quiet", report.noted)) if bar[2])


def _to_do(report: PlanReport) -> str:
    risks = report.by_risk
    said = [risk.counted(risks[risk]) for risk in Risk if risks[risk] and not RISKS[risk].as_kind]
    to_do = [f"{report.counts[kind]:,} {one.to_do}" for kind, one in KINDS.items() if kind in report.counts]
    elsewhere = sum(change.elsewhere for change in report.plan.users)
    to_do += [f"{elsewhere:,} {ELSEWHERE}"] if elsewhere else []
    in_sync = f"{report.plan.in_sync:,} {AS_DECLARED}"
    return " · ".join(filter(None, (", ".join(said), ", ".join(to_do), in_sync)))


def _refused(report: PlanReport) -> Section:
    plan = report.plan
    command = report.command if plan.pending and not report.run.offline else ""
    says = passes_with((one.rule for one in report.refusals), some_approval=bool(plan.digest))
    return Section(
        "Refused",
        [Told(text=visible(one.says), quiet=visible(one.lifts)) for one in report.refusals],
        grave=True,
        then=f"Nothing is sent: {says}" if command else "",
        command=command,
        note=f"or with a commit: {approve_command(plan)}" if plan.digest else "",
    )


def _missed(report: AppliedReport) -> Section:
    applied = report.applied
    lines = [
        Told(str(outcome.result), visible(outcome.change.name), missed_because(outcome))
        for outcome in (*applied.users, *applied.settings, *applied.at_idp)
        if outcome.result not in {Result.DONE, Result.WAITING}
    ]
    lines += [Told("failed", text=visible(error)) for error in applied.errors]
    then = "What to type next" if report.command else ""
    return Section("Not done", lines, grave=True, then=then, command=report.command)


def _risks(report: PlanReport, title: str) -> Section:
    lines = [_risk(report.plan, risk) for risk in report.risks]
    return Section(title, lines, table=True, note=SSO_BRINGS_BACK if report.brings_back else "")


def _risk(plan: Plan, risk: RiskItem) -> Told:
    approved = f"approved by {visible(risk.approved_by)}" if risk.approved_by else ""
    return Told(
        bold=str(risk.kind),
        name=visible(risk.username),
        text=" · ".join(filter(None, (risk.detail, approved, ELSEWHERE if risk.elsewhere else ""))),
        quiet=short_place(plan.stack, risk.where),
        care=risk.care,
        code=f"--approve {risk.approve}" if risk.approve else "",
    )


def _settings(report: PlanReport) -> Section:
    told = (sign_on.tell(setting, LONG) for setting in report.settings)
    return Section("Single sign-on", [Told(f"{one.sign} {one.name}", text=one.says, quiet=one.how) for one in told])


def _provider(plan: Plan) -> Section:
    if plan.idp is None:
        return Section("", [])
    lines = [
        Told(visible(one.about), text=visible(one.problem.message), quiet=visible(one.problem.hint))
        for one in plan.idp.troubles
    ]
    lines += [Told(str(one.part), text=visible(provider.says(one) if one.says else one.key)) for one in plan.at_idp]
    lines += [Told("not there", visible(email), "can sign in nowhere") for email in plan.idp.missing]
    return Section(f"At {visible(plan.idp.wanted.provider)}", lines)


def _approved(plan: Plan) -> Section:
    given = ((one, one.approved_by) for one in plan.guarded)
    return Section(
        "Approved", [Told(str(one.rule), visible(one.username), quiet=visible(by)) for one, by in given if by]
    )
