"""Declared skills that Flex's catalogue lacks, or whose level is out of its bounds, in the report of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from flexres.reconcile.plan import Plan
from flexres.report.layout import Page, Row
from flexres.report.markdown import code, prose
from flexres.report.plan.risks import Position
from flexres.report.wording import names_of, short_place
from flexres.routing.catalogue import SkillTrouble
from flexres.text import visible

COLUMNS: Final = ("skill", "what", "who", "where")
_FEW: Final = 3
_MOST: Final = 10


def in_text(page: Page, plan: Plan, position: Position | None, most: int | None) -> None:
    """A section on them; nothing where there are none."""
    if not plan.skills:
        return
    page.heading("Skills that Flex does not have so")
    shown = plan.skills if most is None else plan.skills[:_MOST]
    rows: list[Row] = [
        (
            (visible(one.name), "yellow"),
            (one.message, ""),
            (names_of(one.usernames, few=_FEW), ""),
            (short_place(plan.stack, place_of_skill(one, position)), "dim"),
        )
        for one in shown
    ]
    if len(plan.skills) > len(rows):
        rows.append(((f"… and {len(plan.skills) - len(rows):,} more skills (--verbose shows all)", "dim"),))
    page.table(rows)


def markdown_rows(plan: Plan, position: Position | None) -> Iterator[Sequence[str]]:
    """A row for each."""
    for one in plan.skills:
        place = short_place(plan.stack, place_of_skill(one, position))
        yield code(one.name), prose(one.message), prose(names_of(one.usernames, few=_FEW)), code(place) if place else ""


def as_json(plan: Plan, position: Position | None) -> list[dict[str, Any]]:
    """The same as values."""
    return [
        {
            "name": one.name,
            "trouble": str(one.trouble),
            "message": one.message,
            "usernames": list(one.usernames),
            **({"suggestion": one.suggestion} if one.suggestion else {}),
            **({"where": place} if (place := place_of_skill(one, position)) else {}),
        }
        for one in plan.skills
    ]


def place_of_skill(one: SkillTrouble, position: Position | None) -> str:
    """Where the first of them is declared."""
    return (position(one.usernames[0]) if position is not None else None) or ""
