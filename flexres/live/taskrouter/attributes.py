"""Worker attributes as a JSON text that several write to: an edit changes its own members and no other byte.

What the identity provider, a plugin or a person wrote stays as they wrote it: white space, escapes, long decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from flexres.live import exact_json
from flexres.values import Json, same

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
    value = exact_json.loads(text)
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
            value = _object(text, member.start, old, new)[0] if both else exact_json.dumps(new)
            written.append(member.lead + value + member.tail)
    added: dict[str, Json] = {key: value for key, value in after.items() if key not in before}
    written += (f"{exact_json.dumps(key)}:{exact_json.dumps(value)}" for key, value in added.items())
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
