"""Every queue with those who are in it now, and what about the queues looks wrong: skills, keys, queues for nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Final

from flexres.live.model import Worker
from flexres.routing.catalogue import SkillTrouble
from flexres.routing.columns import Table
from flexres.routing.comparing import FIRST
from flexres.routing.coverage import QueueCoverage, coverage
from flexres.routing.explain import alternatives
from flexres.routing.language.model import Chain, Comparison, Expression, Key, Operator, Text, key_text
from flexres.routing.queues import Person, Queue
from flexres.routing.truth import Truth, comparisons_of, keys_of
from flexres.text import nearest
from flexres.values import Json

_SKILLS: Final = ("routing", "skills")
_LEVELS: Final = ("routing", "levels")


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that no Worker has: which queues mention it, and the attribute that may be meant."""

    key: str
    queues: tuple[str, ...]
    suggestion: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What to look at. `unasked` are skills of people that no queue asks for, `unheld` those asked for that nobody has.

    `impossible` are queues that nobody can ever be in, whatever they have. `uncatalogued` are declared skills that
    Flex's catalogue lacks, or has with other levels: supervisors cannot pick them in Flex.
    """

    unasked: tuple[str, ...]
    unheld: tuple[str, ...]
    unknown_keys: tuple[UnknownKey, ...]
    impossible: tuple[str, ...]
    uncatalogued: tuple[SkillTrouble, ...] = ()


def findings(queues: Sequence[Queue], people: Sequence[Person]) -> Findings:
    """What looks wrong about these queues for these people."""
    attributes = [found for person in people if (found := person.attributes()) is not None]
    held = {skill for one in attributes for skill in _skills_of(one)}
    asked = {skill for queue in queues if queue.expression for skill in skills_asked(queue.expression)}
    return Findings(
        unasked=tuple(sorted(held - asked)),
        unheld=tuple(sorted(asked - held)),
        unknown_keys=tuple(_unknown_keys(queues, people, {name for one in attributes for name in _names(one, ())})),
        impossible=tuple(queue.name for queue in queues if _is_for_nobody(queue)),
    )


def skills_asked(expression: Expression) -> Iterator[str]:
    """The Flex skills that an expression speaks of, by name or by level."""
    for comparison in comparisons_of(expression):
        sides = (comparison.left, comparison.right)
        if any(isinstance(side, Key) and side.parts == _SKILLS for side in sides):
            yield from (side.unescaped for side in sides if isinstance(side, Text))
        for side in sides:
            if isinstance(side, Key) and side.parts[:2] == _LEVELS and len(side.parts) == 3:
                yield str(side.parts[2])


def _skills_of(attributes: Mapping[str, Json]) -> Iterator[str]:
    routing = attributes.get("routing")
    skills = routing.get("skills") if isinstance(routing, Mapping) else None
    if isinstance(skills, list):
        yield from (skill for skill in skills if isinstance(skill, str))


def _unknown_keys(queues: Sequence[Queue], people: Sequence[Person], known: set[str]) -> Iterator[UnknownKey]:
    mentioned: dict[Key, list[str]] = {}
    for queue in queues:
        for key in dict.fromkeys(keys_of(queue.expression)) if queue.expression else ():
            # A level that nobody has is a skill that nobody has, and told as such.
            if key.parts[:2] != _LEVELS:
                mentioned.setdefault(key, []).append(queue.name)
    table = Table(people, mentioned, prefixed=False)
    for key, names in mentioned.items():
        if not table.column(key).groups and people:
            text = key_text(key)
            yield UnknownKey(text, tuple(names), nearest(text, sorted(known)))


def _names(value: Mapping[str, Json], above: tuple[str, ...]) -> Iterator[str]:
    """The attributes as expressions would call them."""
    for name, member in value.items():
        yield ".".join((*above, name))
        if isinstance(member, Mapping) and len(above) < 3:
            yield from _names(member, (*above, name))


def _is_for_nobody(queue: Queue) -> bool:
    return queue.is_told and (queue.expression is None or _is_impossible(queue.expression))


def _is_impossible(expression: Expression) -> bool:
    """Whether it holds for nobody, as far as its constants show. One with both AND and OR is left alone."""
    if isinstance(expression, Chain):
        return not expression.is_mixed and all(_excludes_itself(terms) for terms in alternatives(expression))
    return _excludes_itself([expression])


def _excludes_itself(terms: Iterable[Expression]) -> bool:
    wanted: dict[Key, list[Comparison]] = {}
    for term in terms:
        if isinstance(term, Chain):
            if _is_impossible(term):
                return True
        elif isinstance(term.left, Key) and isinstance(term.right, Text | int | float):
            wanted.setdefault(term.left, []).append(term)
        elif not any(keys_of(term)) and not Truth([_ANYBODY], [term]).under(term, FIRST):
            return True
    return any(_is_contradiction(comparisons) for comparisons in wanted.values())


def _is_contradiction(comparisons: Sequence[Comparison]) -> bool:
    """Whether no value of the key can pass: two values at once, or a number above one and below another."""
    equal = [one.right for one in comparisons if one.operator is Operator.EQUAL]
    if len({(type(value), value) for value in equal}) > 1:
        return True
    numbers = [(one.operator, one.right) for one in comparisons if isinstance(one.right, int | float)]
    tried = {value + change for _, value in numbers for change in (-1, -0.5, 0, 0.5, 1)}
    ordered = [(_ORDERS[operator], value) for operator, value in numbers if operator in _ORDERS]
    exact = [value for value in equal if isinstance(value, int | float)]
    candidates = exact or tried
    return bool(ordered) and not any(all(order(one, value) for order, value in ordered) for one in candidates)


_ANYBODY: Final = Person("", Worker("", "", "", "", False, "{}"))
"""Somebody to ask what only speaks of constants."""

_ORDERS: Final = {
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
}


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """One queue. `capacity` is by task channel, in tasks, of those in it whose channels were read.

    `coverage` is None where it cannot be told who is in it; a person of several roles counts in each.
    """

    queue: Queue
    coverage: QueueCoverage | None = None
    roles: Mapping[str, int] | None = None
    teams: Mapping[str, int] | None = None
    capacity: Mapping[str, int] | None = None


def overview(
    queues: Sequence[Queue], people: Mapping[str, Person], team_of: Callable[[str], str]
) -> tuple[QueueOverview, ...]:
    """The queues in the order given; `team_of` names the team of a username."""
    told = {one.queue.sid: one for one in coverage(queues, people, people, wanted=lambda queue: True)}
    found: list[QueueOverview] = []
    for queue in queues:
        one = told.get(queue.sid)
        if one is None:
            found.append(QueueOverview(queue))
            continue
        members = [people[name] for name in one.eligible]
        capacity: Counter[str] = Counter()
        for person in members:
            for channel in (person.channels or {}).values():
                capacity[channel.name] += channel.capacity or 0 if channel.available is not False else 0
        found.append(
            QueueOverview(
                queue,
                one,
                Counter(role for person in members for role in person.roles),
                Counter(team_of(person.name) for person in members),
                capacity,
            )
        )
    return tuple(found)
