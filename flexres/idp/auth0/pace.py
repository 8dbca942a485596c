"""Auth0's rate limit as its headers tell it: the HTTP base asks here before each request, and tells it each answer.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy: every answer of the
Management API says how many requests are left, and when (in seconds since 1970) there will be more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from flexres.errors import UnreachableError
from flexres.live.http.limits import Pace, number
from flexres.live.http.retrying import Timing

LONGEST_WAIT: Final = 60.0
"""Seconds that are waited for the next request; longer than that a person should decide."""


class Window(Pace):
    """How many requests may still be sent, and when there will be more."""

    def __init__(self, timing: Timing) -> None:
        super().__init__()
        self._timing = timing
        self._remaining: int | None = None
        self._reset = 0.0

    @property
    def known(self) -> bool:
        return self._remaining is not None

    async def turn(self) -> None:
        """Wait until one more request may be sent. Raises UnreachableError where that is too far away."""
        while self._remaining is not None and self._remaining <= 0:
            now = self._timing.now().timestamp()
            if now >= self._reset:
                self._remaining = None
                break
            await self._timing.sleep(self.checked(self._reset - now) + 0.05)
        if self._remaining is not None:
            self._remaining -= 1

    def learn(self, headers: Mapping[str, str]) -> None:
        remaining, reset = number(headers.get("x-ratelimit-remaining")), number(headers.get("x-ratelimit-reset"))
        if remaining is None or reset is None:
            return
        # Answers overtake each other: of the same window only the lowest count is true.
        if self._remaining is None or reset > self._reset:
            self._remaining = remaining
        else:
            self._remaining = min(self._remaining, remaining)
        self._reset = float(max(reset, self._reset))

    def wait_after_refusal(self, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait after a 429; None where it does not say. Raises UnreachableError where it is too far away."""
        reset = number(headers.get("x-ratelimit-reset"))
        if reset is None:
            return None
        return self.checked(max(0.0, reset - self._timing.now().timestamp()))

    def checked(self, seconds: float) -> float:
        """The wait itself. Raises UnreachableError where nobody would want to sit it out."""
        if seconds <= LONGEST_WAIT:
            return seconds
        try:
            at = f" until {datetime.fromtimestamp(self._timing.now().timestamp() + seconds, UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError, OSError):
            at = " for longer than there are dates"
        raise UnreachableError(
            f"Auth0's rate limit lets nothing through{at}",
            hint="run it again then; what was done is kept, and is not done twice",
        )
