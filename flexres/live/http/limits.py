"""Limits: how much of an answer is read and how long it may take, how many requests at once, and how often.

Twilio throttles by concurrency, not by a rate, so the limit moves as a congestion window does: one more after a
window of requests that went well, half after a 429.

Twilio's TaskRouter limits requests per second by resource key (a method and what it is about, such as
`Worker-List-TargetWorkersExpression`), and the live contact centre spends from the same limits. So each keeps to a
share of what is allowed, evenly spread. What the headers mean exactly is documented in part only: where one is
missing or cannot be read, nothing changes.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import httpx

from flexres.live.credentials import DEFAULT_SHARE
from flexres.live.http.retrying import Timing
from flexres.text import MEGABYTE, size

_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds: to connect, between two pieces of an answer, for one attempt as a whole, for all pages of a list,
    for a large file.

    `answer` is in bytes, after unpacking; `pages` counts the requests of one list. All are far above what Twilio
    sends: a page of 1,000 Workers has some megabytes, and 15,000 Workers are 300 pages even at fifty a page.
    """

    connect: float = 10.0
    read: float = 30.0
    attempt: float = 60.0
    listing: float = 900.0
    file: float = 600.0
    answer: int = 64 * MEGABYTE
    pages: int = 5000


USUAL: Final = Limits()


class TooLargeError(Exception):
    """More bytes than the limit; `largest` is the limit."""

    def __init__(self, largest: int) -> None:
        super().__init__(size(largest))
        self.largest = largest


class DamagedError(Exception):
    """Bytes that cannot be unpacked."""


async def read_body(response: httpx.Response, largest: int) -> bytes:
    """The whole body, unpacked. Raises TooLargeError as soon as there is more, and DamagedError.

    We ask for gzip alone. Other packings, and packings of packings, are refused: each layer multiplies by a thousand
    what one small piece becomes.
    """
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise DamagedError("in a way that was not asked for")
    unpacker = _Unpacker(largest) if packing not in ("", "identity") else None
    pieces: list[bytes] = []
    received = 0
    async for piece in response.stream:  # type: ignore[union-attr]  # every wire here is an asynchronous one
        received += len(piece)
        if received > largest:
            raise TooLargeError(largest)
        pieces.extend(unpacker.feed(piece) if unpacker else (piece,))
    if unpacker and received:
        unpacker.end()
    return b"".join(pieces)


def gunzip(data: bytes, largest: int) -> bytes:
    """A gzip file's content. Raises TooLargeError and DamagedError."""
    unpacker = _Unpacker(largest)
    pieces = [part for start in range(0, len(data), _PIECE) for part in unpacker.feed(data[start : start + _PIECE])]
    unpacker.end()
    return b"".join(pieces)


class _Unpacker:
    """Unpacks gzip piece by piece, of one or several members, and never holds more than the limit."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._left = largest
        self._member = _member()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What one more piece unpacks to."""
        while piece:
            if self._member.eof:
                self._member = _member()
            try:
                part = self._member.decompress(piece, self._left + 1)
            except zlib.error as error:
                raise DamagedError("as gzip that cannot be read") from error
            self._left -= len(part)
            if self._left < 0:
                raise TooLargeError(self._largest)
            yield part
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> None:
        """Nothing follows. Raises DamagedError if something should."""
        if not self._member.eof:
            raise DamagedError("as gzip that breaks off")


def _member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


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
