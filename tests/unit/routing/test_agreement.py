"""An independent evaluator, the sandbox's, says the same of random expressions and Workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, given, note

from flexres.routing.comparing import Reading, combinations
from flexres.routing.language.model import Comparison, Expression, Key, Operator, text_of
from flexres.routing.truth import Truth, comparisons_of
from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter import expressions as independent
from flexres.sandbox.taskrouter.matching import matches, of_attributes

from .expressions import documents, expressions
from .people import person

ALL = Reading.PRECEDENCE | Reading.MISSING | Reading.KEY_CASE | Reading.TYPES | Reading.ESCAPES


def switches(choice: Reading) -> Switches:
    """The sandbox's words for a choice of readings; its own first reading of a backslash is our second."""
    return Switches(
        expression_precedence="left_to_right" if choice & Reading.PRECEDENCE else "and_first",
        expression_null="unknown" if choice & Reading.MISSING else "value",
        expression_key_case="any" if choice & Reading.KEY_CASE else "exact",
        expression_types="convert" if choice & Reading.TYPES else "strict",
        expression_escapes="none" if choice & Reading.ESCAPES else "backslash",
    )


def said(text: str, document: dict[str, Any], choice: Reading) -> bool | None:
    """What the sandbox says under this choice; None where it cannot read the expression so."""
    turned = switches(choice)
    try:
        expression = independent.parse(text, turned.expression_precedence, turned.expression_escapes)
    except independent.ExpressionError:
        return None
    return matches(expression, of_attributes(document), turned)


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything_in(item)


@given(expressions(), documents())
def test_what_is_certain_is_so_under_every_reading(expression: Expression, document: dict[str, Any]) -> None:
    """A boolean made comparable with a number is one of 0 and 1 here, and a text there: that reading is left out."""
    text = text_of(expression)
    held = Truth([person(text=json.dumps(document))], [expression]).of(expression)
    assume(not held.uncertain)
    note(text)
    readings = ALL & ~Reading.TYPES if _has_booleans(expression, document) else ALL
    assert {said(text, document, choice) for choice in combinations(readings)} <= {bool(held.certain), None}


@given(expressions(), documents())
def test_each_reading_says_the_same(expression: Expression, document: dict[str, Any]) -> None:
    """But for two points that ours leaves open and the sandbox decides: true beside 1, and NOT IN of nothing."""
    assume(not _has_booleans(expression, document))
    assume(not any(_is_not_in_nothing(comparison) for comparison in comparisons_of(expression)))
    text = text_of(expression)
    truth = Truth([person(text=json.dumps(document))], [expression])
    note(text)
    for choice in combinations(ALL):
        theirs = said(text, document, choice)
        if theirs is not None:
            assert bool(truth.under(expression, choice)) is theirs, choice


def _has_booleans(expression: Expression, document: dict[str, Any]) -> bool:
    sides = [side for one in comparisons_of(expression) for side in (one.left, one.right)]
    constants = [value for side in sides for value in getattr(side, "items", (side,))]
    return any(isinstance(value, bool) for value in [*constants, *everything_in(document)])


def _is_not_in_nothing(comparison: Comparison) -> bool:
    return comparison.operator is Operator.NOT_IN and isinstance(comparison.right, Key)
