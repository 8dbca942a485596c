"""Task queues and Workflows in the database: rows with a SID and a name that is unique whatever its case."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from flexres.sandbox.formats import now
from flexres.sandbox.taskrouter.event_table import EventTable

Value = str | int | None


class TaskQueue(NamedTuple):
    """A task queue, as stored. `target_workers` is the exact expression that was sent."""

    seq: int
    sid: str
    friendly_name: str
    target_workers: str
    task_order: str
    max_reserved_workers: int
    reservation_activity_sid: str | None
    assignment_activity_sid: str | None
    date_created: str
    date_updated: str


class Workflow(NamedTuple):
    """A Workflow, as stored. `configuration` is the exact JSON text that was sent."""

    seq: int
    sid: str
    friendly_name: str
    configuration: str
    assignment_callback_url: str | None
    fallback_assignment_callback_url: str | None
    task_reservation_timeout: int
    date_created: str
    date_updated: str


Row = TypeVar("Row", bound=TaskQueue | Workflow)


class NamedTable(Generic[Row]):
    """Queries on one of the two; what changes is noted as an Event."""

    def __init__(self, connection: sqlite3.Connection, events: EventTable, row: type[Row]) -> None:
        self._connection, self._events = connection, events
        self._row = row
        self._is_queue = row is TaskQueue
        self._table = "task_queues" if self._is_queue else "workflows"
        self._select = f"SELECT {', '.join(row._fields)} FROM {self._table}"  # noqa: S608  our own names

    def page(self, after: int, limit: int, name: str | None = None) -> list[Row]:
        """Up to `limit` rows in order of creation, from behind row `after`; a limit of -1 is none."""
        clause, values = ("", []) if name is None else (" AND name_key = ?", [name.casefold()])
        rows = self._connection.execute(
            f"{self._select} WHERE seq > ?{clause} ORDER BY seq LIMIT ?", (after, *values, limit)
        )
        return [self._row(*row) for row in rows]

    def before(self, after: int, size: int) -> int:
        """Where the page that ends with row `after` begins."""
        row = self._connection.execute(
            f"SELECT seq FROM {self._table} WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?",  # noqa: S608
            (after, size),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def by_sid(self, sid: str) -> Row | None:
        """The row with this SID."""
        row = self._connection.execute(f"{self._select} WHERE sid = ?", (sid,)).fetchone()
        return None if row is None else self._row(*row)

    def by_name(self, friendly_name: str) -> Row | None:
        """The row with this name, whatever its case."""
        return next(iter(self.page(0, 1, friendly_name)), None)

    def count(self) -> int:
        """How many rows there are."""
        return int(self._connection.execute(f"SELECT COUNT(*) FROM {self._table}").fetchone()[0])  # noqa: S608

    def insert(self, sid: str, values: Mapping[str, Value], *, noted: bool = True) -> None:
        """Adds a row; the columns come from our own code, never the wire. `noted` is whether an Event tells."""
        date = now()
        row = {"sid": sid, "date_created": date, "date_updated": date, **values, **_key(values)}
        self._connection.execute(
            f"INSERT INTO {self._table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            (*row.values(),),
        )
        if noted and (added := self.by_sid(sid)) is not None:
            self._note("created", added)

    def update(self, before: Row, values: Mapping[str, Value]) -> None:
        """Sets columns of a row.

        Twilio documents an Event for every change of a Workflow, and for a queue only that of its expression.
        """
        row = {"date_updated": now(), **values, **_key(values)}
        assignments = ", ".join(f"{column} = ?" for column in row)
        self._connection.execute(
            f"UPDATE {self._table} SET {assignments} WHERE sid = ?",  # noqa: S608
            (*row.values(), before.sid),
        )
        after = self.by_sid(before.sid)
        if isinstance(after, Workflow):
            self._note("updated", after)
        elif isinstance(after, TaskQueue) and after.target_workers != getattr(before, "target_workers", None):
            self._note("expression.updated", after)

    def delete(self, row: Row) -> None:
        """Removes a row."""
        self._connection.execute(f"DELETE FROM {self._table} WHERE sid = ?", (row.sid,))  # noqa: S608
        self._note("deleted", row)

    def _note(self, what: str, row: TaskQueue | Workflow) -> None:
        if isinstance(row, TaskQueue):
            data = {
                "task_queue_sid": row.sid,
                "task_queue_name": row.friendly_name,
                "task_queue_target_expression": row.target_workers,
            }
            self._events.add(
                f"task-queue.{what}", ("task-queue", row.sid), f"Task queue {row.friendly_name} {what}", data
            )
        else:
            data = {"workflow_sid": row.sid, "workflow_name": row.friendly_name}
            self._events.add(f"workflow.{what}", ("workflow", row.sid), f"Workflow {row.friendly_name} {what}", data)


def _key(values: Mapping[str, Value]) -> dict[str, Value]:
    name = values.get("friendly_name")
    return {"name_key": name.casefold()} if isinstance(name, str) else {}
