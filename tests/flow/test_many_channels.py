"""The channels of many people: confirmed by a few requests, and believed only where that is safe."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.marker import ATTRIBUTE
from flexres.reconcile.plan import Plan
from flexres.sandbox.store.seed import SeedUser
from flexres.sandbox.taskrouter.new_workers import ChannelSettings
from tests.flow.conftest import Flow, fields

COUNT = 230
ANA = "agent000@example.com"


class Center:
    """A contact centre whose users have voice and chat as the YAML says, and Flex as it was applied."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.sandbox = flow, flow.sandbox
        self.declare("voice: {available: true, capacity: 1}, chat: {available: true, capacity: 3}")
        users = flow.stack().users.values()
        scope = Scope("k7m2q9")
        self.sandbox.load(
            SeedUser(
                user.username,
                user.full_name,
                user.email,
                user.roles,
                json.dumps({"roles": list(user.roles), ATTRIBUTE: marker_for(user, scope, 0).text()}),
                channels={"voice": ChannelSettings(1, available=True), "chat": ChannelSettings(3, available=True)},
            )
            for user in users
        )
        self.sandbox.clear_requests()

    def declare(self, channels: str) -> None:
        users = "".join(f"agent{n:03}@example.com: {{full_name: Agent {n}}}\n" for n in range(COUNT))
        self.flow.write(users)
        team = self.flow.folder / "users" / "team.yaml"
        team.write_text(f"defaults: {{roles: [agent], channels: {{{channels}}}}}\n{team.read_text()}")

    def plan(self, **options: Any) -> Plan:
        self.sandbox.clear_requests()
        return self.flow.plan(**options)

    def plan_of_everything(self) -> Plan:
        """As drift has it."""

        async def run() -> Plan:
            async with self.flow._session(read_only=True) as session:
                return await replace(session, every_channel=True).plan(as_of=self.flow.now)

        return asyncio.run(run())

    def looked_at(self) -> int:
        """Of how many Workers the channels were read one by one."""
        return len([one for one in self.sandbox.requests() if one.path.endswith("/Channels")])

    def found(self) -> dict[str, Any]:
        return {change.username: fields(change) for change in self.plan().users}


@pytest.fixture
def center(flow: Flow) -> Center:
    return Center(flow)


def test_channels_that_are_as_set_are_confirmed_by_a_few_requests(center: Center) -> None:
    """And the plan says of how many users nobody looked whether their channels are available."""
    plan = center.plan()
    assert plan.changes == ()
    assert len(center.sandbox.requests()) < 20
    assert 0 < center.looked_at() <= 6
    assert plan.channels_as_set == COUNT - center.looked_at()


@pytest.mark.parametrize("number", [0, 7, 119, COUNT - 1])
def test_a_capacity_that_somebody_changed_is_found(center: Center, number: int) -> None:
    name = f"agent{number:03}@example.com"
    center.sandbox.set_channel(name, "chat", capacity=5)
    assert center.found() == {name: {"channel:chat.capacity": (5, 3)}}


def test_a_channel_that_somebody_closed_lately_is_found(center: Center) -> None:
    """By its Event: an expression cannot ask for it."""
    center.sandbox.set_channel("agent033@example.com", "voice", available=False)
    assert center.found() == {"agent033@example.com": {"channel:voice.available": (False, True)}}


def test_what_no_event_tells_any_more_is_found_by_reading_every_channel(center: Center) -> None:
    """A plan says that it did not look; drift does look."""
    center.sandbox.set_channel("agent033@example.com", "voice", available=False)
    center.sandbox.age_events(days=31)
    assert center.found() == {}
    assert [change.username for change in center.plan_of_everything().users] == ["agent033@example.com"]


def test_a_new_capacity_in_the_yaml_is_read_and_written_one_by_one(center: Center) -> None:
    center.declare("voice: {available: true, capacity: 1}, chat: {available: true, capacity: 4}")
    plan = center.plan()
    assert len(plan.users) == COUNT
    assert plan.channels_as_set == 0


@pytest.mark.parametrize("status", [400, 403])
def test_where_expressions_are_refused_each_worker_is_read(center: Center, status: int) -> None:
    center.sandbox.fault(f"{status}:before:match=GET .*/Workers$:skip=1:times=9")
    assert center.plan().channels_as_set == 0
    assert center.looked_at() == COUNT


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size_cap": 50},
        {"list_attributes": "null"},
        {"list_attributes": "empty"},
        {"expression_precedence": "left_to_right"},
        {"expression_null": "unknown"},
        {"expression_types": "convert"},
        {"expression_key_case": "any"},
        {"event_order": "oldest"},
        {"event_actors": "workspace"},
        {"event_days": 1},
        {"worker_etag": "absent"},
    ],
    ids=lambda switches: "-".join(map(str, next(iter(switches.items())))),
)
def test_it_is_right_under_every_switch(center: Center, switches: dict[str, Any]) -> None:
    center.sandbox.switches(**switches)
    center.sandbox.set_channel(ANA, "chat", capacity=5)
    center.sandbox.set_channel("agent033@example.com", "voice", available=False)
    assert center.found().keys() == {ANA, "agent033@example.com"}
