"""What counts as the same JSON value, and its one text and short hash."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexres.values import ABSENT, canonical, fold_case, normal, same, short_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (3, 3.0),
        (-0.0, 0),
        (2**53, float(2**53)),
        ([1, 2.0], (1.0, 2)),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}),
        ("é", "\u00e9"),
        (None, None),
        (ABSENT, ABSENT),
        (2**70, 2**70),
    ],
)
def test_values_that_json_cannot_tell_apart_are_the_same(left, right):
    """Numbers are one type, maps have no order, sequences are lists."""
    assert same(left, right)
    assert same(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1),
        (False, 0),
        (1.0, True),
        ("3", 3),
        (None, ABSENT),
        (None, False),
        ("", None),
        ([], {}),
        ([], None),
        ([1, 2], [2, 1]),
        ({}, ABSENT),
        ("e\u0301", "\u00e9"),
        (2**53, 2**53 + 1),
        (3, 3.5),
        (2**70, 2**70 + 1),
        ([True], [1]),
        ({"a": 0}, {"a": False}),
    ],
)
def test_values_that_differ_are_not_the_same_and_hash_apart(left, right):
    """True is not 1 at any depth, absent is not null, an order is an order."""
    assert not same(left, right)
    assert not same(right, left)
    if left is not ABSENT and right is not ABSENT:
        assert short_hash(left) != short_hash(right)


@settings(deadline=None)
@given(JSON, JSON)
def test_same_canonical_and_hash_agree(left, right):
    """Two values are the same exactly when their texts are, and then their hashes are too."""
    assert same(left, right) == (canonical(left) == canonical(right))
    if same(left, right):
        assert short_hash(left) == short_hash(right)


@settings(deadline=None)
@given(JSON)
def test_a_value_survives_a_trip_through_json_in_any_key_order(value):
    """What Flex sends back after we sent it is the same value."""
    assert same(json.loads(json.dumps(value)), value)
    assert canonical(json.loads(json.dumps(value, sort_keys=True))) == canonical(value)


@settings(deadline=None)
@given(JSON)
def test_normal_is_idempotent_and_changes_nothing_that_matters(value):
    """Normalising twice is normalising once, and the value stays the same value."""
    assert normal(normal(value)) == normal(value)
    assert same(normal(value), value)


@settings(deadline=None)
@given(st.integers(-(2**53), 2**53))
def test_an_integer_hashes_like_the_float_an_engine_makes_of_it(number):
    """The Pulumi engine hands every number over as a float."""
    assert same(number, float(number))
    assert short_hash(number) == short_hash(float(number))


@settings(deadline=None)
@given(JSON)
def test_a_short_hash_is_six_lower_case_base32_characters(value):
    """It fits into a marker without hyphens or separators."""
    assert re.fullmatch(r"[a-z2-7]{6}", short_hash(value))


def test_a_lone_surrogate_can_be_hashed():
    """JSON may carry one, and a text from Flex must not stop a plan."""
    assert short_hash("\ud800") != short_hash("\ud801")


def test_hashes_are_stable_across_versions():
    """Markers on Workers hold them: another algorithm would make every field look changed."""
    assert [short_hash(value) for value in (None, True, 3, "agent", ["agent"], {})] == [
        "oqru5g",
        "ww7kig",
        "jydubb",
        "oze3ir",
        "zxf5s2",
        "iqjw7i",
    ]


@pytest.mark.parametrize(
    ("one", "other", "same_name"),
    [("Ana@Example.com", "ana@example.com", True), ("straße@x.de", "strasse@x.de", False), ("ÉVA", "éva", False)],
)
def test_names_ignore_the_case_of_ascii_letters_alone(one: str, other: str, same_name: bool) -> None:
    """Twilio does not say what it does with others: one person must not be taken for another."""
    assert (fold_case(one) == fold_case(other)) is same_name
