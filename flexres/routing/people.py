"""Who can get work, as evaluation sees them: every Worker of a snapshot, whether a file declares them or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flexres.live.model import LiveUser, Snapshot, Worker, WorkerChannel
from flexres.values import Json


@dataclass(frozen=True, slots=True)
class Person:
    """One Worker under the name that reports use; `roles` is empty for a Worker that belongs to no Flex user."""

    name: str
    worker: Worker
    channels: Mapping[str, WorkerChannel] | None = None
    roles: tuple[str, ...] = ()

    def attributes(self) -> dict[str, Json] | None:
        """The Worker's attributes, decoded; None: they cannot be read."""
        return self.worker.attributes()


def person_of(live: LiveUser) -> Person | None:
    """The user as somebody who can get work; None for who has no Worker."""
    if live.worker is None or live.user.deactivated:
        return None
    return Person(live.username, live.worker, live.channels, live.user.roles)


def people_of(snapshot: Snapshot) -> dict[str, Person]:
    """Everybody with a Worker, by name: users by username, the others by their Worker's name."""
    found: dict[str, Person] = {}
    for username, live in snapshot.users.items():
        person = person_of(live)
        if person is not None:
            found[username] = person
    for worker in snapshot.orphans:
        found.setdefault(worker.friendly_name, Person(worker.friendly_name, worker))
    return found
