"""The task queues in the report of a plan, in every format: who comes, who goes, and what leads there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from flexres.reconcile.plan import Plan
from flexres.report.layout import Cell, Page, Row
from flexres.report.markdown import code, prose
from flexres.report.wording import names_of, plural
from flexres.routing.comparing import SAYS, Reading
from flexres.routing.coverage import QueueCoverage
from flexres.routing.queues import Queue
from flexres.text import visible

COLUMNS: Final = ("task queue", "people", "who", "led there by")
_FEW_ROUTES: Final = 2
_FEW_GAINED: Final = 2
_FEW_NOTES: Final = 5
_FEW_STANDING: Final = 3


def in_text(page: Page, plan: Plan, most: int | None) -> None:
    """A section on the queues that change; nothing where none does and nothing is wrong."""
    found, lines = shown(plan), remarks(plan)
    before = standing_words(plan, few=_FEW_STANDING if most is not None else None)
    if not found and not lines and not before:
        return
    page.heading("Queues")
    rows: list[Row] = [
        ((visible(one.queue.name), _style(one)), (people(one), ""), (led_by(one.queue), "dim")) for one in found[:most]
    ]
    if len(found) > len(rows):
        rows.append(((f"… and {len(found) - len(rows):,} more queues (--verbose shows all)", "dim"),))
    page.table(rows, beneath={number: tuple(_who_in_text(one, plan)) for number, one in enumerate(found[:most])})
    if before:
        page.write((before, "dim"), indent=2)
    for line in lines:
        page.write((visible(line), "yellow"), indent=2)


def markdown_rows(plan: Plan) -> Iterator[Sequence[str]]:
    """A row for each queue that changes."""
    for one in shown(plan):
        yield code(one.queue.name), prose(people(one)), prose(who(one, plan), 400), prose(led_by(one.queue), 200)


def shown(plan: Plan) -> list[QueueCoverage]:
    """The queues that this plan changes, those that lose the most of theirs first."""
    return [one for one in _told(plan) if not one.stands_still]


def standing_words(plan: Plan, *, few: int | None = _FEW_STANDING) -> str:
    """How many queues are below what the policy asks for and stay as they are, and some names; empty for none."""
    names = [visible(one.queue.name) for one in _told(plan) if one.stands_still]
    if not names:
        return ""
    queues = plural(len(names), "queue") + (" is" if len(names) == 1 else " are")
    return f"{queues} below policy.queues as before: {names_of(names, few=few or len(names))}"


def _told(plan: Plan) -> list[QueueCoverage]:
    found = (*plan.routing.queues, *plan.routing.ways) if plan.routing else ()
    return sorted(found, key=lambda one: (not one.empties, not one.loses, one.queue.name.casefold()))


def remarks(plan: Plan) -> list[str]:
    """What cannot be told about the queues; only where the plan touches somebody."""
    routing = plan.routing
    if routing is None or not plan.users:
        return []
    if routing.unread:
        return [f"The task queues cannot be read, so nobody can tell what this does to them: {routing.unread}"]
    left = len(routing.notes) - _FEW_NOTES
    return [*routing.notes[:_FEW_NOTES], *([f"… and {left:,} more of this kind: flexres routing"] if left > 0 else [])]


def people(one: QueueCoverage) -> str:
    """How many can get the queue's work, before and after: `12 → 9`."""
    counted = f"{one.before:,} → {one.after:,}" if one.before != one.after or one.changed else f"{one.after:,}"
    return f"{counted} (and {len(one.doubts):,} uncertain)" if one.doubts else counted


def who(one: QueueCoverage, plan: Plan) -> str:
    """Who goes and who comes, and what it depends on where that cannot be told."""
    said = [f"loses {names_of(one.loses)}"] if one.loses else []
    said += [f"gains {names_of(one.gains, few=_FEW_GAINED)}"] if one.gains else []
    return "; ".join([*said, *_besides(one, plan)])


def _who_in_text(one: QueueCoverage, plan: Plan) -> Iterator[Cell]:
    """The same, a line for those who go, one for those who come, and one for whatever is to be said besides."""
    if one.loses:
        yield f"- {names_of(one.loses)}", "red"
    if one.gains:
        yield f"+ {names_of(one.gains, few=_FEW_GAINED)}", "green"
    for line in _besides(one, plan):
        yield line, "yellow"


def _besides(one: QueueCoverage, plan: Plan) -> list[str]:
    said = []
    if plan.routing and one.queue.name in plan.routing.short:
        said.append(f"below {plan.policy.least_in(one.queue.name)}, which the policy asks for, before this already")
    if one.doubts:
        said.append(f"uncertain: it depends on {depends(one)}")
    return said


def depends(one: QueueCoverage) -> str:
    """What is left open that decides who is in the queue."""
    found: Reading = Reading(0)
    for doubt in one.doubts:
        for reading in doubt.depends:
            found |= reading
    return ", ".join(SAYS[reading] for reading in found)


def led_by(queue: Queue, *, few: int = _FEW_ROUTES) -> str:
    """Which filters of Workflows lead to the queue."""
    names = list(dict.fromkeys(route.name for route in queue.routes))
    return names_of(names, few=few) if names else "no Workflow leads there"


def as_json(plan: Plan) -> dict[str, Any]:
    """The key `queues`, left out where nobody looked at them."""
    if plan.routing is None:
        return {}
    said = {"queues": [_queue_json(one, plan) for one in _told(plan)]}
    return {**said, **({"queue_notes": noted} if (noted := notes(plan)) else {})}


def notes(plan: Plan) -> list[str]:
    """Everything that cannot be told about the queues, whoever is touched."""
    if plan.routing is not None and plan.routing.unread:
        return [f"the task queues cannot be read: {plan.routing.unread}"]
    return list(plan.routing.notes) if plan.routing is not None else []


def _queue_json(one: QueueCoverage, plan: Plan) -> dict[str, Any]:
    doubts = [
        {"username": doubt.name, "depends_on": [SAYS[reading] for reading in doubt.depends]} for doubt in one.doubts
    ]
    return {
        "sid": one.queue.sid,
        "name": one.queue.name,
        "expression": one.queue.text,
        **({"by_target": True} if one.queue.target is not None else {}),
        "before": one.before,
        "after": one.after,
        "gains": list(one.gains),
        "loses": list(one.loses),
        "eligible": list(one.eligible),
        **({"uncertain": doubts} if doubts else {}),
        "filters": [route.name for route in one.queue.routes],
        **({"least": least} if one.queue.target is None and (least := plan.policy.least_in(one.queue.name)) else {}),
    }


def _style(one: QueueCoverage) -> str:
    return "bold red" if one.empties else "red" if one.loses else "green" if one.gains else "yellow"
