"""A plan or what became of it as text for a terminal: whether it is safe, then who is touched, then what to type."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from flexres.apply.outcome import Applied, Result, UserOutcome
from flexres.errors import Exit
from flexres.reconcile.base import not_from_this_change
from flexres.reconcile.guards import Rule
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.layout import Cell, Page, Row
from flexres.report.plan.next_step import apply_command, checklist_command, lift, next_after, waits_for_console
from flexres.report.plan.sections import (
    KIND_STYLES,
    MOST,
    VERDICT_STYLES,
    approvals,
    at_the_idp,
    counts,
    elsewhere,
    rest,
    risks,
    signed,
    stack_name,
    team_files,
)
from flexres.report.plan.verdict import Position, Summary, Verdict, place_of, summarise
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.sso.settings import settings_to_tell
from flexres.report.visible import visible
from flexres.report.wording import (
    ELSEWHERE,
    EXITS,
    KINDS,
    SSO_BRINGS_BACK,
    names_of,
    offline_words,
    outcome_message,
    plural,
    short_place,
)


def plan_text(plan: Plan, *, width: int, colour: bool, verbose: bool = False, position: Position | None = None) -> str:
    """The plan in at most `width` terminal cells, ending with a newline.

    `verbose` tells every change, every value at length, and what only our marker takes note of. `position` gives
    the place in the YAML of a declared user.
    """
    page, summary = Page(width, colour), summarise(plan, position)
    cost = _cost(plan)
    settled = not plan.users and not plan.violations and not settings_to_tell(plan)
    settled = settled and not idp.untidy(plan)
    if settled:
        there = f"as in {visible(plan.base or '')}; Flex was not read" if plan.offline else "as declared"
        says = f"all {plan.in_sync:,} users are {there}" if plan.in_sync != 1 else f"the one user is {there}"
        page.ends([("✓ ", "green"), *stack_name(plan), ("  in sync: ", "bold green"), (says, "")], (cost, "dim"))
    else:
        known = f"in {visible(plan.base or '')}" if plan.offline else "in Flex"
        read = f"{plan.declared:,} declared · {plan.in_flex:,} {known} · {cost}"
        page.ends([*stack_name(plan), (f"  {summary.verdict}", VERDICT_STYLES[summary.verdict])], (read, "dim"))
    most = None if verbose else MOST
    _refusals(page, plan, most)
    risks(page, summary, plan.stack, most)
    approvals(page, summary)
    queues.in_text(page, plan, most)
    team_files(page, plan, verbose=verbose)
    sign_on.in_text(page, plan, verbose=verbose)
    idp.in_text(page, plan, verbose=verbose)
    elsewhere(page, plan, verbose=verbose)
    _undeclared(page, plan, verbose=verbose)
    if not settled:
        _closing(page, plan, summary)
    return page.text()


def applied_text(
    applied: Applied, *, width: int, colour: bool, verbose: bool = False, position: Position | None = None
) -> str:
    """What became of a plan, in at most `width` terminal cells: what went wrong first, ending with a newline."""
    page, plan = Page(width, colour), applied.plan
    style = "bold green" if applied.exit is Exit.DONE else "bold yellow"
    says = "interrupted" if applied.interrupted else "applied" if applied.exit is Exit.DONE else "applied in part"
    cost = f"{plural(applied.requests, 'request')} in {applied.seconds:.1f} s"
    page.ends([*stack_name(plan), (f"  {says}", style)], (cost, "dim"))
    for result, title in _TROUBLES.items():
        _outcomes(page, title, list(applied.of(result)), plan.stack, position, verbose=verbose)
    left = [one for one in applied.of(Result.DONE) if one.change.leaves]
    _outcomes(page, "Left", left, plan.stack, position, verbose=verbose)
    if any(one.change.idp is None for one in left):
        page.write((SSO_BRINGS_BACK, "dim"), indent=2)
    idp.outcomes_in_text(page, applied)
    sign_on.outcomes_in_text(page, applied)
    for error in applied.errors:
        page.write(("✗ ", "bold red"), (visible(error), ""))
    summary = summarise(plan, position)
    at_the_idp(page, summary, plan.stack)
    approvals(page, summary)
    if verbose:
        done = [one for one in applied.of(Result.DONE) if not one.change.leaves]
        _outcomes(page, "Done", done, plan.stack, position, verbose=True)
    counted = applied.counts()
    counts(
        page, [(f"{counted[one]:,} {one}", _RESULT_STYLES[one]) for one in Result if counted[one]] or [("0 done", "")]
    )
    page.write((f"exit {int(applied.exit)}: {EXITS[applied.exit]}", "dim"))
    command, why = next_after(applied)
    if command:
        page.write((f"{why}: ", ""), (command, "bold"))
    return page.text()


_TROUBLES: Final = {
    Result.FAILED: "Failed",
    Result.NOT_TAKEN: "Did not take: Flex did not hold this when it was read back",
    Result.BLOCKED: "Blocked",
    Result.NOT_STARTED: "Not started",
    Result.WAITING: "Waiting to leave",
}
_RESULT_STYLES: Final = {
    Result.DONE: "green",
    Result.WAITING: "dim",
    Result.FAILED: "bold red",
    Result.BLOCKED: "red",
    Result.NOT_TAKEN: "red",
    Result.NOT_STARTED: "yellow",
}


def _outcomes(
    page: Page,
    title: str,
    found: Sequence[UserOutcome],
    stack: str,
    position: Position | None,
    *,
    verbose: bool,
) -> None:
    if not found:
        return
    page.heading(title)
    shown = found if verbose else found[:MOST]
    rows: list[Row] = []
    for one in shown:
        where = short_place(stack, place_of(one.change, position))
        rows.append((signed(one.change), (outcome_message(one), ""), (where, "dim")))
    rows.extend(rest(len(shown), len(found), str(found[0].result)))
    page.table(rows)


def _refusals(page: Page, plan: Plan, most: int | None) -> None:
    if not plan.violations:
        return
    page.heading("Refused")
    rows: list[Row] = []
    for rule, found in groupby(plan.violations, key=lambda violation: violation.rule):
        violations = list(found)
        for violation in violations[:most]:
            lifts = lift(plan, violation) or f"--approve {plan.digest}"
            says = violation.message.removesuffix(f" {rule}")
            rows.append(((str(rule), "bold red"), (visible(says), ""), (visible(lifts), "dim")))
        rows.extend(rest(len(violations[:most]), len(violations), str(rule)))
    page.table(rows)


def _cost(plan: Plan) -> str:
    return "Flex was not read" if plan.offline else f"read {plan.seconds:.1f} s, {plural(_requests(plan), 'request')}"


def _requests(plan: Plan) -> int:
    return plan.requests + (plan.idp.requests if plan.idp else 0)


def _undeclared(page: Page, plan: Plan, *, verbose: bool) -> None:
    """Who is in Flex although the YAML does not name them: how many, and a few by name."""
    ours = [change.username for change in plan.unmanaged if change.marker is None]
    theirs = [change.username for change in plan.unmanaged if change.marker is not None]
    workers = [worker.friendly_name for worker in plan.orphans]
    personas = [f"{email} ({', '.join(names)})" for email, names in plan.personas.items()]
    groups = [
        (plural(len(ours), "user"), ours),
        (f"{plural(len(theirs), 'user')} of another stack", theirs),
        (f"{plural(len(workers), 'Worker')} without a user", workers),
        (f"{plural(len(personas), 'person', 'people')} billed more than once", personas),
    ]
    few = max(len(names) for _, names in groups) if verbose else 3
    rows = [((title, ""), (names_of(names, few=few), "dim")) for title, names in groups if names]
    if rows:
        page.heading("Not declared here" if ours or theirs or workers else "Beside that")
        page.table(rows)


def _closing(page: Page, plan: Plan, summary: Summary) -> None:
    counted: list[Cell] = [
        (f"{count:,} {KINDS[kind].to_do}", KIND_STYLES.get(kind, "")) for kind, count in summary.counts.items()
    ]
    if summary.noted:
        counted.append((f"{summary.noted:,} to note", "dim"))
    others = len(not_from_this_change(plan.users))
    if others:
        counted.append((f"{others:,} {ELSEWHERE}", "dim"))
    for says in filter(None, (sign_on.counted(plan), idp.counted(plan))):
        counted.append((says, "cyan"))
    counts(page, [*counted, (f"{plan.in_sync:,} as {'before' if plan.offline else 'declared'}", "dim")])
    if plan.offline:
        page.write((offline_words(visible(plan.base or "")), "dim"))
    if plan.violations and waits_for_console(plan):
        page.write(("refused ", "bold red"), ("until it is entered in Console and attested: ", ""))
        page.write((checklist_command(plan), "bold"), indent=2)
    elif plan.violations:
        page.ends([("refused; ", "bold red"), ("exactly this plan passes with", "")], (_digest(plan), "dim"))
        page.write((apply_command(plan), "bold"), indent=2)
        if plan.digest and {violation.rule for violation in plan.violations} - {Rule.OLDER_CHECKOUT}:
            page.write((f"or with a commit that adds {plan.digest} to policy.approved", "dim"), indent=2)
    elif plan.pending and not plan.offline:
        says = "safe to apply: " if summary.verdict is Verdict.SAFE else "after a look at what needs care: "
        page.write((says, VERDICT_STYLES[summary.verdict]), (apply_command(plan), "bold"))
    elif not plan.offline:
        page.write(("nothing to apply", "green"))


def _digest(plan: Plan) -> str:
    return f"digest {plan.digest}" if plan.digest else ""
