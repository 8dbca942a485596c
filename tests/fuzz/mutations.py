"""Damage to a seed: bytes that are cut, doubled, swapped or repeated, and JSON of which a part has another type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final

LARGEST: Final = 400_000
TOKENS: Final[tuple[bytes, ...]] = (
    *(
        b"\0",
        b"\x1b[2J",
        b"\xc2\x9b",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n",
        b"\t",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"(",
        b")",
        b"<",
        b">",
        b"&",
        b"*",
        b"!",
        b"|",
        b"%",
        b"'",
        b'"',
        b"\\",
        b"`",
        b"#",
        b": ",
    ),
    *(
        b"null",
        b"true",
        b"-1",
        b"1e400",
        b"NaN",
        b"9" * 5000,
        b"0x1F",
        b"2026-02-30",
        b"<!DOCTYPE x>",
        b"&lt;",
        b"<!---->",
    ),
    *(
        b"\\ud800",
        b"\\u{110000}",
        b"${x}",
        b"/*",
        b"//",
        b"=>",
        b"...",
        b"__proto__",
        b" xmlns:a='b'",
        b"]]>",
        b"<<: *a",
    ),
)
ODD: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1.5, 10**400, float("inf"), "", " ", "\x1b[2J\u202e", "\ud800", "..", "x" * 100_000),
    *([], [None], [[]], {}, {"": None}, {"sid": None}, ["\x00"], {"a": {"b": []}}),
)


def damaged(seed: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """The seed after one to five pieces of damage; every fifth time a part of its JSON, if it is JSON, is replaced."""
    if random.random() < 0.4:
        changed = _of_another_type(seed, random)
        if changed is not None:
            return changed[:LARGEST]
    data = seed
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        data = random.choice(_KINDS)(data, others, random)
    return data[:LARGEST]


def _slice(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((0, 1, 2, 8, 40, 400)))


def _cut(data: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    start, end = _slice(data, random)
    return data[:start] + data[end:]


def _end(data: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _flip(data: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    if not data:
        return b"\0"
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _token(data: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    start, end = _slice(data, random)
    return data[:start] + random.choice(TOKENS) + data[random.choice((start, end)) :]


def _repeat(data: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    start, end = _slice(data, random)
    piece = data[start:end] or random.choice(TOKENS)
    return data[:start] + piece * random.choice((2, 3, 50, 2000)) + data[end:]


def _splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


_KINDS = (_cut, _end, _flip, _token, _token, _repeat, _splice)


def _of_another_type(seed: bytes, random: Random) -> bytes | None:
    """The JSON of the seed with one part replaced, taken out or doubled, or wrapped deep; None for no JSON."""
    try:
        value = json.loads(seed)
    except (ValueError, RecursionError):
        return None
    places = list(_places(value))
    if not places or random.random() < 0.05:
        deep = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        count = random.choice((50, 900, 20_000))
        return deep[0] * count + seed + deep[1] * count
    holder, key = random.choice(places)
    if isinstance(holder, dict) and random.random() < 0.3:
        del holder[key]
    elif isinstance(holder, list) and random.random() < 0.2:
        holder.append(holder[key])
    else:
        holder[key] = random.choice(ODD)
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return None


def _places(value: Any) -> Any:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            for key in list(one) if isinstance(one, dict) else range(len(one)):
                yield one, key
                waiting.append(one[key])
