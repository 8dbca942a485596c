"""What a change does to the queues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.live.model import RoutingSetup, TaskQueue
from flexres.routing.comparing import Reading
from flexres.routing.coverage import Doubt, QueueCoverage, coverage
from flexres.routing.queues import Person, Queue, routing_map

from .people import person, skilled


def queues(**expressions: str) -> tuple[Queue, ...]:
    found = (TaskQueue(f"WQ{name}", name, text) for name, text in expressions.items())
    return routing_map(RoutingSetup(tuple(found))).queues


def by_name(*people: Person) -> dict[str, Person]:
    return {one.name: one for one in people}


BEFORE = by_name(skilled("ana", billing=3), skilled("bob", billing=2), skilled("cho", returns=True))
QUEUES = queues(billing='routing.skills HAS "billing"', everybody="1==1", returns='routing.skills HAS "returns"')


def told(before: dict[str, Person], after: dict[str, Person], **options: Any) -> dict[str, QueueCoverage]:
    return {found.queue.name: found for found in coverage(QUEUES, before, after, **options)}


def test_a_queue_that_nobody_enters_or_leaves_is_not_told() -> None:
    after = {**BEFORE, "ana": skilled("ana", billing=1)}
    assert told(BEFORE, after) == {}


def test_who_loses_a_skill_leaves_its_queue() -> None:
    found = told(BEFORE, {**BEFORE, "ana": skilled("ana")})
    assert list(found) == ["billing"]
    billing = found["billing"]
    assert (billing.before, billing.after, billing.gains, billing.loses) == (2, 1, (), ("ana",))
    assert billing.eligible == ("bob",)
    assert not billing.empties


def test_who_leaves_flex_leaves_every_queue_and_who_arrives_enters() -> None:
    after = {name: one for name, one in BEFORE.items() if name != "cho"} | by_name(skilled("dov", billing=1))
    found = told(BEFORE, after)
    assert {name: (one.before, one.after, one.gains, one.loses) for name, one in found.items()} == {
        "billing": (2, 3, ("dov",), ()),
        "everybody": (3, 3, ("dov",), ("cho",)),
        "returns": (1, 0, (), ("cho",)),
    }
    assert found["returns"].empties


def test_a_queue_that_somebody_wants_to_see_is_counted_without_a_change() -> None:
    found = told(BEFORE, BEFORE, wanted=lambda queue: queue.name == "returns")
    assert [(one.before, one.after, one.changed) for one in found.values()] == [(1, 1, False)]


def test_a_queue_that_cannot_be_told_is_left_out() -> None:
    assert coverage(queues(broken="a =="), BEFORE, {}, wanted=lambda queue: True) == ()


def test_an_empty_expression_matches_nobody() -> None:
    (found,) = coverage(queues(nobody=""), BEFORE, BEFORE, wanted=lambda queue: True)
    assert (found.before, found.after) == (0, 0)


def test_those_of_whom_it_cannot_be_told_are_named_with_what_it_depends_on() -> None:
    before = by_name(person("ana", level=3), person("bob", level="3"))
    after = {**before, "ana": person("ana", level="3")}
    (found,) = coverage(queues(level="level == 3"), before, after)
    assert (found.before, found.after, found.loses) == (1, 0, ("ana",))
    assert found.doubts_before == (Doubt("bob", (Reading.TYPES,)),)
    assert found.doubts == (Doubt("ana", (Reading.TYPES,)), Doubt("bob", (Reading.TYPES,)))


@pytest.mark.parametrize(
    ("before", "after", "doubts_before", "doubts", "below"),
    [(3, 2, 0, 0, True), (2, 1, 0, 0, False), (4, 3, 0, 0, False), (1, 0, 2, 2, True), (2, 3, 0, 0, False)],
)
def test_a_change_that_takes_a_queue_below_is_told_from_one_that_finds_it_there(
    before: int, after: int, doubts_before: int, doubts: int, below: bool
) -> None:
    found = QueueCoverage(QUEUES[0], before, after)
    some = tuple(Doubt(str(number), ()) for number in range(3))
    found = replace(found, doubts_before=some[:doubts_before], doubts=some[:doubts])
    assert found.falls_below(3) is below


SKILLS = st.dictionaries(st.sampled_from(["billing", "returns", "vip"]), st.integers(1, 3) | st.just(True), max_size=3)
PEOPLE = st.dictionaries(st.sampled_from(["ana", "bob", "cho", "dov", "eve"]), SKILLS, max_size=5)


@given(PEOPLE, PEOPLE)
def test_both_sides_are_what_they_are_alone(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Counting the touched and the others apart changes nothing."""
    old = by_name(*(skilled(name, **skills) for name, skills in before.items()))
    new = {name: old[name] if before.get(name) == skills else skilled(name, **skills) for name, skills in after.items()}
    for name, found in told(old, new, wanted=lambda queue: True).items():
        alone = {
            side: told(people, people, wanted=lambda queue: True)[name] for side, people in (("b", old), ("a", new))
        }
        assert (found.before, found.after, found.eligible) == (alone["b"].after, alone["a"].after, alone["a"].eligible)
        assert set(found.gains) == set(alone["a"].eligible) - set(alone["b"].eligible)
        assert set(found.loses) == set(alone["b"].eligible) - set(alone["a"].eligible)
