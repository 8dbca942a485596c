"""The marker: one short text on each Worker we manage, the `previous` of the three-way comparison.

    v1;id=k7m2q9;at=1763712000;until=20270131;leaving=1763715600;keys=attr:level=mzxw6y,roles=nbswy3

It is written last of all writes. Names are percent-encoded, hyphens too (Twilio warns of hyphens in attribute
values). Agents can edit their own attributes, so it is trusted for nothing but what a guard has also seen.

A marker counts towards the size of a Worker's attributes. Where many fields are managed, attributes and skills stand
in it by twelve characters each, six of a hash of the name and six of the value's, instead of by their names:

    v2;id=k7m2q9;at=1763712000;keys=channel:chat.capacity=kqmfa2,roles=nbswy3;packed=gezdgnmzxw6ymfrggznbswy3
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key
from flexres.values import short_hash

ATTRIBUTE: Final = "flexres"
"""The Worker attribute that holds the marker."""

LONGEST_NAMED: Final = 500
"""Characters of fields up to which a marker names each; beyond, attributes and skills are packed."""

_NOTHING: Final[Mapping[Key, str]] = MappingProxyType({})
_MARKER = re.compile(
    r"(?P<version>v[12]);id=(?P<id>[a-z0-9]{1,32});at=(?P<at>\d{1,11})"
    r"(?:;until=(?P<until>\d{8}))?(?:;leaving=(?P<leaving>\d{1,11}))?(?P<rename>;rename)?;"
    r"keys=(?P<keys>[^;]*)(?:;packed=(?P<packed>(?:[a-z2-7]{12})+))?",
    re.ASCII,
)
_KEYS = re.compile(r"(?:[^=,;]+=[a-z2-7]{6}(?:,[^=,;]+=[a-z2-7]{6})*)?")
_PACKED_SPACES: Final = frozenset({"attr", "skill"})
_CHANNEL: Final = frozenset({"available", "capacity"})
_PROFILE: Final = frozenset({EMAIL, FULL_NAME, ROLES})
_NEVER: Final = frozenset({"email", "full_name", "roles", "routing", "team_sid", ATTRIBUTE})
"""Attributes that the YAML does not name as such."""


class PackedKeys(Mapping[Key, str]):
    """Managed fields, of which some are held by a hash of their name: any can be asked for.

    Going over it gives those whose names are known: `names` are where they may be found again.
    """

    def __init__(self, named: Mapping[Key, str], packed: Mapping[str, str], names: Iterable[Key]) -> None:
        self.named, self.packed = named, packed
        found = {key: packed[short] for key in names if (short := _short_name(key)) in packed and _is_written(key)}
        self._known = {**found, **named}

    def __getitem__(self, key: Key) -> str:
        found = self._known.get(key)
        return self.packed[_short_name(key)] if found is None and key.space in _PACKED_SPACES else self._known[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def gone(self, names: Iterable[Key]) -> int:
        """How many fields are neither known by their names nor among these."""
        left = self.packed.keys() - {_short_name(key) for key in (*self._known, *names)}
        return len(left)


@dataclass(frozen=True, slots=True)
class Marker:
    """What was last applied to one user.

    `stack_id` is the stack's minted id; `at` the time of the commit that was applied (seconds since 1970 UTC, 0
    when it was not a commit); `keys` maps each managed field to the short hash of the value we set; `until` the
    applied last day; `leaving` since when the user waits to leave (seconds since 1970 UTC). `rename`: they were
    nobody's, and are marked for a rename alone that has not ended.
    """

    stack_id: str
    at: int = 0
    keys: Mapping[Key, str] = field(default_factory=lambda: _NOTHING)
    until: date | None = None
    leaving: int | None = None
    rename: bool = False

    @property
    def begun(self) -> bool:
        """Whether it holds no field yet: a rename to this user was cut short."""
        return not self.keys and not (isinstance(self.keys, PackedKeys) and self.keys.packed)

    def text(self) -> str:
        """The attribute's value."""
        named, packed = _split(self.keys)
        parts = ["v2" if packed or self.rename else "v1", f"id={self.stack_id}", f"at={self.at}"]
        if self.until:
            parts.append(f"until={self.until.isoformat().replace('-', '')}")
        if self.leaving is not None:
            parts.append(f"leaving={self.leaving}")
        if self.rename:
            parts.append("rename")
        parts.append("keys=" + _named_text(named))
        if packed:
            parts.append("packed=" + "".join(sorted(short + hashed for short, hashed in packed.items())))
        return ";".join(parts)

    def waiting_since(self) -> datetime | None:
        """When the user was marked as leaving."""
        return None if self.leaving is None else datetime.fromtimestamp(self.leaving, UTC)


