"""How much of an answer is read and how long it may take: limits that hold while it streams in, unpacked or not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx

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
