"""Targets of Workflows that ask for more of the Worker than their queue does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flexres.live.model import RoutingSetup, TaskQueue, Workflow
from flexres.reconcile.plan import Plan
from flexres.routing.comparing import Reading
from flexres.routing.coverage import coverage
from flexres.routing.queues import RoutingMap, routing_map
from tests.unit.reconcile.builders import ANA, BEN, applied, person, plan_for, snapshot

from .people import person as worker

BILLING = TaskQueue("WQ1", "Billing", 'routing.skills HAS "billing"')


def setup(*targets: str) -> RoutingSetup:
    found = [
        {"filter_friendly_name": f"F{number}", "targets": [{"queue": "WQ1", "expression": target}]}
        for number, target in enumerate(targets)
    ]
    return RoutingSetup((BILLING,), (Workflow("WW1", "Calls", json.dumps({"task_routing": {"filters": found}})),))


def ways(*targets: str) -> RoutingMap:
    return routing_map(setup(*targets))


SPEAKERS = {
    name: worker(name, routing={"skills": skills}, languages=languages)
    for name, skills, languages in (
        ("ana", ["billing"], ["de"]),
        ("bob", ["billing"], ["en"]),
        ("cho", [], ["de"]),
    )
}


@pytest.mark.parametrize(
    ("target", "certain", "doubtful"),
    [
        ('worker.languages HAS "de"', ("ana",), ()),
        ("task.language IN worker.languages", (), ("ana", "bob")),
        ('worker.languages HAS "de" AND task.vip == true', (), ("ana",)),
        ('worker.languages HAS "de" OR task.vip == true', ("ana",), ("bob",)),
    ],
)
def test_who_is_on_a_way_is_in_the_queue_and_whom_the_target_takes(
    target: str, certain: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    (way,) = coverage(ways(target).ways, SPEAKERS, SPEAKERS, wanted=lambda _: True)
    assert way.eligible == certain
    assert tuple(doubt.name for doubt in way.doubts) == doubtful
    assert {reading for doubt in way.doubts for reading in doubt.depends} <= {Reading.TASK}


def test_ways_that_ask_for_the_same_are_one() -> None:
    (way,) = ways('worker.languages HAS "de"', 'worker.languages HAS "de"', "").ways
    assert [route.name for route in way.routes] == ["Calls: F0", "Calls: F1"]


def test_a_target_that_cannot_be_read_is_told_and_takes_nothing_else_along() -> None:
    found = ways("worker.languages HAS", 'worker.languages HAS "de"')
    assert len(found.ways) == 1
    assert found.problems == (
        "Calls: F0: what its target asks of Workers cannot be read: column 21: it ends too early",
    )


def planned(after: list[str]) -> Plan:
    users = [person(name, skills={"billing": 1}, attributes={"languages": ["de"]}) for name in (ANA, BEN)]
    there = replace(snapshot(*map(applied, users)), routing=setup('worker.languages HAS "de"'))
    return plan_for([replace(users[0], attributes={"languages": after}), users[1]], there, queues={"*": 2})


def test_a_way_on_which_somebody_goes_who_stays_in_the_queue_is_told() -> None:
    """The policy asks for people in the queue itself, of which nobody goes."""
    plan = planned(["en"])
    assert plan.routing is not None
    (way,) = plan.routing.ways
    assert (way.queue.name, way.before, way.after, way.loses) == ("Billing, by Calls: F0", 2, 1, (ANA,))
    assert plan.routing.queues == ()
    assert plan.violations == ()


def test_a_way_that_changes_as_its_queue_does_is_not_told_again() -> None:
    users = [person(name, skills={"billing": 1}, attributes={"languages": ["de"]}) for name in (ANA, BEN)]
    there = replace(snapshot(*map(applied, users)), routing=setup('worker.languages HAS "de"'))
    plan = plan_for([replace(users[0], skills={}), users[1]], there)
    assert plan.routing is not None
    assert [one.queue.name for one in plan.routing.changed] == ["Billing"]
