"""Hypothesis strategies for both sides of a plan: declared users and whole stacks, Workers and whole snapshots.

Names and values come from small pools, so that the YAML, the marker and Flex meet on the same keys.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from flexres.desired.model import Channel, DesiredUser, Limit, StackConfig
from flexres.live.model import LiveUser, Snapshot, WorkerChannel
from flexres.reconcile.change import Route
from flexres.reconcile.context import Wanted
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import desired_fields, odd_routing, route, write_fields
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES, Key
from flexres.reconcile.marker import Marker
from flexres.values import short_hash
from tests.unit.reconcile.builders import NOW, OTHER_ID, SSO, STACK_ID, channel, config, in_flex, person, snapshot

USERNAMES = ("ana@example.com", "ben@example.com", "cho@example.com", "dee@example.com", "eve@example.com")
ATTRIBUTES = ("level", "location", "data-set", "a/b", "x~y", "ü=,;%: x")
LEAVES = ("city", "zip", "c/d")
SKILLS = ("billing", "returns", "a:b-c")
CHANNELS = ("voice", "chat")
DAYS = tuple(NOW.date() + timedelta(days=days) for days in (-40, -1, 0, 1, 40))

scalars = st.sampled_from([0, 1, 3, 3.5, True, False, "", "Rome", "e-mail", "ü", 2**53])
lists = st.lists(scalars, max_size=2)
attribute_values = st.one_of(
    scalars,
    lists,
    st.dictionaries(
        st.sampled_from(LEAVES),
        scalars | lists | st.dictionaries(st.sampled_from(LEAVES), scalars, max_size=2),
        max_size=2,
    ),
)
foreign_values = attribute_values | st.none() | st.just([None, {"deep": [1]}])
roles = st.sampled_from([("agent",), ("agent", "supervisor"), ("admin",), ("agent", "wfo.data_analyst")])


_OWN_KEYS = st.integers(0, 99).map(
    lambda n: Key.of("attr", f"a_rather_long_name_{n}") if n % 3 else Key.of("skill", f"{n}")
)


_names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda name: name == name.strip() and name.isprintable()
)


@st.composite
def markers(draw: st.DrawFn) -> Marker:
    """Any marker that can be written, with attributes, skills and channels of any name."""
    spelled = st.sampled_from(["attr:{}", "skill:{}", "channel:{}.capacity", "channel:{}.available"])
    keys = st.builds(str.format, spelled, _names).map(Key.parse) | st.sampled_from([EMAIL, FULL_NAME, ROLES])
    hashes = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=6, max_size=6)
    times = st.integers(0, 99_999_999_999)
    return Marker(
        stack_id=draw(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=32)),
        at=draw(times),
        keys=draw(st.dictionaries(keys | _OWN_KEYS, hashes, max_size=draw(st.sampled_from([5, 70])))),
        until=draw(st.none() | st.dates(date.min, date.max)),
        leaving=draw(st.none() | times),
        rename=draw(st.booleans()),
    )


@st.composite
def people(draw: st.DrawFn, username: str = USERNAMES[0]) -> DesiredUser:
    """A declared user, without `until` and `previously`."""
    channels = draw(
        st.dictionaries(
            st.sampled_from(CHANNELS),
            st.builds(
                Channel,
                available=st.none() | st.booleans(),
                capacity=st.none() | st.integers(0, 3),
            ),
            max_size=2,
        )
    )
    return person(
        username,
        full_name=draw(st.sampled_from(["Ana Ruiz", "Ben Okri"])),
        roles=draw(roles),
        attributes=draw(st.dictionaries(st.sampled_from(ATTRIBUTES), attribute_values, max_size=4)),
        skills=draw(st.none() | st.dictionaries(st.sampled_from(SKILLS), st.just(True) | st.integers(0, 3))),
        skills_exact=draw(st.booleans()),
        channels=channels,
        file=draw(st.sampled_from(["users/ops.yaml", "users/support.yaml"])),
    )


@st.composite
def worker_attributes(draw: st.DrawFn) -> dict[str, Any]:
    """What somebody else wrote on a Worker: any attributes, `routing` of Flex's form or none."""
    found: dict[str, Any] = draw(st.dictionaries(st.sampled_from((*ATTRIBUTES, "plugin")), foreign_values, max_size=4))
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(SKILLS), unique=True))
        levels = {name: draw(st.integers(0, 3)) for name in names if draw(st.booleans())}
        found["routing"] = {"skills": names, "levels": levels, **({"more": 7} if draw(st.booleans()) else {})}
    # The map is drawn, so that it is not shared between two users of one example.
    return copy.deepcopy(found)


