"""The marker: one short text on each Worker we manage, the `previous` of the three-way comparison.

    v1;id=k7m2q9;at=1763712000;until=20270131;leaving=1763715600;keys=attr:level=mzxw6y,roles=nbswy3

It is written last of all writes. Names are percent-encoded, hyphens too (Twilio warns of hyphens in attribute
values). Agents can edit their own attributes, so it is trusted for nothing but what a guard has also seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

from flexres.reconcile.key import Key

ATTRIBUTE: Final = "flexres"
"""The Worker attribute that holds the marker."""

_NOTHING: Final[Mapping[Key, str]] = MappingProxyType({})
_MARKER = re.compile(
    r"v1;id=(?P<id>[a-z0-9]{1,32});at=(?P<at>\d{1,11})"
    r"(?:;until=(?P<until>\d{8}))?(?:;leaving=(?P<leaving>\d{1,11}))?;"
    r"keys=(?P<keys>[^;]*)",
    re.ASCII,
)
_KEYS = re.compile(r"(?:[^=,;]+=[a-z2-7]{6}(?:,[^=,;]+=[a-z2-7]{6})*)?")


@dataclass(frozen=True, slots=True)
class Marker:
    """What was last applied to one user.

    `stack_id` is the stack's minted id; `at` the time of the commit that was applied (seconds since 1970 UTC, 0
    when it was not a commit); `keys` maps each managed field to the short hash of the value we set; `until` the
    applied last day; `leaving` since when the user waits to leave (seconds since 1970 UTC).
    """

    stack_id: str
    at: int = 0
    keys: Mapping[Key, str] = field(default_factory=lambda: _NOTHING)
    until: date | None = None
    leaving: int | None = None

    def text(self) -> str:
        """The attribute's value."""
        parts = ["v1", f"id={self.stack_id}", f"at={self.at}"]
        if self.until:
            parts.append(f"until={self.until.isoformat().replace('-', '')}")
        if self.leaving is not None:
            parts.append(f"leaving={self.leaving}")
        parts.append("keys=" + ",".join(f"{_encode(key.text)}={self.keys[key]}" for key in sorted(self.keys)))
        return ";".join(parts)

    def waiting_since(self) -> datetime | None:
        """When the user was marked as leaving."""
        return None if self.leaving is None else datetime.fromtimestamp(self.leaving, UTC)


class UnreadableMarker(ValueError):  # noqa: N818 - it names what was found
    """The attribute holds something that we did not write."""


def parse(value: object) -> Marker:
    """The marker in an attribute's value. Raises UnreadableMarker for anything that `Marker.text` does not write."""
    match = _MARKER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise UnreadableMarker
    found = match["keys"]
    if _KEYS.fullmatch(found) is None:
        raise UnreadableMarker
    parts = found.replace(",", "=").split("=") if found else []
    names, hashes = parts[::2], parts[1::2]
    try:
        keys = dict(zip(map(Key.parse, map(_decode, names) if "%" in found else names), hashes, strict=True))
        until = datetime.strptime(match["until"], "%Y%m%d").date() if match["until"] else None
    except ValueError as error:  # a byte that is no text, or a day that no month has
        raise UnreadableMarker from error
    leaving = int(match["leaving"]) if match["leaving"] else None
    return Marker(stack_id=match["id"], at=int(match["at"]), keys=keys, until=until, leaving=leaving)


def _encode(name: str) -> str:
    return quote(name, safe="._/:~", errors="surrogatepass").replace("-", "%2D")


def _decode(name: str) -> str:
    return unquote(name, errors="surrogatepass")
