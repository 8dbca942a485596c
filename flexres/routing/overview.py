"""Every queue with those who are in it now: how many, in which roles and teams, and what they can take at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flexres.routing.coverage import QueueCoverage, coverage
from flexres.routing.people import Person
from flexres.routing.queues import Queue


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
