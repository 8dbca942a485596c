"""The three-way difference of one user, YAML, what we set last and Flex; and the live user that a change leaves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from flexres.desired.model import DesiredUser
from flexres.live.model import FlexUser, LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import Arrival, Cause, Edit, FieldChange, Rename, Route, UserChange
from flexres.reconcile.fields import (
    PROFILE,
    Facts,
    desired_fields,
    hash_of,
    live_skills,
    owns_all_skills,
    route,
    skill_key,
    worker_facts,
    write_fields,
)
from flexres.reconcile.key import EMAIL, FULL_NAME, GONE, LEAVING, ROLES, UNTIL, Key
from flexres.reconcile.marker import ATTRIBUTE, Marker, PackedKeys
from flexres.values import ABSENT, Json, Value, same


@dataclass(frozen=True, slots=True)
class Scope:
    """What a stack owns in Flex: `idp_owns` are the profile fields that the identity provider writes at logins.

    `left` are by username the fields that this run neither writes nor lets go, with the hash that their marker keeps.
    """

    stack_id: str
    idp_owns: frozenset[Key] = frozenset()
    left: Mapping[str, Mapping[Key, str]] = field(default_factory=lambda: MappingProxyType({}))


def managed(user: DesiredUser, scope: Scope) -> dict[Key, Json]:
    """The fields of a user that this stack writes again when they differ."""
    fields = desired_fields(user)
    for key in scope.idp_owns:
        del fields[key]
    return fields


def creation_fields(user: DesiredUser, known: Facts | None = None) -> tuple[FieldChange, ...]:
    """The fields of a user who is not (or no longer) in Flex; `known` is what a deactivated user still has."""
    changes = []
    for key, want in desired_fields(user).items():
        have = known.value(key) if known else ABSENT
        if not same(have, want):
            changes.append(FieldChange(key, have, want, Cause.GIT, route(key)))
    if user.until:
        changes.append(FieldChange(UNTIL, ABSENT, user.until.isoformat(), Cause.GIT, Route.MARKER))
    return tuple(changes)


def field_changes(user: DesiredUser, known: Facts, marker: Marker | None, scope: Scope) -> list[FieldChange]:
    """Every field that is to be changed in Flex or noted in the marker, in the order of the YAML.

    A field that already is as wanted but that the marker does not hold yet is listed with `before` equal to
    `after`: the marker has to take note of it.
    """
    previous = marker.keys if marker else {}
    wanted = desired_fields(user)
    changes: list[FieldChange] = []
    value, idp_owns = known.value, scope.idp_owns
    for key, want in wanted.items():
        have, set_hash = value(key), previous.get(key)
        if (set_hash == hash_of(want) or key in idp_owns) and same(have, want):
            continue
        owned = key not in idp_owns
        cause = _cause(have, want, set_hash)
        to = route(key) if owned and not _untaken_wfo(key, have, want, set_hash) else Route.IDP
        changes.append(FieldChange(key, have, want, cause, to))
    exact = owns_all_skills(user)
    changes.extend(_undeclared(previous, wanted, known, scope, exact_skills=exact))
    if exact:
        changes.extend(_foreign_skills(wanted, previous, known))
    changes.extend(_notes(user, wanted, marker))
    left = scope.left.get(user.username)
    return [one for one in changes if one.key not in left] if left else changes


def overlaid(changes: Iterable[FieldChange], attributes: Mapping[str, Any], marker: Marker | None) -> str:
    """The first attribute by name that is no map although leaves beneath it are to be set, and that we did not set.

    Writing the leaves would destroy what somebody put there.
    """
    return min(_overlaid(changes, attributes, marker), default="")


def _overlaid(changes: Iterable[FieldChange], attributes: Mapping[str, Any], marker: Marker | None) -> Iterator[str]:
    ours, known = marker.keys if marker else {}, worker_facts(attributes)
    for change in changes:
        if change.after is ABSENT or change.key.space != "attr":
            continue
        for above in change.key.above():
            value = known.value(above)
            if value is ABSENT:
                break
            if not isinstance(value, Mapping) and ours.get(above) != hash_of(value):
                yield ".".join(above.path)
                break


def _cause(have: Value, want: Json, set_hash: str | None) -> Cause:
    if set_hash is None or (have is not ABSENT and hash_of(have) == set_hash):
        return Cause.GIT
    return Cause.FLEX if hash_of(want) == set_hash else Cause.BOTH


def _untaken_wfo(key: Key, have: Value, want: Json, set_hash: str | None) -> bool:
    """Whether only `wfo.*` roles are missing although we have sent them.

    Nobody says whether Provision takes Insights roles (they are documented as a claim of the identity
    provider); where it does not, writing them again at every run would never end.
    """
    if key is not ROLES or not isinstance(have, list) or not isinstance(want, list) or set_hash != hash_of(want):
        return False
    return {role for role in want if not str(role).startswith("wfo.")} == set(have)


def _undeclared(
    previous: Mapping[Key, str],
    wanted: Mapping[Key, Json],
    known: Facts,
    scope: Scope,
    *,
    exact_skills: bool,
) -> list[FieldChange]:
    """Fields that we set and that the YAML no longer declares: removed where untouched, else let go."""
    changes: list[FieldChange] = []
    if not scope.idp_owns and previous.keys() <= wanted.keys():
        return changes
    for key, set_hash in previous.items():
        if key in wanted and key not in scope.idp_owns:
            continue
        have, to = known.value(key), route(key)
        untouched = have is not ABSENT and hash_of(have) == set_hash
        ours = untouched or (exact_skills and key.space == "skill" and have is not ABSENT)
        if ours and to is Route.ATTRIBUTE:
            changes.append(FieldChange(key, have, ABSENT, Cause.GIT if untouched else Cause.BOTH, to))
        else:
            cause = Cause.GIT if untouched or key in PROFILE else Cause.FLEX
            changes.append(FieldChange(key, have, have, cause, to, let_go=True))
    return changes


def _foreign_skills(wanted: Mapping[Key, Json], previous: Mapping[Key, str], known: Facts) -> list[FieldChange]:
    """Skills that nobody declared on a user whose whole list of skills the YAML owns."""
    changes = []
    for skill, level in live_skills(known.attributes).items():
        key = skill_key(skill)
        if key not in wanted and key not in previous:
            changes.append(FieldChange(key, level, ABSENT, Cause.FLEX, Route.ATTRIBUTE))
    return changes


def _notes(user: DesiredUser, wanted: Mapping[Key, Json], marker: Marker | None) -> list[FieldChange]:
    """What only the marker holds: the applied last day, a leaving that is called off, fields that nobody has."""
    changes = []
    applied = marker.until if marker else None
    if applied != user.until:
        before: Value = applied.isoformat() if applied else ABSENT
        after: Value = user.until.isoformat() if user.until else ABSENT
        changes.append(FieldChange(UNTIL, before, after, Cause.GIT, Route.MARKER))
    if marker and marker.leaving is not None:
        changes.append(FieldChange(LEAVING, marker.leaving, ABSENT, Cause.GIT, Route.MARKER))
    gone = marker.keys.gone(wanted) if marker and isinstance(marker.keys, PackedKeys) else 0
    if gone:
        changes.append(FieldChange(GONE, gone, ABSENT, Cause.GIT, Route.MARKER))
    return changes


def marker_for(user: DesiredUser, scope: Scope, commit_time: int | None) -> Marker:
    """The marker of a user to whom everything has been applied."""
    keys = {key: hash_of(value) for key, value in managed(user, scope).items()}
    keys |= scope.left.get(user.username, {})
    return Marker(stack_id=scope.stack_id, at=commit_time or 0, keys=keys, until=user.until)


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
