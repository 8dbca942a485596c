"""Whatever shape an answer has, it fails its own request with an error of ours that names it, for every client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import FlexresError, TwilioError
from flexres.idp.auth0.answers import Auth0Error
from flexres.idp.auth0.client import Auth0
from flexres.idp.auth0.transport import Auth0Transport, Tenant
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.flex.users import FlexUsers
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import RetryPolicy
from flexres.live.http.transport import Transport
from flexres.live.taskrouter.workers import Workers, task_queues, workflows
from flexres.reconcile.idp.model import Connection
from flexres.values import canonical

from .fake import ACCOUNT, INSTANCE, WORKSPACE, FakeTime, channel, configuration, page, transport, user, worker

ONCE = RetryPolicy(attempts=1)
FEW = Limits(pages=3)
DEEP = json.loads('{"a":' * 300 + "1" + "}" * 300)
ODD = [None, True, -1, 1.5, "", "\x1b\ud800", "..", [], [None], {}, {"sid": None}, {"id": []}, DEEP]

APPLICATION = {"client_id": "c", "name": "n", "callbacks": ["u"], "addons": {"samlp": {}}, "client_metadata": {}}
ACTION = {"id": "a", "name": "n", "code": "c", "deployed_version": {"code": "c", "deployed": True}, "status": "built"}
PERSON = {"user_id": "u", "email": "e@x", "name": "n", "app_metadata": {"flex": {"roles": ["agent"]}}}
CONNECTION = Connection("con", "db", database=True)

Ask = Callable[[Any], Awaitable[object]]


async def listed(pages: Any) -> list[Any]:
    return [page async for page in pages]


def users(opened: Transport) -> FlexUsers:
    return FlexUsers(opened, INSTANCE)


def workers(opened: Transport) -> Workers:
    return Workers(opened, WORKSPACE)


TWILIO: dict[str, tuple[Ask, Any]] = {
    "users": (lambda opened: listed(users(opened).pages()), page("users", [user(1)])),
    "by username": (lambda opened: users(opened).by_username("user1@example.com"), user(1) | page("users", [user(1)])),
    "by sid": (lambda opened: users(opened).by_sid("FU1"), user(1)),
    "provision": (
        lambda opened: users(opened).provision(username="a", full_name="A", email="a@x", roles=["agent"]),
        {**user(1), "worker": {"worker_sid": "WK1"}, "worker_sid": None},
    ),
    "token": (
        lambda opened: users(opened).mint_token("FU1", ttl=60),
        {"access_token": "eyJ", "token_info": {"expiration": "2026-01-01T00:00:00Z"}},
    ),
    "workers": (lambda opened: listed(workers(opened).pages()), page("workers", [worker(1)])),
    "worker": (lambda opened: workers(opened).fetch("WK1"), worker(1)),
    "worker update": (lambda opened: workers(opened).update("WK1", "{}", if_match="1"), worker(1)),
    "channels": (lambda opened: workers(opened).channels("WK1"), page("channels", [channel("voice")])),
    "channel": (lambda opened: workers(opened).update_channel("WK1", "WC1", capacity=1), channel("voice")),
    "activities": (
        lambda opened: workers(opened).activities(),
        page("activities", [{"sid": "WA1", "friendly_name": "Offline", "available": False}]),
    ),
    "queues": (
        lambda opened: task_queues(opened, WORKSPACE),
        page("task_queues", [{"sid": "WQ1", "friendly_name": "All", "target_workers": "1==1"}]),
    ),
    "workflows": (
        lambda opened: workflows(opened, WORKSPACE),
        page("workflows", [{"sid": "WW1", "friendly_name": "Assign", "configuration": "{}"}]),
    ),
    "configuration": (
        lambda opened: ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).fetch(),
        configuration(
            taskrouter_skills=[{"name": "billing"}],
            taskrouter_worker_channels={"admin": [{"name": "voice"}]},
            public_attributes={"loginPopup": True},
        ),
    ),
    "instance of": (lambda opened: ConfigurationApi.instance_of(opened, ACCOUNT), configuration()),
    "public": (
        lambda opened: ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).public(),
        {"configurations": [{"account_sid": ACCOUNT, "public_attributes": {"loginPopup": True}}]},
    ),
}

AUTH0: dict[str, tuple[Ask, Any]] = {
    "applications": (lambda auth0: Auth0(auth0).applications(), {"clients": [APPLICATION], "total": 1}),
    "application": (lambda auth0: Auth0(auth0).application("c"), APPLICATION),
    "change of an application": (lambda auth0: Auth0(auth0).update_application("c", {}), APPLICATION),
    "new application": (lambda auth0: Auth0(auth0).create_application({}), APPLICATION),
    "actions": (lambda auth0: Auth0(auth0).actions(), {"actions": [ACTION], "total": 1}),
    "deploy": (lambda auth0: Auth0(auth0).deploy("a"), ACTION),
    "flow": (
        lambda auth0: Auth0(auth0).flow(),
        {"bindings": [{"id": "b", "display_name": "n", "action": {"id": "a"}}], "total": 1},
    ),
    "connections": (
        lambda auth0: Auth0(auth0).connections(),
        [{"id": "con", "name": "db", "strategy": "auth0", "enabled_clients": ["c"]}],
    ),
    "people": (lambda auth0: Auth0(auth0).users(CONNECTION), {"users": [PERSON], "total": 1}),
    "many people": (lambda auth0: Auth0(auth0).users(CONNECTION), {"users": [PERSON], "total": 5000, "id": "j"}),
    "person": (lambda auth0: Auth0(auth0).user("u"), PERSON),
    "change of a person": (lambda auth0: Auth0(auth0).update_flex("u", {}), PERSON),
}


async def ask(kind: str, body: bytes, status: int = 200) -> object:
    """What a client makes of this answer to whatever it asks."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"content-type": "application/json"})

    if kind in TWILIO:
        async with transport(handler, policy=ONCE, limits=FEW) as opened:
            return await TWILIO[kind][0](opened)
    tenant = Tenant("acme.eu.auth0.com", "https://acme.eu.auth0.com", token="a-token")
    wire, timing = httpx.MockTransport(handler), FakeTime().timing()
    async with Auth0Transport(tenant, read_only=False, policy=ONCE, limits=FEW, timing=timing, wire=wire) as auth0:
        return await AUTH0[kind][0](auth0)


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one of its parts, or itself, become something else."""
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not parts or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(ODD))
    key, part = draw(st.sampled_from(parts))
    if isinstance(value, dict) and draw(st.integers(0, 3)) == 0:
        return {name: item for name, item in value.items() if name != key}
    changed = value.copy()
    changed[key] = mutated(draw, part)
    return changed


EVERYTHING = {**TWILIO, **AUTH0}


@pytest.mark.parametrize("kind", EVERYTHING)
async def test_the_documented_shape_is_read(kind: str) -> None:
    """Otherwise the rest of this file would prove nothing."""
    try:
        await ask(kind, json.dumps(EVERYTHING[kind][1]).encode())
    except FlexresError as error:
        assert kind == "many people"
        assert "export" in error.message


@given(kind=st.sampled_from(sorted(EVERYTHING)), data=st.data())
def test_a_mutated_answer_is_read_or_fails_by_itself(kind: str, data: st.DataObject) -> None:
    """Any part of it may be missing, null or of another type: an error of ours that names what was asked."""
    body = data.draw(st.composite(lambda draw: mutated(draw, EVERYTHING[kind][1]))())
    try:
        found = asyncio.run(ask(kind, json.dumps(body).encode()))
    except FlexresError as error:
        assert error.message.isprintable()
    else:
        # Whoever walks what was read must not be stopped half-way by its depth.
        canonical(json.loads(json.dumps(found, default=lambda value: None)))


SHAPES = (
    *(b"", b"null", b"[]", b"7", b'"x"', b"[[]]", b"[null]", b"{}"),
    *(b"[" * 100_000, b'{"a":' * 5000, b"NaN", b"1" * 5000),
)


@pytest.mark.parametrize("kind", EVERYTHING)
async def test_an_answer_of_another_shape_is_an_error_of_ours(kind: str) -> None:
    """Deep JSON in a refusal, too."""
    for body in SHAPES:
        for status in (200, 201, 400, 500):
            try:
                await ask(kind, body, status)
            except (TwilioError, Auth0Error) as error:
                assert error.request in str(error)
            except FlexresError as error:
                assert error.message.isprintable()


@pytest.mark.parametrize("kind", sorted(EVERYTHING.keys() - {"by username", "public"}))
async def test_an_empty_200_is_no_success(kind: str) -> None:
    """Above all not where something was to be written."""
    with pytest.raises(FlexresError):
        await ask(kind, b"")
