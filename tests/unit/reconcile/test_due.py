"""What time alone brings about: whoever leaves because of what was applied before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from flexres.live.model import LiveUser
from flexres.reconcile.plan import Plan, due
from tests.unit.report import samples

YESTERDAY = date(2026, 11, 20)
ANA = samples.desired("ana@example.com", until=YESTERDAY)


def plan(live: LiveUser, *, declared: bool = True) -> Plan:
    return samples.plan_of([ANA] if declared else [], [live])


@pytest.mark.parametrize(
    ("live", "declared", "expected"),
    [
        (samples.in_flex(ANA), True, True),
        (samples.in_flex(replace(ANA, until=None)), True, False),
        (samples.in_flex(replace(ANA, until=date(2027, 1, 1))), True, False),
        (samples.in_flex(ANA, activity="Available"), True, True),
        (samples.in_flex(replace(ANA, until=None)), False, False),
        (samples.in_flex(replace(ANA, until=None), leaving=samples.COMMITTED), False, True),
        (samples.in_flex(replace(ANA, until=None), leaving=samples.COMMITTED, activity="Available"), False, True),
        (samples.in_flex(ANA, then=[("attr:location", "Leeds")]), True, True),
    ],
    ids=[
        "the last day was applied",
        "the last day is new",
        "the last day was another",
        "the last day was applied, and they are busy",
        "no longer declared",
        "had to wait",
        "has to wait",
        "edited meanwhile",
    ],
)
def test_who_is_due(live: LiveUser, declared: bool, expected: bool) -> None:
    """The marker has to say that it was applied before."""
    assert [due(change) for change in plan(live, declared=declared).changes] == [expected]


def test_nobody_who_stays_is_due() -> None:
    """Whatever else a plan holds."""
    staying = [change for change in samples.busy_plan().changes if not change.leaves]
    assert not any(map(due, staying))


def test_the_plan_of_the_due_holds_nothing_about_others() -> None:
    """Narrowed to those who leave by now."""
    found = samples.busy_plan().narrowed(due)
    assert (found.unmanaged, found.orphans, found.personas, found.settings) == ((), (), {}, ())
    assert all(map(due, found.changes))
