"""A user as flat resource properties, from the YAML and from Flex: what the engine compares, shows and stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser
from flexres.reconcile.diff import Scope
from flexres.reconcile.fields import Facts, desired_fields, facts, hash_of, live_skills, owns_all_skills, skill_key
from flexres.reconcile.key import ROLES, Key
from flexres.reconcile.marker import Marker
from flexres.reconcile.ownership import ownership
from flexres.values import ABSENT, Json, normal

Properties = dict[str, Any]

OWN: Final = ("stack", "username")
"""The properties of a user that say whose they are."""

PROVIDER: Final = "__provider"
"""The key under which the SDK keeps the pickled provider among a resource's properties."""


def team_of(user: DesiredUser) -> str:
    """What a user's team is called: as its file, without .yaml. Another ending stays, so that no two share a name."""
    return PurePosixPath(user.file).name.removesuffix(".yaml")


def plain(properties: Mapping[str, Any]) -> Properties:
    """Properties as the engine hands them over, with integers again where it has made them floats."""
    return {key: normal(value) for key, value in properties.items() if key != PROVIDER}


def desired_properties(stack: str, user: DesiredUser) -> Properties:
    """What the YAML declares of a user, one property a field: the keys are those of a plan's fields."""
    properties: Properties = {
        "stack": stack,
        "username": user.username,
        **_plain_fields(_spelled(desired_fields(user))),
    }
    if user.until:
        properties["until"] = user.until.isoformat()
    if user.previously:
        properties["previously"] = user.previously
    return properties


def live_properties(
    known: Mapping[str, Any], live: LiveUser, desired: DesiredUser | None, scope: Scope, stack_id: str
) -> Properties:
    """What Flex has of the fields that our marker holds, so that a refresh shows drift there and nowhere else.

    `known` are the properties so far. A field that the marker does not hold is left out: to bring it under our
    care is a change. What the identity provider writes stays as it is known, being nobody's drift.
    """
    found = {key: known[key] for key in ("stack", "username", "previously") if key in known}
    attributes = (live.worker.attributes() if live.worker else None) or {}
    marker = ownership(attributes, stack_id).ours
    if marker is None:
        return found
    now = facts(live, attributes)
    for key in marker.keys:
        value = _live_value(key, now, known, marker)
        if value is not ABSENT:
            found[key.text] = value
    found |= {key.text: known[key.text] for key in scope.idp_owns if key.text in known}
    if desired is not None and owns_all_skills(desired):
        found |= {skill_key(name).text: level for name, level in live_skills(attributes).items()}
    if marker.until:
        found["until"] = marker.until.isoformat()
    if marker.leaving is not None:
        found["leaving"] = f"since {datetime.fromtimestamp(marker.leaving, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return _plain_fields(found)


def _live_value(key: Key, now: Facts, known: Mapping[str, Any], marker: Marker) -> Any:
    if key.space == "channel" and now.channels is None:
        return known.get(key.text, ABSENT)
    value = now.value(key)
    if key is ROLES and isinstance(value, list) and isinstance(wanted := known.get(key.text), list):
        flex_roles = {role for role in wanted if not str(role).startswith("wfo.")}
        # Nobody says whether Provision takes Insights' roles: that they alone are missing is no drift.
        if flex_roles == set(value) and hash_of(wanted) == marker.keys[key]:
            return wanted
    return value


def _spelled(fields: Mapping[Key, Json]) -> Properties:
    return {key.text: value for key, value in fields.items()}


def _plain_fields(fields: Mapping[str, Any]) -> Properties:
    """Without nulls, which the engine drops from maps, so that both sides of a comparison lack them."""
    return {key: _without_nulls(value) for key, value in fields.items() if value is not None}


def _without_nulls(value: Json) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value
