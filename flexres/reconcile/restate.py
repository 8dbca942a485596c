"""A declared user with some fields said otherwise: as they were deployed, or as the YAML has them and Flex not yet."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flexres.desired.model import Channel, DesiredUser
from flexres.reconcile.fields import PROFILE, write_fields
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key, Space
from flexres.values import ABSENT, Value


def restated(user: DesiredUser, values: Mapping[Key, Value], *, exact_skills: bool) -> DesiredUser:
    """The user with these values; ABSENT says nothing of a field any more, but for the profile, which always stays.

    `exact_skills`: the whole list of skills is owned, so that none of them is a list, too.
    """
    profile = {key: value for key, value in values.items() if key in PROFILE and value is not ABSENT}
    return replace(
        user,
        full_name=str(profile.get(FULL_NAME, user.full_name)),
        email=str(profile.get(EMAIL, user.email)),
        roles=_roles(profile.get(ROLES), user.roles),
        attributes=_attributes(user.attributes, values),
        skills=_skills(user.skills, values, exact=exact_skills),
        channels=_channels(user.channels, values),
    )


def _roles(before: Value, declared: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(role) for role in before) if isinstance(before, list) else declared


def _attributes(declared: Mapping[str, Any], values: Mapping[Key, Value]) -> dict[str, Any]:
    attributes = copy.deepcopy(dict(declared))
    write_fields(attributes, _of(values, "attr"))
    return attributes


def _skills(
    declared: Mapping[str, int | bool] | None, values: Mapping[Key, Value], *, exact: bool
) -> dict[str, int | bool] | None:
    skills = dict(declared) if declared is not None else None
    for key, value in _of(values, "skill"):
        name = key.name
        if value is ABSENT:
            (skills or {}).pop(name, None)
        elif isinstance(value, int):
            skills = {**(skills or {}), name: value}
    # Taking the last one away must not come to mean an empty list, which would be owned as a whole.
    return skills if skills or exact else None


def _channels(declared: Mapping[str, Channel], values: Mapping[Key, Value]) -> dict[str, Channel]:
    channels = dict(declared)
    for key, value in _of(values, "channel"):
        name, setting = key.path
        found = channels.get(name, Channel())
        if setting == "available":
            channels[name] = replace(found, available=value if isinstance(value, bool) else None)
        else:
            channels[name] = replace(found, capacity=value if isinstance(value, int) else None)
    return channels


def _of(values: Mapping[Key, Value], space: Space) -> Iterable[tuple[Key, Value]]:
    return [(key, value) for key, value in values.items() if key.space == space]
