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
        ("? == 1", 1, "'?' is not expected here"),
        (") == 1", 1, "')' is not expected here"),
        ("a == 1 X", 8, "'X' is not expected here"),
        ("a == 1 " + "b" * 30, 8, f"'{'b' * 30}' is not expected here"),
        ("a == 1 " + "b" * 31, 8, f"'{'b' * 29}…' is not expected here"),
        ("a == 'x", 6, "the string that begins here has no end"),
        (r"a == 'x\\' OR b == 'y", 20, "the string that begins here has no end"),
        ("a == " + "9" * 41, 6, "the number is too large"),
        ("a == 1 OR b == -" + "9" * 40, 16, "the number is too large"),
        ("a == 1 OR b == -1e999", 16, "the number is too large"),
        ("a == 1 OR b[" + "9" * 41 + "] == 1", 11, "the number is too large"),
        (
            "a == 1 AND " + "(" * 51 + "a == 1 AND b == 1" + ")" * 51,
            12,
            "more than 50 parentheses within each other are not read",
        ),
        ("a == 1" + " " * 19_995, 20_001, "it has 20,001 characters; more than 20,000 are not read"),
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


def test_what_is_as_long_and_as_deep_as_can_be_is_read() -> None:
    assert text_of(parse("a == 1" + " " * 19_994)) == "a == 1"
    assert text_of(parse("(" * 50 + "a == 1 AND b == 1" + ")" * 50)) == "a == 1 AND b == 1"
    assert parse("a == " + "9" * 40) == Comparison(Key(("a",)), Operator.EQUAL, int("9" * 40))


def test_the_deepest_of_several_terms_counts() -> None:
    """Wherever in the chain it stands."""
    deep = "(" * 49 + "a == 1 AND b == 1" + ")" * 49
    for chain in (f"({deep} OR c == 1) AND d == 1", f"(c == 1 OR {deep}) AND d == 1"):
        assert isinstance(parse(chain), Chain)
        with pytest.raises(ExpressionError, match="more than 50"):
            parse(f"(({chain}))")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("+1", 1),
        ("-1", -1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        ("true", True),
        ("FALSE", False),
        ("False", False),
        ("1.0", 1.0),
    ],
)
def test_a_constant_is_the_value_that_it_spells(written: str, value: float | bool) -> None:
    found = parse(f"a == {written}")
    assert isinstance(found, Comparison)
    assert (type(found.right), found.right) == (type(value), value)


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0]", ("a", 0)),
        ("a[10].b[2]", ("a", 10, "b", 2)),
        ("a [ 1 ]", ("a", 1)),
        ("a\t[\n1\r]", ("a", 1)),
        ("_x.in", ("_x", "in")),
        ("a.1", ("a", "1")),
        ("Köln.straße", ("Köln", "straße")),
    ],
)
def test_a_key_is_the_way_to_a_value(written: str, parts: tuple[str | int, ...]) -> None:
    assert parse(f"{written} == 1") == Comparison(Key(parts), Operator.EQUAL, 1)


@pytest.mark.parametrize(
    ("source", "literal", "unescaped"),
    [
        ('"plain"', "plain", "plain"),
        ("'it''s'", "it's", "it's"),
        ('"say ""hi"""', 'say "hi"', 'say "hi"'),
        (r'"a\nb"', r"a\nb", "a\nb"),
        (r'"a\tb\rc"', r"a\tb\rc", "a\tb\rc"),
        (r'"C:\\x"', r"C:\\x", "C:\\x"),
        (r"'it\'s'", r"it\'s", "it's"),
        (r"'\N'", r"\N", "N"),
        ("'C:\\'", "C:\\", "C:\\"),
    ],
)
def test_a_string_is_read_in_both_ways_that_a_backslash_may_have(source: str, literal: str, unescaped: str) -> None:
    found = parse(f"a == {source}")
    assert isinstance(found, Comparison)
    assert isinstance(found.right, Text)
    assert (found.right.source, found.right.literal, found.right.unescaped) == (source, literal, unescaped)


def test_an_error_tells_its_column_in_its_words_too() -> None:
    assert str(ExpressionError("no", 7)) == "column 7: no"


def test_what_is_printed_of_odd_values_is_read_again() -> None:
    written = 'a[0][1] IN ["x", 1, 2.5, true, false] AND (b.c == 1 OR d != -2) AND 1 == 1'
    assert text_of(parse(written)) == written


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
