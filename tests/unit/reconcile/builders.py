"""Small builders for both sides of a comparison, so that a test says only what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flexres.desired.model import DesiredUser, Limit, Policy, Sso, StackConfig
from flexres.live.model import FlexUser, Instance, LiveUser, Snapshot, Worker, WorkerChannel
from flexres.reconcile.change import FieldChange, Kind, Route, UserChange
from flexres.reconcile.context import Wanted
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import PROFILE, desired_fields, route, write_fields
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.plan import Plan, make_plan

STACK_ID = "k7m2q9"
OTHER_ID = "zzz999"
OFFLINE = "WA" + "0" * 32
AVAILABLE = "WA" + "1" * 32
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ANA, BEN, CHO = "ana@example.com", "ben@example.com", "cho@example.com"
SSO = Sso(type="enhanced", writer="console")
OPEN = {"max_removals": Limit(percent=100.0), "max_changes": Limit(percent=100.0), "min_admins": 0}
"""A policy whose limits nothing exceeds."""


def person(username: str = ANA, **changes: Any) -> DesiredUser:
    """A declared user: an agent with nothing but a name, unless `changes` say more."""
    plain = DesiredUser(
        username=username,
        full_name="Ana Ruiz",
        email=username,
        roles=("agent",),
        attributes={},
        skills=None,
        skills_exact=False,
        channels={},
        until=None,
        previously=None,
        file="users/support.yaml",
    )
    return replace(plain, **changes)


def channel(name: str, *, available: bool = True, capacity: int = 1) -> WorkerChannel:
    """A Worker channel."""
    return WorkerChannel("WC" + name, name, available, capacity)


def in_flex(
    username: str = ANA,
    *,
    full_name: str = "Ana Ruiz",
    email: str | None = None,
    roles: Iterable[str] = ("agent",),
    attributes: Mapping[str, Any] | None = None,
    text: str | None = None,
    marker: Marker | str | None = None,
    channels: Iterable[WorkerChannel] | None = None,
    busy: bool = False,
    worker: bool = True,
    deactivated: str | None = None,
) -> LiveUser:
    """A user in Flex. `text` are attributes that are no JSON object; `deactivated` the date of it."""
    user = FlexUser(
        sid="FU" + username,
        username=username,
        full_name=full_name,
        email=username if email is None else email,
        roles=tuple(roles),
        worker_sid="WK" + username if worker and not deactivated else None,
        deactivated=deactivated is not None,
        deactivated_date=deactivated or None,
    )
    if deactivated is not None or not worker:
        return LiveUser(user)
    found = dict(attributes or {})
    if marker is not None:
        found[ATTRIBUTE] = marker.text() if isinstance(marker, Marker) else marker
    activity = (AVAILABLE, "Available") if busy else (OFFLINE, "Offline")
    kept = json.dumps(found) if text is None else text
    by_name = None if channels is None else {item.name: item for item in channels}
    return LiveUser(user, Worker("WK" + username, username, *activity, busy, kept), by_name)


def applied(user: DesiredUser, *, scope: Scope | None = None, at: int | None = None, **changes: Any) -> LiveUser:
    """The declared user as Flex has them once everything was applied; `changes` are what somebody did since.

    `attributes` among the changes are set over the declared ones, a None removes one; `leaving` goes on the marker.
    """
    scope = scope or Scope(STACK_ID)
    found: dict[str, Any] = {}
    declared = desired_fields(user).items()
    write_fields(found, [(key, value) for key, value in declared if route(key) is Route.ATTRIBUTE])
    for name, value in changes.pop("attributes", {}).items():
        found[name] = value
        if value is None:
            del found[name]
    marker = replace(marker_for(user, scope, at), leaving=changes.pop("leaving", None))
    channels = [channel(n, available=bool(c.available), capacity=c.capacity or 0) for n, c in user.channels.items()]
    given: dict[str, Any] = {
        "full_name": user.full_name,
        "email": user.email,
        "roles": user.roles,
        "marker": marker,
        "channels": channels or None,
    }
    return in_flex(user.username, attributes=found, **{**given, **changes})


def config(*, sso: Sso | None = None, leavers: Iterable[str] = (), idp: Any = None, **policy: Any) -> StackConfig:
    """A stack's configuration; every other keyword is one of its policy, whose limits are open unless given."""
    settings = Policy(**{**OPEN, **policy})
    return StackConfig(STACK_ID, "AC1", "GO1", "direct", settings, leavers=tuple(leavers), sso=sso, idp=idp)


def snapshot(*users: LiveUser, orphans: Iterable[Worker] = (), offline: str | None = OFFLINE) -> Snapshot:
    """One Flex instance with these users."""
    instance = Instance("AC1", "GO1", "WS1", offline, task_channels=("voice", "chat"))
    return Snapshot(instance, {user.username: user for user in users}, tuple(orphans))


def plan_for(
    desired: Iterable[DesiredUser] = (),
    live: Iterable[LiveUser] | Snapshot = (),
    *,
    approve: Iterable[str] = (),
    as_of: datetime = NOW,
    commit_time: int | None = 0,
    allow_older: bool = False,
    allow_admin: Iterable[str] = (),
    **settings: Any,
) -> Plan:
    """The plan of these users over those in Flex; other keywords go to `config`."""
    users = {user.username: user for user in desired}
    wanted = Wanted("prod", config(**settings), users, commit_time=commit_time)
    return make_plan(
        wanted,
        live if isinstance(live, Snapshot) else snapshot(*live),
        as_of=as_of,
        approvals=[Approval(digest, Source.COMMAND_LINE, "ana") for digest in approve],
        allow_older=allow_older,
        allow_admin=allow_admin,
    )


def only(plan: Plan) -> UserChange:
    """The one change of a plan."""
    (change,) = plan.changes
    return change


def kinds(plan: Plan) -> dict[str, Kind]:
    """Username → what happens to them."""
    return {change.username: change.kind for change in plan.changes}


def field(change: UserChange, key: str) -> FieldChange:
    """The one change of a field."""
    (found,) = [item for item in change.fields if item.key.text == key]
    return found


def idp_scope() -> Scope:
    """What is ours where the identity provider writes the profile."""
    return Scope(STACK_ID, frozenset(PROFILE))
