"""One comparison between two values, under one choice of what Twilio's documents leave open; beneath all evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum, IntFlag
from operator import ge, gt, le, lt
from typing import Any, Final, TypeAlias

from flexres.routing.language.model import Operator
from flexres.values import Json


class NotRead(Enum):
    """The value of what nobody looked at."""

    OF_WORKER = "of the Worker"
    OF_TASK = "of the task"


Known: TypeAlias = "Json | NotRead"
"""A value; NULL, a key that is not there and JSON's null, is None."""

_ORDERS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
}


def compare(operator: Operator, left: Known, right: Known, choice: Reading) -> tuple[bool, Reading]:
    """Whether it holds under this choice of readings, and the open points that decided it."""
    for value in (left, right):
        if isinstance(value, NotRead):
            point = Reading.UNREAD if value is NotRead.OF_WORKER else Reading.TASK
            return bool(choice & point), point
    assert not isinstance(left, NotRead)
    assert not isinstance(right, NotRead)
    if operator is Operator.HAS:
        return _has(left, right, choice)
    if operator is Operator.IN:
        return _has(right, left, choice)
    if operator is Operator.NOT_IN:
        return _not_in(left, right, choice)
    return _scalars(operator, left, right, choice)


def _is_array(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _has(array: Json, value: Json, choice: Reading) -> tuple[bool, Reading]:
    """An array operator on anything but an array and a scalar is false."""
    if not _is_array(array) or not _is_scalar(value):
        return False, FIRST
    met = FIRST
    for item in array:  # type: ignore[union-attr]
        holds, points = _equal(item, value, choice)
        if holds:
            return True, met | points
        met |= points
    return False, met


def _not_in(value: Json, array: Json, choice: Reading) -> tuple[bool, Reading]:
    if array is None and _is_scalar(value):
        return not choice & Reading.MISSING, Reading.MISSING
    if not _is_array(array) or not _is_scalar(value):
        return False, FIRST
    if value is None:
        holds, met = _has(array, value, FIRST)
        return not choice & Reading.MISSING and not holds, met | Reading.MISSING
    holds, met = _has(array, value, choice)
    return not holds, met


def _scalars(operator: Operator, left: Json, right: Json, choice: Reading) -> tuple[bool, Reading]:
    """A scalar operator on anything but scalars is false."""
    if not _is_scalar(left) or not _is_scalar(right):
        return False, FIRST
    if operator is Operator.EQUAL:
        return _equal(left, right, choice)
    if operator is Operator.NOT_EQUAL:
        if left is None or right is None:
            return not choice & Reading.MISSING and left is not right, Reading.MISSING
        holds, met = _equal(left, right, choice)
        return not holds, met
    if left is None or right is None:
        return False, FIRST
    return _contains(left, right, choice) if operator is Operator.CONTAINS else _by_order(operator, left, right, choice)


def _contains(left: Json, right: Json, choice: Reading) -> tuple[bool, Reading]:
    if isinstance(left, str) and isinstance(right, str):
        return right in left, FIRST
    return bool(choice & Reading.TYPES) and _text(right) in _text(left), Reading.TYPES


def _by_order(operator: Operator, left: Json, right: Json, choice: Reading) -> tuple[bool, Reading]:
    """Numbers by size, texts by their characters; whether false comes before true is left open, too."""
    if _kind(left) is _kind(right) and not isinstance(left, bool):
        return _ORDERS[operator](left, right), FIRST
    if not choice & Reading.TYPES:
        return False, Reading.TYPES
    return _ORDERS[operator](*_alike(left, right)), Reading.TYPES


def _equal(left: Json, right: Json, choice: Reading) -> tuple[bool, Reading]:
    if left is None and right is None:
        return not choice & Reading.MISSING, Reading.MISSING
    if left is None or right is None or not _is_scalar(left) or not _is_scalar(right):
        return False, FIRST
    if _kind(left) is _kind(right):
        return left == right, FIRST
    if not choice & Reading.TYPES:
        return False, Reading.TYPES
    left, right = _alike(left, right)
    return left == right, Reading.TYPES


def _kind(value: Json) -> type:
    if isinstance(value, bool):
        return bool
    return str if isinstance(value, str) else float


def _alike(left: Json, right: Json) -> tuple[Json, Json]:
    """Both as numbers where both are some, else both as texts."""
    numbers = _number(left), _number(right)
    return numbers if None not in numbers else (_text(left), _text(right))


def _number(value: Json) -> int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    try:
        return float(str(value))
    except ValueError:
        return None


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    assert not isinstance(value, Mapping)
    return str(value)


class Reading(IntFlag):
    """One bit for each open point; a set bit means the second reading of it.

    The last two are no readings: what they stand for was not looked at, so both results have to be thought of.
    """

    PRECEDENCE = 1
    MISSING = 2
    KEY_CASE = 4
    TYPES = 8
    ESCAPES = 16
    UNREAD = 32
    TASK = 64


SAYS: Final = {
    Reading.PRECEDENCE: "whether AND binds tighter than OR",
    Reading.MISSING: "what a comparison with a missing value says",
    Reading.KEY_CASE: "whether upper and lower case matter in keys",
    Reading.TYPES: "how values of different types compare",
    Reading.ESCAPES: "what a backslash in a string means",
    Reading.UNREAD: "what was not read of the Worker",
    Reading.TASK: "the task",
}
"""Each open point in words, behind "it depends on"."""

FIRST: Final = Reading(0)
"""The first readings: AND binds tighter, NULL is a value, case matters, types stay apart, a backslash escapes."""


def combinations(readings: Reading) -> Iterator[Reading]:
    """Every choice among these open points, the first reading of all of them first."""
    members = list(readings)
    for number in range(1 << len(members)):
        chosen = FIRST
        for place, member in enumerate(members):
            if number >> place & 1:
                chosen |= member
        yield chosen


def outcomes(evaluate: Callable[[Reading], tuple[bool, Reading]]) -> tuple[Reading, dict[Reading, bool]]:
    """The results under each choice among the open points that matter, and which those are.

    `evaluate` gives a result under a choice, and the open points that it met on its way there.
    """
    result, met = evaluate(FIRST)
    if not met:
        return FIRST, {FIRST: result}
    results: dict[Reading, bool] = {}
    while True:
        found = met
        for choice in combinations(met):
            if choice not in results:
                results[choice], more = evaluate(choice)
                found |= more
        if found == met:
            break
        met = found
    return _those_that_matter(met, results)


def _those_that_matter(met: Reading, results: dict[Reading, bool]) -> tuple[Reading, dict[Reading, bool]]:
    matter = FIRST
    for reading in met:
        if any(results[choice] != results[choice ^ reading] for choice in combinations(met)):
            matter |= reading
    return matter, {choice: results[choice] for choice in combinations(matter)}
