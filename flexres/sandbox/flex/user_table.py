"""Flex users in the database: what the users' services and provisioning read and write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from flexres.sandbox.formats import now

_COLUMNS = (
    "seq, sid, username, full_name, email, roles, locale, user_sid, version, created_date, updated_date,"
    " deactivated_date, worker_sid"
)
_SELECT = f"SELECT {_COLUMNS} FROM users"  # noqa: S608  both parts are constants


class User(NamedTuple):
    """A Flex user, as stored. `roles` is a JSON list; `deactivated_date` is None while the user is active."""

    seq: int
    sid: str
    username: str
    full_name: str
    email: str
    roles: str
    locale: str | None
    user_sid: str | None
    version: int
    created_date: str
    updated_date: str
    deactivated_date: str | None
    worker_sid: str | None

    @property
    def deactivated(self) -> bool:
        """Whether the user was deprovisioned."""
        return self.deactivated_date is not None

    @property
    def role_names(self) -> list[str]:
        """The roles, in the order they were given."""
        names: list[str] = json.loads(self.roles)
        return names


class NewUser(NamedTuple):
    """A row to insert, in the order of the statement below."""

    sid: str
    username: str
    full_name: str
    email: str
    roles: str
    version: int
    created_date: str
    updated_date: str
    deactivated_date: str | None
    worker_sid: str | None
    username_key: str


class UserTable:
    """Queries on Flex users."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def page(self, after: int, limit: int) -> list[User]:
        """Up to `limit` users in order of creation, from behind row `after`."""
        rows = self._connection.execute(f"{_SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        return [User._make(row) for row in rows]

    def search(self, text: str, *, skip: int, limit: int) -> tuple[list[User], int]:
        """Users whose name, full name, e-mail or roles contain the text, by username; and how many there are."""
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = ("username", "full_name", "email", "roles")
        where = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns)
        patterns = (pattern,) * len(columns)
        rows = self._connection.execute(
            f"{_SELECT} WHERE {where} ORDER BY username_key, seq LIMIT ? OFFSET ?", (*patterns, limit, skip)
        )
        users = [User._make(row) for row in rows]
        (found,) = self._connection.execute(f"SELECT COUNT(*) FROM users WHERE {where}", patterns).fetchone()  # noqa: S608
        return users, int(found)

    def before(self, after: int, size: int) -> int:
        """Where the page that ends with row `after` begins, for the link to the previous page."""
        row = self._connection.execute(
            "SELECT seq FROM users WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?", (after, size)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def by_sid(self, sid: str) -> User | None:
        """The user with this SID."""
        return self._one(f"{_SELECT} WHERE sid = ?", sid)

    def by_username(self, username: str, *, case_sensitive: bool) -> User | None:
        """The user with this name: an active one before a deactivated one, the newest of several."""
        column, value = ("username", username) if case_sensitive else ("username_key", username.casefold())
        order = "ORDER BY deactivated_date IS NOT NULL, seq DESC LIMIT 1"
        return self._one(f"{_SELECT} WHERE {column} = ? {order}", value)

    def usernames(self) -> set[str]:
        """All usernames, of active and deactivated users."""
        return {row[0] for row in self._connection.execute("SELECT username FROM users")}

    def counts(self) -> tuple[int, int]:
        """How many users there are, and how many of them are deactivated."""
        row = self._connection.execute("SELECT COUNT(*), COUNT(deactivated_date) FROM users").fetchone()
        return int(row[0]), int(row[1])

    def insert(self, users: Iterable[NewUser]) -> None:
        """Adds users."""
        self._connection.executemany(
            "INSERT INTO users (sid, username, full_name, email, roles, version, created_date, updated_date,"
            " deactivated_date, worker_sid, username_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            users,
        )

    def update(self, sid: str, **columns: str | None) -> None:
        """Sets columns of a user, and counts the version up. The names come from our own code, never the wire."""
        assignments = ", ".join(f"{column} = ?" for column in columns)
        self._connection.execute(
            f"UPDATE users SET {assignments}, version = version + 1, updated_date = ? WHERE sid = ?",  # noqa: S608
            (*columns.values(), now(), sid),
        )

    def _one(self, query: str, value: str) -> User | None:
        row = self._connection.execute(query, (value,)).fetchone()
        return None if row is None else User._make(row)
