"""What was asked of the sandbox, without credentials or bodies; and people's patterns, searched in linear time."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from flexres.sandbox.errors import SandboxError

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


_LONGEST = 500
_PLAIN = re.compile(r"[^\\^$.|?*+()\[\]{}]*")


class _Searches(Protocol):
    def search(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of RE2's syntax: Python's, without looking around and going back.

    Raises:
        SandboxError: it is none.
    """

    text: str
    _compiled: _Searches | None = field(init=False, compare=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise SandboxError(f"a pattern has at most {_LONGEST} characters")
        if not _PLAIN.fullmatch(self.text):
            object.__setattr__(self, "_compiled", _compile(self.text))

    def found_in(self, text: str) -> bool:
        """Whether it occurs anywhere."""
        return self.text in text if self._compiled is None else self._compiled.search(text) is not None


def _compile(text: str) -> _Searches:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  most patterns are plain text and need no engine

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: _Searches = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise SandboxError(f"{text!r} is no regular expression: {reason}") from None
    return compiled
