"""Events in the database: what changed in the Workspace, when and by whom; of a Worker, each documented kind."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

from flexres.sandbox.identity import Identity, new_sid
from flexres.sandbox.taskrouter.worker_rows import Channel, Worker, Workspace

WORKSPACE_NAME = "Flex Task Assignment"
_COLUMNS = (
    "seq, sid, at_ms, event_type, resource_type, resource_sid, task_channel, actor_sid, actor_type, source,"
    " source_ip_address, description, data"
)


class Event(NamedTuple):
    """One change, as stored. `at_ms` is milliseconds since 1970."""

    seq: int
    sid: str
    at_ms: int
    event_type: str
    resource_type: str
    resource_sid: str
    task_channel: str | None
    actor_sid: str
    actor_type: str
    source: str
    source_ip_address: str
    description: str
    data: str

    @property
    def values(self) -> dict[str, object]:
        """What `event_data` holds."""
        values: dict[str, object] = json.loads(self.data)
        return values


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, in milliseconds since 1970, both included."""

    start: int
    end: int


EVER = Period(0, 2**62)


class EventTable:
    """Queries on Events, and the one way to add to them."""

    def __init__(self, connection: sqlite3.Connection, identity: Identity) -> None:
        self._connection = connection
        self._workspace = Actor(identity.workspace_sid, "workspace", "twilio")

    def add(
        self,
        event_type: str,
        resource: tuple[str, str],
        description: str,
        data: Mapping[str, str],
        *,
        task_channel: str | None = None,
    ) -> None:
        """Notes a change of a resource (its type and SID) by whoever is acting."""
        actor = ACTING.get() or self._workspace
        whole = {"workspace_sid": self._workspace.sid, "workspace_name": WORKSPACE_NAME, **data}
        self._connection.execute(
            "INSERT INTO events (sid, at_ms, event_type, resource_type, resource_sid, task_channel, actor_sid,"
            " actor_type, source, source_ip_address, description, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new_sid("EV"),
                int(time.time() * 1000),
                event_type,
                *resource,
                task_channel,
                actor.sid,
                actor.kind,
                actor.source,
                actor.address,
                description,
                json.dumps(whole, ensure_ascii=False),
            ),
        )

    def page(
        self, after: int, limit: int, period: Period, filters: Mapping[str, str], *, newest: bool
    ) -> Sequence[Event]:
        """Up to `limit` Events behind row `after` (0: from the beginning); `filters` names our own columns."""
        order, sign = ("DESC", "<") if newest else ("ASC", ">")
        clauses = "".join(f" AND {column} = ?" for column in filters)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM events WHERE (? = 0 OR seq {sign} ?) AND at_ms BETWEEN ? AND ?{clauses}"  # noqa: S608
            f" ORDER BY seq {order} LIMIT ?",
            (after, after, period.start, period.end, *filters.values(), limit),
        )
        return [Event._make(row) for row in rows]

    def by_sid(self, sid: str) -> Event | None:
        """The Event with this SID."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM events WHERE sid = ?",  # noqa: S608
            (sid,),
        ).fetchone()
        return None if row is None else Event._make(row)

    def forget(self, before_ms: int) -> None:
        """Removes what happened before."""
        self._connection.execute("DELETE FROM events WHERE at_ms < ?", (before_ms,))

    def age(self, seconds: float) -> None:
        """Makes all Events so much older."""
        self._connection.execute("UPDATE events SET at_ms = at_ms - ?", (int(seconds * 1000),))


class WorkerEvents:
    """Notes changes of Workers and their channels, as differences of two rows. A new name alone has no kind."""

    def __init__(self, events: EventTable, workspace: Workspace) -> None:
        self._events, self._workspace = events, workspace

    def created(self, worker: Worker) -> None:
        """A Worker came to be."""
        self._note("worker.created", worker, "created")

    def deleted(self, worker: Worker) -> None:
        """A Worker went."""
        self._note("worker.deleted", worker, "deleted")

    def changed(self, before: Worker, after: Worker) -> None:
        """Attributes or the activity of a Worker became others."""
        if after.attributes != before.attributes:
            self._note("worker.attributes.update", after, "attributes updated")
        if after.activity_sid != before.activity_sid:
            activities = self._workspace.activities_by_sid
            previous = activities[before.activity_sid]
            data = {
                "worker_previous_activity_sid": previous.sid,
                "worker_previous_activity_name": previous.friendly_name,
            }
            name = activities[after.activity_sid].friendly_name
            self._note("worker.activity.update", after, f"updated to {name} Activity", data)

    def channel_changed(self, worker: Worker, before: Channel, after: Channel) -> None:
        """Capacity or availability of a Worker's channel became another."""
        data = {
            "task_channel_sid": self._workspace.task_channels[after.name].sid,
            "task_channel_unique_name": after.name,
            "worker_channel_sid": after.sid,
            "worker_channel_available": str(bool(after.available)).lower(),
            "worker_channel_capacity": str(after.capacity),
            "worker_channel_previous_capacity": str(before.capacity),
        }
        if after.capacity != before.capacity:
            self._note("worker.capacity.update", worker, f"capacity of {after.name} updated", data, after.name)
        if after.available != before.available:
            kind = "worker.channel.availability.update"
            self._note(kind, worker, f"availability of {after.name} updated", data, after.name)

    def _note(
        self,
        kind: str,
        worker: Worker,
        what: str,
        more: Mapping[str, str] | None = None,
        channel: str | None = None,
    ) -> None:
        activity = self._workspace.activities_by_sid[worker.activity_sid]
        data = {
            "worker_sid": worker.sid,
            "worker_name": worker.friendly_name,
            "worker_attributes": worker.attributes,
            "worker_version": str(worker.version),
            "worker_activity_sid": activity.sid,
            "worker_activity_name": activity.friendly_name,
            **(more or {}),
        }
        description = f"Worker {worker.friendly_name} {what}"
        self._events.add(kind, ("worker", worker.sid), description, data, task_channel=channel)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who, by which way, from where. Twilio publishes no values of `kind` and `source`: these are ours."""

    sid: str
    kind: str
    source: str
    address: str = ""


ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)
"""None is the Workspace itself."""


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What is changed inside is this actor's doing."""
    before = ACTING.set(actor)
    try:
        yield
    finally:
        ACTING.reset(before)


def by_api(identity: Identity, address: str) -> Actor:
    """Somebody with the account's credentials."""
    return Actor(identity.account_sid, "account", "api", address)


def by_login(identity: Identity) -> Actor:
    """Flex itself, which writes a login's claims."""
    return Actor(identity.instance_sid, "instance", "flex")


def in_console(person: str = "console@example.com", address: str = "203.0.113.7") -> Actor:
    """Somebody signed in to Twilio's Console, with a SID that follows from the name."""
    digest = hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()
    return Actor(f"US{digest}", "user", "console", address)
