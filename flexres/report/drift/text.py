"""Drift as text for a terminal: what differs by reason, whom it touches, since when, and what would put it right."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from flexres.reconcile.drift.findings import Drift, Reason
from flexres.reconcile.drift.fix import lost_queues
from flexres.report.drift.model import DriftReport, Told
from flexres.report.drift.wording import counts_text, lost_text, unnamed_lines
from flexres.report.layout import Page, Row
from flexres.report.plan.sections import MOST, rest, stack_name
from flexres.report.terms import ACTIONS
from flexres.report.visible import visible
from flexres.report.wording import names_of, plural, short_place


def drift_text(report: DriftReport, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The findings in at most `width` terminal cells, ending with a newline; nothing but a line where none is new."""
    page, plan, drift = Page(width, colour), report.plan, report.drift
    style = "bold yellow" if drift.found else "bold green"
    if drift.quiet:
        page.write(*stack_name(plan), (f"  {report.headline}", "dim"))
        _gone(page, drift)
        return page.text()
    cost = f"{plan.declared:,} declared · {plan.in_flex:,} in Flex · read {report.run.seconds:.1f} s"
    page.ends([*stack_name(plan), (f"  {report.headline}", style)], (cost, "dim"))
    for reason, found in report.by_reason():
        _section(page, plan.stack, reason, found, verbose=verbose)
    _queues(page, drift)
    for line in unnamed_lines(drift):
        page.write((line, "dim"))
    _gone(page, drift)
    if report.findings:
        page.blank()
        page.write((counts_text(drift), ""))
    _closing(page, report)
    return page.text()


def _section(page: Page, stack: str, reason: Reason, found: Sequence[Told], *, verbose: bool) -> None:
    page.heading(f"{reason[0].upper()}{reason[1:]}")
    shown = found if verbose else found[:MOST]
    page.table([*_rows(stack, shown), *rest(len(shown), len(found), str(reason))])
    page.write((ACTIONS[reason], "dim"), indent=2)


def _rows(stack: str, shown: Sequence[Told]) -> Iterator[Row]:
    for one in shown:
        yield (
            (f"{'* ' if one.new else ''}{visible(one.finding.subject)}", "dim" if one.quiet else "yellow"),
            (one.what, ""),
            (one.since, "dim"),
            (short_place(stack, one.where), "dim"),
        )


def _queues(page: Page, drift: Drift) -> None:
    found = lost_queues(drift.plan)
    if found:
        page.heading("Queues that lost somebody by a change in Flex")
        page.table([[(visible(one.coverage.queue.name), "yellow"), (lost_text(one), "")] for one in found[:MOST]])


def _gone(page: Page, drift: Drift) -> None:
    if drift.gone:
        said = f"{plural(len(drift.gone), 'finding')} of then no more: "
        page.write((said, "green"), (names_of([subject for _, subject in drift.gone]), ""))


def _closing(page: Page, report: DriftReport) -> None:
    stack = visible(shlex.quote(report.plan.stack))
    if report.fixed:
        says = f"puts back {report.fixed}, and deploys nothing: "
        page.write((says, ""), (f"flexres drift --stack {stack} --fix", "bold"))
    if report.undeployed:
        page.write(("what is in git takes effect with: ", ""), (f"flexres plan --stack {stack}", "bold"))
