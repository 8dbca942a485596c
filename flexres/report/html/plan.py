"""A plan, or what became of it, as the content of the HTML page: from the JSON shape, so that both tell the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flexres.apply.outcome import Result
from flexres.reconcile.change import Answer, Kind, SettingChange, SettingState
from flexres.reconcile.guards.model import Rule
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
from flexres.report.html.rows import AS_DECLARED, NOTED, Person, field_of, kind_name, missed_because, rows_of
from flexres.report.next_step import passes_with
from flexres.report.plan.json import Report
from flexres.report.sso import settings as sign_on
from flexres.report.terms import KINDS, RISKS, Risk
from flexres.report.wording import ELSEWHERE, LONG, SSO_BRINGS_BACK, names_of, short_place
from flexres.text import visible


def plan_content(report: Report, people: Iterable[Person], past: Sequence[Past]) -> Content:
    """The page of a plan, or of a run with the plan in it."""
    everybody, plan = tuple(people), report.get("plan", report)
    applied = report is not plan
    counts = Counter(kind_name(change, [field_of(one) for one in change["fields"]]) for change in plan["changes"])
    sections = [
        _top(plan),
        _missed(report) if applied else _refused(plan),
        _risks(plan, applied=applied),
        _queues(plan),
        _skills(plan),
        _settings(plan),
        _provider(plan),
        _approved(plan),
    ]
    return Content(
        report=report["report"],
        stack=visible(plan["stack"]),
        verdict=_verdict(report) if applied else str(plan["verdict"]),
        headline=_done(report) if applied else _to_do(plan, counts),
        facts=facts_of(report, plan),
        sections=[section for section in sections if section.lines],
        charts=[queues_chart(plan.get("queues", ())), _kinds(counts), teams_chart(everybody), history_chart(past)],
        rows=rows_of(plan, everybody, report.get("outcomes", ())),
    )


def _top(plan: Report) -> Section:
    """What has to be known of what judges the plan, before anything else."""
    lines = [Told(bold=one["what"], text=one["says"], care=one["grave"]) for one in plan.get("top", ())]
    return Section("Before anything else", lines)


def _queues(plan: Report) -> Section:
    """The task queues that change, each with those who are in it folded below."""
    lines = [
        Told(
            bold=f"{one['before']:,} → {one['after']:,}",
            name=visible(one["name"]),
            text="; ".join(_moves(one)),
            quiet=", ".join(map(visible, one["filters"])),
            care=bool(one["loses"]),
            names=tuple(map(visible, one["eligible"])),
        )
        for one in plan.get("queues", ())
    ]
    return Section("Queues", lines, table=True, note="; ".join(map(visible, plan.get("queue_notes", ()))))


def _skills(plan: Report) -> Section:
    """The declared skills that Flex does not have so."""
    lines = [
        Told(
            name=visible(one["name"]),
            text=f"{one['message']} ({names_of(one['usernames'])})",
            quiet=short_place(plan["stack"], one.get("where", "")),
        )
        for one in plan.get("skills", ())
    ]
    return Section("Skills that Flex does not have so", lines, table=True)


def _moves(queue: Mapping[str, Any]) -> Iterator[str]:
    if queue["loses"]:
        yield f"loses {names_of(queue['loses'])}"
    if queue["gains"]:
        yield f"gains {names_of(queue['gains'])}"
    if "uncertain" in queue:
        yield f"{len(queue['uncertain']):,} uncertain"


def _kinds(counts: Mapping[str, int]) -> Chart | None:
    ordered = [*(one.name for one in KINDS.values()), NOTED]
    colours = {one.name: one.colour for one in KINDS.values()}
    return kinds_chart((name, colours.get(name, "quiet"), counts[name]) for name in ordered if counts[name])


def _verdict(report: Report) -> str:
    if report["interrupted"]:
        return "interrupted"
    return "done" if report["exit"] == 0 else "done in part"


def _done(report: Report) -> str:
    words = [f"{number:,} {name.replace('_', ' ')}" for name, number in report["counts"].items() if number]
    return " · ".join(words) or "nothing was to do"


def _to_do(plan: Report, counts: Mapping[str, int]) -> str:
    risks = Counter(Risk(risk["kind"]) for risk in plan["risks"])
    said = [risk.counted(risks[risk]) for risk in Risk if risks[risk] and not RISKS[risk].as_kind]
    to_do = [f"{counts[one.name]:,} {one.to_do}" for one in KINDS.values() if counts[one.name]]
    elsewhere = sum(change.get("elsewhere", False) for change in plan["changes"])
    to_do += [f"{elsewhere:,} {ELSEWHERE}"] if elsewhere else []
    in_sync = f"{plan['counts']['in_sync']:,} {AS_DECLARED}"
    return " · ".join(filter(None, (", ".join(said), ", ".join(to_do), in_sync)))


def _refused(plan: Report) -> Section:
    lines = [Told(text=visible(one["message"]), quiet=visible(one.get("hint", ""))) for one in plan["violations"]]
    says = passes_with((Rule(one["rule"]) for one in plan["violations"]), some_approval="digest" in plan)
    return Section(
        "Refused",
        lines,
        grave=True,
        then=f"Nothing is sent: {says}" if "next" in plan else "",
        command=plan.get("next", ""),
        note=f"or with a commit: {plan['approve']}" if "approve" in plan else "",
    )


def _missed(report: Report) -> Section:
    lines = [
        Told(outcome["result"], visible(_about(outcome)), missed_because(outcome))
        for outcome in _left_out(report)
        if outcome["result"] not in {str(Result.DONE), str(Result.WAITING)}
    ]
    lines += [Told("failed", text=visible(error)) for error in report.get("errors", ())]
    command = report.get("next", "")
    return Section("Not done", lines, grave=True, then="What to type next" if command else "", command=command)


def _left_out(report: Report) -> Iterator[Mapping[str, Any]]:
    yield from report.get("outcomes", ())
    yield from report.get("settings", ())
    yield from report.get("idp", ())


def _about(outcome: Mapping[str, Any]) -> str:
    part = " ".join(filter(None, (outcome.get("part"), outcome.get("key"))))
    return str(outcome.get("username") or outcome.get("entry") or outcome.get("field") or part)


_LEAVING: Final = frozenset(map(str, (Kind.RETIRE, Kind.WAIT, Kind.LET_GO)))


def _risks(plan: Report, *, applied: bool) -> Section:
    risks = plan["risks"]
    title = "Needs care" if any(risk["care"] for risk in risks) else "To know"
    back = any(change["kind"] in _LEAVING and "idp" not in change for change in plan["changes"])
    return Section(
        "What needed care" if applied else title,
        [_risk(plan, risk) for risk in risks],
        table=True,
        note=SSO_BRINGS_BACK if back else "",
    )


def _risk(plan: Report, risk: Mapping[str, Any]) -> Told:
    approved = risk.get("approved_by", "")
    said = [
        risk.get("detail", ""),
        f"approved by {visible(approved)}" if approved else "",
        ELSEWHERE if risk.get("elsewhere") else "",
    ]
    return Told(
        bold=risk["kind"],
        name=visible(risk["username"]),
        text=" · ".join(filter(None, said)),
        quiet=short_place(plan["stack"], risk.get("where", "")),
        care=risk["care"],
        code=f"--approve {risk['approve']}" if risk.get("approve") else "",
    )


def _settings(plan: Report) -> Section:
    lines = []
    for described in plan.get("settings", ()):
        state, answer = SettingState(described["state"]), Answer(described["answer"])
        setting = SettingChange(**{**described, "state": state, "answer": answer})
        if state is not SettingState.AS_DECLARED:
            said = sign_on.tell(setting, LONG)
            lines.append(Told(f"{said.sign} {said.name}", text=said.says, quiet=said.how))
    return Section("Single sign-on", lines)


def _provider(plan: Report) -> Section:
    idp = plan.get("idp", {})
    lines = [
        Told(visible(one["about"]), text=visible(one["message"]), quiet=visible(one["hint"]))
        for one in idp.get("troubles", ())
    ]
    lines += [Told(one["part"], text=visible(one.get("says") or visible(one["key"]))) for one in idp.get("changes", ())]
    lines += [Told("not there", visible(email), "can sign in nowhere") for email in idp.get("missing", ())]
    return Section(f"At {visible(idp.get('provider', 'the identity provider'))}", lines)


def _approved(plan: Report) -> Section:
    lines = [
        Told(item["rule"], visible(item["username"]), quiet=visible(item["approved_by"]))
        for item in plan["guarded"]
        if item.get("approved_by")
    ]
    return Section("Approved", lines)
