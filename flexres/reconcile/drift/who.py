"""Who made a field what Flex has: found among TaskRouter's Events of the Worker, the latest first, for drift."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flexres.live.exact_json import refuse_constant
from flexres.live.model import ATTRIBUTES, AVAILABILITY, CAPACITY, CREATED, WorkerEvent
from flexres.reconcile.change import FieldChange, Route
from flexres.reconcile.fields import attribute_keys, hash_of, worker_facts
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE, Marker, UnreadableMarker, parse
from flexres.values import ABSENT, Value, same


class Whose(StrEnum):
    """Whose doing a change in Flex was, as far as TaskRouter's Events tell."""

    SELF = "self"
    """The Worker's own."""
    PERSON = "person"
    """Another user's of this Flex."""
    API = "api"
    """Somebody's with the account's credentials: a script, or another tool."""
    OURS = "flexres"
    """A write with the account's credentials whose marker holds what it set, as each of flexres does."""
    FLEX = "flex"
    """Flex's own: it writes what the identity provider says at a login."""
    STRANGER = "other"
    """Somebody's whom Flex does not know, such as a person in Console."""
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class Made:
    """Who made some fields what Flex has: none of them where the whole Worker went.

    `name` is a username, or what Twilio tells of a stranger; `event` is the SID of the Event. Unless `exact`, no
    earlier Event shows another value, so it may have been before, and somebody else. `address` is an IP address.
    """

    keys: tuple[Key, ...]
    whose: Whose
    name: str
    source: str
    at: datetime
    event: str
    exact: bool
    address: str = field(default="", repr=False)


def setting_event(field: FieldChange, events: Iterable[WorkerEvent]) -> tuple[WorkerEvent, bool] | None:
    """The Event that made the field what Flex has now, and whether one before it shows another value.

    Without such a one the change may be older than all Events that are kept. None: no Event tells.
    """
    found: WorkerEvent | None = None
    for event in events:
        value = _said(event, field)
        if value is None:
            continue
        if not same(value[0], field.before):
            return (found, True) if found is not None else None
        found = event if event.type in _kinds(field) else None
        if found is not None and found.type == CAPACITY and found.previous_capacity not in (None, found.capacity):
            return found, True
    return (found, found.type == CREATED) if found is not None else None


def _kinds(field: FieldChange) -> frozenset[str]:
    """The kinds of Events of writes of such a field; others have its value beside what they are about."""
    if field.route is not Route.CHANNEL:
        return frozenset({ATTRIBUTES, CREATED})
    return frozenset({AVAILABILITY if field.key.path[1] == "available" else CAPACITY})


def _said(event: WorkerEvent, field: FieldChange) -> tuple[Value] | None:
    """What an Event says of a field; None: nothing."""
    key = field.key
    if field.route is Route.CHANNEL:
        if event.channel != key.path[0]:
            return None
        value = event.available if key.path[1] == "available" else event.capacity
        return None if value is None else (value,)
    attributes = _decoded(event)
    if attributes is None:
        return None
    if field.route is not Route.PROFILE:
        return (worker_facts(attributes).value(key),)
    # Flex keeps the profile beside the Worker; what it writes into the attributes as well is there or not.
    value = attributes.get(key.name, ABSENT)
    return None if value is ABSENT else (sorted(map(str, value)) if isinstance(value, list) else value,)


def _decoded(event: WorkerEvent) -> dict[str, Any] | None:
    try:
        found = json.loads(event.attributes or "", parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def wrote_as_ours(event: WorkerEvent, fields: Iterable[FieldChange], events: Sequence[WorkerEvent]) -> bool:
    """Whether the write gave the Worker another marker, one that holds what it made these fields.

    Each of flexres does. A script leaves the marker alone, or knows no hash of what it writes.
    """
    earlier = (_decoded(one) for one in events[events.index(event) + 1 :])
    before, after = next((one for one in earlier if one is not None), None), _decoded(event)
    if before is None or after is None or before.get(ATTRIBUTE) == after.get(ATTRIBUTE):
        return False
    try:
        marker = parse(after.get(ATTRIBUTE), lambda: attribute_keys(after))
    except UnreadableMarker:
        return False
    said = ((field.key, _said(event, field)) for field in fields)
    return all(value is not None and _noted(marker, key, value[0]) for key, value in said)


def _noted(marker: Marker, key: Key, value: Value) -> bool:
    return marker.keys.get(key) == (None if value is ABSENT else hash_of(value))
