"""What becomes of a Worker's attributes, declared, handed over and our marker; and how long their text would be.

The operations write by it, and the plan counts by it how long the whole text would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from flexres.desired.model import DesiredUser
from flexres.errors import FlexresError
from flexres.live import exact_json
from flexres.live.exact_json import LONGEST, edited, length
from flexres.live.model import LiveUser
from flexres.reconcile.change import Route
from flexres.reconcile.diff import Scope, field_changes, marker_for, overlaid
from flexres.reconcile.fields import (
    FLEX_WRITES,
    desired_fields,
    live_skills,
    odd_routing,
    route,
    skill_key,
    worker_facts,
    write_fields,
)
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import ownership
from flexres.values import ABSENT, Json


def write_declared(
    attributes: dict[str, Any],
    user: DesiredUser,
    marker: Marker | None,
    scope: Scope,
    commit_time: int | None,
    *,
    carried: Mapping[str, Any] | None = None,
) -> None:
    """Bring attributes, in place, to what the YAML declares, and `carried` besides where nothing is there yet.

    The marker says so afterwards; it stays as it is where there was nothing to write. Raises FlexresError where that
    would destroy what somebody put in the way.
    """
    if carried:
        _hand_over(attributes, carried)
    changes = field_changes(user, worker_facts(attributes), marker, scope)
    hidden = overlaid(changes, attributes, marker)
    if hidden:
        raise FlexresError(f"the attribute {hidden} has become something else than a map", hint="plan again")
    writes = [item for item in changes if item.route is Route.ATTRIBUTE and item.writes]
    if any(item.key.space == "skill" for item in writes):
        _check_routing(attributes)
    write_fields(attributes, ((item.key, item.after) for item in writes))
    after = marker_for(user, scope, commit_time)
    if writes or not _says_the_same(marker, after):
        attributes[ATTRIBUTE] = after.text()


def handed_over(attributes: Mapping[str, Any], user: DesiredUser, scope: Scope) -> dict[str, Any]:
    """What an old Worker knows that nobody declares, and that is not Flex's own or derived from the name."""
    kept = deepcopy({name: value for name, value in attributes.items() if name not in FLEX_WRITES})
    marker = ownership(attributes, scope.stack_id).marker
    declared = desired_fields(user)
    gone = [(key, ABSENT) for key in (marker.keys if marker else ()) if route(key) is Route.ATTRIBUTE]
    write_fields(kept, [item for item in gone if item[0] not in declared])
    # A text where the YAML has a map is not what nobody declares; carried over, it would be in the way for ever.
    write_fields(kept, [(above, ABSENT) for key in declared if (above := _in_the_way(kept, key)) is not None])
    return kept


def _in_the_way(attributes: Mapping[str, Any], key: Key) -> Key | None:
    """What is no map although this attribute is to lie in it."""
    if key.space != "attr":
        return None
    known = worker_facts(attributes)
    values = ((above, known.value(above)) for above in key.above())
    return next((above for above, value in values if value is not ABSENT and not isinstance(value, Mapping)), None)


def _hand_over(attributes: dict[str, Any], carried: Mapping[str, Any]) -> None:
    """Add what an old Worker knew; whatever the new one has already stays."""
    _fill(attributes, deepcopy(dict(carried)))
    held = live_skills(attributes)
    missing = {name: level for name, level in live_skills(carried).items() if name not in held}
    if missing:
        _check_routing(attributes)
    write_fields(attributes, [(skill_key(name), level) for name, level in missing.items()])


def _fill(attributes: dict[str, Any], carried: Mapping[str, Any]) -> None:
    """Add what is missing, map by map; whatever is there already stays."""
    for name, value in carried.items():
        here = attributes.get(name)
        if name not in attributes:
            attributes[name] = value
        elif isinstance(here, dict) and isinstance(value, Mapping):
            _fill(here, value)


def _check_routing(attributes: Mapping[str, Any]) -> None:
    """Raises FlexresError where skills cannot be written without destroying what somebody put in their place."""
    if odd_routing(attributes):
        raise FlexresError("the attribute routing is not of Flex's form", hint="mend it in Console")


def _says_the_same(found: Marker | None, after: Marker) -> bool:
    return found is not None and found.text() == replace(after, at=found.at).text()


_ROOM = 200
"""Characters of names and brackets that the quick count leaves for."""


def too_long(
    desired: DesiredUser,
    live: LiveUser | None,
    marker: Marker | None,
    scope: Scope,
    commit_time: int | None,
    *,
    old: LiveUser | None = None,
) -> str:
    """Why the attributes cannot be written, with the numbers where TaskRouter lacks the room; empty where they can.

    For who has no Worker yet, what Flex writes for everybody counts too: name, address, roles, contact address.
    """
    worker = live.worker if live is not None else None
    text = worker.text if worker is not None else _as_made(desired)
    ours = marker_for(desired, scope, commit_time).text()
    given = old.worker.text if old is not None and old.worker is not None else ""
    if length(text) + length(given) + _declared(desired) + len(ours) + _ROOM <= LONGEST:
        return ""
    carried = handed_over(exact_json.loads(given), desired, scope) if given else None

    def edit(attributes: dict[str, Any]) -> None:
        write_declared(attributes, desired, marker, scope, commit_time, carried=carried)

    try:
        size = length(edited(text, edit))
    except FlexresError as error:
        return f"{error.message}; {error.hint}"
    if size <= max(LONGEST, length(text)):
        return ""
    return (
        f"the Worker's attributes would make {size:,} characters of JSON, {len(ours):,} of them our marker, and "
        f"TaskRouter keeps {LONGEST:,}; declare less, or have something taken out that others put there"
    )


def _declared(user: DesiredUser) -> int:
    """The most characters that the declared attributes and skills can add."""
    skills = user.skills or {}
    declared: dict[str, Json] = {"attributes": user.attributes, "skills": list(skills), "levels": dict(skills)}
    return length(exact_json.dumps(declared))


def _as_made(user: DesiredUser) -> str:
    """What Flex writes by itself on a new Worker, as far as that is known."""
    flex: Mapping[str, Json] = {
        "full_name": user.full_name,
        "email": user.email,
        "roles": user.roles,
        "contact_uri": "client:"
        + "".join(letter if letter.isalnum() else f"_{ord(letter):02X}" for letter in user.username),
    }
    return exact_json.dumps(flex)
