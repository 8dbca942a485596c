"""The sections that the text reports of a plan and of a run share: risks, approvals, users by team file, counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Final

from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan
from flexres.report.layout import Cell, Page, Row
from flexres.report.next_step import PlanRun
from flexres.report.origin import JUDGED, origin_of, sides_of
from flexres.report.plan.model import AppliedReport, PlanReport
from flexres.report.plan.risks import RiskItem
from flexres.report.plan.user import Becomes, Repeats, UserReport
from flexres.report.terms import KINDS, RISKS, Risk
from flexres.report.wording import (
    ELSEWHERE,
    LONG,
    SHORT,
    SSO_BRINGS_BACK,
    names_of,
    short_place,
    short_sid,
)
from flexres.text import visible

MOST: Final = 40
"""So many of one kind in one place are told one by one; of the rest only how many, unless everything is asked for."""

_SEVERAL: Final = 3
"""From so many on, what all who come have in common is told once."""

_WIDE: Final = 100
"""From this width on, places have a column of their own."""


def stack_name(plan: Plan) -> list[Cell]:
    """The stack and its instance, as a page begins."""
    return [(visible(plan.stack), "bold"), (f"  {short_sid(plan.instance.sid)}", "dim")]


def head_line(page: Page, plan: Plan, run: PlanRun, *, sides: bool) -> None:
    """Below the first line: which side is which, and what was compared, where that is not simply this checkout."""
    said = [f"values: {sides_of(run)}"] if sides else []
    if run.base or run.head or run.reviewed_by:
        facts = (fact for fact in origin_of(plan, run) if fact.what != JUDGED)
        said += [f"{fact.what} {fact.value()}" for fact in facts]
    if said:
        page.write((" · ".join(said), "dim"), indent=2)


def signed(change: UserChange) -> Cell:
    """A user behind the sign of what happens to them."""
    return f"{KINDS[change.kind].sign} {visible(change.username)}", KINDS[change.kind].style


def rest(shown: int, of: int, what: str) -> Iterator[Row]:
    """A row on what a long list leaves out, if it does."""
    if of > shown:
        yield ((f"… and {of - shown:,} more: {what} (--verbose shows all)", "dim"),)


def risks(page: Page, report: PlanReport, most: int | None) -> None:
    """Who is at risk, in the order of the risks; the title says whether there is something to decide."""
    if not report.risks:
        return
    page.heading("Needs care" if report.needs_care else "To know")
    rows: list[Row] = []
    stack = report.plan.stack
    for kind, found in groupby(report.risks, key=lambda item: item.kind):
        items = list(found)
        rows.extend(_risk_row(item, stack, narrow=page.width < _WIDE) for item in items[:most])
        rows.extend(rest(len(items[:most]), len(items), str(kind)))
    page.table(rows)
    if report.brings_back:
        page.write((SSO_BRINGS_BACK, "dim"), indent=2)


def _risk_row(item: RiskItem, stack: str, *, narrow: bool = False) -> Row:
    lifts = f"; --approve {item.approve} brings them back" if item.approve else ""
    by = "; approved" if item.approved_by else ""
    by += f"; {ELSEWHERE}" if item.elsewhere else ""
    style = RISKS[item.kind].style
    where, detail = short_place(stack, item.where), item.detail + lifts + by
    if narrow:
        where, detail = "", " · ".join(filter(None, (detail, where)))
    return (str(item.kind), style), (visible(item.username), ""), (detail, ""), (where, "dim")


def at_the_idp(page: Page, report: AppliedReport) -> None:
    """What somebody has to change at the identity provider, which no run does."""
    rows = [_risk_row(item, report.applied.plan.stack)[1:] for item in report.at_idp]
    if rows:
        page.heading("To do at the identity provider")
        page.table([*rows[:MOST], *rest(len(rows[:MOST]), len(rows), str(Risk.AT_IDP))])


def approvals(page: Page, report: PlanReport) -> None:
    """Who approved which guarded changes."""
    if report.approved:
        page.heading("Approved")
        page.table(
            [(str(item.rule), ""), (names_of(item.usernames), ""), (visible(item.by), "dim")]
            for item in report.approved
        )


def team_files(page: Page, report: PlanReport, *, verbose: bool) -> None:
    """The changes of the users of each team file; whom the risks tell completely is not told again."""
    for one in report.files:
        page.heading(short_place(report.plan.stack, one.file))
        page.table(_rows_of_file(one.changes, verbose=verbose))


def elsewhere(page: Page, report: PlanReport, *, verbose: bool) -> None:
    """What would happen without this change, too: Flex or an earlier change causes it."""
    if report.elsewhere:
        page.heading(f"{ELSEWHERE[0].upper()}{ELSEWHERE[1:]}")
        page.table(_rows_of_file(report.elsewhere, verbose=verbose))


def _rows_of_file(changes: Sequence[UserReport], *, verbose: bool) -> Iterator[Row]:
    for kind, found in groupby(changes, key=lambda one: one.change.kind):
        same_kind = list(found)
        shown = same_kind if verbose else same_kind[:MOST]
        cut = len(shown) < len(same_kind)
        common = [] if cut or verbose else _common(shown)
        for one in shown:
            yield from _rows_of_user(one, verbose=verbose, told=None if cut else common)
        if common:
            yield ("", ""), (f"each of these {len(shown):,}: {' · '.join(common)}", "dim")
        yield from rest(len(shown), len(same_kind), KINDS[kind].to_do)


def _rows_of_user(one: UserReport, *, verbose: bool, told: Collection[str] | None) -> Iterator[Row]:
    """The lines of one user: sign and name on the first, then a line a field.

    Of who comes without what is `told` of all of them; None: nothing but the first line.
    """
    first = signed(one.change)
    for row in _details(one, verbose=verbose, told=told):
        yield [first, *row]
        first = ("", "")


def _details(one: UserReport, *, verbose: bool, told: Collection[str] | None) -> Iterator[Row]:
    change, terms = one.change, KINDS[one.change.kind]
    if change.kind is Kind.RENAME and one.origin:
        yield (terms.name, terms.style), (f"from {one.origin}; keeps what the old Worker knew that nobody declares", "")
    if one.comes:
        word = {Kind.REACTIVATE: terms.name, Kind.RENAME: "roles"}.get(change.kind)
        yield [*([(word, terms.style)] if word else []), *((text, "") for text in one.arrival)]
        if one.provider:
            yield (one.provider, "dim"), ("", ""), ("", "")
        if told is not None:
            yield from _besides(one, verbose=verbose, told=told)
        return
    lines, limit = (one.lines, LONG) if verbose else (one.changed, SHORT)
    if change.kind is Kind.ADOPT:
        yield (terms.name, terms.style), ("with these changes" if lines else "as declared", "")
    elif change.leaves:
        yield (terms.name, terms.style), (visible(change.reason), "")
        return
    elif change.reason and change.kind is Kind.UPDATE:
        yield ("Worker", terms.style), (visible(change.reason), "")
    for line in lines:
        yield (line.label, ""), (line.values(limit), ""), (line.why, "dim" if line.expected else "cyan")
    for becomes, says in () if verbose else _KEPT.items():
        names = [line.label for line in one.kept if line.becomes is becomes]
        if names:
            yield (becomes.value, "dim"), (f"{names_of(names)}: {says}", "dim")


def _besides(one: UserReport, *, verbose: bool, told: Collection[str]) -> Iterator[Row]:
    """What somebody who comes is to have besides roles and skills: in one cell, or at length with a line each."""
    if verbose:
        lines = (line for line in one.lines if line.repeats is not Repeats.ARRIVAL)
        yield from (((line.label, "dim"), (line.wanted(LONG), "dim")) for line in lines)
    elif more := " · ".join(says for says in _spelled(one) if says not in told):
        yield ((more, "dim"),)


def _spelled(one: UserReport) -> list[str]:
    """The fields of somebody who comes, but for those that their first line has: `location: London`."""
    return [f"{line.label}: {line.wanted(SHORT)}" for line in one.lines if not line.repeats]


def _common(shown: Sequence[UserReport]) -> list[str]:
    """What all of those who come are to have alike, where they are several: it is told once."""
    if len(shown) < _SEVERAL or not all(one.comes for one in shown):
        return []
    first, *others = map(_spelled, shown)
    return [says for says in first if all(says in other for other in others)]


_KEPT: Final = {Becomes.LET_GO: "stays in Flex, no longer ours", Becomes.NOTED: "already as declared"}


def counts(page: Page, counted: Sequence[Cell]) -> None:
    """The summary line: `3 to add · 4 to change`."""
    page.blank()
    separated = [cell for one in counted for cell in ((" · ", "dim"), one)]
    page.write(*separated[1:])
