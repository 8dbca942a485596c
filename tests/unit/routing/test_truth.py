"""For whom an expression holds, and where that depends on what Twilio's documents leave open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.routing.columns import rows_of
from flexres.routing.comparing import Reading, combinations, compare
from flexres.routing.language.model import Array, Comparison, Expression, Junction, Key, Operand, Text
from flexres.routing.language.parse import parse
from flexres.routing.queues import Person
from flexres.routing.truth import Truth

from .expressions import documents, expressions
from .people import person, skilled

ALL = Reading.PRECEDENCE | Reading.MISSING | Reading.KEY_CASE | Reading.TYPES | Reading.ESCAPES


def verdict(written: str, one: Person, *, prefixed: bool = False) -> bool | tuple[Reading, ...]:
    """Whether it holds for this person, or what that depends on."""
    expression = parse(written)
    held = Truth([one], [expression], prefixed=prefixed).of(expression)
    assert not held.certain & held.uncertain
    return held.depends_for(0) if held.uncertain else bool(held.certain)


ANA = person(
    level=3,
    vip=True,
    city="Leeds",
    text_level="3",
    languages=["en", "de"],
    routing={"levels": {"billing": 2}},
    none=None,
)


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ("1 == 1", True),
        ('"apple" != "orange"', True),
        ("level >= 3", True),
        ("level > 3.0", False),
        ("level == 3.0", True),
        ('city CONTAINS "eed"', True),
        ('"eed" CONTAINS city', False),
        ('city == "leeds"', False),
        ("vip == true", True),
        ('languages HAS "de"', True),
        ('languages HAS "fr"', False),
        ('"de" IN languages', True),
        ('city IN ["Leeds", "York"]', True),
        ('city NOT IN ["York"]', True),
        ('languages[1] == "de"', True),
        ("routing.levels.billing >= 3", False),
        ("routing.levels.returns >= 3", False),
        ("nothing.at.all > 1", False),
        # A scalar operator on arrays, and an array operator on scalars, are false, whichever it is.
        ('languages == "en"', False),
        ('languages != "en"', False),
        ('city HAS "Leeds"', False),
        ('city IN "Leeds"', False),
        ('city NOT IN "Leeds"', False),
        ("city < level AND level == 4", False),
    ],
)
def test_what_is_documented_is_certain(written: str, holds: bool) -> None:
    assert verdict(written, ANA) is holds


@pytest.mark.parametrize(
    ("written", "reading"),
    [
        ("level == 3 OR level == 3 AND level == 4", Reading.PRECEDENCE),
        ("absent != 3", Reading.MISSING),
        ("none != 3", Reading.MISSING),
        ("absent == absent", Reading.MISSING),
        ('absent NOT IN ["a"]', Reading.MISSING),
        ("city NOT IN absent", Reading.MISSING),
        ("Level == 3", Reading.KEY_CASE),
        ("routing.Levels.BILLING == 2", Reading.KEY_CASE),
        ("text_level == 3", Reading.TYPES),
        ("text_level != 3", Reading.TYPES),
        ("level CONTAINS 3", Reading.TYPES),
        ("vip == 'true'", Reading.TYPES),
        ("vip > false", Reading.TYPES),
        ("languages HAS 1 OR text_level IN [1, 3]", Reading.TYPES),
        ("worker.channel.chat.configured_capacity > 0", Reading.UNREAD),
        ("task.language == 'en'", Reading.TASK),
    ],
)
def test_what_is_left_open_is_named(written: str, reading: Reading) -> None:
    assert verdict(written, ANA) == (reading,)


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ("level == 3 OR level == 4 AND level == 5", (Reading.PRECEDENCE,)),
        ("(level == 3 OR level == 4) AND level == 5", False),
        ("absent != 3 OR level == 3", True),
        ("absent != 3 AND level == 4", False),
        ("text_level == 4", False),
        ("text_level != 4", True),
        ("level == 3 AND (absent != 1 OR text_level == 3)", (Reading.MISSING, Reading.TYPES)),
    ],
)
def test_only_a_result_that_differs_is_uncertain(written: str, holds: Any) -> None:
    assert verdict(written, ANA) == holds


@pytest.mark.parametrize(("value", "expected"), [("a\\b", True), ("ab", True), ("a", False)])
def test_a_backslash_in_a_string_is_read_both_ways(value: str, expected: bool) -> None:
    found = verdict(r'path == "a\b"', person(path=value))
    assert found == ((Reading.ESCAPES,) if expected else False)


def test_a_worker_is_asked_for_what_taskrouter_knows() -> None:
    one = person("ana", capacity=2, level=1)
    assert verdict("activity_name in ['Offline']", one) is True
    assert verdict("worker.activity_name == 'Offline' AND worker.sid == 'WKana'", one, prefixed=True) is True
    assert verdict("worker.level == 1", one, prefixed=True) is True
    assert verdict("worker.channel.chat.configured_capacity > 1", one) is True
    assert verdict("worker.channel.voice.configured_capacity > 1", one) is False


def test_an_attribute_comes_before_what_taskrouter_knows() -> None:
    assert verdict("activity_name == 'Offline'", person(activity_name="Lunch")) is False


def test_a_target_without_prefix_is_about_the_task() -> None:
    assert verdict("level == 1", person(level=1), prefixed=True) == (Reading.TASK,)
    assert verdict("task.language IN worker.languages", ANA, prefixed=True) == (Reading.TASK,)
    assert verdict("worker.level > 7 AND task.language IN worker.languages", ANA, prefixed=True) is False


def test_attributes_that_cannot_be_read_say_nothing() -> None:
    assert verdict("level == 3", person(text="no JSON")) == (Reading.UNREAD,)
    assert verdict("1 == 1", person(text="no JSON")) is True


def test_levels_and_skills_of_flex() -> None:
    people = [skilled("ana", billing=3), skilled("bob", billing=2), skilled("cho", returns=True), skilled("dov")]
    expression = parse('routing.skills HAS "billing" AND routing.levels.billing >= 3')
    held = Truth(people, [expression]).of(expression)
    assert (rows_of(held.certain), rows_of(held.uncertain)) == ([0], [])


def test_true_in_a_list_is_not_one() -> None:
    assert verdict("flags HAS 1", person(flags=[True])) == (Reading.TYPES,)
    expressions = [parse("flag == 1"), parse("flag == true")]
    truth = Truth([person(flag=True)], expressions)
    assert [truth.of(one).certain for one in expressions] == [0, 1]


@given(expressions(), st.lists(documents(), min_size=1, max_size=5))
def test_many_at_once_are_told_as_one_by_one(expression: Expression, found: list[dict[str, Any]]) -> None:
    """The groups, the columns and the sets change nothing: under each reading the plain recursion says the same."""
    people = [person(str(number), text=json.dumps(document)) for number, document in enumerate(found)]
    held = Truth(people, [expression]).of(expression)
    for row, document in enumerate(found):
        results = {choice: plain(expression, document, choice) for choice in combinations(ALL)}
        assert bool(held.certain >> row & 1) is all(results.values())
        assert bool(held.uncertain >> row & 1) is (len(set(results.values())) > 1)
        depends = tuple(
            reading for reading in ALL if any(results[choice] != results[choice ^ reading] for choice in results)
        )
        assert held.depends_for(row) == depends


def plain(expression: Expression, document: dict[str, Any], choice: Reading) -> bool:
    """One expression, one Worker, one reading."""
    if isinstance(expression, Comparison):
        sides = (_operand(side, document, choice) for side in (expression.left, expression.right))
        return compare(expression.operator, *sides, choice)[0]
    results = [plain(term, document, choice) for term in expression.terms]
    words = [word for pair in zip(["", *expression.junctions], results, strict=True) for word in pair][1:]
    return _from_left(words) if choice & Reading.PRECEDENCE else _and_first(words)


def _from_left(words: Sequence[Any]) -> bool:
    result = words[0]
    for junction, other in zip(words[1::2], words[2::2], strict=True):
        result = (result and other) if junction is Junction.AND else (result or other)
    return bool(result)


def _and_first(words: Sequence[Any]) -> bool:
    terms: list[list[bool]] = [[]]
    for word in words:
        if word is Junction.OR:
            terms.append([])
        elif word is not Junction.AND:
            terms[-1].append(word)
    return any(all(term) for term in terms)


def _operand(operand: Operand, document: dict[str, Any], choice: Reading) -> Any:
    if isinstance(operand, Array):
        return [_operand(item, document, choice) for item in operand.items]
    if isinstance(operand, Text):
        return operand.literal if choice & Reading.ESCAPES else operand.unescaped
    if not isinstance(operand, Key):
        return operand
    found = _follow(document, operand.parts, folded=False)
    return _follow(document, operand.parts, folded=True) if found is None and choice & Reading.KEY_CASE else found


def _follow(value: Any, parts: Sequence[str | int], *, folded: bool) -> Any:
    if not parts:
        return value
    part, *others = parts
    if isinstance(part, int):
        inside = isinstance(value, list) and part < len(value)
        return _follow(value[part], others, folded=folded) if inside else None
    if not isinstance(value, dict):
        return None
    names = [name for name in value if name == part or (folded and name.casefold() == part.casefold())]
    for name in names:
        found = _follow(value[name], others, folded=folded)
        if found is not None:
            return found
    return None
