"""Dates and JSON as Twilio's services write them; JSON is read without what is none, and others' text stays."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import NoReturn

_SPACE = re.compile(r"[ \t\r\n]*")


def now(ahead: float = 0) -> str:
    """The time, or that of `ahead` seconds later: ISO 8601 in UTC, whole seconds."""
    return at(time.time() + ahead)


def at(seconds: float) -> str:
    """A moment, given in seconds since 1970, in the same spelling."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def loads(text: str | bytes) -> object:
    """A JSON text, read; Python would take NaN and Infinity, which are none.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is too deep.
    """
    value: object = json.loads(text, parse_constant=_no_number)
    return value


def dumps(value: object) -> str:
    """JSON as the sandbox writes it: short, with characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def merged(text: str, changes: Mapping[str, object]) -> str:
    """An object's text with members set; those that do not change keep their very characters (`1e400`, `1.10`)."""
    members = {name: dumps(value) for name, value in changes.items()}
    kept = {name: members.pop(name) if name in members else raw for name, raw in _members(text).items()}
    return "{" + ",".join(f"{dumps(name)}:{raw}" for name, raw in {**kept, **members}.items()) + "}"


def _members(text: str) -> dict[str, str]:
    """The members of an object with the text of each value; none where the text is no object."""
    decoder, found = json.JSONDecoder(), {}
    place = _skip(text, 0)
    if text[place : place + 1] != "{" or not isinstance(_loads_or_none(text), dict):
        return {}
    place = _skip(text, place + 1)
    while text[place] != "}":
        name, place = decoder.raw_decode(text, place)
        start = _skip(text, _skip(text, place) + 1)
        _, end = decoder.raw_decode(text, start)
        found[name] = text[start:end]
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return found


def _loads_or_none(text: str) -> object:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
