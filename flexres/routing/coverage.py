"""What a change does to the queues: who is in them before and after, who comes and who goes.

Only whom the change touches is asked about every queue. All the others are asked once, and about those queues alone
whose numbers somebody wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flexres.routing.columns import rows_of
from flexres.routing.comparing import Reading
from flexres.routing.queues import Person, Queue
from flexres.routing.truth import Held, Truth

People = Mapping[str, Person]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Somebody of whom it cannot be told whether they are in a queue, and what that depends on."""

    name: str
    depends: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class QueueCoverage:
    """Who can get the work of one queue, before and after a change.

    `before` and `after` count those who are in it for certain, `doubts_before` and `doubts` are those of whom it
    cannot be told. `gains` and `loses` are names: certain on one side and not on the other. `eligible` are the
    names of those who are in it for certain afterwards. All is empty where the queue's expression cannot be read.
    """

    queue: Queue
    before: int = 0
    after: int = 0
    gains: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    doubts_before: tuple[Doubt, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    eligible: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anybody comes or goes, as far as it can be told."""
        return bool(self.gains or self.loses)

    @property
    def stands_still(self) -> bool:
        """Whether nobody comes or goes, and it is as uncertain as before of whom that cannot be told."""
        return not self.changed and self.doubts == self.doubts_before

    @property
    def empties(self) -> bool:
        """Whether the change takes the last one of whom it is certain."""
        return self.before > 0 and self.after == 0

    def falls_below(self, least: int) -> bool:
        """Whether the change takes it below so many people: among the certain ones, or even with all doubtful ones."""
        at_most_before, at_most_after = self.before + len(self.doubts_before), self.after + len(self.doubts)
        return self.before >= least > self.after or at_most_before >= least > at_most_after


def coverage(
    queues: Iterable[Queue], before: People, after: People, *, wanted: Callable[[Queue], bool] = lambda queue: False
) -> tuple[QueueCoverage, ...]:
    """The queues in which anybody comes or goes, and those `wanted` besides, in the order of `queues`.

    `before` and `after` are everybody by name. Who is untouched has to be the same object on both sides.
    """
    touched = [name for name in {**before, **after} if before.get(name) is not after.get(name)]
    told = [queue for queue in queues if queue.is_told]
    moved = _moved(told, [before.get(name) for name in touched], [after.get(name) for name in touched])
    shown = [queue for queue in told if moved[queue.key].changed or wanted(queue)]
    others = sorted(name for name, person in before.items() if after.get(name) is person)
    rest = _Members([before[name] for name in others], shown)
    return tuple(_counted(queue, moved[queue.key], touched, rest.of(queue), others) for queue in shown)


class _Members:
    """Who of some people is in which of some queues."""

    def __init__(self, people: Sequence[Person], queues: Sequence[Queue]) -> None:
        self._of_queues = Truth(people, [queue.expression for queue in queues if queue.expression])
        targets = [queue.target for queue in queues if queue.target]
        self._of_targets = Truth(people, targets, prefixed=True) if targets else None

    def of(self, queue: Queue) -> Held:
        """For whom the queue's expression holds, and its target's with it."""
        if queue.expression is None:
            return Held.nobody()
        held = self._of_queues.of(queue.expression)
        if queue.target is None or self._of_targets is None:
            return held
        return held.along_with(self._of_targets.of(queue.target))


@dataclass(frozen=True, slots=True)
class _Moved:
    """One queue's verdict on those whom the change touches: the places of the certain and of the doubtful ones."""

    before: frozenset[int]
    after: frozenset[int]
    doubts_before: Mapping[int, tuple[Reading, ...]]
    doubts: Mapping[int, tuple[Reading, ...]]

    @property
    def changed(self) -> bool:
        return self.before != self.after or self.doubts_before.keys() != self.doubts.keys()


def _moved(
    queues: Sequence[Queue], before: Sequence[Person | None], after: Sequence[Person | None]
) -> dict[tuple[str, str], _Moved]:
    people, places = [], []
    for place, person in enumerate([*before, *after]):
        if person is not None:
            people.append(person)
            places.append(place)
    members = _Members(people, queues)
    size = len(before)
    found: dict[tuple[str, str], _Moved] = {}
    for queue in queues:
        held = members.of(queue)
        certain = {places[row] for row in rows_of(held.certain)}
        doubts = {places[row]: depends for row, depends in held.doubts().items()}
        found[queue.key] = _Moved(
            frozenset(place for place in certain if place < size),
            frozenset(place - size for place in certain if place >= size),
            {place: depends for place, depends in doubts.items() if place < size},
            {place - size: depends for place, depends in doubts.items() if place >= size},
        )
    return found


def _counted(queue: Queue, moved: _Moved, touched: Sequence[str], held: Held, others: Sequence[str]) -> QueueCoverage:
    """The queue's coverage of those whom the change touches and of all the others together."""
    certain = [others[row] for row in rows_of(held.certain)]
    doubts = tuple(Doubt(others[row], depends) for row, depends in sorted(held.doubts().items()))

    def names(places: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(touched[place] for place in places))

    def doubtful(places: Mapping[int, tuple[Reading, ...]]) -> tuple[Doubt, ...]:
        mine = [Doubt(touched[place], depends) for place, depends in places.items()]
        if not mine:
            return doubts
        return tuple(sorted([*doubts, *mine], key=lambda doubt: doubt.name))

    return QueueCoverage(
        queue=queue,
        before=len(certain) + len(moved.before),
        after=len(certain) + len(moved.after),
        gains=names(moved.after - moved.before),
        loses=names(moved.before - moved.after),
        doubts_before=doubtful(moved.doubts_before),
        doubts=doubtful(moved.doubts),
        eligible=tuple(sorted([*certain, *names(moved.after)])),
    )
