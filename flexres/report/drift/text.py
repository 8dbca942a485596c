"""Drift as text for a terminal: what differs by reason, whom it touches, since when, and what would put it right."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import groupby

from flexres.reconcile.drift.findings import NEWS, STUCK, Drift, Finding, Reason
from flexres.reconcile.drift.queues import lost_queues
from flexres.report.drift.wording import ACTIONS, counts_text, headline, lost_text, since_text, what_text
from flexres.report.layout import Page, Row
from flexres.report.plan.sections import MOST, rest, stack_name
from flexres.report.plan.verdict import Position, place_of
from flexres.report.visible import visible
from flexres.report.wording import names_of, plural, short_place


def drift_text(
    drift: Drift, *, width: int, colour: bool, verbose: bool = False, position: Position | None = None
) -> str:
    """The findings in at most `width` terminal cells, ending with a newline; nothing but a line where none is new."""
    page, plan = Page(width, colour), drift.plan
    style = "bold yellow" if drift.found else "bold green"
    if drift.quiet:
        page.write(*stack_name(plan), (f"  {headline(drift)}", "dim"))
        _gone(page, drift)
        return page.text()
    cost = f"{plan.declared:,} declared · {plan.in_flex:,} in Flex · read {plan.seconds:.1f} s"
    page.ends([*stack_name(plan), (f"  {headline(drift)}", style)], (cost, "dim"))
    for reason, found in groupby(drift.findings, key=lambda finding: finding.reason):
        _section(page, drift, reason, list(found), position, verbose=verbose)
    _queues(page, drift)
    _gone(page, drift)
    if drift.findings:
        page.blank()
        page.write((counts_text(drift), ""))
    _closing(page, drift)
    return page.text()


def _section(
    page: Page, drift: Drift, reason: Reason, found: list[Finding], position: Position | None, *, verbose: bool
) -> None:
    page.heading(f"{reason[0].upper()}{reason[1:]}")
    shown = found if verbose else found[:MOST]
    page.table([*_rows(drift, shown, position), *rest(len(shown), len(found), str(reason))])
    page.write((ACTIONS[reason], "dim"), indent=2)


def _rows(drift: Drift, shown: list[Finding], position: Position | None) -> Iterator[Row]:
    for finding in shown:
        new = drift.new is not None and finding.id in drift.new
        where = place_of(finding.change, position) if finding.change else None
        style = "dim" if finding.reason in NEWS - STUCK else "yellow"
        yield (
            (f"{'* ' if new else ''}{visible(finding.subject)}", style),
            (what_text(finding), ""),
            (since_text(finding), "dim"),
            (short_place(drift.plan.stack, where), "dim"),
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


def _closing(page: Page, drift: Drift) -> None:
    fixed = sum(finding.fixed for finding in drift.findings)
    stack = visible(shlex.quote(drift.plan.stack))
    if fixed:
        page.write((f"puts back {fixed}, and deploys nothing: ", ""), (f"flexres drift --stack {stack} --fix", "bold"))
    undeployed = any(finding.reason in {Reason.GIT, Reason.EXPIRED} for finding in drift.findings)
    if undeployed:
        page.write(("what is in git takes effect with: ", ""), (f"flexres plan --stack {stack}", "bold"))
