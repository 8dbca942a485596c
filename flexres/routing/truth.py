"""For whom an expression holds: over all Workers at once, and under every choice of what the documents leave open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flexres.routing.columns import NOBODY, Column, People, Table, rows_of
from flexres.routing.comparing import FIRST, Known, Reading, combinations, compare, outcomes
from flexres.routing.language.model import (
    Array,
    Chain,
    Comparison,
    Expression,
    Junction,
    Key,
    Operand,
    Operator,
    Text,
    comparison_text,
)
from flexres.routing.queues import Person
from flexres.values import Json


def keys_of(expression: Expression) -> Iterator[Key]:
    """Every key that the expression mentions, as often as it does."""
    for comparison in comparisons_of(expression):
        for operand in (comparison.left, comparison.right):
            if isinstance(operand, Key):
                yield operand


def comparisons_of(expression: Expression) -> Iterator[Comparison]:
    """Every comparison of the expression, in order."""
    if isinstance(expression, Comparison):
        yield expression
    else:
        for term in expression.terms:
            yield from comparisons_of(term)


@dataclass(frozen=True, slots=True)
class Held:
    """For whom an expression holds for certain, and for whom it cannot be told, with what that depends on."""

    certain: People
    uncertain: People
    depends: Mapping[Reading, People]

    @classmethod
    def nobody(cls) -> Held:
        """What an empty expression says: it matches no Worker."""
        return cls(NOBODY, NOBODY, {})

    def along_with(self, other: Held) -> Held:
        """For whom both hold: what is asked at once by two expressions."""
        certain = self.certain & other.certain
        uncertain = (self.certain | self.uncertain) & (other.certain | other.uncertain) & ~certain
        depends: dict[Reading, People] = {}
        for reading in {**self.depends, **other.depends}:
            people = (self.depends.get(reading, NOBODY) | other.depends.get(reading, NOBODY)) & uncertain
            if people:
                depends[reading] = people
        return Held(certain, uncertain, depends)

    def doubts(self) -> dict[int, tuple[Reading, ...]]:
        """The places of those for whom it cannot be told, and what that depends on."""
        groups: list[tuple[People, tuple[Reading, ...]]] = [(self.uncertain, ())]
        for reading, people in self.depends.items():
            split = [(group & people, (*depends, reading)) for group, depends in groups]
            groups = [one for one in (*split, *((group & ~people, depends) for group, depends in groups)) if one[0]]
        return {row: depends for group, depends in groups for row in rows_of(group)}

    def depends_for(self, row: int) -> tuple[Reading, ...]:
        """What it depends on for one Worker."""
        return tuple(reading for reading, people in self.depends.items() if people >> row & 1)


@dataclass(frozen=True, slots=True)
class _Fact:
    """For whom one comparison holds: in any case, and group by group where it depends on open points."""

    always: People
    depends: tuple[tuple[People, Reading, Mapping[Reading, bool]], ...] = ()

    @property
    def met(self) -> Reading:
        found = FIRST
        for _, readings, _ in self.depends:
            found |= readings
        return found

    def under(self, choice: Reading) -> People:
        people = self.always
        for group, readings, results in self.depends:
            if results[choice & readings]:
                people |= group
        return people


class Truth:
    """Expressions over the same Workers; what they share is worked out once."""

    def __init__(self, people: Sequence[Person], expressions: Iterable[Expression], *, prefixed: bool = False) -> None:
        keys = {key for expression in expressions for key in keys_of(expression)}
        self.table = Table(people, keys, prefixed=prefixed)
        self._facts: dict[str, _Fact] = {}
        self._elements: dict[Key, _Elements] = {}

    def of(self, expression: Expression) -> Held:
        """For whom this expression, one of those given, holds."""
        met = _mixed(expression)
        for comparison in comparisons_of(expression):
            met |= self._fact(comparison).met
        if not met:
            return Held(self.under(expression, FIRST), NOBODY, {})
        results = {choice: self.under(expression, choice) for choice in combinations(met)}
        always, ever = results[FIRST], NOBODY
        for people in results.values():
            always &= people
            ever |= people
        depends = {}
        for reading in met:
            differs = NOBODY
            for choice, people in results.items():
                differs |= people ^ results[choice ^ reading]
            if differs:
                depends[reading] = differs
        return Held(always, ever & ~always, depends)

    def under(self, expression: Expression, choice: Reading) -> People:
        """For whom it holds under one choice of the open points."""
        if isinstance(expression, Comparison):
            return self._fact(expression).under(choice)
        people = [self.under(term, choice) for term in expression.terms]
        return _joined(people, expression.junctions, from_left=bool(choice & Reading.PRECEDENCE))

    def _fact(self, comparison: Comparison) -> _Fact:
        # By its text: as values, 1 and true are the same to Python.
        text = comparison_text(comparison)
        if text not in self._facts:
            self._facts[text] = self._compared(comparison)
        return self._facts[text]

    def _compared(self, comparison: Comparison) -> _Fact:
        left, operator, right = comparison.left, comparison.operator, comparison.right
        if operator is Operator.HAS and isinstance(left, Key) and not isinstance(right, Key | Array):
            return self._array_has(left, right)
        return _fact(operator, self._combined(left, right))

    def _array_has(self, key: Key, wanted: Operand) -> _Fact:
        """By the items instead of by the arrays: of these there are few, of their combinations as many as Workers."""
        if key not in self._elements:
            self._elements[key] = _Elements(self.table, self.table.column(key))
        value = _constant(wanted)
        return _fact(Operator.HAS, ((people, (array, value)) for people, array in self._elements[key].groups))

    def _combined(self, left: Operand, right: Operand) -> Iterator[tuple[People, _Pair]]:
        """Groups of Workers for whom both operands are the same."""
        table = self.table
        if not isinstance(left, Key):
            one = _constant(left)
            for people, other in self._grouped(right):
                yield people, (one, other)
        elif not isinstance(right, Key):
            other = _constant(right)
            for people, one in self._grouped(left):
                yield people, (one, other)
        else:
            firsts, seconds = self._grouped(left), self._grouped(right)
            pairs: dict[tuple[int, int], list[int]] = {}
            for row, pair in enumerate(zip(_places(table, firsts), _places(table, seconds), strict=True)):
                pairs.setdefault(pair, []).append(row)
            for (first, second), rows in pairs.items():
                yield table.people(rows), (firsts[first][1], seconds[second][1])

    def _grouped(self, operand: Operand) -> list[tuple[People, _Choice]]:
        """Everybody by what they have under a key; all of them together for a constant."""
        table = self.table
        if not isinstance(operand, Key):
            return [(table.everybody, _constant(operand))]
        column = table.column(operand)
        folded = _folded(column)
        found = [(table.people(rows), _value(value)) for value, rows in column.groups.values()]
        found += [(1 << row, _spelled(None, value)) for row, value in folded.items()]
        nobody_has = table.everybody
        for people, _ in found:
            nobody_has &= ~people
        return [*found, (nobody_has, _value(None))] if nobody_has else found


_Choice = Callable[[Reading], "tuple[Known, Reading]"]
_Pair = tuple[_Choice, _Choice]


def _fact(operator: Operator, groups: Iterable[tuple[People, _Pair]]) -> _Fact:
    always, depends = NOBODY, []
    for people, (left, right) in groups:

        def evaluate(choice: Reading, left: _Choice = left, right: _Choice = right) -> tuple[bool, Reading]:
            one, met = left(choice)
            other, more = right(choice)
            holds, decided = compare(operator, one, other, choice)
            return holds, met | more | decided

        readings, results = outcomes(evaluate)
        if readings:
            depends.append((people, readings, results))
        elif results[FIRST]:
            always |= people
    return _Fact(always, tuple(depends))


def _joined(people: Sequence[People], junctions: Sequence[Junction], *, from_left: bool) -> People:
    if from_left:
        result = people[0]
        for junction, other in zip(junctions, people[1:], strict=True):
            result = result & other if junction is Junction.AND else result | other
        return result
    result, term = NOBODY, people[0]
    for junction, other in zip(junctions, people[1:], strict=True):
        if junction is Junction.AND:
            term &= other
        else:
            result |= term
            term = other
    return result | term


def _mixed(expression: Expression) -> Reading:
    """Whether a chain anywhere in it has both junctions."""
    if isinstance(expression, Chain):
        if expression.is_mixed:
            return Reading.PRECEDENCE
        for term in expression.terms:
            if _mixed(term):
                return Reading.PRECEDENCE
    return FIRST


def _value(value: Known) -> _Choice:
    found = value, FIRST
    return lambda choice: found


def _constant(operand: Operand) -> _Choice:
    """The value of a constant, which a backslash makes two."""
    texts = operand.items if isinstance(operand, Array) else (operand,)
    if not any(isinstance(text, Text) and text.literal != text.unescaped for text in texts):
        return _value(_plain(operand, escapes=True))
    values = {False: _plain(operand, escapes=True), True: _plain(operand, escapes=False)}
    return lambda choice: (values[bool(choice & Reading.ESCAPES)], Reading.ESCAPES)


def _plain(operand: Operand, *, escapes: bool) -> Json:
    if isinstance(operand, Array):
        return [_plain(item, escapes=escapes) for item in operand.items]
    if isinstance(operand, Text):
        return operand.unescaped if escapes else operand.literal
    assert not isinstance(operand, Key)
    return operand


def _spelled(exact: Known, folded: Known) -> _Choice:
    """A value that depends on whether case matters in keys."""
    return lambda choice: (folded if choice & Reading.KEY_CASE else exact, Reading.KEY_CASE)


def _places(table: Table, groups: Sequence[tuple[People, _Choice]]) -> list[int]:
    """For each Worker, which group they are in."""
    found = [0] * table.size
    for place, (people, _) in enumerate(groups):
        for row in rows_of(people):
            found[row] = place
    return found


def _folded(column: Column) -> dict[int, Known]:
    """Values under otherwise spelled keys, of those who have none under the exact one."""
    if not column.folded:
        return {}
    exact = {row for _, rows in column.groups.values() for row in rows}
    return {row: value for row, value in column.folded.items() if row not in exact}


class _Elements:
    """Everybody by the items of an array; what is no array, by the kind of value it is."""

    def __init__(self, table: Table, column: Column) -> None:
        rows: dict[object, list[int]] = {}
        values: dict[object, _Choice] = {}
        for value, having in column.groups.values():
            for item in value if isinstance(value, list) else ():
                if item is None or isinstance(item, str | int | float):
                    mark = (type(item), item)
                    rows.setdefault(mark, []).extend(having)
                    values.setdefault(mark, _value([item]))
            if not isinstance(value, list):
                rows.setdefault(type(value), []).extend(having)
                values.setdefault(type(value), _value(value))
        self.groups = [(table.people(having), values[mark]) for mark, having in rows.items()]
        self.groups += [(1 << row, _spelled(None, value)) for row, value in _folded(column).items()]
