"""Reading the past: for the `delay-visibility` fault, a read is answered as if the latest writes had not happened.

SQLite's triggers note how to undo each change of what reads show. A late read undoes what is too new inside
a savepoint, runs, and rolls back; the handlers of reads never wait, so no other request sees the detour.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TABLES = ("users", "workers", "channels", "task_queues", "workflows", "events")
_CLOCK = "(julianday('now') - 2440587.5) * 86400.0"


class History:
    """Undo notes of one connection, kept only while somebody wants them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recording = False

    def record(self, wanted: bool) -> None:
        """Starts or stops taking notes; what was written before is never undone."""
        if wanted == self._recording:
            return
        self._recording = wanted
        if wanted:
            self._connection.execute("CREATE TEMP TABLE undo (seq INTEGER PRIMARY KEY, at REAL, sql TEXT)")
        for table in _TABLES:
            for statement in self._triggers(table) if wanted else _drop_triggers(table):
                self._connection.execute(statement)
        if not wanted:
            self._connection.execute("DROP TABLE temp.undo")

    @contextmanager
    def as_of(self, seconds_ago: float) -> Iterator[None]:
        """What is read inside is `seconds_ago` old. Nothing may be written, nor awaited, inside."""
        horizon = time.time() - seconds_ago
        self._connection.execute("SAVEPOINT past")
        try:
            notes = self._connection.execute("SELECT sql FROM temp.undo WHERE at > ? ORDER BY seq DESC", (horizon,))
            for (statement,) in notes.fetchall():
                self._connection.execute(statement)
            yield
        finally:
            self._connection.execute("ROLLBACK TO past")
            self._connection.execute("RELEASE past")

    def _triggers(self, table: str) -> Iterator[str]:
        """Statements that note, for each kind of change, the SQL that takes it back."""
        columns = [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        names = ", ".join(columns)
        restored = " || ', ' || ".join(f"'{column} = ' || quote(old.{column})" for column in columns)
        values = " || ', ' || ".join(f"quote(old.{column})" for column in columns)
        undo = {
            "INSERT": f"'DELETE FROM {table} WHERE seq = ' || new.seq",  # noqa: S608  our own table names
            "UPDATE": f"'UPDATE {table} SET ' || {restored} || ' WHERE seq = ' || old.seq",  # noqa: S608
            "DELETE": f"'INSERT INTO {table} ({names}) VALUES (' || {values} || ')'",  # noqa: S608
        }
        for event, sql in undo.items():
            yield (
                f"CREATE TEMP TRIGGER undo_{event}_{table} AFTER {event} ON main.{table} BEGIN"  # noqa: S608
                f" INSERT INTO undo (at, sql) VALUES ({_CLOCK}, {sql}); END"
            )


def _drop_triggers(table: str) -> Iterator[str]:
    for event in ("INSERT", "UPDATE", "DELETE"):
        yield f"DROP TRIGGER temp.undo_{event}_{table}"
