"""A plan or what became of it as text for a terminal: whether it is safe, then who is touched, then what to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

from flexres.apply.outcome import Result, UserOutcome
from flexres.errors import Exit
from flexres.reconcile.change import Kind
from flexres.report.idp import provider as idp
from flexres.report.layout import Cell, Page, Row, whole
from flexres.report.next_step import PlanRun, approve_command, checklist_command, passes_with
from flexres.report.plan import skills
from flexres.report.plan.model import AppliedReport, PlanReport, Step, Undeclared, Where, where_of
from flexres.report.plan.risks import TopLine, judged_too
from flexres.report.plan.sections import (
    MOST,
    approvals,
    at_the_idp,
    counts,
    elsewhere,
    head_line,
    rest,
    risks,
    signed,
    stack_name,
    team_files,
)
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.terms import EXITS, KINDS, RESULTS, VERDICTS
from flexres.report.wording import (
    ELSEWHERE,
    SSO_BRINGS_BACK,
    as_set_words,
    names_of,
    offline_words,
    outcome_message,
    plural,
    short_place,
)
from flexres.text import visible


def plan_text(report: PlanReport, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The plan in at most `width` terminal cells, ending with a newline.

    `verbose` tells every change, every value at length, and what only our marker takes note of.
    """
    page, plan, run = Page(width, colour), report.plan, report.run
    cost = _cost(run)
    if report.settled:
        there = f"as in {visible(run.base)}; Flex was not read" if run.offline else "as declared"
        everybody = {0: "nobody is declared", 1: f"the one user is {there}"}
        says, word = everybody.get(plan.in_sync, f"all {plan.in_sync:,} users are {there}"), "in sync"
        if plan.in_sync < plan.declared:
            # Only some of the changes were asked for, and none of these is there.
            says, word = (
                f"{plan.in_sync:,} of {plan.declared:,} users are {there}, the others are left",
                "nothing to do",
            )
        page.ends([("✓ ", "green"), *stack_name(plan), (f"  {word}: ", "bold green"), (says, "")], (cost, "dim"))
    else:
        known = f"in {visible(run.base)}" if run.offline else "in Flex"
        read = f"{plan.declared:,} declared · {plan.in_flex:,} {known} · {cost}"
        page.ends([*stack_name(plan), (f"  {report.verdict}", VERDICTS[report.verdict].style)], (read, "dim"))
        head_line(page, plan, run, sides=any(one.change.fields and not one.comes for one in report.users))
    if plan.channels_as_set:
        page.write((as_set_words(plan.channels_as_set), "dim"))
    most = None if verbose else MOST
    page.table([[("", ""), (line.what, _top_style(line)), (line.says, "")] for line in report.top])
    _refusals(page, report, most)
    risks(page, report, most)
    approvals(page, report)
    queues.in_text(page, plan, most)
    skills.in_text(page, plan, report.position, most)
    team_files(page, report, verbose=verbose)
    sign_on.in_text(page, plan, verbose=verbose)
    idp.in_text(page, plan, verbose=verbose)
    elsewhere(page, report, verbose=verbose)
    _undeclared(page, report.undeclared, verbose=verbose)
    if not report.settled:
        _closing(page, report, verbose=verbose)
    return page.text()


def _top_style(line: TopLine) -> str:
    return "bold red" if line.grave else "yellow" if line.care else "dim"


def applied_text(report: AppliedReport, *, width: int, colour: bool, verbose: bool = False) -> str:
    """What became of a plan, in at most `width` terminal cells: what went wrong first, ending with a newline."""
    page, applied = Page(width, colour), report.applied
    style = "bold green" if applied.exit is Exit.DONE else "bold yellow"
    cost = f"{plural(applied.requests, 'request')} in {applied.seconds:.1f} s"
    page.ends([*stack_name(applied.plan), (f"  {report.says}", style)], (cost, "dim"))
    head_line(page, applied.plan, report.plan.run, sides=False)
    for result, found in report.groups.items():
        if result is not Result.DONE:
            _outcomes(page, RESULTS[result].title, found, report, verbose=verbose)
    left = [one for one in report.done if one.change.loses_flex]
    _outcomes(page, "Left", left, report, verbose=verbose)
    if report.brings_back:
        page.write((SSO_BRINGS_BACK, "dim"), indent=2)
    let_go = [one for one in report.done if one.change.kind is Kind.LET_GO]
    _outcomes(page, "Let go", let_go, report, verbose=verbose)
    idp.outcomes_in_text(page, applied)
    sign_on.outcomes_in_text(page, applied)
    for error in applied.errors:
        page.write(("✗ ", "bold red"), (visible(error), ""))
    at_the_idp(page, report)
    approvals(page, report.plan)
    if verbose:
        _outcomes(page, "Done", [one for one in report.done if not one.change.leaves], report, verbose=True)
    counted = [(f"{count:,} {result}", RESULTS[result].style) for result, count in report.counts.items()]
    counts(page, counted or [("0 done", "")])
    page.write((f"exit {int(applied.exit)}: {EXITS[applied.exit]}", "dim"))
    if report.command:
        page.write((f"{report.why}: ", ""), (report.command, "bold"))
    return page.text()


