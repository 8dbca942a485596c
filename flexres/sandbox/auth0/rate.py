"""The tenant's rate limit: so many requests in a window, told in headers as Auth0 tells it."""

from __future__ import annotations

import math
import time


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
