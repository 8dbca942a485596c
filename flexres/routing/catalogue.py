"""Declared skills beside Flex's own catalogue of skills, which is what supervisors can pick from in Flex."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flexres.live.model import CatalogueSkill
from flexres.text import nearest, visible


class Trouble(StrEnum):
    """What is wrong about a declared skill."""

    UNKNOWN = "unknown"
    TOO_LOW = "level too low"
    TOO_HIGH = "level too high"


@dataclass(frozen=True, slots=True)
class SkillTrouble:
    """One skill that is wrong in one way, and of whom: `usernames` in the YAML's order.

    Of an unknown one, `suggestion` is the skill that may be meant; of a level, `entry` has the bounds.
    """

    name: str
    trouble: Trouble
    usernames: tuple[str, ...]
    suggestion: str | None = None
    entry: CatalogueSkill | None = None

    @property
    def message(self) -> str:
        """What is wrong, for people to read."""
        if self.trouble is Trouble.UNKNOWN or self.entry is None:
            meant = f"; did you mean {visible(self.suggestion)}?" if self.suggestion else ""
            return f"not in Flex's skills catalogue{meant}"
        if self.trouble is Trouble.TOO_LOW:
            return f"its level is below {self.entry.minimum}, the least in Flex's skills catalogue"
        return f"its level is above {self.entry.maximum}, the most in Flex's skills catalogue"


def skill_troubles(
    declared: Iterable[tuple[str, Mapping[str, int | bool]]], catalogue: Sequence[CatalogueSkill]
) -> tuple[SkillTrouble, ...]:
    """What is wrong about the declared skills, given as username and level by skill; nothing without a catalogue."""
    if not catalogue:
        return ()
    entries = {entry.name: entry for entry in catalogue}
    found: dict[tuple[str, Trouble], list[str]] = {}
    for username, skills in declared:
        for name, level in skills.items():
            for trouble in _troubles(level, entries.get(name)):
                found.setdefault((name, trouble), []).append(username)
    return tuple(
        SkillTrouble(
            name,
            trouble,
            tuple(usernames),
            nearest(name, list(entries)) if trouble is Trouble.UNKNOWN else None,
            entries.get(name),
        )
        for (name, trouble), usernames in sorted(found.items())
    )


def _troubles(level: int | bool, entry: CatalogueSkill | None) -> Iterator[Trouble]:
    if entry is None:
        yield Trouble.UNKNOWN
    elif level is not True:
        if entry.minimum is not None and level < entry.minimum:
            yield Trouble.TOO_LOW
        if entry.maximum is not None and level > entry.maximum:
            yield Trouble.TOO_HIGH