def _outcomes(page: Page, title: str, found: Sequence[UserOutcome], report: AppliedReport, *, verbose: bool) -> None:
    if not found:
        return
    page.heading(title)
    shown = found if verbose else found[:MOST]
    rows: list[Row] = []
    for one in shown:
        where = short_place(report.applied.plan.stack, where_of(report.plan, one.change))
        rows.append((signed(one.change), (outcome_message(one), ""), (where, "dim")))
    rows.extend(rest(len(shown), len(found), str(found[0].result)))
    page.table(rows)


def _refusals(page: Page, report: PlanReport, most: int | None) -> None:
    if not report.refusals:
        return
    page.heading("Refused")
    rows: list[Row] = []
    for rule, found in groupby(report.refusals, key=lambda refusal: refusal.rule):
        refusals = list(found)
        for one in refusals[:most]:
            lifts = one.lifts or f"--approve {report.plan.digest}"
            rows.append(
                (
                    (str(rule), "bold red"),
                    (visible(one.briefly), ""),
                    (whole(visible(lifts)) if lifts.startswith("--") else visible(lifts), "dim"),
                )
            )
        rows.extend(rest(len(refusals[:most]), len(refusals), str(rule)))
    page.table(rows)


def _cost(run: PlanRun) -> str:
    return "Flex was not read" if run.offline else f"read {run.seconds:.1f} s, {plural(run.requests, 'request')}"


def _undeclared(page: Page, undeclared: Sequence[Undeclared], *, verbose: bool) -> None:
    """Who is in Flex although the YAML does not name them: how many, and a few by name."""
    groups: dict[Where, list[str]] = {what: [] for what in Where}
    for one in undeclared:
        groups[one.what].append(f"{one.name} ({', '.join(one.names)})" if one.names else one.name)
    few = max(map(len, groups.values())) if verbose else 3
    rows = [
        ((_TITLES[what](len(names)), ""), (names_of(names, few=few), "dim")) for what, names in groups.items() if names
    ]
    if rows:
        page.heading("Not declared here" if any(one.what is not Where.PERSON for one in undeclared) else "Beside that")
        page.table(rows)


_TITLES: Final[Mapping[Where, Callable[[int], str]]] = {
    Where.USER: lambda count: plural(count, "user"),
    Where.OTHER_STACK: lambda count: f"{plural(count, 'user')} of another stack",
    Where.WORKER: lambda count: f"{plural(count, 'Worker')} without a user",
    Where.PERSON: lambda count: f"{plural(count, 'person', 'people')} billed more than once",
}


def _closing(page: Page, report: PlanReport, *, verbose: bool) -> None:
    plan, run = report.plan, report.run
    counted: list[Cell] = [
        (f"{count:,} {KINDS[kind].to_do}", KINDS[kind].style) for kind, count in report.counts.items()
    ]
    if report.noted:
        counted.append((f"{report.noted:,} to note", "dim"))
    if report.elsewhere:
        counted.append((f"{len(report.elsewhere):,} {ELSEWHERE}", "dim"))
    for says in filter(None, (sign_on.counted(plan), idp.counted(plan))):
        counted.append((says, "cyan"))
    counts(page, [*counted, (f"{plan.in_sync:,} as {'before' if run.offline else 'declared'}", "dim")])
    too = judged_too(plan.judged_by)
    if too and (verbose or plan.violations):
        page.write((f"judged by its own policy and by that of {too}", "dim"))
    if run.offline:
        page.write((offline_words(visible(run.base)), "dim"))
    match report.step:
        case Step.CONSOLE:
            page.write(("refused ", "bold red"), ("until it is entered in Console and attested: ", ""))
            page.write((checklist_command(plan), "bold"), indent=2)
        case Step.APPROVE:
            digest = (f"digest {plan.digest}" if plan.digest else "", "dim")
            says = passes_with((refusal.rule for refusal in report.refusals), some_approval=bool(plan.digest))
            page.ends([("refused; ", "bold red"), (says, "")], digest)
            page.write((report.command, "bold"), indent=2)
            if plan.digest:
                page.write((f"or with a commit: {approve_command(plan)}", "dim"), indent=2)
        case Step.APPLY | Step.LOOK_AND_APPLY:
            safe = report.step is Step.APPLY
            if run.follows:
                page.write(("safe to apply" if safe else "needs care", VERDICTS[report.verdict].style))
                return
            says = "safe to apply: " if safe else "after a look at what needs care: "
            page.write((says, VERDICTS[report.verdict].style), (report.command, "bold"))
        case Step.NOTHING:
            page.write(("nothing to apply", "green"))
        case Step.READ_FLEX:
            return
