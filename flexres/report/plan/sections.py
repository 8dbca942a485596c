"""The sections that the text reports of a plan and of a run share: risks, approvals, users by team file, counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from flexres.reconcile.base import from_this_change, not_from_this_change
from flexres.reconcile.change import FieldChange, Kind, UserChange
from flexres.reconcile.key import ROLES, UNTIL
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.layout import Cell, Page, Row
from flexres.report.plan.verdict import Risk, RiskItem, Summary, Verdict
from flexres.report.visible import visible
from flexres.report.wording import (
    ELSEWHERE,
    KINDS,
    LONG,
    SHORT,
    SSO_BRINGS_BACK,
    arrival_text,
    cause_text,
    field_label,
    names_of,
    quiet,
    short_place,
    short_sid,
    told,
    values_text,
)

MOST: Final = 40
"""So many of one kind in one place are told one by one; of the rest only how many, unless everything is asked for."""

_WIDE: Final = 100
"""From this width on, places have a column of their own."""

VERDICT_STYLES: Final = {
    Verdict.IN_SYNC: "bold green",
    Verdict.SAFE: "bold green",
    Verdict.NEEDS_CARE: "bold yellow",
    Verdict.REFUSED: "bold red",
}
KIND_STYLES: Final = {
    Kind.CREATE: "green",
    Kind.ADOPT: "cyan",
    Kind.REACTIVATE: "cyan",
    Kind.RENAME: "cyan",
    Kind.UPDATE: "yellow",
    Kind.RETIRE: "red",
    Kind.LET_GO: "red",
    Kind.BLOCKED: "red",
}
_RISK_STYLES: Final = {
    Risk.LEFT_EMPTY: "bold red",
    Risk.GAINS_ADMIN: "bold red",
    Risk.LOSES_ADMIN: "bold red",
    Risk.CUT_OFF: "bold red",
    Risk.LEAVES: "red",
    Risk.BLOCKED: "red",
    Risk.OVERDUE: "red",
    Risk.WAITS: "dim",
    Risk.AT_IDP: "cyan",
}
_TOLD_AT_RISK: Final = {Kind.BLOCKED, Kind.AT_IDP, Kind.WAIT}
_ARRIVALS: Final = {Kind.CREATE, Kind.REACTIVATE, Kind.RENAME}
_KIND_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


def stack_name(plan: Plan) -> list[Cell]:
    """The stack and its instance, as a page begins."""
    return [(visible(plan.stack), "bold"), (f"  {short_sid(plan.instance.sid)}", "dim")]


def signed(change: UserChange) -> Cell:
    """A user behind the sign of what happens to them."""
    return f"{KINDS[change.kind].sign} {visible(change.username)}", KIND_STYLES.get(change.kind, "")


def rest(shown: int, of: int, what: str) -> Iterator[Row]:
    """A row on what a long list leaves out, if it does."""
    if of > shown:
        yield ((f"… and {of - shown:,} more: {what} (--verbose shows all)", "dim"),)


def risks(page: Page, summary: Summary, stack: str, most: int | None) -> None:
    """Who is at risk, in the order of the risks; the title says whether there is something to decide."""
    if not summary.risks:
        return
    page.heading("Needs care" if any(item.care for item in summary.risks) else "To know")
    rows: list[Row] = []
    for kind, found in groupby(summary.risks, key=lambda item: item.kind):
        items = list(found)
        rows.extend(_risk_row(item, stack, narrow=page.width < _WIDE) for item in items[:most])
        rows.extend(rest(len(items[:most]), len(items), str(kind)))
    page.table(rows)
    if any(item.kind in {Risk.CUT_OFF, Risk.LEAVES, Risk.OVERDUE, Risk.WAITS} for item in summary.risks):
        page.write((SSO_BRINGS_BACK, "dim"), indent=2)


def _risk_row(item: RiskItem, stack: str, *, narrow: bool = False) -> Row:
    lifts = f"; --approve {item.approve} brings them back" if item.approve else ""
    by = "; approved" if item.approved_by else ""
    by += f"; {ELSEWHERE}" if item.elsewhere else ""
    style = _RISK_STYLES.get(item.kind, "yellow")
    where, detail = short_place(stack, item.where), item.detail + lifts + by
    if narrow:
        where, detail = "", " · ".join(filter(None, (detail, where)))
    return (str(item.kind), style), (visible(item.username), ""), (detail, ""), (where, "dim")


def at_the_idp(page: Page, summary: Summary, stack: str) -> None:
    """What somebody has to change at the identity provider, which no run does."""
    rows = [_risk_row(item, stack)[1:] for item in summary.risks if item.kind is Risk.AT_IDP]
    if rows:
        page.heading("To do at the identity provider")
        page.table([*rows[:MOST], *rest(len(rows[:MOST]), len(rows), str(Risk.AT_IDP))])


def approvals(page: Page, summary: Summary) -> None:
    """Who approved which guarded changes."""
    if summary.approved:
        page.heading("Approved")
        page.table(
            [(str(item.rule), ""), (names_of(item.usernames), ""), (f"by {visible(item.by)}", "dim")]
            for item in summary.approved
        )


def team_files(page: Page, plan: Plan, *, verbose: bool) -> None:
    """The changes of the users of each team file; whom the risks tell completely is not told again."""
    changes = from_this_change(plan.users)
    declared = [change for change in changes if change.file and change.kind not in _TOLD_AT_RISK]
    declared.sort(key=lambda change: change.file or "")
    for file, found in groupby(declared, key=lambda change: change.file):
        page.heading(short_place(plan.stack, file))
        page.table(_rows_of_file(list(found), verbose=verbose))


def elsewhere(page: Page, plan: Plan, *, verbose: bool) -> None:
    """What would happen without this change, too: Flex or an earlier change causes it."""
    changes = not_from_this_change(plan.users)
    if changes:
        page.heading(f"{ELSEWHERE[0].upper()}{ELSEWHERE[1:]}")
        page.table(_rows_of_file(list(changes), verbose=verbose))


def _rows_of_file(changes: list[UserChange], *, verbose: bool) -> Iterator[Row]:
    ordered = sorted(changes, key=lambda change: _KIND_ORDER[change.kind])
    for kind, found in groupby(ordered, key=lambda change: change.kind):
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
    style = KIND_STYLES.get(change.kind, "")
    fields = [field for field in change.fields if verbose or not quiet(field)]
    if change.kind is Kind.RENAME and change.old:
        says = f"from {visible(change.old.username)}; keeps what the old Worker knew that nobody declares"
        yield (KINDS[change.kind].name, style), (says, "")
    if change.kind in _ARRIVALS and (change.live is None or change.live.worker is None):
        yield from _arrival(change, fields, limit, verbose=verbose)
        return
    if change.kind is Kind.ADOPT:
        yield (KINDS[change.kind].name, style), ("as declared" if not fields else "with these changes", "")
    elif change.leaves:
        yield (KINDS[change.kind].name, style), (told(change.reason), "")
        return
    elif change.reason and change.kind is Kind.UPDATE:
        yield ("Worker", style), (told(change.reason), "")
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
    yield [*([(word, KIND_STYLES[change.kind])] if word else []), (roles, ""), (skills, "")]
    if change.idp is not None:
        yield (idp.in_one_line(change), "dim"), ("", ""), ("", "")
    if not verbose:
        return
    for field in fields:
        if field.key not in {ROLES, UNTIL} and field.key.space != "skill":
            yield (field_label(field.key), "dim"), (values_text(field, limit).removeprefix("– → "), "dim")


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
