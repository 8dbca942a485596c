"""How many requests may be under way at once, learnt from Twilio's 429s; every attempt of the transport holds a slot.

Twilio throttles by concurrency, not by a rate, so the limit moves as a congestion window does: one more after a
window of requests that went well, half after a 429.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Limiter:
    """First come, first served, at most `limit` at once, `limit` between 1 and `ceiling`."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.in_flight = 0
        self._window = float(ceiling)
        self._round = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._window)

    def slot(self) -> Slot:
        """A place to be taken with `async with`, for one request and not for the waiting between two."""
        return Slot(self)

    async def _enter(self) -> int:
        """Wait for a place; the number of the round in which it was given."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # The place was given in the same turn of the loop that cancelled us: pass it on.
                self._leave()
            raise
        return self._round

    def _leave(self) -> None:
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def _went_well(self, sent_in: int) -> None:
        if sent_in == self._round:
            self._window = min(float(self.ceiling), self._window + 1 / self._window)

    def _was_throttled(self, sent_in: int) -> None:
        # All that were under way at the first 429 may get one too: they say the same thing, once.
        if sent_in == self._round:
            self._window = max(1.0, self._window / 2)
            self._round += 1


class Slot:
    """One place of a Limiter. Says how its request went, at most once; silence teaches the limiter nothing."""

    __slots__ = ("_limiter", "_sent_in")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._sent_in = 0

    async def __aenter__(self) -> Slot:
        self._sent_in = await self._limiter._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limiter._leave()

    def went_well(self) -> None:
        """Twilio answered, with anything but a 429."""
        self._limiter._went_well(self._sent_in)

    def was_throttled(self) -> None:
        """Twilio answered 429."""
        self._limiter._was_throttled(self._sent_in)
