"""What a plan does to the task queues, and the guard of `policy.queues`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexres.desired.model import Channel, DesiredUser
from flexres.live.model import LiveUser, RoutingSetup, Snapshot, TaskQueue, Worker, Workflow
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import ANA, BEN, CHO, STACK_ID, applied, in_flex, person, plan_for, snapshot

BILLING = 'routing.skills HAS "billing"'
SETUP = RoutingSetup((TaskQueue("WQ1", "Billing EN", BILLING), TaskQueue("WQ2", "Everybody", "1==1")))


def billing(username: str, **changes: Any) -> DesiredUser:
    return person(username, skills={"billing": 3}, **changes)


def reading(*users: LiveUser, routing: RoutingSetup | None = SETUP, orphans: tuple[Worker, ...] = ()) -> Snapshot:
    return replace(snapshot(*users, orphans=orphans), routing=routing)


def moves(plan: Plan) -> dict[str, tuple[int, int, tuple[str, ...], tuple[str, ...]]]:
    assert plan.routing is not None
    return {one.queue.name: (one.before, one.after, one.gains, one.loses) for one in plan.routing.changed}


def without_skill(*users: DesiredUser) -> list[DesiredUser]:
    """The same users, the first one without a skill."""
    return [replace(users[0], skills={"returns": True}), *users[1:]]


THREE = [billing(ANA), billing(BEN), billing(CHO)]


def losing_one(**policy: Any) -> Plan:
    live = reading(*map(applied, THREE))
    return plan_for(without_skill(*THREE), live, **policy)


def test_a_lost_skill_is_told_by_the_queue_it_empties_of_somebody() -> None:
    assert moves(losing_one()) == {"Billing EN": (3, 2, (), (ANA,))}


def test_a_plan_that_changes_no_routing_tells_no_queue() -> None:
    live = reading(*map(applied, THREE))
    plan = plan_for([replace(THREE[0], attributes={"city": "Leeds"}), *THREE[1:]], live)
    assert plan.pending
    assert moves(plan) == {}


def test_arrivals_and_departures_count_everywhere() -> None:
    plan = plan_for([THREE[0], THREE[1]], reading(applied(THREE[0]), applied(THREE[2])), retire_when="now")
    assert moves(plan) == {"Billing EN": (2, 2, (BEN,), (CHO,)), "Everybody": (2, 2, (BEN,), (CHO,))}


def test_unmanaged_people_and_workers_without_a_user_are_counted() -> None:
    orphan = Worker("WK9", "dialler", "WA1", "Available", True, '{"routing":{"skills":["billing"]}}')
    others = in_flex("stranger@example.com", attributes={"routing": {"skills": ["billing"], "levels": {}}})
    plan = plan_for(without_skill(*THREE), reading(*map(applied, THREE), others, orphans=(orphan,)))
    assert moves(plan)["Billing EN"] == (5, 4, (), (ANA,))


def test_who_waits_to_leave_is_gone_from_the_first_marking_on() -> None:
    """So that a later run is not refused for somebody whose leaving was approved."""
    first = plan_for(THREE[1:], reading(*(applied(one, busy=one is THREE[0]) for one in THREE)))
    assert moves(first)["Billing EN"] == (3, 2, (), (ANA,))
    waiting = applied(THREE[0], leaving=1, busy=True)
    assert moves(plan_for(THREE[1:], reading(waiting, *map(applied, THREE[1:])))) == {}


def test_a_rename_takes_what_nobody_declares_along() -> None:
    old = applied(person("a.ruiz@example.com"), attributes={"city": "Leeds"})
    routing = RoutingSetup((TaskQueue("WQ1", "Leeds", 'city == "Leeds"'),))
    plan = plan_for([person(ANA, previously="a.ruiz@example.com")], reading(old, routing=routing))
    assert moves(plan) == {"Leeds": (1, 1, (ANA,), ("a.ruiz@example.com",))}


def test_capacity_that_is_written_counts() -> None:
    routing = RoutingSetup((TaskQueue("WQ1", "Chat", "worker.channel.chat.configured_capacity > 0"),))
    wanted = person(channels={"chat": Channel(available=True, capacity=2)})
    before = applied(replace(wanted, channels={"chat": Channel(available=True, capacity=0)}))
    assert moves(plan_for([wanted], reading(before, routing=routing))) == {"Chat": (0, 1, (ANA,), ())}


def test_nobody_looked_at_the_queues() -> None:
    assert plan_for(THREE, reading(routing=None)).routing is None


@pytest.mark.parametrize(
    ("queues", "refused"),
    [
        ({"*": 3}, True),
        ({"Billing EN": 3}, True),
        ({"*": 3, "Billing EN": 2}, False),
        ({"Everybody": 3}, False),
        ({}, False),
    ],
)
def test_a_plan_that_takes_a_queue_below_is_refused(queues: dict[str, int], refused: bool) -> None:
    plan = losing_one(queues=queues)
    found = [violation for violation in plan.violations if violation.rule is Rule.QUEUES]
    assert bool(found) is refused
    if found:
        assert found[0].message == "the queue Billing EN goes below 3: 3 → 2"
        assert found[0].usernames == (ANA,)


def test_an_approval_lifts_it_for_exactly_these_people() -> None:
    refused = losing_one(queues={"*": 3})
    (item,) = [one for one in refused.guarded if one.rule is Rule.QUEUES]
    assert item.detail == "leaves the queue Billing EN"
    assert not losing_one(queues={"*": 3}, approve=[item.digest]).violations
    assert not losing_one(queues={"*": 3}, approve=[refused.digest]).violations
    both = [replace(one, skills={"returns": True}) for one in THREE[:2]]
    more = plan_for([*both, THREE[2]], reading(*map(applied, THREE)), queues={"*": 3}, approve=[item.digest])
    assert [violation.usernames for violation in more.violations] == [(BEN,)]


def test_a_queue_that_is_below_already_is_reported_and_refuses_nothing() -> None:
    plan = losing_one(queues={"*": 5})
    assert not plan.violations
    assert plan.routing is not None
    assert plan.routing.short == ("Billing EN", "Everybody")


def test_without_the_right_to_read_the_queues_the_policy_refuses() -> None:
    live = reading(*map(applied, THREE), routing=RoutingSetup(unread="Authorization denied"))
    (violation,) = plan_for(without_skill(*THREE), live, queues={"*": 1}).violations
    assert violation.message == "the task queues cannot be read: Authorization denied"
    assert not plan_for(without_skill(*THREE), live).violations
    assert not plan_for(THREE, live, queues={"*": 1}).violations


def test_no_digest_lifts_what_nobody_could_read() -> None:
    live = reading(*map(applied, THREE), routing=RoutingSetup(unread="Authorization denied"))
    wanted = [replace(THREE[0], skills={}, skills_exact=True), *THREE[1:]]
    refused = plan_for(wanted, live, queues={"*": 1})
    assert refused.digest
    again = plan_for(wanted, live, queues={"*": 1}, approve=[refused.digest])
    assert [violation.rule for violation in again.violations] == [Rule.QUEUES_UNREAD]


def test_what_cannot_be_told_is_noted() -> None:
    queues = (TaskQueue("WQ1", "Broken", "a =="), *SETUP.queues)
    setup = RoutingSetup(queues, (Workflow("WW1", "Support", "{"),))
    plan = plan_for(without_skill(*THREE), reading(*map(applied, THREE), routing=setup), queues={"Biling": 1})
    assert plan.routing is not None
    assert plan.routing.notes == (
        "queue Broken: cannot tell who is in it: column 5: it ends too early",
        "Workflow Support: its configuration cannot be read, so not where it leads",
        "policy.queues names Biling, and there is no such queue",
    )


def test_a_blocked_user_leaves_no_queue() -> None:
    foreign = in_flex(ANA, attributes={"routing": {"skills": ["billing"], "levels": {}}}, marker=Marker("other", 0))
    assert STACK_ID != "other"
    assert moves(plan_for([person(ANA, skills={"x": True})], reading(foreign))) == {}


def test_some_of_a_plan_tells_what_these_changes_do_and_no_others() -> None:
    """The hourly run and `drift --fix` write a part: a queue that the rest would empty is not theirs to tell."""
    gone = [without_skill(THREE[0])[0], THREE[1]]
    plan = plan_for(gone, reading(*map(applied, THREE)), retire_when="now", queues={"Billing EN": 2})
    assert moves(plan) == {"Billing EN": (3, 1, (), (ANA, CHO)), "Everybody": (3, 2, (), (CHO,))}
    assert Rule.QUEUES in {violation.rule for violation in plan.violations}
    part = plan.narrowed(lambda change: change.name == CHO)
    assert moves(part) == {"Billing EN": (3, 2, (), (CHO,)), "Everybody": (3, 2, (), (CHO,))}
    assert Rule.QUEUES not in {violation.rule for violation in part.violations}
    assert moves(plan.narrowed(lambda _: False)) == {}
