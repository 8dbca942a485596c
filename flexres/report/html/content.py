"""What the HTML page shows, whatever it is a report of: filled from the JSON shape, laid out by the page's template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flexres.report.html.charts import Chart
from flexres.report.html.rows import Rows
from flexres.report.plan.json import Report
from flexres.report.visible import visible
from flexres.report.wording import short_sid, when


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


def facts_of(report: Report, plan: Report) -> list[tuple[str, str]]:
    """What a report was made of; `plan` is the report of the plan, `report` that of the run, which may be the same."""
    counts, moment = plan["counts"], datetime.fromisoformat(plan["as_of"])
    users = plan.get("channels_as_set", 0)
    seconds, requests = report.get("seconds", 0), report.get("requests", 0)
    facts = [
        ("Instance", short_sid(plan["instance"])),
        ("Declared", f"{counts['declared']:,}"),
        ("In Flex", "not looked at" if plan.get("offline") else f"{counts['in_flex']:,}"),
        ("As of", when(moment)),
        ("Commit", visible(plan.get("commit", "")[:12]) + (" and uncommitted changes" if plan.get("dirty") else "")),
        ("Compared with", visible(plan.get("base", ""))),
        ("Digest", plan.get("digest", "")),
        ("Not looked at", f"whether channels of {users:,} users are available" if users else ""),
        ("Took", f"{seconds:.1f} s, {requests:,} requests" if requests else ""),
    ]
    return [(name, value) for name, value in facts if value]
