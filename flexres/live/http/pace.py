"""How often one thing may be asked for: what answers say of their rate limits, and the waiting that follows from it.

Twilio's TaskRouter limits requests per second by resource key (a method and what it is about, such as
`Worker-List-TargetWorkersExpression`), and the live contact centre spends from the same limits. So each keeps to a
share of what is allowed, evenly spread. What the headers mean exactly is documented in part only: where one is
missing or cannot be read, nothing changes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final

from flexres.live.credentials import DEFAULT_SHARE
from flexres.live.http.retrying import Timing

_EXPRESSIONS: Final = ("TargetWorkersExpression", "EvaluateWorkerAttributes", "EvaluateTaskAttributes")
_PER_EXPRESSION: Final = 3.0
"""Requests a second (https://www.twilio.com/en-us/changelog/taskrouter-endpoint-rate-limit-correction)."""

_SID: Final = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


class Pace:
    """No limit, and what all limits have in common: those who wait for it stand in `line`, first come first served.

    `first` is whether nothing was asked yet of which the answer could tell the limit: then one request goes alone.
    """

    def __init__(self, *, first: bool = False) -> None:
        self.line = asyncio.Lock()
        self.first = first

    @property
    def known(self) -> bool:
        """Whether there is anything to wait for."""
        return False

    async def turn(self) -> None:
        """Wait until one more request may be sent, and count it."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says."""


UNLIMITED: Final = Pace()


class Rate(Pace):
    """A share of one resource key's requests per second."""

    def __init__(self, timing: Timing, share: float, per_second: float | None = None) -> None:
        super().__init__(first=per_second is None)
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
        now = self._timing.monotonic()
        self._interval = 1.0 / (limit * self._share)
        self._next = max(self._next, now + self._interval)
        # Others need more than we leave them: let a second pass.
        if remaining is not None and remaining < limit * (1.0 - self._share) * _TIGHT:
            self._next = max(self._next, now + 1.0)


_TIGHT: Final = 0.2
"""Where fewer than so much of what is not ours remains, we step back."""


class Rates:
    """The rate of each resource key that was met so far, for one account."""

    def __init__(self, timing: Timing, share: float = DEFAULT_SHARE) -> None:
        self._timing = timing
        self._share = share
        self._rates: dict[str, Rate] = {}

    def of(self, method: str, path: str, params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None) -> Rate:
        """The rate for requests of this method, path and query, whichever Workspace or Worker they name."""
        names = {*(params if isinstance(params, Mapping) else (name for name, _ in params or ()))}
        expression = next((name for name in _EXPRESSIONS if name in names), "")
        key = f"{method} {_SID.sub('*', path)} {expression}"
        found = self._rates.get(key)
        if found is None:
            documented = _PER_EXPRESSION if expression else None
            found = self._rates[key] = Rate(self._timing, self._share, documented)
        return found


def number(header: str | None) -> int | None:
    """The whole number of a header; None where it is none."""
    return int(header) if header is not None and re.fullmatch(r"[0-9]{1,11}", header) else None
