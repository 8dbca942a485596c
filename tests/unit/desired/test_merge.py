"""Defaults: leaf by leaf, lists replace, null opts out, and what nobody changes is shared."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.model import Channel, DesiredUser
from flexres.desired.users import merge, merge_maps
from tests.unit.desired.stacks import FLEX, load

leaves = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
maps: Any = st.recursive(
    leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.none(), max_size=3), max_leaves=8
).filter(lambda value: isinstance(value, dict))


def ana(entry: str, *, file: str = "", stack: str = "") -> DesiredUser:
    """Ana, with a flow map as her entry, and such maps as her team's and her stack's defaults."""
    flex = FLEX + (f"defaults: {{{stack}}}\n" if stack else "")
    team = (f"defaults: {{{file}}}\n" if file else "") + f"users: {{ana@example.com: {{full_name: Ana, {entry}}}}}\n"
    return load(team, flex=flex).users["ana@example.com"]


def has_null(value: Any) -> bool:
    """Whether a null stands anywhere among the values of nested maps."""
    return isinstance(value, dict) and any(item is None or has_null(item) for item in value.values())


@given(maps)
def test_no_null_survives(value: Any) -> None:
    """Null opts out, at any depth, and is never a value."""
    assert not has_null(merge_maps({}, value))


@given(maps, maps)
def test_each_leaf_comes_from_the_upper_layer_that_has_it(base: Any, own: Any) -> None:
    """Merging twice changes nothing more."""
    merged = merge_maps(merge_maps({}, base), own)

    assert merge_maps(merged, own) == merged


@given(maps)
def test_an_empty_layer_shares_what_is_below(base: Any) -> None:
    """Ten thousand users without attributes of their own hold one map."""
    assert merge_maps(base, {}) is base
    assert merge(base, {}) is base


def test_the_user_overrides_the_file_and_the_file_the_stack() -> None:
    """The nearest one that says something counts."""
    user = ana(
        "attributes: {c: user}",
        file="roles: [agent], attributes: {b: file, c: file}",
        stack="attributes: {a: stack, b: stack, c: stack}",
    )

    assert user.attributes == {"a": "stack", "b": "file", "c": "user"}


def test_lists_replace_and_nested_maps_merge() -> None:
    """A list has no leaves to merge."""
    user = ana(
        "roles: [admin], attributes: {languages: [de], shift: {from: 9}}",
        file="roles: [agent], attributes: {languages: [en], shift: {from: 8, to: 17}}",
    )

    assert user.roles == ("admin",)
    assert user.attributes == {"languages": ["de"], "shift": {"from": 9, "to": 17}}


def test_null_opts_out_of_a_default_at_any_depth() -> None:
    """Of a whole field, of one entry, of a part of one."""
    user = ana(
        "skills: {billing: null}, until: null, image_url: null, insights: null, "
        "channels: {chat: {capacity: null}, voice: null}",
        file="roles: [agent], skills: {billing: 1, sales: 2}, until: 2030-01-01, image_url: 'http://x.example.com/a', "
        "insights: {department: A}, channels: {chat: {available: true, capacity: 2}, voice: {capacity: 1}}",
    )

    assert user.skills == {"sales": 2}
    assert user.until is None
    assert user.attributes == {}
    assert user.channels == {"chat": Channel(available=True)}


def test_a_files_null_opts_out_of_the_stacks_default() -> None:
    """Defaults are layers like any other."""
    user = ana("attributes: {b: 1}", file="roles: [agent], attributes: {a: null}", stack="attributes: {a: 1}")

    assert user.attributes == {"b": 1}


def test_typed_and_natural_spellings_meet_under_one_name() -> None:
    """A user's level replaces the default's level.int."""
    user = ana("attributes: {level: 3}", file="roles: [agent], attributes: {level.int: 1}")

    assert user.attributes == {"level": 3}


def test_absent_skills_are_unmanaged_and_an_empty_map_is_none_at_all() -> None:
    """The difference decides whether what supervisors gave is looked at."""
    assert ana("roles: [agent]").skills is None
    assert ana("roles: [agent], skills: {}").skills == {}
    assert ana("roles: [agent], skills: null", file="skills: {billing: 1}").skills is None


def test_insights_contact_uri_and_image_url_are_attributes() -> None:
    """Flex keeps them all on the Worker."""
    user = ana(
        "roles: [agent], insights: {team_id: '1'}, contact_uri: 'client:ana', image_url: 'https://x.example.com/a'"
    )

    assert user.attributes == {
        "team_id": "1",
        "contact_uri": "client:ana",
        "image_url": "https://x.example.com/a",
    }


def test_everything_else_of_a_user() -> None:
    """Roles are sorted, the email is the username, the day is a date."""
    user = ana("roles: [supervisor, agent], until: 2027-01-31, previously: a@example.com, skills_exact: true")

    assert user.roles == ("agent", "supervisor")
    assert user.email == "ana@example.com"
    assert user.until == date(2027, 1, 31)
    assert user.previously == "a@example.com"
    assert user.skills_exact
    assert user.file == "stacks/test/users/team.yaml"
