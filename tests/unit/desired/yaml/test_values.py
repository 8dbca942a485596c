"""The two readers: the fast one gives up on anything that the careful one would report, and else they agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.yaml.tree import compose, decode, is_ordinary
from flexres.desired.yaml.values import Unusual, read_values

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=15,
)


def written(value: Any) -> bytes:
    """A value as JSON, which is YAML."""
    return json.dumps(value, ensure_ascii=False).encode()


@given(trees)
def test_both_readers_read_back_what_was_written(value: Any) -> None:
    """Values survive either reader."""
    data = written(value)
    text, problems = decode(data, "x.yaml")
    if problems:
        return

    tree, problems = compose(text, "x.yaml")

    assert not problems
    assert (tree.value if tree is not None else None) == value
    if is_ordinary(data):
        assert read_values(data) == value


@given(st.text(st.sampled_from("ab:- {}[],\n\"'&*!|>#?%@<1~\t."), max_size=40))
def test_what_the_fast_reader_takes_is_in_order_and_means_the_same(text: str) -> None:
    """Any text at all: both refuse it, or both agree."""
    data = text.encode()
    try:
        quick = read_values(data)
    except Unusual:
        return

    tree, problems = compose(data, "x.yaml")

    assert not problems
    assert repr(tree.value if tree is not None else None) == repr(quick)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "&x a: 1",
        "a: &x 1\nb: *x",
        "a: !!str 1",
        "1: a",
        "? [a]\n: b",
        "<<: {}",
        "a: 1\n---\nb: 2",
        "{" * 60,
    ],
)
def test_the_fast_reader_gives_up_on_what_is_unusual(text: str) -> None:
    """Those are for the careful reader to report or to resolve."""
    with pytest.raises(Unusual):
        read_values(text.encode())


def test_aliases_share_their_value() -> None:
    """An anchor's value is the alias's as well."""
    tree, problems = compose(b"a: &x {b: [1]}\nc: *x\n", "x.yaml")

    assert not problems
    assert tree is not None
    assert tree.value == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_the_tree_knows_where_everything_stands() -> None:
    """Keys, values and items, with their lengths."""
    tree, _ = compose("ä: {key: [one, 'two']}\n".encode(), "x.yaml")

    assert tree is not None
    item = tree.children["ä"].children["key"].items[1]
    assert (item.line, item.column, item.length) == (0, 15, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "trusted: [https://flex.example.com, http://localhost:3000]",
            ["https://flex.example.com", "http://localhost:3000"],
        ),
        ("trusted: {contact_uri: sip:ana@pbx.example.com}", {"contact_uri": "sip:ana@pbx.example.com"}),
    ],
)
def test_a_colon_within_brackets_is_part_of_a_plain_text(text: str, value: Any) -> None:
    """YAML 1.2 says so; libyaml alone refuses it."""
    tree, problems = compose(text.encode(), "flex.yaml")

    assert problems == []
    assert tree is not None
    assert tree.value == {"trusted": value}
    assert (tree.children["trusted"].line, tree.children["trusted"].column) == (0, 9)
