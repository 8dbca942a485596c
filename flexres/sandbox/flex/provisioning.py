"""Users brought in and taken out: what Provision and Deprovision do to Flex users and Workers, all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from flexres.sandbox.errors import invalid_attribute_format, invalid_body
from flexres.sandbox.flex.claims import ClaimError, Claims, type_claims
from flexres.sandbox.flex.configuration import worker_defaults
from flexres.sandbox.flex.user_table import NewUser, User
from flexres.sandbox.formats import dumps, merged, now
from flexres.sandbox.identity import new_sid
from flexres.sandbox.state import World
from flexres.sandbox.taskrouter.new_workers import (
    LARGEST_ATTRIBUTES,
    MOST_WORKERS,
    NAME_LENGTH,
    ChannelSettings,
    escaped_identity,
    insert_worker,
)

_TEXT_LENGTH = 256
_ROLES = ("agent", "supervisor", "admin")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A user as someone outside wants it: by Provision, or by the claims of a login."""

    username: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    claims: Claims


@dataclass(frozen=True, slots=True)
class Manner:
    """How a Worker's attributes are treated. What Provision does is undocumented and switched."""

    on_existing: Literal["merge", "replace", "ignore_empty"]
    writes_profile: bool


LOGIN = Manner(on_existing="merge", writes_profile=True)
"""A login adds its claims and leaves other attributes alone: Twilio documents that."""


def parse_provision(body: Mapping[str, object], world: World) -> Wanted:
    """A Provision body, checked.

    Raises:
        WireError: 400/45004 that names the field, or with Twilio's message for an attribute of the wrong type.
    """
    username, full_name, email = (_text(body, name) for name in ("username", "full_name", "email"))
    worker = body.get("worker")
    attributes = worker.get("attributes", {}) if isinstance(worker, dict) else None
    if not isinstance(attributes, dict):
        raise invalid_body("worker is required and must be an object, with attributes an object where it has any")
    try:
        claims = type_claims(
            attributes,
            task_channels=world.workspace.task_channels,
            json_values=world.switches.provision_json_values,
        )
    except ClaimError as error:
        raise invalid_attribute_format() from error
    return Wanted(username, full_name, email, _roles(body, world), claims)


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= _TEXT_LENGTH:
        raise invalid_body(f"{name} is required and must have 1 to {_TEXT_LENGTH} characters")
    return value


def _roles(body: Mapping[str, object], world: World) -> tuple[str, ...]:
    roles = body.get("roles")
    if not isinstance(roles, list) or not roles:
        raise invalid_body("roles is required and must be a list with at least one role")
    for role in roles:
        insights = isinstance(role, str) and role.startswith("wfo.") and world.switches.provision_wfo_roles
        if role not in _ROLES and not insights:
            raise invalid_body(f"roles: {role!r} is none of {', '.join(_ROLES)}")
    return tuple(roles)


def provision(world: World, wanted: Wanted, manner: Manner | None = None) -> tuple[User, bool]:
    """Creates or updates the user and its Worker; gives the user and whether it is new. Without a manner, Provision's.

    Raises:
        WireError: 400/45004, the Worker cannot be made; nothing was changed.
    """
    users, switches = world.store.users, world.switches
    manner = manner or Manner(switches.provision_on_existing, switches.provision_writes_profile)
    with world.store.transaction():
        user = users.by_username(wanted.username, case_sensitive=switches.username_case_sensitive)
        if user is not None and user.deactivated and not switches.reprovision_same_user:
            user = None
        if user is None:
            sid = _create(world, wanted, manner)
        else:
            sid = user.sid
            _update(world, wanted, user, manner)
        stored = users.by_sid(sid)
    assert stored is not None
    return stored, user is None


def deprovision(world: World, user: User) -> None:
    """Deletes the Worker and deactivates the user; nothing to do for one who is deactivated already.

    Raises:
        WireError: 400, the Worker has active reservations.
    """
    if user.deactivated:
        return
    store = world.store
    if (
        user.worker_sid
        and world.switches.deprovision_reserved == "refuse"
        and store.workers.reservations(user.worker_sid)
    ):
        raise invalid_body(f"Worker {user.worker_sid} has active reservations")
    with store.transaction():
        if user.worker_sid:
            store.workers.delete(user.worker_sid)
        store.users.update(user.sid, deactivated_date=now(), worker_sid=None)


