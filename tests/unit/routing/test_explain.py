"""Why somebody is not in a queue."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.live.model import RoutingSetup, TaskQueue
from flexres.routing.comparing import Reading
from flexres.routing.explain import Miss, near_misses, standings
from flexres.routing.queues import Person, Queue, routing_map

from .people import person, skilled


def queue(expression: str) -> Queue:
    return routing_map(RoutingSetup((TaskQueue("WQ1", "Billing", expression),))).queues[0]


BILLING = queue('routing.skills HAS "billing" AND routing.levels.billing >= 3 AND vip == true')


@pytest.mark.parametrize(
    ("one", "misses"),
    [
        (skilled("ana", billing=3, also={"vip": True}), []),
        (
            skilled("ana", billing=2, also={"vip": True}),
            [("routing.levels.billing >= 3", {"routing.levels.billing": 2})],
        ),
        (skilled("ana", billing=3), [("vip == true", {"vip": None})]),
        (
            person("ana", vip=True),
            [
                ('routing.skills HAS "billing"', {"routing.skills": None}),
                ("routing.levels.billing >= 3", {"routing.levels.billing": None}),
            ],
        ),
    ],
)
def test_what_is_missing_is_told_with_what_stands_there(one: Person, misses: list[Any]) -> None:
    (found,) = standings(BILLING, [one])
    assert found.is_in is (not misses)
    assert found.misses == tuple(Miss(comparison, has) for comparison, has in misses)


def test_of_alternatives_the_nearest_is_told() -> None:
    either = queue("(a == 1 AND b == 1 AND c == 1) OR d == 1 AND e == 1")
    (found,) = standings(either, [person(a=1, d=1)])
    assert [miss.comparison for miss in found.misses] == ["e == 1"]


def test_near_misses_lack_one_comparison() -> None:
    people = [skilled("ana", billing=3), skilled("bob", billing=1), skilled("cho", billing=9, also={"vip": True})]
    assert [one.name for one in near_misses(standings(BILLING, people))] == ["ana"]


def test_what_cannot_be_told_is_no_miss() -> None:
    (found,) = standings(queue("level == 3"), [person(level="3")])
    assert (found.is_in, found.depends, found.misses) == (False, (Reading.TYPES,), ())
