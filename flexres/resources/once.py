"""Work that a whole run does once: whoever asks later gets the same result, or the same failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Begun when it is first asked for; on one event loop.

    A failure holds for all, too: sixty resources that ask an unreachable Twilio would each wait as long as the first.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._done: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """The result. Raises what the work raised."""
        if self._done is None:
            self._done = asyncio.ensure_future(self._work())
        # Whoever stops waiting does not stop the work for the others.
        return await asyncio.shield(self._done)