@st.composite
def _channels(draw: st.DrawFn) -> list[WorkerChannel]:
    return [
        channel(name, available=draw(st.booleans()), capacity=draw(st.integers(0, 3)))
        for name in CHANNELS
        if draw(st.integers(0, 9))
    ]


@st.composite
def live_users(draw: st.DrawFn, username: str, scope: Scope) -> LiveUser:
    """A user in Flex: new to us, managed before (and edited since), another stack's, or deactivated."""
    if draw(st.integers(0, 9)) == 0:
        return in_flex(username, roles=draw(roles), deactivated=draw(st.sampled_from(["", "2026-05-01T00:00:00Z"])))
    if draw(st.integers(0, 14)) == 0:
        return in_flex(username, worker=False)
    if draw(st.integers(0, 19)) == 0:
        return in_flex(username, text=draw(st.sampled_from(["", "[]", "null", "{"])))
    attributes = draw(worker_attributes())
    if draw(st.integers(0, 19)) == 0:
        attributes["routing"] = "somebody's text"
    return in_flex(
        username,
        full_name=draw(st.sampled_from(["Ana Ruiz", "Ben Okri"])),
        email=draw(st.sampled_from([username, "shared@example.com"])),
        roles=draw(roles),
        marker=draw(_marks(username, scope, attributes)),
        attributes=attributes,
        channels=draw(_channels()),
        busy=draw(st.booleans()),
    )


@st.composite
def _marks(draw: st.DrawFn, username: str, scope: Scope, attributes: dict[str, Any]) -> Marker | str | None:
    """The marker of an earlier apply, some of whose values are still in `attributes` (which it changes)."""
    sort = draw(st.sampled_from(["ours", "ours", "ours", "none", "none", "another", "unreadable"]))
    if sort == "none":
        return None
    if sort == "unreadable":
        return draw(st.sampled_from(["", "v1", "v9;id=k7m2q9;at=0;keys="]))
    if sort == "another":
        return Marker(OTHER_ID)
    before = draw(people(username))
    fields = [(key, value) for key, value in desired_fields(before).items() if route(key) is Route.ATTRIBUTE]
    if not odd_routing(attributes):
        write_fields(attributes, [item for item in fields if draw(st.booleans())])
    marker = marker_for(before, scope, draw(st.sampled_from([None, 1_700_000_000])))
    stale = {key: short_hash("stale") for key in marker.keys if draw(st.integers(0, 4)) == 0}
    return replace(
        marker,
        keys={**marker.keys, **stale},
        until=draw(st.none() | st.sampled_from(DAYS)),
        leaving=draw(st.none() | st.none() | st.sampled_from([0, int(NOW.timestamp()) - 60])),
    )


@dataclass(frozen=True, slots=True)
class World:
    """Both sides of a plan."""

    wanted: Wanted
    snapshot: Snapshot

    def with_users(self, users: Mapping[str, LiveUser]) -> World:
        """The same stack over another state of Flex."""
        return replace(self, snapshot=replace(self.snapshot, users=dict(users)))


@st.composite
def configs(draw: st.DrawFn, leavers: tuple[str, ...] = ()) -> StackConfig:
    """A stack's configuration, with and without SSO, its limits open."""
    return config(
        sso=draw(st.sampled_from([None, None, SSO])),
        leavers=leavers,
        retire=draw(st.sampled_from(["deprovision", "deprovision", "keep"])),
        retire_when=draw(st.sampled_from(["offline", "now"])),
        max_removals=Limit(percent=100.0),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A stack and an instance that have met before: every kind of change comes up."""
    declared = [name for name in USERNAMES if draw(st.integers(0, 2))]
    others = [name for name in USERNAMES if name not in declared]
    stack = draw(configs(tuple(name for name in others if draw(st.integers(0, 3)) == 0)))
    users = {}
    for name in declared:
        previously = draw(st.sampled_from(others)) if others and draw(st.integers(0, 3)) == 0 else None
        if previously:
            others.remove(previously)
        until = draw(st.none() | st.none() | st.sampled_from(DAYS))
        users[name] = replace(draw(people(name)), until=until, previously=previously)
    wanted = Wanted("prod", stack, users, commit_time=1_750_000_000)
    found = [draw(live_users(name, wanted.scope)) for name in USERNAMES if draw(st.integers(0, 4))]
    return World(wanted, snapshot(*(_as_read(live, users.get(live.username)) for live in found)))


def _as_read(live: LiveUser, desired: DesiredUser | None) -> LiveUser:
    """Channels are read only for users who declare them."""
    return live if desired and desired.channels else replace(live, channels=None)


def scope_of(world: World) -> Scope:
    """What the world's stack owns."""
    assert world.wanted.scope.stack_id == STACK_ID
    return world.wanted.scope