class UnreadableMarker(ValueError):  # noqa: N818 - it names what was found
    """The attribute holds something that we did not write."""


def parse(value: object, names: Callable[[], Iterable[Key]] = tuple) -> Marker:
    """The marker in an attribute's value; `names` gives the fields that the Worker has, to know packed ones again.

    Fields of a kind that we never write are left out. Raises UnreadableMarker for any other text that `Marker.text`
    does not write.
    """
    match = _MARKER.fullmatch(value) if isinstance(value, str) else None
    if match is None or (match["version"] == "v2") is not bool(match["packed"] or match["rename"]):
        raise UnreadableMarker
    found = match["keys"]
    if _KEYS.fullmatch(found) is None:
        raise UnreadableMarker
    parts = found.replace(",", "=").split("=") if found else []
    spelled, hashes = parts[::2], parts[1::2]
    try:
        keys: Mapping[Key, str]
        named = map(Key.parse, map(_decode, spelled) if "%" in found else spelled)
        # An agent may have added what we never write, for our reports to tell: that is nobody's.
        keys = {key: hashed for key, hashed in zip(named, hashes, strict=True) if _is_written(key)}
        until = datetime.strptime(match["until"], "%Y%m%d").date() if match["until"] else None
    except ValueError as error:  # a byte that is no text, or a day that no month has
        raise UnreadableMarker from error
    if match["packed"]:
        pairs = re.findall("......", match["packed"])
        keys = PackedKeys(keys, dict(zip(pairs[::2], pairs[1::2], strict=True)), names())
    leaving = int(match["leaving"]) if match["leaving"] else None
    return Marker(match["id"], int(match["at"]), keys, until, leaving, rename=match["rename"] is not None)


@lru_cache(maxsize=65536)
def _is_written(key: Key) -> bool:
    """Whether a marker of ours can hold such a field: one of a name that the YAML lets through."""
    match key.space:
        case "attr":
            return _is_name(key.path[0]) and key.path[0] not in _NEVER
        case "skill":
            return _is_name(key.name)
        case "channel":
            return key.name in _CHANNEL
    return key in _PROFILE


def _is_name(text: str) -> bool:
    return bool(text) and text == text.strip() and text.isprintable()


def _split(keys: Mapping[Key, str]) -> tuple[Mapping[Key, str], Mapping[str, str]]:
    """The fields to be named, and those to be packed: none where all names are short enough together."""
    if isinstance(keys, PackedKeys):
        return keys.named, keys.packed
    if len(_named_text(keys)) <= LONGEST_NAMED:
        return keys, {}
    short: dict[str, list[Key]] = {}
    for key in keys:
        if key.space in _PACKED_SPACES:
            short.setdefault(_short_name(key), []).append(key)
    # Two of one short name could not be told apart: they keep their names.
    packed = {name: same[0] for name, same in short.items() if len(same) == 1}
    hidden = set(packed.values())
    named = {key: hashed for key, hashed in keys.items() if key not in hidden}
    return named, {name: keys[key] for name, key in packed.items()}


def _named_text(keys: Mapping[Key, str]) -> str:
    return ",".join(f"{_encode(key.text)}={keys[key]}" for key in sorted(keys))


def _short_name(key: Key) -> str:
    return short_hash(key.text)


def _encode(name: str) -> str:
    return quote(name, safe="._/:~", errors="surrogatepass").replace("-", "%2D")


def _decode(name: str) -> str:
    return unquote(name, errors="surrogatepass")
