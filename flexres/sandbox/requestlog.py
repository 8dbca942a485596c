"""What was asked of the sandbox: a ring of the latest requests, without credentials, bodies or tokens."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

from flexres.sandbox.patterns import Pattern

_KEPT = 20_000
_SECRET = re.compile(
    r"((?:^|&)(?:[a-z_]*token|code|state|nonce|codechallenge|samlrequest|samlresponse|relaystate)=)[^&]*", re.I
)


class LoggedRequest(NamedTuple):
    """One request. `at` is seconds since 1970, `credentials` the kind: account, key, token, none or wrong.

    `status` is 0 where the connection was reset; `fault` is the rule that fired, if any.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    status: int
    duration_ms: float
    request_id: str
    credentials: str
    fault: str


class RequestLog:
    """The latest requests, and how many there were at all."""

    def __init__(self) -> None:
        self._ring: deque[LoggedRequest] = deque(maxlen=_KEPT)
        self.total = 0

    def add(
        self,
        *,
        at: float,
        method: str,
        path: str,
        query: str,
        status: int,
        duration_ms: float,
        request_id: str,
        credentials: str,
        fault: str,
    ) -> None:
        """Notes a request that was answered. Values in the query that could open something are left out."""
        self.total += 1
        query = _SECRET.sub(r"\1…", query) if query else ""
        self._ring.append(
            LoggedRequest(self.total, at, method, path, query, status, duration_ms, request_id, credentials, fault)
        )

    def entries(self, *, method: str = "", path: str = "", status: int | None = None) -> list[LoggedRequest]:
        """The requests that are kept, oldest first. `path` is a pattern searched in the path."""
        pattern = Pattern(path)
        return [
            entry
            for entry in self._ring
            if (not method or entry.method == method)
            and (status is None or entry.status == status)
            and pattern.found_in(entry.path)
        ]

    def clear(self) -> None:
        """Forgets all requests, and starts counting anew."""
        self._ring.clear()
        self.total = 0


def counts(entries: Iterable[LoggedRequest]) -> dict[str, dict[str, int]]:
    """How many of the entries had each method and each status."""
    entries = list(entries)
    return {
        "method": dict(Counter(entry.method for entry in entries)),
        "status": dict(Counter(str(entry.status) for entry in entries)),
    }
