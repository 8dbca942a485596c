"""A live user as a change leaves them, worked out and not read: what a snapshot holds after a write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flexres.desired.model import DesiredUser
from flexres.live.model import FlexUser, LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import Arrival, Edit, Rename, Route, UserChange
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import desired_fields, route, write_fields
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import Value

UNKNOWN_SID = ""
"""The SID of what was made by a call whose answer is not kept here: to be read before anything is sent to it."""


def written(change: Arrival | Edit | Rename, scope: Scope, commit_time: int | None) -> LiveUser:
    """The user after `change`, which gave them what the YAML declares and our marker."""
    live, desired = change.live, change.desired
    there = live.worker if live is not None else None
    attributes: dict[str, Any] = dict(there.attributes() or {}) if there is not None else {}
    sets: list[tuple[Key, Value]]
    if there is None:
        sets = [(key, value) for key, value in desired_fields(desired).items() if route(key) is Route.ATTRIBUTE]
    else:
        sets = [(item.key, item.after) for item in change.fields if item.route is Route.ATTRIBUTE and item.writes]
    write_fields(attributes, sets)
    attributes[ATTRIBUTE] = marker_for(desired, scope, commit_time).text()
    text = json.dumps(attributes, ensure_ascii=False)
    worker = replace(there, text=text, etag=None) if there is not None else _new_worker(desired, text)
    return LiveUser(_user(change, desired, worker), worker, _channels(live, desired))


def retired(live: LiveUser) -> LiveUser:
    """The user after Deprovision: deactivated, without a Worker."""
    return LiveUser(replace(live.user, deactivated=True, worker_sid=None))


def _new_worker(desired: DesiredUser, text: str) -> Worker:
    return Worker(UNKNOWN_SID, desired.username, "", "Offline", False, text)


def _user(change: UserChange, desired: DesiredUser, worker: Worker) -> FlexUser:
    if change.live is None:
        sids = (UNKNOWN_SID, desired.username, desired.full_name, desired.email, desired.roles, worker.sid)
        return FlexUser(*sids)
    user = replace(change.live.user, deactivated=False, deactivated_date=None, worker_sid=worker.sid)
    new = {item.key: item.after for item in change.fields if item.route is Route.PROFILE and item.writes}
    if ROLES in new:
        user = replace(user, roles=desired.roles)
    if FULL_NAME in new:
        user = replace(user, full_name=desired.full_name)
    return replace(user, email=desired.email) if EMAIL in new else user


def _channels(live: LiveUser | None, desired: DesiredUser) -> dict[str, WorkerChannel] | None:
    """The channels where the YAML says something about them; the others stay as they were."""
    if not desired.channels:
        return None
    known = dict((live.channels if live else None) or {})
    for name, wanted in desired.channels.items():
        found = known.get(name, WorkerChannel(UNKNOWN_SID, name, False, 0))
        available = found.available if wanted.available is None else wanted.available
        capacity = found.capacity if wanted.capacity is None else wanted.capacity
        known[name] = replace(found, available=available, capacity=capacity)
    return known
