"""What stands in the way of declared leaves: an attribute that is no map, which writing them would destroy."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.desired.model import Channel
from flexres.reconcile.change import Kind
from flexres.reconcile.diff import Scope, field_changes, overlaid
from flexres.reconcile.fields import attribute_key, worker_facts
from flexres.reconcile.marker import Marker
from flexres.values import short_hash
from tests.unit.reconcile.builders import ANA, STACK_ID, applied, in_flex, only, person, plan_for

ROME = {"home": {"city": "Rome"}}


def hidden(declared: dict[str, Any], there: dict[str, Any], marker: Marker | None = None) -> str:
    """What is in the way of these attributes, beside a skill and a channel, which nothing can stand in the way of."""
    user = person(attributes=declared, skills={"billing": 3}, channels={"voice": Channel(capacity=1)})
    changes = field_changes(user, worker_facts(there), marker, Scope(STACK_ID))
    return overlaid(sorted(changes, key=lambda change: change.key.space == "attr"), there, marker)


@pytest.mark.parametrize(
    ("declared", "there", "name"),
    [
        (ROME, {"home": "Rome"}, "home"),
        (ROME, {"home": None}, "home"),
        (ROME, {"home": ["Rome"]}, "home"),
        ({"home": {"geo": {"lat": 1}}}, {"home": {"geo": 7}}, "home.geo"),
        ({"home": {"geo": {"lat": 1}}}, {"home": {}}, ""),
        (ROME, {"home": {"zip": "00100"}}, ""),
        (ROME, {"city": "Rome"}, ""),
        ({"home": "Rome"}, {"home": {"city": "Rome"}}, ""),
        ({"z": {"a": 1}, "a": {"b": 1}}, {"z": 1, "a": 1}, "a"),
        ({"free": {"x": 1}, "a": {"b": 1}}, {"a": 1}, "a"),
    ],
)
def test_the_first_by_name_is_told_with_its_whole_path(declared, there, name):
    """A map is shared, and what is not there is in nobody's way."""
    assert hidden(declared, there) == name


@pytest.mark.parametrize(("value", "name"), [("Rome", ""), ("Bonn", "home")])
def test_a_text_that_we_set_ourselves_is_in_nobodys_way(value, name):
    """The YAML has a map now where it had a text; what somebody else put there since stays."""
    marker = Marker(STACK_ID, keys={attribute_key("home"): short_hash("Rome")})
    assert hidden(ROME, {"home": value}, marker) == name


def test_what_goes_from_beneath_a_text_destroys_nothing():
    """Somebody replaced the map that held our leaf: the leaf is let go."""
    marker = Marker(STACK_ID, keys={attribute_key("x"): short_hash(1)})
    assert hidden({"a": {"b": 1}}, {"x": 1, "a": 1}, marker) == "a"


@pytest.mark.parametrize("live", [in_flex(attributes={"home": "Rome"}), applied(person(), attributes={"home": "Rome"})])
def test_the_user_is_blocked_alone_and_told_what_is_in_the_way(live):
    """Adopted or ours."""
    change = only(plan_for([person(attributes=ROME)], [live]))
    assert (change.username, change.kind) == (ANA, Kind.BLOCKED)
    assert change.reason == "the attribute home is no map, as the YAML declares it; remove it in Console first"
