"""What Twilio's documents leave open about an expression: each has two readings, and a result may depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntFlag
from typing import Final


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
