"""What the HTML page shows, whatever it is a report of: sections, and charts as inline SVG beside their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flexres.reconcile.plan import Plan
from flexres.report.html.rows import Person, Rows, team_name
from flexres.report.next_step import PlanRun
from flexres.report.origin import origin_of, sides_of
from flexres.report.wording import short_sid, when
from flexres.routing.coverage import QueueCoverage
from flexres.text import visible


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a list: what is said in bold, about whom, in which words, and quietly behind them.

    `care` marks it in red. `names` are folded below the line.
    """

    bold: str = ""
    name: str = ""
    text: str = ""
    quiet: str = ""
    care: bool = False
    code: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A list with its title. `grave` marks what stands in the way; `table` lays the parts out in columns.

    After the list come a sentence and a command to type, then a note.
    """

    title: str
    lines: Sequence[Told]
    grave: bool = False
    table: bool = False
    then: str = ""
    command: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """One page: `report` is what was run, `all_words` how the list calls everybody that it is about."""

    report: str
    stack: str
    verdict: str
    headline: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    charts: Sequence[Chart | None]
    rows: Rows
    list_title: str = "People"
    all_words: str = "all changes"


def facts_of(plan: Plan, run: PlanRun, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """What a report was made of, as names and values, with what its kind has more; empty ones are left out."""
    facts = [
        ("Instance", short_sid(plan.instance.sid)),
        ("Declared", f"{plan.declared:,}"),
        ("In Flex", "not looked at" if run.offline else f"{plan.in_flex:,}"),
        ("As of", when(plan.as_of)),
        ("Values", sides_of(run)),
        *((fact.what.capitalize(), fact.value()) for fact in origin_of(plan, run)),
        *more,
    ]
    return [(name, value) for name, value in facts if value]


ROLES: Final = ("agent", "supervisor", "admin")
MOST_TEAMS: Final = 12
MOST_REPORTS: Final = 60
MOST_QUEUES: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: where it starts and how long it is, in hundredths of the chart, and the name of its colour."""

    start: float
    length: float
    colour: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its name, its pieces from the axis on, and the numbers that they stand for."""

    label: str
    parts: tuple[Part, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a title. `columns` names the numbers of each bar; `upright` bars stand side by side in time."""

    title: str
    columns: tuple[str, ...]
    bars: tuple[Bar, ...]
    note: str = ""
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier report: when it was made (as shown), what others than git had changed, and what else differed."""

    at: str
    by_others: int
    besides: int


def kinds_chart(counts: Iterable[tuple[str, str, int]], *, title: str = "Changes by kind") -> Chart | None:
    """How many of each kind, given as name, name of a colour, and number; None where there are none."""
    rows = [(label, {colour: number}) for label, colour, number in counts]
    bars = _bars(rows, [colour for _, numbers in rows for colour in numbers])
    return Chart(title, ("number",), tuple(_alone(bar) for bar in bars)) if bars else None


def teams_chart(people: Iterable[Person]) -> Chart | None:
    """Users by team, each counted once with the highest of their roles; only the largest teams have a bar."""
    teams: dict[str, Counter[str]] = {}
    for person in people:
        highest = next((role for role in reversed(ROLES) if role in person.roles), ROLES[0])
        teams.setdefault(team_name(person.file), Counter())[highest] += 1
    ordered = sorted(teams.items(), key=lambda item: (-item[1].total(), item[0]))
    most = MOST_TEAMS if len(ordered) != MOST_TEAMS + 1 else len(ordered)
    rest = sum(count.total() for _, count in ordered[most:])
    note = f"and {rest:,} in {len(ordered) - most} smaller teams" if rest else ""
    bars = _bars(ordered[:most], ROLES)
    return Chart("Users by team and highest role", ROLES, bars, note) if bars else None


def queues_chart(queues: Sequence[QueueCoverage]) -> Chart | None:
    """The task queues of a report that change: who stays in them, leaves and comes."""
    columns = ("stay", "leave", "come")
    rows = [
        (visible(one.queue.name), {"stay": one.after - len(one.gains), "leave": len(one.loses), "come": len(one.gains)})
        for one in queues[:MOST_QUEUES]
    ]
    left = len(queues) - len(rows)
    note = f"and {left:,} more queues" if left else ""
    return Chart("People in the queues that change", columns, _bars(rows, columns), note) if rows else None


def history_chart(past: Sequence[Past]) -> Chart | None:
    """Who differed in the last reports, the oldest first; None where there are fewer than two of them."""
    shown = past[-MOST_REPORTS:]
    columns = ("changed by others", "besides")
    rows = [(one.at, dict(zip(columns, (one.by_others, one.besides), strict=True))) for one in shown]
    if len(shown) < 2:
        return None
    return Chart(f"Differences in the last {len(shown)} reports", columns, _bars(rows, columns), upright=True)


def _bars(rows: Sequence[tuple[str, Mapping[str, int]]], columns: Iterable[str]) -> tuple[Bar, ...]:
    columns = tuple(dict.fromkeys(columns))
    most = max((sum(numbers.values()) for _, numbers in rows), default=0) or 1
    return tuple(
        Bar(label, tuple(_parts(numbers, columns, 100 / most)), tuple(numbers.get(name, 0) for name in columns))
        for label, numbers in rows
    )


def _parts(numbers: Mapping[str, int], columns: Iterable[str], scale: float) -> Iterable[Part]:
    start = 0
    for column in columns:
        number = numbers.get(column, 0)
        if number:
            yield Part(round(start * scale, 2), round(number * scale, 2), column.replace(" ", "-"))
        start += number


def _alone(bar: Bar) -> Bar:
    """A bar whose one number is told without the columns of the others."""
    return Bar(bar.label, bar.parts, (sum(bar.numbers),))
