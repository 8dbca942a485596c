"""What the Workers have under the keys that expressions mention: equal values once, with those who have them.

Every Worker is walked once, whatever the number of expressions: ten thousand Workers times two hundred queues are
far too many to ask one by one. A set of Workers is an int with a bit for each, so that AND and OR are one step each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flexres.live.model import WorkerChannel, not_looked_at
from flexres.routing.comparing import Known, NotRead
from flexres.routing.language.model import Key, Part
from flexres.routing.queues import Person
from flexres.values import Json, fold_case

People = int
"""A set of Workers: bit n is the n-th of them."""

NOBODY: Final[People] = 0

_FACTS: Final = ("sid", "friendly_name", "activity_sid", "activity_name")


@dataclass(slots=True)
class Column:
    """The values under one key. Who is in no group has none there: NULL.

    `folded` are values under keys that differ from it in upper and lower case alone.
    """

    groups: dict[Hashable, tuple[Known, list[int]]] = field(default_factory=dict)
    folded: dict[int, Known] = field(default_factory=dict)

    def add(self, row: int, value: Known) -> None:
        """Notes the value of one Worker."""
        mark = _mark(value)
        group = self.groups.get(mark)
        if group is None:
            self.groups[mark] = (value, [row])
        else:
            group[1].append(row)


class Table:
    """The columns of all keys over some Workers, in this order."""

    def __init__(self, people: Sequence[Person], keys: Iterable[Key], *, prefixed: bool) -> None:
        """With `prefixed`, keys say `worker.` or `task.`, as those of a Workflow's targets do."""
        self.size = len(people)
        self.everybody: People = (1 << self.size) - 1
        self._columns: dict[Key, Column] = {}
        trie = _Node()
        facts: list[tuple[tuple[Part, ...], Column, Column | None]] = []
        for key in set(keys):
            place, fact = _place(key, prefixed=prefixed)
            column = Column()
            self._columns[key] = column
            if place is None and fact is None:
                column.groups[NotRead.OF_TASK] = (NotRead.OF_TASK, list(range(self.size)))
            elif place is not None:
                column = self._columns[key] = trie.column(place)
            if fact is not None:
                facts.append((fact, column, column if place is not None else None))
        self._fill(people, trie)
        for fact, column, over in facts:
            taken = {row for _, rows in over.groups.values() for row in rows} if over is not None else set()
            for row, person in enumerate(people):
                if row not in taken and (value := _fact(person, fact)) is not None:
                    column.add(row, value)

    def column(self, key: Key) -> Column:
        """The values under this key."""
        return self._columns[key]

    def people(self, rows: Sequence[int]) -> People:
        """These Workers as a set."""
        if len(rows) == 1:
            return 1 << rows[0]
        bits = bytearray(self.size // 8 + 1)
        for row in rows:
            bits[row >> 3] |= 1 << (row & 7)
        return int.from_bytes(bits, "little")

    def _fill(self, people: Sequence[Person], trie: _Node) -> None:
        if not trie.children:
            return
        for row, person in enumerate(people):
            attributes = person.attributes()
            if attributes is None:
                trie.add_everywhere(row, NotRead.OF_WORKER)
            else:
                trie.add(row, attributes)


def rows_of(people: People) -> list[int]:
    """The places of a set's Workers, in order."""
    text = bin(people)[:1:-1]
    found: list[int] = []
    place = text.find("1")
    while place >= 0:
        found.append(place)
        place = text.find("1", place + 1)
    return found


def _place(key: Key, *, prefixed: bool) -> tuple[tuple[Part, ...] | None, tuple[Part, ...] | None]:
    """Where to look among the attributes, and which fact about the Worker it is; neither: it is about the task."""
    first, *others = key.parts
    if first == "worker" and others:
        rest = tuple(others)
        if rest[0] == "channel" or (len(rest) == 1 and rest[0] in _FACTS):
            return None, rest
        return rest, None
    if prefixed or (first == "task" and others):
        return None, None
    # Documented for the list of Workers by expression: activity_name in ['…']. An attribute of that name comes first.
    return key.parts, key.parts if len(key.parts) == 1 and first in _FACTS else None


def _fact(person: Person, fact: tuple[Part, ...]) -> Known:
    """What TaskRouter itself knows of a Worker."""
    worker = person.worker
    if fact[0] != "channel":
        # Who is not in Flex yet has no SID, and no activity: nobody knows which they will get.
        known = bool(worker.sid) or fact[0] == "friendly_name"
        return str(getattr(worker, str(fact[0]))) if known else NotRead.OF_WORKER
    if person.channels is None:
        return NotRead.OF_WORKER
    if len(fact) != 3:
        return None
    channel = person.channels.get(str(fact[1]))
    if channel is not None:
        return _of_channel(channel, fact[2])
    return NotRead.OF_WORKER if not_looked_at(person.channels) else None


def _of_channel(channel: WorkerChannel, name: Part) -> Known:
    if name == "configured_capacity":
        return NotRead.OF_WORKER if channel.capacity is None else channel.capacity
    if name == "assigned_tasks":
        return channel.assigned_tasks if channel.sid else NotRead.OF_WORKER
    if name == "available_capacity_percentage":
        return NotRead.OF_WORKER
    return None


class _Node:
    """A member that some key leads through; `found` is the column of the key that ends here."""

    __slots__ = ("children", "found", "strangers")

    def __init__(self) -> None:
        self.children: dict[Part, _Node] = {}
        self.strangers: dict[str, _Node | None] = {}
        self.found: Column | None = None

    def column(self, parts: tuple[Part, ...]) -> Column:
        """The column of this place below here, made if need be."""
        node = self
        for part in parts:
            node = node.children.setdefault(part, _Node())
        node.found = node.found or Column()
        return node.found

    def add(self, row: int, value: Json, *, exactly: bool = True) -> None:
        """Notes what one Worker has here and below; `exactly`: the keys that led here are spelled as asked for."""
        if self.found is not None and value is not None:
            if exactly:
                self.found.add(row, value)
            else:
                self.found.folded.setdefault(row, value)
        if not self.children:
            return
        if isinstance(value, Mapping):
            children, strangers = self.children, self.strangers
            for name, member in value.items():
                child = children.get(name)
                if child is not None:
                    child.add(row, member, exactly=exactly)
                    continue
                if name not in strangers:
                    strangers[name] = self._spelled_otherwise(name)
                other = strangers[name]
                if other is not None:
                    other.add(row, member, exactly=False)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for place, child in self.children.items():
                if isinstance(place, int) and place < len(value):
                    child.add(row, value[place], exactly=exactly)

    def add_everywhere(self, row: int, value: Known) -> None:
        """Notes the same for one Worker here and below."""
        if self.found is not None:
            self.found.add(row, value)
        for child in self.children.values():
            child.add_everywhere(row, value)

    def _spelled_otherwise(self, name: str) -> _Node | None:
        folded = fold_case(name)
        for part, child in self.children.items():
            if isinstance(part, str) and fold_case(part) == folded:
                return child
        return None


def _mark(value: Known) -> Hashable:
    """What equal values share: true is not 1 here, and objects are all alike, since no operator tells them apart."""
    if isinstance(value, str | NotRead):
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int | float):
        return ("number", value)
    if isinstance(value, Mapping):
        return ("object",)
    if value is None:
        return None
    return ("array", *map(_mark, value))
