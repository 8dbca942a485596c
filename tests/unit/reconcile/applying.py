"""A Flex in memory that carries out a plan, step by step, in the order in which the operations write.

It sends nothing and decides nothing: what a step writes comes from the plan alone. A run that is cut short is a
prefix of the steps.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import FieldChange, Kind, Route, UserChange
from flexres.reconcile.context import is_busy
from flexres.reconcile.diff import Scope, field_changes, marker_for
from flexres.reconcile.fields import (
    FLEX_WRITES,
    PROFILE,
    attribute_key,
    desired_fields,
    route,
    worker_facts,
    write_fields,
)
from flexres.reconcile.key import ROLES, Key
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import ownership
from flexres.reconcile.plan import Plan, make_plan
from flexres.values import ABSENT, Value, short_hash
from tests.unit.reconcile.builders import NOW, in_flex
from tests.unit.reconcile.strategies import CHANNELS, World

State = dict[str, LiveUser]
Step = Callable[[State], None]


def plan_of(world: World, **arguments: Any) -> Plan:
    """The world's plan at the tests' time."""
    return make_plan(world.wanted, world.snapshot, as_of=NOW, **arguments)


def steps_of(plan: Plan, scope: Scope, *, takes_wfo: bool = True) -> list[Step]:
    """All writes of a plan: arrivals and edits in the plan's order, then the departures.

    `takes_wfo` is whether Provision takes Insights roles; where it does not, it keeps the others.
    """
    steps: list[Step] = []
    for change in sorted(plan.changes, key=lambda change: change.leaves):
        steps.extend(_Writer(change, scope, takes_wfo).steps(plan))
    return steps


def run(world: World, steps: Iterable[Step]) -> World:
    """The world after these writes."""
    state = dict(world.snapshot.users)
    for step in steps:
        step(state)
    return world.with_users({name: _as_read_again(world, live) for name, live in state.items()})


def _as_read_again(world: World, live: LiveUser) -> LiveUser:
    desired = world.wanted.users.get(live.username)
    if desired is None or not desired.channels:
        return replace(live, channels=None)
    return live


class _Writer:
    """The writes of one change."""

    def __init__(self, change: UserChange, scope: Scope, takes_wfo: bool) -> None:
        self.change, self.scope, self.takes_wfo = change, scope, takes_wfo

    def steps(self, plan: Plan) -> Iterator[Step]:
        change = self.change
        if not change.pending:
            return
        if change.kind is Kind.RETIRE:
            yield lambda state: self._deprovision(state, change.username)
        elif change.kind is Kind.WAIT:
            yield lambda state: self._mark_leaving(state, change.username)
        elif change.kind is Kind.LET_GO:
            yield lambda state: _edit(state, change.username, lambda found: found.pop(ATTRIBUTE, None))
        else:
            yield from self._arrive_or_edit(plan)

    def _arrive_or_edit(self, plan: Plan) -> Iterator[Step]:
        change = self.change
        desired = change.desired
        assert desired is not None
        arrives = change.live is None or change.live.worker is None
        if arrives:
            yield lambda state: self._provision(state, desired, plan.commit_time)
        else:
            yield self._edit_profile
        if change.old:
            yield self._carry_over
        yield self._edit_attributes
        yield self._edit_channels
        if change.old:
            old = change.old.username
            yield lambda state: self._mark_leaving(state, old)
        yield lambda state: self._mark(state, desired, plan.commit_time)
        if change.old and plan.policy.retire == "keep":
            yield lambda state: _edit(state, old, lambda found: found.pop(ATTRIBUTE, None))
        elif change.old and not is_busy(change.old.worker, plan.instance.offline_activity, plan.policy):
            yield lambda state: self._deprovision(state, old)

    def _roles(self, wanted: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(role for role in wanted if self.takes_wfo or not role.startswith("wfo.")))

    def _provision(self, state: State, desired: DesiredUser, commit_time: int | None) -> None:
        """One call: the user, a new Worker, attributes that have a typed spelling, and the marker."""
        attributes: dict[str, Any] = {
            "roles": list(desired.roles),
            "full_name": desired.full_name,
            "email": desired.email,
            "contact_uri": "client:somebody",
        }
        typed = {name: value for name, value in desired.attributes.items() if isinstance(value, int)}
        attributes.update(typed)
        whole = marker_for(desired, self.scope, commit_time)
        said = {*PROFILE, *(attribute_key(name) for name in typed)}
        partial = replace(whole, keys={key: value for key, value in whole.keys.items() if key in said}, until=None)
        made = in_flex(
            desired.username,
            full_name=desired.full_name,
            email=desired.email,
            roles=self._roles(desired.roles),
            attributes=attributes,
            marker=None if self.change.old else partial,
            channels=[WorkerChannel("WC" + name, name, available=True, capacity=1) for name in CHANNELS],
        )
        state[desired.username] = made

    def _edit_profile(self, state: State) -> None:
        live = state[self.change.username]
        for item in self.change.fields:
            if item.route is Route.PROFILE and item.writes:
                after: Any = self._roles(item.after) if item.key is ROLES else item.after  # type: ignore[arg-type,union-attr]
                live = replace(live, user=replace(live.user, **{item.key.name: after}))
        state[self.change.username] = live

    def _edit_attributes(self, state: State) -> None:
        def edit(found: dict[str, Any]) -> None:
            # What a rename carried over is not in the plan's fields: worked out on what the Worker says now.
            fields: Iterable[FieldChange] = self.change.fields
            if self.change.old:
                assert self.change.desired is not None
                fields = field_changes(
                    self.change.desired, worker_facts(found), ownership(found, self.scope.stack_id).marker, self.scope
                )
            items = [(item.key, item.after) for item in fields if item.route is Route.ATTRIBUTE and item.writes]
            write_fields(found, copy.deepcopy(items))

        _edit(state, self.change.username, edit)

    def _edit_channels(self, state: State) -> None:
        live = state[self.change.username]
        channels = dict(live.channels or {})
        for item in self.change.fields:
            if item.route is Route.CHANNEL and item.writes:
                name, setting = item.key.path
                # A channel that the Workspace does not have yet is made by an administrator before the apply.
                found = channels.get(name, WorkerChannel("WC" + name, name, available=True, capacity=1))
                channels[name] = replace(found, **{setting: item.after})  # type: ignore[arg-type]
        state[self.change.username] = replace(live, channels=channels)

    def _carry_over(self, state: State) -> None:
        """The new Worker gets what the old one knew that nobody declares and that it does not know itself."""
        desired, old = self.change.desired, self.change.old
        assert desired is not None
        assert old is not None
        kept = _attributes(old)
        marker = ownership(kept, self.scope.stack_id).marker
        _forget_ours(kept, marker)
        for name in FLEX_WRITES:
            kept.pop(name, None)
        _edit(state, desired.username, lambda found: _merge(found, kept))

    def _mark_leaving(self, state: State, username: str) -> None:
        def mark(found: dict[str, Any]) -> None:
            try:
                before = ownership(found, self.scope.stack_id).marker
            except ValueError:
                before = None
            ours = before if before and before.stack_id == self.scope.stack_id else Marker(self.scope.stack_id)
            if ours.leaving is None:
                found[ATTRIBUTE] = replace(ours, leaving=int(NOW.timestamp())).text()

        _edit(state, username, mark)

    def _mark(self, state: State, desired: DesiredUser, commit_time: int | None) -> None:
        text = marker_for(desired, self.scope, commit_time).text()
        _edit(state, desired.username, lambda found: found.__setitem__(ATTRIBUTE, text))

    def _deprovision(self, state: State, username: str) -> None:
        user = replace(state[username].user, deactivated=True, deactivated_date=NOW.isoformat(), worker_sid=None)
        state[username] = LiveUser(user)


def _forget_ours(kept: dict[str, Any], marker: Marker | None) -> None:
    untouched: list[tuple[str, Value]] = []
    for key, set_hash in (marker.keys if marker else {}).items():
        have = worker_facts(kept).value(key)
        if have is not ABSENT and short_hash(have) == set_hash and route(key) is Route.ATTRIBUTE:
            untouched.append((key, ABSENT))
    write_fields(kept, untouched)


def _merge(found: dict[str, Any], kept: Mapping[str, Any]) -> None:
    for name, value in kept.items():
        if name not in found:
            found[name] = copy.deepcopy(value)
        elif isinstance(found[name], dict) and isinstance(value, dict):
            _merge(found[name], value)
        elif name == "skills" and isinstance(found[name], list) and isinstance(value, list):
            found[name] += [skill for skill in value if skill not in found[name]]


def _attributes(live: LiveUser) -> dict[str, Any]:
    return (live.worker.attributes() if live.worker else None) or {}


def _edit(state: State, username: str, change: Callable[[dict[str, Any]], object]) -> None:
    live = state[username]
    worker = live.worker
    if worker is None:
        return
    found: dict[str, Any] = worker.attributes() or {}
    change(found)
    state[username] = replace(live, worker=_with_text(worker, json.dumps(found)))


def _with_text(worker: Worker, text: str) -> Worker:
    return replace(worker, text=text)


def told(world: World) -> dict[str, Any]:
    """Flex as somebody would compare it: profiles, attributes and channels by username, key order aside."""
    return {name: _told_user(live) for name, live in sorted(world.snapshot.users.items())}


def _told_user(live: LiveUser) -> dict[str, Any]:
    user = live.user
    return {
        **{"email": user.email, "full_name": user.full_name},
        "roles": sorted(user.roles),
        "deactivated": user.deactivated,
        "attributes": live.worker.attributes() if live.worker else None,
        "text": live.worker.text if live.worker and live.worker.attributes() is None else None,
        "channels": {name: (c.available, c.capacity) for name, c in (live.channels or {}).items()},
    }


def owned_keys(change: UserChange) -> set[Key]:
    """Every field that a change may write: those declared and those that the marker holds."""
    declared = set(desired_fields(change.desired)) if change.desired else set()
    return declared | set(change.marker.keys if change.marker else ())
