"""Fields: a user as flat keys and values, read from the YAML's side and from Flex's, and written back into JSON.

One Worker attribute, one nested leaf, one skill and one channel setting are each a field of their own, because
each may have another owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser, WorkerChannel
from flexres.reconcile.change import Route
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import ABSENT, Json, Value, short_hash

PROFILE: Final = ("email", "full_name", "roles")
"""The fields of the Flex user itself: written by Provision, and by the identity provider at every login."""

FLEX_WRITES: Final = frozenset({"contact_uri", "email", "full_name", "roles", "team_sid", ATTRIBUTE})
"""Worker attributes that Flex or we derive for each user: never carried over from one user to another."""


def desired_fields(user: DesiredUser) -> dict[str, Json]:
    """Every field that the YAML declares, with its value."""
    fields: dict[str, Json] = {"email": user.email, "full_name": user.full_name, "roles": list(user.roles)}
    for name, value in user.attributes.items():
        if type(value) not in _SCALARS and isinstance(value, Mapping) and value:
            fields.update(_leaves(attribute_key(name), value))
        else:
            fields[attribute_key(name)] = value
    for skill, level in (user.skills or {}).items():
        fields[f"skill:{skill}"] = level
    for name, channel in user.channels.items():
        if channel.available is not None:
            fields[f"channel:{name}.available"] = channel.available
        if channel.capacity is not None:
            fields[f"channel:{name}.capacity"] = channel.capacity
    return fields


@lru_cache(maxsize=16384)
def attribute_key(name: str) -> str:
    """The field of a whole Worker attribute."""
    return f"attr:{_escape(name)}"


def owns_all_skills(user: DesiredUser) -> bool:
    """Whether the YAML owns the whole list of skills: it says so, or it says that there are none."""
    return user.skills is not None and (user.skills_exact or not user.skills)


def route(key: str) -> Route:
    """Where a field is written."""
    if key.startswith(("attr:", "skill:")):
        return Route.ATTRIBUTE
    if key.startswith("channel:"):
        return Route.CHANNEL
    return Route.PROFILE if key in PROFILE else Route.MARKER


@dataclass(frozen=True, slots=True)
class Facts:
    """One live user in the form that fields are read from; `facts` makes it."""

    profile: Mapping[str, Json]
    attributes: Mapping[str, Any]
    skills: Mapping[str, int | bool]
    channels: Mapping[str, WorkerChannel] | None

    def value(self, key: str) -> Value:
        """What Flex has for a field; ABSENT when there is nothing."""
        space, name, top = _split(key)
        if space == "attr":
            return self.attributes.get(name, ABSENT) if top else _walk(self.attributes, name)
        if space == "skill":
            return self.skills.get(name, ABSENT)
        if space == "channel":
            channel, _, setting = name.rpartition(".")
            found = (self.channels or {}).get(channel)
            if found is None:
                return ABSENT
            return found.available if setting == "available" else found.capacity
        return self.profile.get(key, ABSENT)


def facts(live: LiveUser, attributes: Mapping[str, Any]) -> Facts:
    """The facts of a live user whose Worker attributes are decoded already."""
    user = live.user
    profile = {"email": user.email, "full_name": user.full_name, "roles": sorted(user.roles)}
    return Facts(profile, attributes, live_skills(attributes), live.channels)


def worker_facts(attributes: Mapping[str, Any], channels: Mapping[str, WorkerChannel] | None = None) -> Facts:
    """The facts of a Worker alone."""
    return Facts({}, attributes, live_skills(attributes), channels)


@lru_cache(maxsize=16384)
def _split(key: str) -> tuple[str, str, bool]:
    """A key's space and name, and whether it is a whole attribute: asked for every field of every user."""
    space, _, name = key.partition(":")
    return space, name, "/" not in name and "~" not in name


def live_skills(attributes: Mapping[str, Any]) -> dict[str, int | bool]:
    """Flex's skills as the YAML writes them: skill → level, or True for one without levels.

    Flex keeps them in `routing.skills` (names) and `routing.levels` (name → level).
    """
    routing = attributes.get("routing")
    if type(routing) is not dict:
        return {}
    names, levels = routing.get("skills"), routing.get("levels")
    if not isinstance(names, list):
        return {}
    known = levels if type(levels) is dict else {}
    return {name: known.get(name, True) for name in names if isinstance(name, str)}


def odd_routing(attributes: Mapping[str, Any]) -> bool:
    """Whether `routing` is not of Flex's form, so that writing skills would destroy what somebody put there."""
    routing = attributes.get("routing", {})
    return not (
        isinstance(routing, Mapping)
        and isinstance(routing.get("skills", []), list)
        and isinstance(routing.get("levels", {}), Mapping)
    )


def write_fields(attributes: dict[str, Any], changes: Iterable[tuple[str, Value]]) -> None:
    """Set (or with ABSENT remove) attribute and skill fields in place; everything else stays as it is."""
    # Removals first: a text that becomes a map is one field removed and others set beneath it.
    for key, value in sorted(changes, key=lambda change: change[1] is not ABSENT):
        space, _, name = key.partition(":")
        if space == "skill":
            _write_skill(attributes, name, value)
        else:
            _write_path(attributes, [_unescape(part) for part in name.split("/")], value)


def hash_of(value: Json) -> str:
    """`short_hash`, remembered for the scalars and lists of texts that thousands of users share."""
    if type(value) in _SCALARS:
        return _scalar_hash(value)
    if isinstance(value, list) and all(type(item) is str for item in value):
        return _texts_hash(tuple(value))
    return short_hash(value)


_SCALARS: Final = frozenset({str, bool, int})
# Typed: true and 1 are one key to a dict, and two values to JSON.
_scalar_hash = lru_cache(maxsize=65536, typed=True)(short_hash)


@lru_cache(maxsize=65536)
def _texts_hash(value: tuple[str, ...]) -> str:
    return short_hash(value)


def _leaves(prefix: str, value: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, item in value.items():
        key = f"{prefix}/{_escape(name)}"
        if isinstance(item, Mapping) and item:
            yield from _leaves(key, item)
        else:
            yield key, item


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def _unescape(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


def _walk(attributes: Mapping[str, Any], pointer: str) -> Value:
    here: Any = attributes
    for part in pointer.split("/"):
        if not isinstance(here, Mapping):
            return ABSENT
        here = here.get(_unescape(part), ABSENT)
    found: Value = here
    return found


def _write_path(attributes: dict[str, Any], path: list[str], value: Value) -> None:
    trail: list[tuple[dict[str, Any], str]] = []
    here = attributes
    for part in path[:-1]:
        below = here.get(part)
        if not isinstance(below, dict):
            if value is ABSENT:
                return
            below = here[part] = {}
        trail.append((here, part))
        here = below
    if value is not ABSENT:
        here[path[-1]] = value
        return
    here.pop(path[-1], None)
    # The maps around a removed leaf were ours too when nothing else is left in them.
    for parent, part in reversed(trail):
        if parent[part]:
            return
        del parent[part]


def _write_skill(attributes: dict[str, Any], name: str, value: Value) -> None:
    if value is ABSENT and name not in live_skills(attributes):
        return
    routing = attributes.setdefault("routing", {})
    skills = routing.setdefault("skills", [])
    levels = routing.get("levels")
    if value is ABSENT:
        routing["skills"] = [skill for skill in skills if skill != name]
    elif name not in skills:
        skills.append(name)
    if value is ABSENT or value is True:
        if levels and name in levels:
            del levels[name]
    else:
        routing.setdefault("levels", {})[name] = value
