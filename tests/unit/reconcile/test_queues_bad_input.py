"""Queues and Workflows as nobody would write them: told where they are wrong, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flexres.live.model import RoutingSetup, TaskQueue, Workflow
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import ANA, BEN, applied, person, plan_for, snapshot

BILLING = TaskQueue("WQ0", "Billing", 'routing.skills HAS "billing"')


def planned(routing: RoutingSetup, **policy: object) -> Plan:
    """Ana does billing no more, and Ben still does."""
    users = [person(name, skills={"billing": 1}) for name in (ANA, BEN)]
    there = replace(snapshot(*map(applied, users)), routing=routing)
    return plan_for([replace(users[0], skills={"returns": True}), users[1]], there, **policy)


def lost(plan: Plan) -> list[tuple[str, int, int]]:
    assert plan.routing is not None
    return [(one.queue.name, one.before, one.after) for one in plan.routing.changed]


def test_five_thousand_queues_are_told_as_few_are() -> None:
    """As many as TaskRouter has; those that change alone."""
    others = [TaskQueue(f"WQ{n}", f"Queue {n}", f"level == {n}") for n in range(1, 5_000)]
    assert lost(planned(RoutingSetup((BILLING, *others)))) == [("Billing", 2, 1)]


def test_a_workflow_of_a_megabyte_is_followed() -> None:
    targets = [{"queue": "WQ0", "expression": f"worker.level >= {n}"} for n in range(40)]
    filters = [{"filter_friendly_name": f"Filter {n} {'x' * 400}", "targets": targets} for n in range(480)]
    text = json.dumps({"task_routing": {"filters": filters}})
    assert len(text) > 1_000_000
    plan = planned(RoutingSetup((BILLING,), (Workflow("WW1", "Calls", text),)))
    assert lost(plan) == [("Billing", 2, 1)]


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"task_routing":' * 50_000, "", "null", "[]", '{"task_routing": 7}'])
def test_a_workflow_that_cannot_be_followed_is_one_line(bomb: str) -> None:
    plan = planned(RoutingSetup((BILLING,), (Workflow("WW1", "Calls", bomb),)))
    assert lost(plan) == [("Billing", 2, 1)]
    assert plan.routing is not None
    assert plan.routing.notes == ("Workflow Calls: its configuration cannot be read, so not where it leads",)


@pytest.mark.parametrize("bomb", ["(" * 5_000, "a" * 50_000, "((((a == 1", "a == 1 AND", "\x00", "a -- b"])
def test_an_expression_that_cannot_be_read_is_told_with_its_queue_and_column(bomb: str) -> None:
    plan = planned(RoutingSetup((BILLING, TaskQueue("WQ1", "Odd", bomb))), queues={"*": 1})
    assert lost(plan) == [("Billing", 2, 1)]
    assert plan.routing is not None
    (note,) = plan.routing.notes
    assert note.startswith("queue Odd: cannot tell who is in it: column ")
    assert plan.violations == ()


def test_a_target_that_cannot_be_read_is_told_with_its_filter_and_column() -> None:
    filters = [{"filter_friendly_name": "F", "targets": [{"queue": "WQ0", "expression": "(" * 5_000}]}]
    workflow = Workflow("WW1", "Calls", json.dumps({"task_routing": {"filters": filters}}))
    plan = planned(RoutingSetup((BILLING,), (workflow,)))
    assert plan.routing is not None
    (note,) = plan.routing.notes
    assert note.startswith("Calls: F: what its target asks of Workers cannot be read: column ")


def test_a_workspace_without_queues_has_nothing_to_tell() -> None:
    """And a queue that the policy names is missed."""
    plan = planned(RoutingSetup(), queues={"*": 1, "Billing": 2})
    assert (lost(plan), plan.violations) == ([], ())
    assert plan.routing is not None
    assert plan.routing.notes == ("policy.queues names Billing, and there is no such queue",)
