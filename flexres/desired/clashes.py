"""Whether stacks leave each other alone, before any plan: each id is one stack's, and each user of an instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from flexres.desired.source import Source, UnreadableFile
from flexres.desired.stack import Stack
from flexres.desired.yaml.values import Unusual, read_values
from flexres.errors import Position, Problem
from flexres.values import fold_case

_MOST: Final = 20
_CONFIG: Final = "flex.yaml"


def clashes(stacks: Sequence[Stack]) -> tuple[Problem, ...]:
    """A problem for everything that two stacks both claim, each told at the later stack with the earlier one's place.

    Two stacks may share an instance as long as no user is declared in both, none of one is a leaver of the other,
    and at most one of them declares its single sign-on. An id belongs to one stack: it is on the Workers' markers.
    """
    return tuple(problem for earlier, later in combinations(stacks, 2) for problem in _between(earlier, later))


def may_clash(mine: Stack, other: Source) -> bool:
    """Whether another stack has the same id or instance, by a glance at its flex.yaml; one that cannot be read: no."""
    try:
        values = read_values(other.read(_CONFIG))
    except (UnreadableFile, Unusual):
        return False
    if not isinstance(values, dict):
        return False
    return mine.config.id == values.get("id") or mine.config.instance == values.get("instance")


def _between(earlier: Stack, later: Stack) -> Iterator[Problem]:
    if earlier.config.id == later.config.id:
        yield Problem(
            f"the id {later.config.id} is also that of {earlier.name}, at {_place(earlier.position('id'))}",
            "give each stack an id of its own: it says on a Worker's marker whose the user is",
            place=later.position("id"),
        )
    if earlier.config.instance == later.config.instance:
        yield from _of_one_instance(earlier, later)


def _of_one_instance(earlier: Stack, later: Stack) -> Iterator[Problem]:
    if earlier.config.sso is not None and later.config.sso is not None:
        yield Problem(
            f"{earlier.name} declares the single sign-on of this instance, too, at {_place(earlier.position('sso'))}",
            "keep it in one of the two stacks",
            place=later.position("sso"),
        )
    yield from _common_users(earlier, later)
    yield from _leavers_of(earlier, later)
    yield from _leavers_of(later, earlier)


def _common_users(earlier: Stack, later: Stack) -> Iterator[Problem]:
    there = {fold_case(name): name for name in earlier.users}
    common = [name for name in later.users if fold_case(name) in there]
    for name in common[:_MOST]:
        place = _place(earlier.position_of(there[fold_case(name)]))
        more = f", and so are {len(common) - _MOST} others" if len(common) > _MOST and name == common[_MOST - 1] else ""
        yield Problem(
            f"{name} is declared in stack {earlier.name} of the same instance, too, at {place}{more}",
            "keep one of the two: a Worker's marker can name one stack alone",
            place=replace(later.position_of(name), length=len(name)),
        )


def _leavers_of(one: Stack, other: Stack) -> Iterator[Problem]:
    declared = {fold_case(name): name for name in other.users}
    for index, name in enumerate(one.config.leavers):
        if fold_case(name) in declared:
            place = _place(other.position_of(declared[fold_case(name)]))
            yield Problem(
                f"{name} is a leaver here, and is declared in stack {other.name} of the same instance, at {place}",
                "take the name out of one of the two",
                place=one.position("leavers", index),
            )


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"
