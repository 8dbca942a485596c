"""Queues with their expressions, and the Workflow filters that lead to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flexres.live.model import RoutingSetup, TaskQueue, Workflow
from flexres.routing.queues import Route, RoutingMap, routing_map


def mapped(*expressions: str | None, workflow: Any = None) -> RoutingMap:
    queues = tuple(TaskQueue(f"WQ{number}", f"Queue {number}", text) for number, text in enumerate(expressions))
    text = workflow if isinstance(workflow, str) else json.dumps(workflow)
    return routing_map(RoutingSetup(queues, (Workflow("WW1", "Support", text),) if workflow is not None else ()))


def test_an_unreadable_expression_is_told_with_its_column_and_touches_no_other_queue() -> None:
    first, second = mapped("a == 1 AND", "a == 1").queues
    assert (first.problem, first.is_told) == ("column 11: it ends too early", False)
    assert second.is_told


def test_an_empty_expression_is_known_and_one_not_told_is_not() -> None:
    empty, silent = mapped(" ", None).queues
    assert empty.is_told
    assert empty.expression is None
    assert silent.problem == "Twilio does not tell its expression"


def test_what_leads_to_a_queue_is_named() -> None:
    filters = [
        {
            "filter_friendly_name": "Billing",
            "expression": "topic == 'billing'",
            "targets": [{"queue": "WQ0", "expression": "worker.level > 3"}, {"queue": "WQ1"}],
        },
        {"expression": "vip == true", "targets": [{"queue": "WQ0"}, {"queue": 3}, None]},
        None,
    ]
    found = mapped("1==1", "1==1", workflow={"task_routing": {"filters": filters, "default_filter": {"queue": "WQ1"}}})
    first, second = found.queues
    assert first.routes == (
        Route("Support", "Billing", "WQ0", "worker.level > 3"),
        Route("Support", "vip == true", "WQ0"),
    )
    assert [route.name for route in second.routes] == ["Support: Billing", "Support: default"]
    assert found.problems == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"task_routing": []}', "[" * 100_000])
def test_a_workflow_that_cannot_be_read_is_told_and_the_queues_stay(text: str) -> None:
    found = mapped("1==1", workflow=text)
    assert found.problems == ("Workflow Support: its configuration cannot be read, so not where it leads",)
    assert found.queues[0].is_told


def test_a_queue_is_found_by_name_or_sid() -> None:
    found = mapped("1==1", "2==2")
    assert [queue.sid for queue in found.named("queue 1")] == ["WQ1"]
    assert [queue.name for queue in found.named("WQ0")] == ["Queue 0"]
    assert found.named("Queue") == ()
