"""Fields: how a user becomes flat keys, and how these are read from and written into a Worker's JSON."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings

from flexres.desired.model import Channel
from flexres.reconcile.change import Route
from flexres.reconcile.fields import (
    desired_fields,
    hash_of,
    live_skills,
    odd_routing,
    route,
    skill_key,
    worker_facts,
    write_fields,
)
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key
from flexres.values import ABSENT, same, short_hash
from tests.unit.reconcile.builders import channel, person
from tests.unit.reconcile.strategies import people, worker_attributes


def test_a_plain_user_has_the_profile_and_nothing_else():
    """What the YAML does not name is no field."""
    assert desired_fields(person()) == {EMAIL: "ana@example.com", FULL_NAME: "Ana Ruiz", ROLES: ["agent"]}


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"attributes": {"level": 3}}, "attr:level", 3),
        ({"attributes": {"languages": ["en", "de"]}}, "attr:languages", ["en", "de"]),
        ({"attributes": {"home": {"city": "Rome", "geo": {"lat": 1}}}}, "attr:home/city", "Rome"),
        ({"attributes": {"home": {"city": "Rome", "geo": {"lat": 1}}}}, "attr:home/geo/lat", 1),
        ({"attributes": {"home": {}}}, "attr:home", {}),
        ({"attributes": {"home": {"geo": {}}}}, "attr:home/geo", {}),
        ({"attributes": {"a/b": {"c~d": 1}}}, "attr:a~1b/c~0d", 1),
        ({"attributes": {"a~1b": 1}}, "attr:a~01b", 1),
        ({"skills": {"billing": 3}}, "skill:billing", 3),
        ({"skills": {"a:b/c": True}}, "skill:a:b/c", True),
        ({"channels": {"voice": Channel(available=False)}}, "channel:voice.available", False),
        ({"channels": {"voice": Channel(capacity=0)}}, "channel:voice.capacity", 0),
    ],
)
def test_each_leaf_skill_and_channel_setting_is_a_field(changes, key, value):
    """Each may have another owner."""
    assert desired_fields(person(**changes))[Key.parse(key)] == value


def test_a_map_with_leaves_is_no_field_itself():
    """Its leaves are; the map is shared with whoever else writes into it."""
    fields = desired_fields(person(attributes={"home": {"geo": {"lat": 1}}}))
    assert not {"attr:home", "attr:home/geo"} & {key.text for key in fields}


def test_a_channel_setting_that_is_not_declared_is_no_field():
    """Available may be ours while capacity is not."""
    fields = desired_fields(person(channels={"voice": Channel(available=True), "sms": Channel()}))
    assert [key.text for key in fields if key.space == "channel"] == ["channel:voice.available"]


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("email", Route.PROFILE),
        ("full_name", Route.PROFILE),
        ("roles", Route.PROFILE),
        ("attr:email", Route.ATTRIBUTE),
        ("skill:roles", Route.ATTRIBUTE),
        ("channel:voice.capacity", Route.CHANNEL),
        ("until", Route.MARKER),
        ("leaving", Route.MARKER),
    ],
)
def test_route_follows_from_the_key(key, where):
    """An attribute called email is not the profile's."""
    assert route(Key.parse(key)) is where


@pytest.mark.parametrize(
    ("key", "attributes", "value"),
    [
        ("attr:level", {"level": None}, None),
        ("attr:level", {}, ABSENT),
        ("attr:home/city", {"home": {"city": "Rome"}}, "Rome"),
        ("attr:home/city", {"home": {}}, ABSENT),
        ("attr:home/city", {"home": "Rome"}, ABSENT),
        ("attr:home/city/zip", {"home": {"city": "Rome"}}, ABSENT),
        ("attr:home/0", {"home": ["Rome"]}, ABSENT),
        ("attr:a~1b", {"a/b": 1}, 1),
        ("attr:a~01b", {"a~1b": 1}, 1),
        ("attr:", {"": 1}, 1),
        ("skill:billing", {"routing": {"skills": ["billing"], "levels": {"billing": 3}}}, 3),
        ("skill:billing", {"routing": {"skills": ["billing"]}}, True),
        ("skill:billing", {"routing": {"skills": [], "levels": {"billing": 3}}}, ABSENT),
        ("skill:billing", {"routing": None}, ABSENT),
        ("roles", {"roles": ["agent"]}, ABSENT),
    ],
)
def test_the_facts_read_exactly_one_field(key, attributes, value):
    """A text where a map should be holds no leaf, whatever the text says."""
    assert same(worker_facts(attributes).value(Key.parse(key)), value)


def test_live_channel_settings_are_read_by_name():
    """A name may hold a dot; a channel that was not read or is not there is absent."""
    channels = {"a.b": channel("a.b", available=False, capacity=4)}
    assert worker_facts({}, channels).value(Key.parse("channel:a.b.available")) is False
    assert worker_facts({}, channels).value(Key.parse("channel:a.b.capacity")) == 4
    assert worker_facts({}, channels).value(Key.parse("channel:a.capacity")) is ABSENT
    assert worker_facts({}).value(Key.parse("channel:a.b.capacity")) is ABSENT


