"""What a login leaves between its steps, most of it for one use: requests, codes, tokens; or why it cannot go on.

They are in the database, so that a browser may take its time over a restart. What opens a note is stored as a digest.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from aiohttp import web

from flexres.sandbox.pages.render import page
from flexres.sandbox.store.database import Store

Kind = Literal["request", "login", "code", "refresh", "assertion"]
Claims = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What a page asked for when it sent the browser to Authorize."""

    redirect_url: str
    nonce: str
    code_challenge: str
    connection: str
    state: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Login:
    """A person whom the identity provider has vouched for. Without `request`, it began there.

    `session_end` is in seconds since 1970, where the identity provider set one. `applied` says that the Worker has
    the claims already.
    """

    name_id: str
    claims: Claims
    session_end: int | None
    request: LoginRequest | None
    connection: str
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """What a refresh token continues."""

    flex_user_sid: str
    connection: str
    session_end: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Remembers an assertion that was used."""

    id: str = field(default="")


Note = LoginRequest | Login | Session | Seen


class Notes:
    """The notes of one store. Times are seconds since 1970."""

    def __init__(self, store: Store) -> None:
        self._connection = store.connection

    def keep(self, kind: Kind, key: str, note: Note, *, until: float) -> None:
        """Keeps a note, and drops those whose time has passed."""
        self._connection.execute("DELETE FROM sso_notes WHERE expires <= ?", (time.time(),))
        self._connection.execute(
            "INSERT OR REPLACE INTO sso_notes VALUES (?, ?, ?, ?)",
            (kind, _digest(key), json.dumps(asdict(note)), until),
        )

    def request(self, key: str) -> LoginRequest | None:
        """The request that this RelayState belongs to."""
        found = self._look("request", key)
        return None if found is None else LoginRequest(**found)

    def take_login(self, kind: Literal["login", "code"], key: str) -> Login | None:
        """A login, which is thereby used up."""
        found = self._look(kind, key)
        self.drop(kind, key)
        if found is None:
            return None
        request = found.pop("request")
        return Login(**found, request=None if request is None else LoginRequest(**request))

    def session(self, key: str) -> Session | None:
        """The session of a refresh token."""
        found = self._look("refresh", key)
        return None if found is None else Session(**found)

    def seen(self, assertion_id: str) -> bool:
        """Whether an assertion was used before."""
        return self._look("assertion", assertion_id) is not None

    def drop(self, kind: Kind, key: str) -> None:
        """Forgets a note."""
        self._connection.execute("DELETE FROM sso_notes WHERE kind = ? AND digest = ?", (kind, _digest(key)))

    def _look(self, kind: Kind, key: str) -> dict[str, Any] | None:
        row = self._connection.execute(
            "SELECT value FROM sso_notes WHERE kind = ? AND digest = ? AND expires > ?",
            (kind, _digest(key), time.time()),
        ).fetchone()
        found: dict[str, Any] | None = None if row is None else json.loads(row[0])
        return found


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class LoginError(Exception):
    """Why a login ended. `fix` is what a person can do about it; `status` the HTTP status of the page."""

    def __init__(self, reason: str, *, detail: str = "", fix: str = "", status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.fix = fix
        self.status = status


def refusal_page(refusal: LoginError, *, step: str) -> web.Response:
    """A login that ended: where, why, and what to do."""
    return page("refused.html", {"refusal": refusal, "step": step}, refusal.status)
