"""Typed and natural attributes mean the same, and what Flex would refuse is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.schema.attributes import FLEX_ANSWER, RESERVED, AttributeFormatError, encode_typed, parse_typed
from flexres.values import same

names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8).filter(
    lambda name: name not in RESERVED
)
integers = st.integers(-(2**53), 2**53)
leaves = st.text(max_size=8) | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
lists = st.lists(st.text(max_size=5)) | st.lists(integers) | st.lists(st.booleans())


@given(names, values | lists)
def test_what_has_a_typed_spelling_reads_back_as_it_was(name: str, value: Any) -> None:
    """Provision gets exactly the declared value, or none of it."""
    spelled = encode_typed(name, value)

    if spelled is not None:
        bare, natural = parse_typed(*spelled)
        assert bare == name
        assert same(natural, value)


@given(names, values)
def test_natural_values_pass_unchanged(name: str, value: Any) -> None:
    """The YAML's own types are kept, at any depth."""
    assert parse_typed(name, value) == (name, value)


@pytest.mark.parametrize(
    ("name", "value", "spelled"),
    [
        ("a", "text", ("a", "text")),
        ("a", 3, ("a.int", 3)),
        ("a", True, ("a.boolean", True)),
        ("a", ["en", "de"], ("a.stringarray", "en,de")),
        ("a", [1, 2], ("a.intarray", "1,2")),
        ("a", [True, False], ("a.booleanarray", "true,false")),
    ],
)
def test_values_with_a_typed_spelling(name: str, value: Any, spelled: tuple[str, Any]) -> None:
    """One spelling for each of the six types."""
    assert encode_typed(name, value) == spelled


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", ""), ("a", []), ("a", {}), ("a", 1.5), ("a", None), ("a", ["x,y"]), ("a", [""]), ("a", [" x"]),
        ("a", [1, True]), ("a", ["x", 1]), ("a", [1.5]), ("a", [["x"]]), ("a", {"b": 1}), ("a.b", "x"), ("a", 2**31),
    ],
)  # fmt: skip
def test_values_without_a_typed_spelling_travel_as_json(name: str, value: Any) -> None:
    """Commas, nesting, fractions, mixed and empty lists, and integers whose width in Flex nobody knows."""
    assert encode_typed(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("name.string", "Mary", ("name", "Mary")),
        ("skill.int", 1, ("skill", 1)),
        ("skill.int", "-7", ("skill", -7)),
        ("sales.boolean", True, ("sales", True)),
        ("sales.boolean", "false", ("sales", False)),
        ("languages.stringarray", "en,de,fr", ("languages", ["en", "de", "fr"])),
        ("languages.stringarray", ["en", "x,y"], ("languages", ["en", "x,y"])),
        ("codes.intarray", "1,2,3,4", ("codes", [1, 2, 3, 4])),
        ("codes.intarray", 5, ("codes", [5])),
        ("days.booleanarray", "true,false", ("days", [True, False])),
        ("days.booleanarray", [True, "false"], ("days", [True, False])),
        ("level.int", None, ("level", None)),
        ("a.b", 1, ("a.b", 1)),
    ],
)
def test_typed_spellings(name: str, value: Any, expected: tuple[str, Any]) -> None:
    """Texts as in SAML claims, and YAML's own types."""
    assert parse_typed(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skill.int", "a"), ("skill.int", "1.23"), ("skill.int", 1.23), ("skill.int", True), ("skill.int", ""),
        ("skill.int", "١"), ("skill.int", " 1"), ("a.boolean", "True"), ("a.boolean", "yes"), ("a.boolean", 1),
        ("a.string", 5), ("a.string", ["x"]), ("a.intarray", "1,,2"), ("a.intarray", "1.5"), ("a.intarray", [1, "x"]),
        ("a.booleanarray", "true,1"), ("a.booleanarray", [1.0]), ("a.stringarray", 5), ("a.stringarray", [5]),
        ("a.Int", 1), ("a.INT", 1), ("a.stringArray", "x"), ("a.bool", True), ("a.integer", 1), ("a.strng", "x"),
    ],
)  # fmt: skip
def test_what_flex_refuses_is_refused_with_its_answer(name: str, value: Any) -> None:
    """A wrong value or type never leaves this machine."""
    with pytest.raises(AttributeFormatError) as caught:
        parse_typed(name, value)

    assert caught.value.problem.note == FLEX_ANSWER
    assert caught.value.problem.hint


@pytest.mark.parametrize("name", [*RESERVED, "channel.chat.capacity", "", " ", ".int", "a\u200bb", "a ", "x\n"])
def test_names_that_cannot_be_attributes_are_refused(name: str) -> None:
    """Each says where its value belongs, or what is wrong with it."""
    with pytest.raises(AttributeFormatError) as caught:
        parse_typed(name, "x")

    assert caught.value.at_name
    assert caught.value.problem.hint


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (2**53 + 1, ()), ({"a": [0, 2**60]}, ("a", 1)), (float("inf"), ()), ([1, float("nan")], (1,)),
        ([None], (0,)), ({"a": [{"b": None}]}, ("a", 0, "b")), ([[None]], (0, 0)),
    ],
)  # fmt: skip
def test_what_json_would_change_or_lose_is_refused_where_it_stands(value: Any, path: tuple[str | int, ...]) -> None:
    """Engines carry numbers as doubles; a null in a list has no type."""
    with pytest.raises(AttributeFormatError) as caught:
        parse_typed("a", value)

    assert caught.value.path == path


def test_a_null_in_a_map_is_an_opt_out_and_passes() -> None:
    """Merging takes it out again."""
    assert parse_typed("a", {"b": None}) == ("a", {"b": None})
