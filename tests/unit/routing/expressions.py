"""Random expressions of TaskRouter and random attributes that they speak of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from flexres.routing.language.model import (
    Array,
    Chain,
    Comparison,
    Constant,
    Expression,
    Junction,
    Key,
    Operator,
    Text,
)

WORDS = ("a", "b", "B", "3", "true", "")
NAMES = ("a", "b", "skills", "in")


def texts() -> st.SearchStrategy[Text]:
    plain = st.sampled_from(WORDS).map(lambda word: Text(f'"{word}"'))
    return plain | st.sampled_from([r'"a\b"', r"'it\'s'", "'it''s'", r'"\\"']).map(Text)


def constants() -> st.SearchStrategy[Constant]:
    numbers = st.integers(-3, 12) | st.sampled_from([2.5, 3.0, -0.5])
    return texts() | numbers | st.booleans()


def keys() -> st.SearchStrategy[Key]:
    parts = st.lists(st.sampled_from(NAMES) | st.integers(0, 2), max_size=2).map(tuple)
    return st.builds(lambda first, others: Key((first, *others)), st.sampled_from(("a", "b", "skills")), parts)


def comparisons() -> st.SearchStrategy[Comparison]:
    arrays = st.lists(constants(), max_size=3).map(lambda items: Array(tuple(items)))
    operands = st.one_of(keys(), keys(), constants(), arrays)
    return st.builds(Comparison, operands, st.sampled_from(list(Operator)), operands)


def expressions() -> st.SearchStrategy[Expression]:
    return st.recursive(
        comparisons(),
        lambda inner: st.lists(inner, min_size=2, max_size=4).flatmap(
            lambda terms: st.lists(
                st.sampled_from(list(Junction)), min_size=len(terms) - 1, max_size=len(terms) - 1
            ).map(lambda junctions: Chain(tuple(terms), tuple(junctions)))
        ),
        max_leaves=6,
    )


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Worker attributes with the names and values that the expressions speak of."""
    scalars = st.sampled_from([*WORDS, "a\\b", "it's", "it\\'s", 3, 2.5, -1, 0, True, False, None])
    members = [*NAMES, "A", "IN"]
    values = st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(members), inner, max_size=3).map(_of_one_spelling)
        ),
        max_leaves=5,
    )
    return st.dictionaries(st.sampled_from([*NAMES, "A", "Skills", "other"]), values, max_size=4).map(_of_one_spelling)


def _of_one_spelling(members: dict[str, Any]) -> dict[str, Any]:
    """Without keys that differ in case alone: which of two would be meant, nobody says."""
    return {name: members[name] for name in {name.casefold(): name for name in members}.values()}
