"""Comparing Workers while Flex is read: whoever is settled so is as declared, and everybody else is compared whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flexres.desired.model import Channel, DesiredUser
from flexres.live.model import LiveUser
from flexres.reconcile.ahead import Ahead
from flexres.reconcile.diff import Scope
from flexres.reconcile.marker import Marker
from tests.unit.reconcile.builders import NOW, OTHER_ID, STACK_ID, applied, channel, in_flex, person

ANA = person(attributes={"level": 3}, skills={"billing": 2}, channels={"voice": Channel(available=True, capacity=1)})


def settled(user: DesiredUser, live: LiveUser) -> bool:
    assert live.worker is not None
    ahead = Ahead({user.username: user}, Scope(STACK_ID), NOW)
    ahead.look([live.worker])
    return ahead.settled(user, live) is not None


def test_somebody_who_is_as_declared_is_settled() -> None:
    assert settled(ANA, applied(ANA))


@pytest.mark.parametrize(
    "since",
    [
        {"attributes": {"level": 4}},
        {"attributes": {"level": None}},
        {"attributes": {"routing": {"skills": []}}},
        {"full_name": "Ana R."},
        {"email": "other@example.com"},
        {"roles": ("admin", "agent")},
        {"channels": [channel("voice", capacity=2)]},
        {"channels": [channel("voice", available=False)]},
        {"channels": [channel("chat")]},
        {"channels": None},
        {"leaving": 1},
    ],
    ids=str,
)
def test_whoever_differs_in_anything_is_not(since: dict[str, Any]) -> None:
    assert not settled(ANA, applied(ANA, **since))


@pytest.mark.parametrize("marker", [None, "v0", Marker(OTHER_ID), Marker(STACK_ID)])
def test_nor_is_whoever_is_not_marked_as_applied(marker: Any) -> None:
    assert not settled(person(), in_flex(marker=marker))


def test_nor_is_whoever_leaves_by_a_date_or_had_another_name() -> None:
    for user in (replace(ANA, until=NOW.date() + timedelta(days=9)), replace(ANA, previously="a@example.com")):
        assert not settled(user, applied(user))


def test_another_reading_of_a_worker_counts_more_than_the_page() -> None:
    """Who was fetched again may have changed meanwhile."""
    live = applied(ANA)
    assert live.worker is not None
    ahead = Ahead({ANA.username: ANA}, Scope(STACK_ID), NOW)
    ahead.look([live.worker])
    assert ahead.settled(ANA, replace(live, worker=replace(live.worker))) is None


def test_what_was_compared_for_other_yaml_is_not_taken_for_this() -> None:
    live = applied(ANA)
    assert live.worker is not None
    ahead = Ahead({ANA.username: ANA}, Scope(STACK_ID), NOW)
    ahead.look([live.worker])
    assert ahead.settled(replace(ANA, attributes={"level": 9}), live) is None
