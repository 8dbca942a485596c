"""Workers, their channels and reservations in the database: what TaskRouter and provisioning read and write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from flexres.sandbox.formats import now
from flexres.sandbox.identity import new_sid
from flexres.sandbox.taskrouter.event_table import WorkerEvents
from flexres.sandbox.taskrouter.worker_rows import Channel, NewChannel, NewWorker, Reservation, Worker

_SELECT_WORKER = (
    "SELECT seq, sid, friendly_name, activity_sid, attributes, version, date_created, date_updated,"
    " date_status_changed FROM workers"
)
_SELECT_CHANNEL = (
    "SELECT sid, worker_sid, name, capacity, available, assigned_tasks, date_created, date_updated FROM channels"
)


class WorkerTable:
    """Queries on Workers and on what belongs to them; what changes is noted as an Event."""

    def __init__(self, connection: sqlite3.Connection, events: WorkerEvents) -> None:
        self._connection, self._events = connection, events

    def page(self, after: int, limit: int, filters: Mapping[str, tuple[str, ...]]) -> list[Worker]:
        """Up to `limit` Workers in order of creation, from behind row `after`.

        `filters` maps one of our own column names to the values it may have.
        """
        clauses, values = _where(filters)
        rows = self._connection.execute(
            f"{_SELECT_WORKER} WHERE seq > ?{clauses} ORDER BY seq LIMIT ?", (after, *values, limit)
        )
        return [Worker._make(row) for row in rows]

    def backwards(self, until: int, limit: int, filters: Mapping[str, tuple[str, ...]]) -> list[Worker]:
        """Up to `limit` Workers up to row `until`, the latest first."""
        clauses, values = _where(filters)
        rows = self._connection.execute(
            f"{_SELECT_WORKER} WHERE seq <= ?{clauses} ORDER BY seq DESC LIMIT ?", (until, *values, limit)
        )
        return [Worker._make(row) for row in rows]

    def before(self, after: int, size: int, filters: Mapping[str, tuple[str, ...]]) -> int:
        """Where the page that ends with row `after` begins, for the link to the previous page."""
        clauses, values = _where(filters)
        row = self._connection.execute(
            f"SELECT seq FROM workers WHERE seq <= ?{clauses} ORDER BY seq DESC LIMIT 1 OFFSET ?",  # noqa: S608
            (after, *values, size),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def by_sid(self, sid: str) -> Worker | None:
        """The Worker with this SID."""
        row = self._connection.execute(f"{_SELECT_WORKER} WHERE sid = ?", (sid,)).fetchone()
        return None if row is None else Worker._make(row)

    def by_name(self, friendly_name: str) -> Worker | None:
        """The Worker with this name, whatever its case."""
        key = friendly_name.casefold()
        row = self._connection.execute(f"{_SELECT_WORKER} WHERE name_key = ?", (key,)).fetchone()
        return None if row is None else Worker._make(row)

    def count(self) -> int:
        """How many Workers there are."""
        return int(self._connection.execute("SELECT COUNT(*) FROM workers").fetchone()[0])

    def insert(self, workers: Iterable[NewWorker], channels: Iterable[NewChannel]) -> None:
        """Adds Workers and their channels, who were always there: no Event tells of them."""
        self._connection.executemany(
            "INSERT INTO workers (sid, friendly_name, activity_sid, attributes, version, date_created, date_updated,"
            " date_status_changed, name_key) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
            workers,
        )
        self._connection.executemany(
            "INSERT INTO channels (sid, worker_sid, name, capacity, available, assigned_tasks, date_created,"
            " date_updated) VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            channels,
        )

    def create(self, worker: NewWorker, channels: Iterable[NewChannel]) -> None:
        """Adds a Worker that comes to be now."""
        self.insert([worker], channels)
        if (created := self.by_sid(worker.sid)) is not None:
            self._events.created(created)

    def update(self, sid: str, **columns: str) -> None:
        """Sets columns of a Worker and counts its version up. The names come from our own code, never the wire."""
        before = self.by_sid(sid)
        assignments = ", ".join(f"{column} = ?" for column in columns)
        self._connection.execute(
            f"UPDATE workers SET {assignments}, version = version + 1, date_updated = ? WHERE sid = ?",  # noqa: S608
            (*columns.values(), now(), sid),
        )
        if before is not None and (after := self.by_sid(sid)) is not None:
            self._events.changed(before, after)

    def delete(self, sid: str) -> None:
        """Removes a Worker and what belongs to it; the Flex user, if it has one, stays without a Worker."""
        before = self.by_sid(sid)
        for statement in (
            "DELETE FROM reservations WHERE worker_sid = ?",
            "DELETE FROM channels WHERE worker_sid = ?",
            "DELETE FROM workers WHERE sid = ?",
            "UPDATE users SET worker_sid = NULL WHERE worker_sid = ?",
        ):
            self._connection.execute(statement, (sid,))
        if before is not None:
            self._events.deleted(before)

    def add_channel(self, name: str) -> None:
        """Gives each Worker a channel for a task channel that is new: free for one task at a time."""
        sids = [row[0] for row in self._connection.execute("SELECT sid FROM workers ORDER BY seq")]
        self._connection.executemany(
            "INSERT INTO channels (sid, worker_sid, name, capacity, available, assigned_tasks, date_created,"
            " date_updated) VALUES (?, ?, ?, 1, 1, 0, ?, ?)",
            [(new_sid("WC"), sid, name, now(), now()) for sid in sids],
        )

    def channels(self, worker_sid: str) -> list[Channel]:
        """A Worker's channels, in the order of the Workspace's."""
        rows = self._connection.execute(f"{_SELECT_CHANNEL} WHERE worker_sid = ? ORDER BY seq", (worker_sid,))
        return [Channel._make(row) for row in rows]

    def channels_of(self, worker_sids: Sequence[str]) -> dict[str, list[Channel]]:
        """The channels of several Workers, by the Worker's SID."""
        marks = ", ".join("?" * len(worker_sids))
        rows = self._connection.execute(f"{_SELECT_CHANNEL} WHERE worker_sid IN ({marks}) ORDER BY seq", worker_sids)
        found: dict[str, list[Channel]] = {sid: [] for sid in worker_sids}
        for channel in map(Channel._make, rows):
            found[channel.worker_sid].append(channel)
        return found

    def channel(self, worker_sid: str, sid_or_name: str) -> Channel | None:
        """A Worker's channel by its SID or by the task channel's unique name; the wire accepts both."""
        row = self._connection.execute(
            f"{_SELECT_CHANNEL} WHERE worker_sid = ? AND (sid = ? OR name = ?)",
            (worker_sid, sid_or_name, sid_or_name),
        ).fetchone()
        return None if row is None else Channel._make(row)

    def update_channel(self, worker_sid: str, name: str, *, capacity: int | None, available: bool | None) -> None:
        """Sets what is not None of a Worker's channel."""
        before = self.channel(worker_sid, name)
        self._connection.execute(
            "UPDATE channels SET capacity = COALESCE(?, capacity), available = COALESCE(?, available),"
            " date_updated = ? WHERE worker_sid = ? AND name = ?",
            (capacity, available, now(), worker_sid, name),
        )
        worker, after = self.by_sid(worker_sid), self.channel(worker_sid, name)
        if worker is not None and before is not None and after is not None:
            self._events.channel_changed(worker, before, after)

    def reservations(self, worker_sid: str) -> list[Reservation]:
        """What a Worker holds: every reservation here is an active one."""
        rows = self._connection.execute(
            "SELECT sid, worker_sid, task_sid, channel, status, date_created FROM reservations"
            " WHERE worker_sid = ? ORDER BY seq",
            (worker_sid,),
        )
        return [Reservation._make(row) for row in rows]

    def set_reservations(self, worker_sid: str, channel: str, tasks: int) -> None:
        """Gives a Worker exactly `tasks` accepted reservations on a channel."""
        self._connection.execute("DELETE FROM reservations WHERE worker_sid = ? AND channel = ?", (worker_sid, channel))
        self._connection.executemany(
            "INSERT INTO reservations (sid, worker_sid, task_sid, channel, status, date_created)"
            " VALUES (?, ?, ?, ?, 'accepted', ?)",
            [(new_sid("WR"), worker_sid, new_sid("WT"), channel, now()) for _ in range(tasks)],
        )
        self._connection.execute(
            "UPDATE channels SET assigned_tasks = ? WHERE worker_sid = ? AND name = ?", (tasks, worker_sid, channel)
        )


def _where(filters: Mapping[str, tuple[str, ...]]) -> tuple[str, list[str]]:
    clauses = "".join(f" AND {column} IN ({', '.join('?' * len(values))})" for column, values in filters.items())
    return clauses, [value for values in filters.values() for value in values]
