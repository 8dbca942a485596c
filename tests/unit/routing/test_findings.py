"""What looks wrong about the queues."""

from __future__ import annotations

import pytest

from flexres.live.model import RoutingSetup, TaskQueue
from flexres.routing.findings import UnknownKey, findings
from flexres.routing.queues import Queue, routing_map

from .people import person, skilled


def queues(*expressions: str) -> tuple[Queue, ...]:
    return routing_map(RoutingSetup(tuple(TaskQueue(f"WQ{text}", text, text) for text in expressions))).queues


PEOPLE = [skilled("ana", billing=3, negotiation=True), person("bob", languages=["en"], shift={"pattern": "late"})]


def test_skills_that_only_one_side_knows_are_told() -> None:
    found = findings(queues('routing.skills HAS "billing"', "routing.levels.fraud > 1"), PEOPLE)
    assert (found.unasked, found.unheld) == (("negotiation",), ("fraud",))


def test_a_key_that_nobody_has_is_told_with_what_may_be_meant() -> None:
    asked = ("languges HAS 'en'", "shift.patern == 'late'", "worker.sid == 'WK1'", "languages HAS 'en'")
    assert set(findings(queues(*asked), PEOPLE).unknown_keys) == {
        UnknownKey("languges", ("languges HAS 'en'",), "languages"),
        UnknownKey("shift.patern", ("shift.patern == 'late'",), "shift.pattern"),
    }


@pytest.mark.parametrize(
    ("expression", "impossible"),
    [
        ("1 == 2", True),
        (" ", True),
        ("a == 1 AND a == 2", True),
        ("a > 3 AND a < 2", True),
        ("a >= 3 AND a <= 3", False),
        ("a == 4 AND a > 5", True),
        ("(a > 3 AND a < 2) OR b == 1", False),
        ("b == 1 AND (a > 3 AND a < 2)", True),
        ("a == 1 OR a == 2", False),
        ("a > 3 AND a < 4", False),
        ("1 == 1", False),
    ],
)
def test_a_queue_that_contradicts_itself_is_for_nobody(expression: str, impossible: bool) -> None:
    assert bool(findings(queues(expression), PEOPLE).impossible) is impossible