def _create(world: World, wanted: Wanted, manner: Manner) -> str:
    sid, date = new_sid("FU"), now()
    user = NewUser(
        sid=sid,
        username=wanted.username,
        full_name=wanted.full_name,
        email=wanted.email,
        roles=json.dumps(wanted.roles),
        version=world.switches.first_version,
        created_date=date,
        updated_date=date,
        deactivated_date=None,
        worker_sid=_new_worker(world, wanted, wanted.username, manner),
        username_key=wanted.username.casefold(),
    )
    world.store.users.insert([user])
    return sid


def _update(world: World, wanted: Wanted, user: User, manner: Manner) -> None:
    """Brings a user up to date, back to life if need be, and the Worker with it."""
    worker_sid = user.worker_sid
    if worker_sid is None:
        worker_sid = _new_worker(world, wanted, user.username, manner)
    else:
        _update_attributes(world, wanted, worker_sid, manner)
        for name, claim in wanted.claims.channels.items():
            world.store.workers.update_channel(worker_sid, name, capacity=claim.capacity, available=claim.available)
    world.store.users.update(
        user.sid,
        full_name=wanted.full_name,
        email=wanted.email,
        roles=json.dumps(wanted.roles),
        deactivated_date=None,
        worker_sid=worker_sid,
    )


def _new_worker(world: World, wanted: Wanted, name: str, manner: Manner) -> str:
    """Adds the Worker of a user.

    TaskRouter's limits hold for its name, although a username may be longer; and a Worker that was made through
    TaskRouter is never tied to a Flex user, so its name is simply taken.
    """
    if len(name) > NAME_LENGTH:
        raise invalid_body(f"Worker could not be created: friendly name is longer than {NAME_LENGTH} characters")
    if world.store.workers.by_name(name) is not None:
        raise invalid_body(f"Worker could not be created: a Worker with friendly name {name} already exists")
    if world.store.workers.count() >= MOST_WORKERS:
        raise invalid_body(f"Worker could not be created: a workspace has at most {MOST_WORKERS:,} workers")
    defaults = worker_defaults(world, wanted.roles)
    channels = {
        channel: _with_claim(settings, wanted.claims, channel) for channel, settings in defaults.channels.items()
    }
    attributes = {**defaults.attributes, **_sent(world, wanted.claims), **_profile(wanted, manner)}
    if manner.writes_profile:
        attributes.setdefault("contact_uri", f"client:{escaped_identity(name)}")
    return insert_worker(world, name, _fitting(dumps(attributes)), channels)


def _with_claim(settings: ChannelSettings, claims: Claims, name: str) -> ChannelSettings:
    claim = claims.channels.get(name)
    if claim is None:
        return settings
    return ChannelSettings(
        settings.capacity if claim.capacity is None else claim.capacity,
        settings.available if claim.available is None else claim.available,
    )


def _update_attributes(world: World, wanted: Wanted, worker_sid: str, manner: Manner) -> None:
    workers, sent = world.store.workers, _sent(world, wanted.claims)
    worker = workers.by_sid(worker_sid)
    assert worker is not None
    before = worker.attribute_values
    kept = manner.on_existing == "merge" or (manner.on_existing == "ignore_empty" and not sent)
    changes = {**sent, **_profile(wanted, manner)}
    if manner.writes_profile and not (kept and "contact_uri" in before):
        changes.setdefault("contact_uri", f"client:{escaped_identity(worker.friendly_name)}")
    # Text that says the same is left as somebody wrote it.
    if dumps({**(before if kept else {}), **changes}) != dumps(before):
        workers.update(worker_sid, attributes=_fitting(merged(worker.attributes if kept else "{}", changes)))


def _sent(world: World, claims: Claims) -> dict[str, object]:
    channels = claims.channel_attributes if world.switches.channel_claims_stay_in_attributes else {}
    return {**claims.attributes, **channels}


def _profile(wanted: Wanted, manner: Manner) -> dict[str, object]:
    if not manner.writes_profile:
        return {}
    return {"full_name": wanted.full_name, "email": wanted.email, "roles": list(wanted.roles)}


def _fitting(attributes: str) -> str:
    if len(attributes) > LARGEST_ATTRIBUTES:
        raise invalid_body(f"Worker attributes would have more than {LARGEST_ATTRIBUTES} characters")
    return attributes
