"""`flexres routing` in every format: all queues, one queue with its people, one person with their queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flexres.report.layout import Page, Row, shorten
from flexres.report.markdown import code, prose
from flexres.report.routing.queues import led_by
from flexres.report.wording import names_of, plural, value_text
from flexres.routing.catalogue import Trouble
from flexres.routing.comparing import SAYS, Reading
from flexres.routing.coverage import QueueCoverage
from flexres.routing.explain import Standing
from flexres.routing.findings import Findings, QueueOverview
from flexres.routing.queues import Queue
from flexres.text import visible
from flexres.values import ABSENT

MOST: Final = 60
_FEW: Final = 3
_WIDEST_EXPRESSION: Final = 200

Told = Sequence[Sequence[str]]
"""Rows of words, foreign ones among them: each format escapes them itself."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table under a title, the same in text and Markdown; `left_out` rows are not in it.

    As text the columns `below`, by number, stand in a line of their own below the others.
    """

    title: str
    head: Sequence[str]
    rows: Told
    left_out: int = 0
    below: Sequence[int] = ()


def text_of(title: str, sections: Iterable[Section], *, width: int, colour: bool) -> str:
    """The sections as text for a terminal."""
    page = Page(width, colour)
    page.write((visible(title), "bold"))
    for section in sections:
        if not section.rows:
            continue
        page.heading(section.title)
        rows = [line for row in section.rows for line in _lines(section, row)]
        if section.left_out:
            rows.append(((f"… and {section.left_out:,} more (--verbose shows all)", "dim"),))
        page.table(rows)
    return page.text()


def _lines(section: Section, row: Sequence[str]) -> Iterator[Row]:
    """A row as text: its columns side by side, then those that would make them too narrow."""
    cells = [(visible(cell), "bold" if not place else "") for place, cell in enumerate(row)]
    yield [cell for place, cell in enumerate(cells) if place not in section.below]
    more = [f"{section.head[place]} {cells[place][0]}" for place in section.below if place < len(row) and row[place]]
    if more:
        yield [("", ""), ("", ""), (" · ".join(more), "dim")]


def markdown_of(title: str, sections: Iterable[Section]) -> str:
    """The sections as GitHub Markdown."""
    parts = [f"### flexres · routing · {prose(title)}"]
    for section in sections:
        if section.rows:
            lines = [
                f"| {' | '.join([code(row[0]), *(prose(cell, 400) for cell in row[1:])])} |" for row in section.rows
            ]
            head = [f"| {' | '.join(section.head)} |", "|" + " --- |" * len(section.head)]
            left = [f"\nand {section.left_out:,} more"] if section.left_out else []
            parts.append("\n".join([f"**{section.title}**\n", *head, *lines, *left]))
    return "\n\n".join(parts) + "\n"


def queue_sections(
    found: Sequence[QueueOverview], looks: Findings, problems: Sequence[str], *, verbose: bool
) -> list[Section]:
    """All queues, then what looks wrong about them."""
    shown = found if verbose else found[:MOST]
    rows = [_row(one) for one in shown]
    return [
        Section(
            "Queues",
            ("queue", "people", "roles", "teams", "capacity", "led there by"),
            rows,
            len(found) - len(shown),
            below=(3, 4),
        ),
        Section(
            "To look at", ("what", "which", "why"), [*_looks(looks), *(("cannot tell", one, "") for one in problems)]
        ),
    ]


def _row(one: QueueOverview) -> Sequence[str]:
    if one.coverage is None:
        return one.queue.name, "?", f"cannot tell: {one.queue.problem}"
    doubts = f" (and {len(one.coverage.doubts):,} uncertain)" if one.coverage.doubts else ""
    return (
        one.queue.name,
        f"{one.coverage.after:,}{doubts}",
        _counted({role: count for role, count in (one.roles or {}).items() if not role.startswith("wfo.")}),
        _counted(one.teams),
        _counted(one.capacity),
        led_by(one.queue, few=1),
    )


def _counted(counts: Mapping[str, int] | None) -> str:
    most = Counter(counts or {}).most_common()
    said = ", ".join(f"{visible(name)} {number:,}" for name, number in most[:_FEW])
    return f"{said} and {len(most) - _FEW} more" if len(most) > _FEW else said


def _looks(looks: Findings) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("nobody can ever be in it", name, "") for name in looks.impossible]
    for one in looks.unknown_keys:
        meant = f"; did you mean {visible(one.suggestion)}?" if one.suggestion else ""
        rows.append(("only a queue knows it", one.key, f"no Worker has it, {names_of(one.queues)} asks{meant}"))
    for skill in looks.uncatalogued:
        rows.append(("Flex has no such skill", skill.name, f"{plural(len(skill.usernames), 'user')}: {skill.message}"))
    rows += [("nobody has the skill", skill, "a queue asks for it") for skill in looks.unheld]
    rows += [("no queue asks for the skill", skill, "") for skill in looks.unasked]
    return rows


def members_sections(
    queue: Queue, ways: Sequence[QueueCoverage], found: Sequence[Standing], near: Sequence[Standing], *, verbose: bool
) -> list[Section]:
    """Who is in one queue, of whom it cannot be told, and who lacks one comparison alone.

    `ways` are those into the queue by targets that ask for more.
    """
    inside = [one for one in found if one.is_in]
    doubtful = [one for one in found if one.depends]
    limit = None if verbose else MOST
    return [
        Section(
            "Asks for",
            ("expression",),
            [(shorten(queue.text or "nobody: the expression is empty", _WIDEST_EXPRESSION),)],
        ),
        Section("Led there by", ("filter", "its target asks besides", "people"), _ways(queue, ways)),
        Section("In it", ("who",), [(one.name,) for one in inside[:limit]], len(inside) - len(inside[:limit])),
        Section(
            "Uncertain", ("who", "it depends on"), [(one.name, depends_text(one.depends)) for one in doubtful[:limit]]
        ),
        Section(
            "Near misses",
            ("who", "what fails", "has"),
            [(one.name, *_missed(one)) for one in near[:limit]],
            len(near) - len(near[:limit]),
        ),
    ]


def _ways(queue: Queue, ways: Sequence[QueueCoverage]) -> list[Sequence[str]]:
    asking = {route: way for way in ways for route in way.queue.routes}
    rows: list[Sequence[str]] = []
    for route in dict.fromkeys(queue.routes):
        way = asking.get(route)
        if way is None:
            rows.append((route.name, shorten(route.expression, _WIDEST_EXPRESSION), ""))
        else:
            doubts = f" (and {len(way.doubts):,} uncertain)" if way.doubts else ""
            rows.append((route.name, shorten(route.expression, _WIDEST_EXPRESSION), f"{way.after:,}{doubts}"))
    return list(dict.fromkeys(map(tuple, rows)))


def person_sections(found: Sequence[tuple[Queue, Standing]]) -> list[Section]:
    """Which queues one person is in, and what keeps them out of the others."""
    return [
        Section("In", ("queue", "led there by"), [(queue.name, led_by(queue)) for queue, one in found if one.is_in]),
        Section(
            "Uncertain",
            ("queue", "it depends on"),
            [(queue.name, depends_text(one.depends)) for queue, one in found if one.depends],
        ),
        Section(
            "Not in",
            ("queue", "what fails", "has"),
            [(queue.name, *_missed(one)) for queue, one in found if not one.is_in and not one.depends],
        ),
    ]


def depends_text(depends: Iterable[Reading]) -> str:
    """What a verdict depends on, in words."""
    return ", ".join(SAYS[reading] for reading in depends)


def _missed(one: Standing) -> tuple[str, str]:
    if not one.misses:
        return "the expression is empty: it matches nobody", ""
    has = {key: value for miss in one.misses for key, value in miss.has.items()}
    said = [f"{key}: {value_text(ABSENT if value is None else value)}" for key, value in has.items()]
    return " and ".join(miss.comparison for miss in one.misses), "; ".join(said)


def overview_json(found: Sequence[QueueOverview], looks: Findings, problems: Sequence[str]) -> dict[str, Any]:
    """All queues as values."""
    return {
        "queues": [_overview_json(one) for one in found],
        "impossible": list(looks.impossible),
        "unknown_keys": [
            {"key": one.key, "queues": list(one.queues), **({"suggestion": one.suggestion} if one.suggestion else {})}
            for one in looks.unknown_keys
        ],
        "skills_not_in_catalogue": [
            {
                "name": one.name,
                "users": len(one.usernames),
                **({"suggestion": one.suggestion} if one.suggestion else {}),
            }
            for one in looks.uncatalogued
            if one.trouble is Trouble.UNKNOWN
        ],
        "skills_nobody_has": list(looks.unheld),
        "skills_nobody_asks_for": list(looks.unasked),
        "problems": list(problems),
    }


def _overview_json(one: QueueOverview) -> dict[str, Any]:
    said = _queue_json(one.queue)
    if one.coverage is None:
        return {**said, "problem": one.queue.problem}
    return {
        **said,
        "people": list(one.coverage.eligible),
        "uncertain": [_doubt(doubt.name, doubt.depends) for doubt in one.coverage.doubts],
        "roles": dict(one.roles or {}),
        "teams": dict(one.teams or {}),
        "capacity": dict(one.capacity or {}),
    }


def _queue_json(queue: Queue) -> dict[str, Any]:
    return {
        "sid": queue.sid,
        "name": queue.name,
        "expression": queue.text,
        "filters": [route.name for route in queue.routes],
    }


def _doubt(name: str, depends: Iterable[Reading]) -> dict[str, Any]:
    return {"username": name, "depends_on": [SAYS[reading] for reading in depends]}


def members_json(
    queue: Queue, ways: Sequence[QueueCoverage], found: Sequence[Standing], near: Sequence[Standing]
) -> dict[str, Any]:
    """One queue as values."""
    targets = [
        {
            "filters": [route.name for route in way.queue.routes],
            "expression": way.queue.text,
            "people": list(way.eligible),
            "uncertain": [_doubt(doubt.name, doubt.depends) for doubt in way.doubts],
        }
        for way in ways
    ]
    return {
        **_queue_json(queue),
        **({"targets": targets} if targets else {}),
        "people": [one.name for one in found if one.is_in],
        "uncertain": [_doubt(one.name, one.depends) for one in found if one.depends],
        "near_misses": [{"username": one.name, **standing_json(one)} for one in near],
    }


def person_json(name: str, found: Sequence[tuple[Queue, Standing]]) -> dict[str, Any]:
    """One person as values."""
    return {"username": name, "queues": [{**_queue_json(queue), **standing_json(one)} for queue, one in found]}


def standing_json(one: Standing) -> dict[str, Any]:
    """How somebody stands to a queue."""
    return {
        "in": one.is_in,
        **({"depends_on": [SAYS[reading] for reading in one.depends]} if one.depends else {}),
        **(
            {"fails": [{"comparison": miss.comparison, "has": dict(miss.has)} for miss in one.misses]}
            if one.misses
            else {}
        ),
    }


def title_of(stack: str, queues: int, people: int) -> str:
    """The first line."""
    return f"{stack}  {plural(queues, 'task queue')}, {plural(people, 'Worker')}"
