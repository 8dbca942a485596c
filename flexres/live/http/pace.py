"""How often one thing may be asked for: what answers say of their rate limits, and the waiting that follows from it.

Twilio's TaskRouter limits requests per second by resource key (a method and what it is about, such as
`Worker-List-TargetWorkersExpression`), and the live contact centre spends from the same limits. So each keeps to a
share of what is allowed, evenly spread. What the headers mean exactly is documented in part only: where one is
missing or cannot be read, nothing changes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from flexres.live.credentials import DEFAULT_SHARE
from flexres.live.http.retrying import Timing

_EXPRESSIONS: Final = ("TargetWorkersExpression", "EvaluateWorkerAttributes", "EvaluateTaskAttributes")
_PER_EXPRESSION: Final = 3.0
"""Requests a second (https://www.twilio.com/en-us/changelog/taskrouter-endpoint-rate-limit-correction)."""

_SID: Final = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


class Pace:
    """No limit, and what all limits have in common: those who wait for it stand in `line`, first come first served."""

    def __init__(self) -> None:
        self.line = asyncio.Lock()

    @property
    def known(self) -> bool:
        """Whether there is anything to wait for."""
        return False

    async def turn(self) -> None:
        """Wait until one more request may be sent, and count it."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says."""


class Rate(Pace):
    """A share of one resource key's requests per second."""

    def __init__(self, timing: Timing, share: float, per_second: float | None = None) -> None:
        super().__init__()
        self._timing = timing
        self._share = share
        self._interval = 1.0 / (per_second * share) if per_second is not None else 0.0
        self._next = 0.0

    @property
    def known(self) -> bool:
        return self._interval > 0.0

    async def turn(self) -> None:
        while (wait := self._next - self._timing.monotonic()) > 0.0:
            await self._timing.sleep(wait)
        self._next = self._timing.monotonic() + self._interval

    def learn(self, headers: Mapping[str, str]) -> None:
        limit, remaining = number(headers.get("x-rate-limit-limit")), number(headers.get("x-rate-limit-remaining"))
        if not limit:
            return
        self._interval = 1.0 / (limit * self._share)
        # Somebody else needs more than we left them: let the second pass, and never more than one.
        if remaining is not None and remaining < limit * (1.0 - self._share) / 2.0:
            self._next = max(self._next, self._timing.monotonic() + 1.0)


class Rates:
    """The rate of each resource key that was met so far, for one account."""

    def __init__(self, timing: Timing, share: float = DEFAULT_SHARE) -> None:
        self._timing = timing
        self._share = share
        self._rates: dict[str, Rate] = {}

    def of(self, method: str, path: str, names: tuple[str, ...] = ()) -> Rate:
        """The rate for requests of this method, path and query, whichever Workspace or Worker they name."""
        expression = next((name for name in names if name in _EXPRESSIONS), "")
        key = f"{method} {_SID.sub('*', path)} {expression}"
        found = self._rates.get(key)
        if found is None:
            documented = _PER_EXPRESSION if expression else None
            found = self._rates[key] = Rate(self._timing, self._share, documented)
        return found


def number(header: str | None) -> int | None:
    """The whole number of a header; None where it is none."""
    return int(header) if header is not None and re.fullmatch(r"[0-9]{1,11}", header) else None
