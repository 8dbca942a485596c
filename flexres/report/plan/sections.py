"""The sections that the text reports of a plan and of a run share: risks, approvals, users by team file, counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from flexres.reconcile.change import FieldChange, Kind, UserChange
from flexres.reconcile.key import ROLES, UNTIL
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.layout import Cell, Page, Row
from flexres.report.plan.model import AppliedReport, PlanReport
from flexres.report.plan.risks import RiskItem
from flexres.report.terms import KINDS, RISKS, Risk
from flexres.report.wording import (
    ELSEWHERE,
    LONG,
    SHORT,
    SSO_BRINGS_BACK,
    arrival_text,
    cause_text,
    field_label,
    names_of,
    new_text,
    quiet,
    short_place,
    short_sid,
    values_text,
)
from flexres.text import visible

MOST: Final = 40
"""So many of one kind in one place are told one by one; of the rest only how many, unless everything is asked for."""

_WIDE: Final = 100
"""From this width on, places have a column of their own."""


def stack_name(plan: Plan) -> list[Cell]:
    """The stack and its instance, as a page begins."""
    return [(visible(plan.stack), "bold"), (f"  {short_sid(plan.instance.sid)}", "dim")]


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


def _rows_of_file(changes: Sequence[UserChange], *, verbose: bool) -> Iterator[Row]:
    for kind, found in groupby(changes, key=lambda change: change.kind):
        same_kind = list(found)
        shown = same_kind if verbose else same_kind[:MOST]
        for change in shown:
            yield from _rows_of_user(change, verbose=verbose)
        yield from rest(len(shown), len(same_kind), KINDS[kind].to_do)


def _rows_of_user(change: UserChange, *, verbose: bool) -> Iterator[Row]:
    """The lines of one user: sign and name on the first, then a line a field."""
    first = signed(change)
    for row in _details(change, verbose=verbose):
        yield [first, *row]
        first = ("", "")


def _details(change: UserChange, *, verbose: bool) -> Iterator[Row]:
    limit = LONG if verbose else SHORT
    style = KINDS[change.kind].style
    fields = [field for field in change.fields if verbose or not quiet(field)]
    if change.kind is Kind.RENAME and change.old:
        says = f"from {visible(change.old.username)}; keeps what the old Worker knew that nobody declares"
        yield (KINDS[change.kind].name, style), (says, "")
    if KINDS[change.kind].arrives and (change.live is None or change.live.worker is None):
        yield from _arrival(change, fields, limit, verbose=verbose)
        return
    if change.kind is Kind.ADOPT:
        yield (KINDS[change.kind].name, style), ("as declared" if not fields else "with these changes", "")
    elif change.leaves:
        yield (KINDS[change.kind].name, style), (visible(change.reason), "")
        return
    elif change.reason and change.kind is Kind.UPDATE:
        yield ("Worker", style), (visible(change.reason), "")
    for field in fields:
        why = (idp.cause_here(change, field), _cause_style(field))
        yield (field_label(field.key), ""), (values_text(field, limit), ""), why
    for name, values, cause in idp.rows_of_user(change, limit):
        yield (name, ""), (values, ""), (cause, "dim")
    if not verbose:
        yield from _quiet(change.fields)


def _arrival(change: UserChange, fields: Iterable[FieldChange], limit: int, *, verbose: bool) -> Iterator[Row]:
    """Somebody who comes to Flex: roles and skills in one line, the other fields only where all is asked for."""
    roles, skills = arrival_text(change)
    words = {Kind.REACTIVATE: KINDS[Kind.REACTIVATE].name, Kind.RENAME: "roles"}
    word = words.get(change.kind)
    yield [*([(word, KINDS[change.kind].style)] if word else []), (roles, ""), (skills, "")]
    if change.idp is not None:
        yield (idp.in_one_line(change), "dim"), ("", ""), ("", "")
    if not verbose:
        return
    for field in fields:
        if field.key not in {ROLES, UNTIL} and field.key.space != "skill":
            yield (field_label(field.key), "dim"), (new_text(field, limit), "dim")


def _quiet(fields: Iterable[FieldChange]) -> Iterator[Row]:
    """What stays in Flex as it is, in a line each for what is let go and what is noted."""
    let_go = [field_label(field.key) for field in fields if field.let_go]
    noted = [field_label(field.key) for field in fields if quiet(field) and not field.let_go]
    if let_go:
        yield ("let go", "dim"), (f"{names_of(let_go)}: stays in Flex, no longer ours", "dim")
    if noted:
        yield ("noted", "dim"), (f"{names_of(noted)}: already as declared", "dim")


def _cause_style(field: FieldChange) -> str:
    return "dim" if cause_text(field) in {"git", "noted, already so"} else "cyan"


def counts(page: Page, counted: Sequence[Cell]) -> None:
    """The summary line: `3 to add · 4 to change`."""
    page.blank()
    separated = [cell for one in counted for cell in ((" · ", "dim"), one)]
    page.write(*separated[1:])
