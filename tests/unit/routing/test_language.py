"""Expressions of TaskRouter: what is read, how it is printed, and what a person is told of what cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.routing.language.model import Array, Chain, Comparison, Expression, Junction, Key, Operator, Text, text_of
from flexres.routing.language.parse import DEEPEST, LONGEST, ExpressionError, parse

from .expressions import expressions


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("1==1", "1 == 1"),
        ("(skills HAS 'support') AND (languages HAS 'english')", "skills HAS 'support' AND languages HAS 'english'"),
        (
            '(language="en" or language = "fr") and rating>=5.1',
            '(language == "en" OR language == "fr") AND rating >= 5.1',
        ),
        ("activity_name in['ABC','XYZ']", "activity_name IN ['ABC', 'XYZ']"),
        ("a not\n in [ 1 , -2.5 , TRUE ]", "a NOT IN [1, -2.5, true]"),
        ("worker.channel.chat.configured_capacity > 0", "worker.channel.chat.configured_capacity > 0"),
        ("routing.levels.in == 3 AND android != false", "routing.levels.in == 3 AND android != false"),
        ("languages[ 0 ].name contains 'e'", "languages[0].name CONTAINS 'e'"),
        ('"en" IN languages', '"en" IN languages'),
        ("a == 1 OR b == 2 AND c == 3", "a == 1 OR b == 2 AND c == 3"),
        ("((a == 1 OR b == 2)) AND ((c == 3))", "(a == 1 OR b == 2) AND c == 3"),
        ("path == 'C:\\'", "path == 'C:\\'"),
        ("name == 'it''s' OR name == \"it\\\"s\"", "name == 'it''s' OR name == \"it\\\"s\""),
        ("a IN []", "a IN []"),
    ],
)
def test_every_spelling_is_read_and_printed_in_one(written: str, printed: str) -> None:
    assert text_of(parse(written)) == printed


def test_a_chain_keeps_the_order_that_it_was_written_in() -> None:
    """Whether AND binds tighter is not documented, so the parser does not decide it."""
    found = parse("a == 1 OR b == 2 AND c == 3")
    assert isinstance(found, Chain)
    assert found.junctions == (Junction.OR, Junction.AND)
    assert found.is_mixed


def test_the_parts_of_a_comparison_are_values() -> None:
    assert parse("routing.skills[2] NOT IN ['a', 1, true]") == Comparison(
        Key(("routing", "skills", 2)), Operator.NOT_IN, Array((Text("'a'"), 1, True))
    )


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("a == (b)", 6, "'(' is not expected here"),
        ("", 1, "it ends too early"),
        ("a ==", 5, "it ends too early"),
        ("my-key == 1", 3, "hyphens are not supported in keys"),
        ('a == "x', 6, "the string that begins here has no end"),
        ("(a == 1", 8, "it ends too early"),
        ("a == b c", 8, "'c' is not expected here"),
        ("a == 1)", 7, "')' is not expected here"),
        ("a == 1\nAND ?", 12, "'?' is not expected here"),
        ("a == 1e999", 6, "the number is too large"),
        ("a == " + "9" * 5000, 6, "the number is too large"),
        ("a[" + "9" * 50 + "] == 1", 1, "the number is too large"),
        ("NOT a == 1", 5, "'a' is not expected here"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_column(written: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as told:
        parse(written)
    assert (told.value.column, told.value.message) == (column, message)


def test_parentheses_without_end_are_refused_and_not_followed() -> None:
    deep = DEEPEST + 1
    with pytest.raises(ExpressionError, match="more than 50 parentheses"):
        parse("(" * deep + "a == 1 AND b == 1" + ")" * deep)
    with pytest.raises(ExpressionError, match="it ends too early"):
        parse("(" * (LONGEST - 10))


def test_an_endless_expression_is_refused() -> None:
    with pytest.raises(ExpressionError, match="more than 20,000 are not read"):
        parse("a == 1" + " OR a == 1" * LONGEST)


@given(expressions())
def test_what_is_printed_is_read_as_the_same(expression: Expression) -> None:
    text = text_of(expression)
    found = parse(text)
    assert found == expression
    assert text_of(found) == text


@given(st.text())
def test_any_text_is_an_expression_or_an_error_with_a_column_within_it(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1


@given(
    st.lists(st.sampled_from(["a", "==", "1", "AND", "OR", "(", ")", "[", "]", "IN", "NOT", "HAS", "'x'", ",", " "]))
)
def test_any_row_of_words_is_an_expression_or_an_error(words: list[str]) -> None:
    try:
        found = parse(" ".join(words))
    except ExpressionError:
        return
    assert parse(text_of(found)) == found
