"""Events in the database: what changed in the Workspace, when, and by whom. Written by the tables of what changes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flexres.sandbox.identity import Identity, new_sid
from flexres.sandbox.taskrouter.actors import ACTING, Actor

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
