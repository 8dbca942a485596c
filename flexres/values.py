"""JSON values as both sides of a comparison see them: one equality, one canonical text, one short hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"


class Absent(Enum):
    """The value of a key that is not there; distinct from null, which is."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT

Value: TypeAlias = "Json | Absent"


_PLAIN: Final = frozenset({str, bool, int, type(None)})


def normal(value: Json) -> Json:
    """The value with integral floats as ints (3.0 → 3), at every depth.

    JSON has one number type and the Pulumi engine hands every number over as a float, so the two must compare
    and hash alike.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [normal(item) for item in value]
    return value


def same(left: Value, right: Value) -> bool:
    """Whether two values are the same JSON: 3 equals 3.0, but true does not equal 1."""
    kind = type(left)
    if kind is type(right):
        if kind in _PLAIN:
            return left == right
        # Most lists of Flex are lists of texts, which Python compares as JSON does.
        if kind is list and left == right and all(type(item) is str for item in left):  # type: ignore[union-attr]
            return True
    if left is ABSENT or right is ABSENT:
        return left is right
    return canonical(left) == canonical(right)


# Made once: `json.dumps` with options makes one for each of a plan's hundred thousand values.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Json) -> str:
    """The one text of a value: sorted keys, no white space, integral floats as ints."""
    return _ENCODER.encode(normal(value))


_ASCII_LOWER: Final = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def fold_case(name: str) -> str:
    """A username or an address as names are compared: without regard to the case of the letters a to z.

    Twilio says that names ignore case and not in which letters. To fold too few makes two entries of what Twilio takes
    for one, which it then refuses by name; to fold too many (ß is ss to Unicode) would take one person for another.
    """
    return name.lower() if name.isascii() else name.translate(_ASCII_LOWER)


_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(left + right for left in _LETTERS for right in _LETTERS)


def short_hash(value: Json) -> str:
    """Six characters of a-z2-7 that tell one value from another: 30 bits of SHA-256 of the canonical text."""
    digest = hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).digest()
    bits = int.from_bytes(digest[:4]) >> 2
    return _PAIRS[bits >> 20] + _PAIRS[bits >> 10 & 1023] + _PAIRS[bits & 1023]
