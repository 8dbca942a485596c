"""Why somebody is not in a queue: the fewest comparisons that would have to hold, and what stands there instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flexres.routing.columns import rows_of
from flexres.routing.comparing import FIRST, Known, NotRead, Reading
from flexres.routing.language.model import Chain, Comparison, Expression, Junction, Key, comparison_text, key_text
from flexres.routing.queues import Person, Queue
from flexres.routing.truth import Truth
from flexres.values import Json


@dataclass(frozen=True, slots=True)
class Miss:
    """A comparison that fails, and what the person has under its keys: None for nothing there."""

    comparison: str
    has: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to one queue: in it, not in it with what is missing, or what it depends on."""

    name: str
    is_in: bool
    depends: tuple[Reading, ...] = ()
    misses: tuple[Miss, ...] = ()


def standings(queue: Queue, people: Sequence[Person]) -> list[Standing]:
    """How each of these people stands to the queue, whose expression can be told."""
    expression = queue.expression
    if expression is None:
        return [Standing(person.name, is_in=False) for person in people]
    truth = Truth(people, [expression])
    held = truth.of(expression)
    certain, uncertain = set(rows_of(held.certain)), set(rows_of(held.uncertain))
    found: list[Standing] = []
    for row, person in enumerate(people):
        if row in certain:
            found.append(Standing(person.name, is_in=True))
        elif row in uncertain:
            found.append(Standing(person.name, is_in=False, depends=held.depends_for(row)))
        else:
            fails = _failing(truth, expression, row)
            misses = tuple(Miss(comparison_text(one), _has(truth, one, row)) for one in dict.fromkeys(fails))
            found.append(Standing(person.name, is_in=False, misses=misses))
    return found


def near_misses(found: Sequence[Standing]) -> list[Standing]:
    """Those who lack one comparison alone."""
    return [one for one in found if len(one.misses) == 1]


def _failing(truth: Truth, expression: Expression, row: int) -> tuple[Comparison, ...]:
    """The fewest comparisons whose failing keeps one person out; AND binds tighter here."""
    if isinstance(expression, Comparison):
        return () if truth.under(expression, FIRST) >> row & 1 else (expression,)
    ways: list[tuple[Comparison, ...]] = []
    for alternative in alternatives(expression):
        fails: tuple[Comparison, ...] = ()
        for term in alternative:
            fails += _failing(truth, term, row)
        ways.append(fails)
    return min(ways, key=len)


def alternatives(chain: Chain) -> list[list[Expression]]:
    """The chain as terms that have to hold together, one list for each alternative, with AND binding tighter."""
    found: list[list[Expression]] = [[chain.terms[0]]]
    for junction, term in zip(chain.junctions, chain.terms[1:], strict=True):
        if junction is Junction.OR:
            found.append([term])
        else:
            found[-1].append(term)
    return found


def _has(truth: Truth, comparison: Comparison, row: int) -> dict[str, Json]:
    """What stands under the keys of a comparison; what was not read is left out."""
    found: dict[str, Json] = {}
    for operand in (comparison.left, comparison.right):
        if isinstance(operand, Key):
            value = _value(truth, operand, row)
            if not isinstance(value, NotRead):
                found[key_text(operand)] = value
    return found


def _value(truth: Truth, key: Key, row: int) -> Known:
    for value, rows in truth.table.column(key).groups.values():
        if row in rows:
            return value
    return None
