"""Fields: a user as flat keys and values, read from the YAML's side and from Flex's, and written back into JSON.

One Worker attribute, one nested leaf, one skill and one channel setting are each a field of their own, because
each may have another owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser, WorkerChannel
from flexres.reconcile.change import Route
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key, Space
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import ABSENT, Json, Value, short_hash

PROFILE: Final = (EMAIL, FULL_NAME, ROLES)
"""The fields of the Flex user itself: written by Provision, and by the identity provider at every login."""

FLEX_WRITES: Final = frozenset({"contact_uri", "email", "full_name", "roles", "team_sid", ATTRIBUTE})
"""Worker attributes that Flex or we derive for each user: never carried over from one user to another."""


def desired_fields(user: DesiredUser) -> dict[Key, Json]:
    """Every field that the YAML declares, with its value."""
    fields: dict[Key, Json] = {EMAIL: user.email, FULL_NAME: user.full_name, ROLES: list(user.roles)}
    for name, value in user.attributes.items():
        if type(value) not in _SCALARS and isinstance(value, Mapping) and value:
            fields.update(_leaves((name,), value))
        else:
            fields[attribute_key(name)] = value
    for skill, level in (user.skills or {}).items():
        fields[skill_key(skill)] = level
    for name, channel in user.channels.items():
        if channel.available is not None:
            fields[channel_key(name, "available")] = channel.available
        if channel.capacity is not None:
            fields[channel_key(name, "capacity")] = channel.capacity
    return fields


@lru_cache(maxsize=16384)
def attribute_key(name: str) -> Key:
    """The field of a whole Worker attribute."""
    return Key.of("attr", name)


@lru_cache(maxsize=16384)
def skill_key(name: str) -> Key:
    """The field of one of Flex's skills."""
    return Key.of("skill", name)


@lru_cache(maxsize=1024)
def channel_key(name: str, setting: Literal["available", "capacity"]) -> Key:
    """The field of one setting of a Worker channel."""
    return Key.of("channel", name, setting)


def attribute_keys(attributes: Mapping[str, Any]) -> Iterator[Key]:
    """Every field that is among a Worker's attributes: each attribute, what lies in it at any depth, each skill."""
    yield from _nested((), attributes)
    yield from map(skill_key, live_skills(attributes))


def _nested(above: tuple[str, ...], value: Mapping[str, Any]) -> Iterator[Key]:
    for name, item in value.items():
        path = (*above, name)
        yield Key.of("attr", *path)
        if isinstance(item, Mapping):
            yield from _nested(path, item)


def owns_all_skills(user: DesiredUser) -> bool:
    """Whether the YAML owns the whole list of skills: it says so, or it says that there are none."""
    return user.skills is not None and (user.skills_exact or not user.skills)


_ROUTES: Final[Mapping[Space, Route]] = {
    "profile": Route.PROFILE,
    "attr": Route.ATTRIBUTE,
    "skill": Route.ATTRIBUTE,
    "channel": Route.CHANNEL,
    "marker": Route.MARKER,
    "sso": Route.SETTING,
    "idp": Route.IDP,
}


def route(key: Key) -> Route:
    """Where a field is written."""
    return _ROUTES[key.space]


@dataclass(frozen=True, slots=True)
class Facts:
    """One live user in the form that fields are read from; `facts` makes it."""

    profile: Mapping[Key, Json]
    attributes: Mapping[str, Any]
    skills: Mapping[str, int | bool]
    channels: Mapping[str, WorkerChannel] | None

    def value(self, key: Key) -> Value:
        """What Flex has for a field; ABSENT when there is nothing."""
        space, path = key.space, key.path
        if space == "attr":
            return self.attributes.get(path[0], ABSENT) if len(path) == 1 else _walk(self.attributes, path)
        if space == "skill":
            return self.skills.get(path[0], ABSENT)
        if space == "channel":
            found = (self.channels or {}).get(path[0])
            if found is None:
                return ABSENT
            return found.available if path[1] == "available" else found.capacity
        return self.profile.get(key, ABSENT)


def facts(live: LiveUser, attributes: Mapping[str, Any]) -> Facts:
    """The facts of a live user whose Worker attributes are decoded already."""
    user = live.user
    profile: dict[Key, Json] = {EMAIL: user.email, FULL_NAME: user.full_name, ROLES: sorted(user.roles)}
    return Facts(profile, attributes, live_skills(attributes), live.channels)


def worker_facts(attributes: Mapping[str, Any], channels: Mapping[str, WorkerChannel] | None = None) -> Facts:
    """The facts of a Worker alone."""
    return Facts({}, attributes, live_skills(attributes), channels)


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


def write_fields(attributes: dict[str, Any], changes: Iterable[tuple[Key, Value]]) -> None:
    """Set (or with ABSENT remove) attribute and skill fields in place; everything else stays as it is."""
    # Removals first: a text that becomes a map is one field removed and others set beneath it.
    for key, value in sorted(changes, key=lambda change: change[1] is not ABSENT):
        if key.space == "skill":
            _write_skill(attributes, key.name, value)
        else:
            _write_path(attributes, key.path, value)


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


def _leaves(above: tuple[str, ...], value: Mapping[str, Json]) -> Iterator[tuple[Key, Json]]:
    for name, item in value.items():
        path = (*above, name)
        if isinstance(item, Mapping) and item:
            yield from _leaves(path, item)
        else:
            yield Key.of("attr", *path), item


def _walk(attributes: Mapping[str, Any], path: tuple[str, ...]) -> Value:
    here: Any = attributes
    for part in path:
        if not isinstance(here, Mapping):
            return ABSENT
        here = here.get(part, ABSENT)
    found: Value = here
    return found


def _write_path(attributes: dict[str, Any], path: tuple[str, ...], value: Value) -> None:
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
