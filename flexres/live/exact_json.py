"""JSON whose numbers and texts are kept as they came: Worker attributes are edited without touching another byte.

Python reads `1e400` as infinity and rounds long decimals; here each such number remembers its text. `NaN` and
`Infinity`, which Python would take and give, are no JSON and are refused both ways.

What the identity provider, a plugin or a person wrote stays as they wrote it: white space, escapes, long decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, NoReturn

from flexres.values import Json, same


class Number(float):
    """A JSON number with a fraction or an exponent: a float to reckon with, and `text` as it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str | float) -> Number:
        made = super().__new__(cls, text)
        made.text = str(text)
        return made


def refuse_constant(name: str) -> NoReturn:
    """Raises ValueError for NaN, Infinity and -Infinity, which the parser hands over here."""
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_float=Number, parse_constant=refuse_constant)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, also for what nests beyond reading."""
    try:
        return _DECODER.decode(
            text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def dumps(value: Json, *, ascii_only: bool = False) -> str:
    """The JSON text of a value without white space, its numbers as they came. Raises ValueError for what is no JSON."""
    return "".join(_pieces(value, encode_basestring_ascii if ascii_only else encode_basestring))


def _pieces(value: Json, quoted: Any) -> list[str]:
    if isinstance(value, str):
        return [quoted(value)]
    if value is None or isinstance(value, bool):
        return [{None: "null", True: "true", False: "false"}[value]]
    if isinstance(value, int | float):
        return [value.text if isinstance(value, Number) else json.dumps(value, allow_nan=False)]
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            found += (",", quoted(key), ":", *_pieces(item, quoted))
        return ["{", *found[1:], "}"]
    if isinstance(value, Sequence):
        for item in value:
            found += (",", *_pieces(item, quoted))
        return ["[", *found[1:], "]"]
    raise ValueError(f"{type(value).__name__} is no JSON")


LONGEST: Final = 4096
"""Characters of JSON that TaskRouter keeps for a Worker, white space included (Twilio's docs, "Worker resource")."""

Edit = Callable[[dict[str, Any]], None]
"""Changes decoded attributes in place. Raises FlexresError to leave the Worker as it is."""


def length(text: str) -> int:
    """How many characters of LONGEST a text takes.

    Nobody says how Twilio counts those beyond the Basic Multilingual Plane: as two, it is never more than we say.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def decode(text: str) -> dict[str, Any]:
    """The attributes, their numbers as they were written. Raises ValueError for what is no JSON object."""
    value = loads(text)
    if isinstance(value, dict):
        return value
    raise ValueError("no JSON object")


def edited(text: str, edit: Edit) -> str:
    """The whole text to be sent after `edit`: the same text where it changes nothing.

    Raises ValueError for what is no JSON object, or where the edit leaves NaN or Infinity, and whatever `edit` raises.
    """
    before = decode(text)
    after = deepcopy(before)
    edit(after)
    start = _blank(text, 0)
    changed, end = _object(text, start, before, after)
    return _sendable(text[:start] + changed + text[end:])


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of an object: its value stands in the text from `start` to `end`, `lead` before it."""

    key: str
    lead: str
    start: int
    end: int
    tail: str


def _object(text: str, start: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, int]:
    """The object that begins at `start` as `after` has it, and where it ended in the old text."""
    members, end = _members(text, start)
    last = {member.key: member for member in members}
    written: list[str] = []
    for member in members:
        if member.key not in after:
            continue
        old, new = before[member.key], after[member.key]
        if same(old, new):
            written.append(member.lead + text[member.start : member.end] + member.tail)
        elif last[member.key] is member:
            both = isinstance(old, dict) and isinstance(new, Mapping)
            value = _object(text, member.start, old, new)[0] if both else dumps(new)
            written.append(member.lead + value + member.tail)
    added: dict[str, Json] = {key: value for key, value in after.items() if key not in before}
    written += (f"{dumps(key)}:{dumps(value)}" for key, value in added.items())
    return (text[start:end] if not members and not added else "{" + ",".join(written) + "}"), end


def _members(text: str, start: int) -> tuple[list[_Member], int]:
    """The members of the object that begins at `start`, in order, and where it ends; the text is known to be JSON."""
    found: list[_Member] = []
    at = _blank(text, start + 1)
    if text[at] == "}":
        return found, at + 1
    at = start
    while text[at] != "}":
        lead = at + 1
        key, at = _SCANNER.raw_decode(text, _blank(text, lead))
        value = _blank(text, _blank(text, at) + 1)
        _, end = _SCANNER.raw_decode(text, value)
        at = _blank(text, end)
        found.append(_Member(key, text[lead:value], value, end, text[end:at]))
    return found, at + 1


_SCANNER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\n\r]*")


def _blank(text: str, at: int) -> int:
    """Where the white space at `at` ends."""
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


def _sendable(text: str) -> str:
    """The text with halves of surrogate pairs as escapes: no wire can carry them otherwise."""
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
