"""The tenant's things, each a JSON object in the sandbox's database; all services of the tenant read and write here."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from flexres.sandbox.saml_xml import SigningKey, make_key
from flexres.sandbox.store.database import Store

DOMAIN = "sandbox.auth0.test"
ISSUER = f"urn:{DOMAIN}"
CLIENT_ID = "SandboxManagementClient000000001"
CLIENT_SECRET = "sandbox-management-secret"  # noqa: S105  made up, and accepted by the sandbox alone
CONNECTION = "Username-Password-Authentication"
SCOPES = (
    "read:clients", "create:clients", "update:clients", "read:client_keys", "read:actions", "create:actions",
    "update:actions", "read:users", "create:users", "update:users", "read:connections",
)  # fmt: skip

Kind = Literal["client", "action", "binding", "user", "connection", "job", "token"]
Thing = dict[str, Any]

_KEY = "auth0_key"
_MOST = "auth0_most_actions"
_SCOPES = "auth0_scopes"


class Rate:
    """A fixed window: `limit` requests in each `seconds`."""

    def __init__(self) -> None:
        self.set(limit=100, seconds=1)

    def set(self, *, limit: int, seconds: float, used: int = 0) -> None:
        """Another limit, with `used` requests of this window gone already."""
        self._limit, self._seconds, self._used = limit, seconds, used
        self._ends = time.time() + seconds

    def take(self) -> tuple[bool, dict[str, str]]:
        """Whether one more request passes, and the headers that say how things stand."""
        now = time.time()
        if now >= self._ends:
            self._used, self._ends = 0, now + self._seconds
        passes = self._used < self._limit
        self._used += passes
        return passes, {
            "x-ratelimit-limit": str(self._limit),
            "x-ratelimit-remaining": str(self._limit - self._used),
            "x-ratelimit-reset": str(math.ceil(self._ends)),
        }


class Tenant:
    """One tenant. A thing has an id, a name that it is found by (a user's e-mail address, case folded) and its JSON."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.rate = Rate()

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._store.connection

    def get(self, kind: Kind, thing_id: str) -> Thing | None:
        """One thing."""
        query = "SELECT value FROM auth0 WHERE kind = ? AND id = ?"
        row = self._connection.execute(query, (kind, thing_id)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def all(self, kind: Kind) -> list[Thing]:
        """All things of a kind, in the order they were made."""
        self._begin(kind)
        query = "SELECT value FROM auth0 WHERE kind = ? ORDER BY seq"
        return [json.loads(row[0]) for row in self._connection.execute(query, (kind,))]

    def page(self, kind: Kind, holding: str, *, skip: int, limit: int) -> tuple[list[Thing], int]:
        """Some of the things in whose JSON this text stands, and how many there are; the rest is not read."""
        count = "SELECT count(*) FROM auth0 WHERE kind = ? AND instr(value, ?)"
        (total,) = self._connection.execute(count, (kind, holding)).fetchone()
        query = "SELECT value FROM auth0 WHERE kind = ? AND instr(value, ?) ORDER BY seq LIMIT ? OFFSET ?"
        rows = self._connection.execute(query, (kind, holding, limit, skip))
        return [json.loads(row[0]) for row in rows], int(total)

    def named(self, kind: Kind, name: str) -> list[Thing]:
        """The things of this name."""
        self._begin(kind)
        query = "SELECT value FROM auth0 WHERE kind = ? AND name = ? ORDER BY seq"
        return [json.loads(row[0]) for row in self._connection.execute(query, (kind, name))]

    def put(self, kind: Kind, thing_id: str, name: str, thing: Thing) -> Thing:
        """Make a thing, or change it in its place."""
        self.put_all(kind, [(thing_id, name, thing)])
        return thing

    def put_all(self, kind: Kind, things: Iterable[tuple[str, str, Thing]]) -> None:
        """The same for many: id, name and the thing itself."""
        rows = [(kind, thing_id, name, json.dumps(thing)) for thing_id, name, thing in things]
        with self._store.transaction():
            self._connection.executemany(
                "INSERT INTO auth0 (kind, id, name, value) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, value = excluded.value",
                rows,
            )

    def clear(self, kind: Kind) -> None:
        """Forget all things of a kind."""
        self._connection.execute("DELETE FROM auth0 WHERE kind = ?", (kind,))

    def drop(self, kind: Kind, thing_id: str) -> None:
        """Forget a thing."""
        self._connection.execute("DELETE FROM auth0 WHERE kind = ? AND id = ?", (kind, thing_id))

    def key(self) -> SigningKey:
        """What the tenant signs with."""
        stored = self._store.setting(_KEY)
        return SigningKey(*json.loads(stored)) if stored is not None else self.rotate_key()

    def rotate_key(self) -> SigningKey:
        """Sign with a new key from now on."""
        made = make_key(DOMAIN)
        self._store.set_setting(_KEY, json.dumps([made.key_pem, made.certificate_pem]))
        return made

    @property
    def most_actions(self) -> int:
        """How many actions the tenant's plan allows."""
        return int(self._store.setting(_MOST) or 100)

    @most_actions.setter
    def most_actions(self, count: int) -> None:
        self._store.set_setting(_MOST, str(count))

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a new token may do."""
        stored = self._store.setting(_SCOPES)
        return SCOPES if stored is None else tuple(json.loads(stored))

    @scopes.setter
    def scopes(self, scopes: Iterable[str]) -> None:
        self._store.set_setting(_SCOPES, json.dumps(list(scopes)))

    def _begin(self, kind: Kind) -> None:
        """A new tenant has the database connection that every new tenant has."""
        if kind == "connection" and self.get(kind, "con_sandbox000000001") is None:
            thing = {"id": "con_sandbox000000001", "name": CONNECTION, "strategy": "auth0"}
            self.put(kind, thing["id"], CONNECTION, thing)


def instant() -> str:
    """Now, as Auth0 writes times."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