@pytest.mark.parametrize(
    ("attributes", "odd"),
    [
        ({}, False),
        ({"routing": {}}, False),
        ({"routing": {"skills": ["a"], "levels": {"a": 1}}}, False),
        ({"routing": {"skills": ["a"], "more": 7}}, False),
        ({"routing": None}, True),
        ({"routing": "billing"}, True),
        ({"routing": {"skills": "billing"}}, True),
        ({"routing": {"skills": None}}, True),
        ({"routing": {"levels": None}}, True),
        ({"routing": {"levels": []}}, True),
    ],
)
def test_odd_routing_is_what_writing_skills_would_destroy(attributes, odd):
    """Flex keeps names in a list and levels in a map."""
    assert odd_routing(attributes) is odd


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({"x": 1}, [("attr:level", 3)], {"x": 1, "level": 3}),
        ({"x": 1}, [("attr:x", None)], {"x": None}),
        ({"x": 1}, [("attr:x", ABSENT)], {}),
        ({"x": 1}, [("attr:y", ABSENT)], {"x": 1}),
        ({}, [("attr:home/geo/lat", 1)], {"home": {"geo": {"lat": 1}}}),
        ({"home": {"city": "Rome", "zip": 1}}, [("attr:home/city", ABSENT)], {"home": {"zip": 1}}),
        ({"home": {"geo": {"lat": 1}}}, [("attr:home/geo/lat", ABSENT)], {}),
        ({"home": "Rome"}, [("attr:home/city", ABSENT)], {"home": "Rome"}),
        ({"home": "Rome"}, [("attr:home/city", "Rome")], {"home": {"city": "Rome"}}),
        ({"home": "Rome"}, [("attr:home/city", "Rome"), ("attr:home", ABSENT)], {"home": {"city": "Rome"}}),
        ({"home": {"city": "Rome"}}, [("attr:home", "Rome"), ("attr:home/city", ABSENT)], {"home": "Rome"}),
        ({"home": {}}, [("attr:home/city", "Rome"), ("attr:home", ABSENT)], {"home": {"city": "Rome"}}),
        ({}, [("attr:a~1b/c~0d", 1)], {"a/b": {"c~d": 1}}),
        ({}, [("skill:billing", 3)], {"routing": {"skills": ["billing"], "levels": {"billing": 3}}}),
        ({}, [("skill:billing", True)], {"routing": {"skills": ["billing"]}}),
        ({}, [("skill:wine", True), ("skill:billing", True)], {"routing": {"skills": ["wine", "billing"]}}),
        ({}, [("skill:billing", ABSENT)], {}),
        (
            {"routing": {"skills": ["a", "b"], "levels": {"a": 1, "b": 2}, "more": 7}},
            [("skill:a", ABSENT)],
            {"routing": {"skills": ["b"], "levels": {"b": 2}, "more": 7}},
        ),
        (
            {"routing": {"skills": ["a"], "levels": {"a": 1}}},
            [("skill:a", True)],
            {"routing": {"skills": ["a"], "levels": {}}},
        ),
        (
            {"routing": {"skills": [], "levels": {"a": 1}}},
            [("skill:a", True)],
            {"routing": {"skills": ["a"], "levels": {}}},
        ),
        (
            {"routing": {"skills": ["b", 7, "b"], "levels": {}}},
            [("skill:b", ABSENT)],
            {"routing": {"skills": [7], "levels": {}}},
        ),
    ],
)
def test_write_fields_changes_one_field_and_leaves_the_rest(before, changes, after):
    """Set, remove, make maps and drop those that a removal leaves empty."""
    attributes = copy.deepcopy(before)
    write_fields(attributes, [(Key.parse(key), value) for key, value in changes])
    assert attributes == after


@pytest.mark.parametrize("skills", [None, {}, {"a": True}, {"a": True, "b": 3}])
def test_skills_read_back_as_they_were_written(skills):
    """From the YAML's form to Flex's and back."""
    attributes: dict = {}
    write_fields(attributes, [(skill_key(name), level) for name, level in (skills or {}).items()])
    assert live_skills(attributes) == (skills or {})


@pytest.mark.parametrize("value", [True, 1, 1.0, False, 0, "1", "", None, [], ["a"], ["a", "b"], [1], [True], {"a": 1}])
def test_a_remembered_hash_is_the_hash(value):
    """Asked twice and in any order: true and 1 are one key to a dict, but two values to JSON."""
    assert [hash_of(value), hash_of(value)] == [short_hash(value)] * 2


@settings(deadline=None)
@given(people(), worker_attributes())
def test_every_declared_attribute_reads_back_whatever_was_there_before(user, attributes):
    """Written over any attributes of Flex's form, each field has the declared value."""
    fields = {key: value for key, value in desired_fields(user).items() if route(key) is Route.ATTRIBUTE}
    write_fields(attributes, fields.items())
    for key, value in fields.items():
        assert same(worker_facts(attributes).value(key), value)


@settings(deadline=None)
@given(people(), worker_attributes())
def test_writing_twice_is_writing_once(user, attributes):
    """A repeated run sends the same attributes again."""
    fields = [(key, value) for key, value in desired_fields(user).items() if route(key) is Route.ATTRIBUTE]
    write_fields(attributes, fields)
    once = copy.deepcopy(attributes)
    write_fields(attributes, fields)
    assert attributes == once
