"""The client against a real server: every reading and writing of Flex, under faults and both ways of each unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from flexres.errors import FormatError, LostAnswerError, NotFoundError, PreconditionError, UnreachableError
from flexres.live.credentials import from_environment
from flexres.live.flex.users import FlexUsers
from flexres.live.http.retrying import Timing
from flexres.live.http.transport import Transport, connect
from flexres.live.http.wire import ReadOnlyError
from flexres.live.model import FlexUser, Snapshot
from flexres.live.snapshot import read_snapshot
from flexres.live.taskrouter.workers import Workers
from flexres.sandbox.server import Sandbox

T = TypeVar("T")
PERSON = {"username": "ana@example.com", "full_name": "Ana Ruiz", "email": "ana@example.com", "roles": ["agent"]}


async def no_time(seconds: float) -> None:
    """What a wait between attempts becomes: a turn of the loop."""
    await asyncio.sleep(0)


def using(sandbox: Sandbox, work: Callable[[Transport], Awaitable[T]], *, read_only: bool = False, **environ: str) -> T:
    """What `work` gives, with a transport to the sandbox."""

    async def run() -> T:
        environment = sandbox.environment() | environ
        credentials = from_environment("test", sandbox.identity.account_sid, environment)
        timing = Timing(sleep=no_time)
        async with Transport(credentials, endpoint=sandbox.url, read_only=read_only, timing=timing) as transport:
            return await work(transport)

    return asyncio.run(run())


def snapshot(
    sandbox: Sandbox, *, instance: str = "", environ: dict[str, str] | None = None, **options: Any
) -> Snapshot:
    async def read(transport: Transport) -> Snapshot:
        named = instance or sandbox.identity.instance_sid
        return await read_snapshot(transport, account=sandbox.identity.account_sid, instance=named, **options)

    return using(sandbox, read, read_only=True, **(environ or {}))


def users(sandbox: Sandbox, transport: Transport) -> FlexUsers:
    return FlexUsers(transport, sandbox.identity.instance_sid)


def workers(sandbox: Sandbox, transport: Transport) -> Workers:
    return Workers(transport, sandbox.identity.workspace_sid)


def comparable(found: Snapshot) -> dict[str, Any]:
    """Who has which Worker with which attributes and channels."""
    return {
        name: (live.user, live.worker and (live.worker.sid, live.worker.text), live.channels)
        for name, live in found.users.items()
    }


def test_everything_is_read_with_get_alone(sandbox: Sandbox) -> None:
    sandbox.seed(2100)
    some = ["ana.ruiz0@example.com"]
    found = snapshot(sandbox, channels_for=some)
    assert len(found.users) == 2100
    assert all(live.worker and live.worker.attributes() for live in found.users.values())
    assert found.requests == 8
    assert {request.method for request in sandbox.requests()} == {"GET"}


@pytest.mark.parametrize(
    "fault",
    [
        "429:rate=0.3",
        "429:burst=5:every=12:retry_after=0",
        "500:before:rate=0.2",
        "503:after:rate=0.2",
        "html:after:rate=0.2",
        "reset:before:rate=0.15",
        "reset:after:rate=0.15",
        "truncate:rate=0.2",
        "cut:rate=0.15",
    ],
)
def test_no_fault_changes_what_is_read(sandbox: Sandbox, fault: str) -> None:
    """A server that misbehaves now and then costs repetitions and nothing else."""
    sandbox.seed(40)
    names = [str(user["username"]) for user in sandbox.users()][:15]
    calm = snapshot(sandbox, channels_for=names)
    sandbox.fault(fault)
    rough = snapshot(sandbox, channels_for=names)
    assert comparable(rough) == comparable(calm)


@pytest.mark.parametrize(
    "switch",
    [
        {"list_attributes": "null"},
        {"list_attributes": "empty"},
        {"v4_item_shape": "older"},
        {"configuration_names_instance": False},
        {"page_size_cap": 7},
    ],
)
def test_no_unknown_of_the_wire_changes_what_is_read(sandbox: Sandbox, switch: dict[str, Any]) -> None:
    sandbox.seed(30)
    usual = comparable(snapshot(sandbox))
    sandbox.switches(**switch)
    assert comparable(snapshot(sandbox)) == usual
    assert comparable(snapshot(sandbox, only=list(usual))) == usual


@pytest.mark.parametrize("finds", [True, False])
def test_a_deactivated_user_is_seen_either_way(sandbox: Sandbox, finds: bool) -> None:
    async def come_and_go(transport: Transport) -> None:
        made = await users(sandbox, transport).provision(**PERSON)  # type: ignore[arg-type]
        await users(sandbox, transport).deprovision(made.sid)

    using(sandbox, come_and_go)
    sandbox.switches(v4_finds_deactivated=finds)
    for found in (snapshot(sandbox), snapshot(sandbox, only=["ana@example.com"])):
        live = found.users["ana@example.com"]
        assert live.user.deactivated
        assert live.worker is None


@pytest.mark.parametrize("shape", ["nested", "flat"])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_provision_creates_and_then_updates(sandbox: Sandbox, shape: str, status: int) -> None:
    sandbox.switches(provision_body_shape=shape, provision_update_status=status)

    async def twice(transport: Transport) -> tuple[FlexUser, FlexUser]:
        api = users(sandbox, transport)
        first = await api.provision(**PERSON, attributes={"level.int": "3"})  # type: ignore[arg-type]
        return first, await api.provision(**{**PERSON, "full_name": "Ana R."})  # type: ignore[arg-type]

    first, second = using(sandbox, twice)
    assert first.worker_sid == second.worker_sid is not None
    assert (first.sid, second.full_name) == (second.sid, "Ana R.")
    assert sandbox.worker_attributes("ana@example.com")["level"] == 3


@pytest.mark.parametrize("bodies", ["twilio", "rfc9457"])
def test_a_wrong_attribute_is_told_with_flexs_own_message(sandbox: Sandbox, bodies: str) -> None:
    sandbox.switches(error_bodies=bodies)

    async def provision(transport: Transport) -> None:
        await users(sandbox, transport).provision(**PERSON, attributes={"level.int": "1.23"})  # type: ignore[arg-type]

    with pytest.raises(FormatError, match="Error invalid attribute format") as caught:
        using(sandbox, provision)
    assert caught.value.status == 400
    assert caught.value.request_id
    assert sandbox.users() == []


@pytest.mark.parametrize("fault", ["503:after", "reset:after", "truncate", "html:after", "cut"])
def test_a_provision_whose_answer_is_lost_is_sent_once(sandbox: Sandbox, fault: str) -> None:
    sandbox.fault(f"{fault}:match=Provision")

    async def provision(transport: Transport) -> FlexUser | None:
        with pytest.raises(LostAnswerError):
            await users(sandbox, transport).provision(**PERSON)  # type: ignore[arg-type]
        return await users(sandbox, transport).by_username("ana@example.com")

    found = using(sandbox, provision)
    assert found is not None
    assert len(sandbox.requests(path="Provision")) == 1


def test_attributes_are_written_under_the_etag(sandbox: Sandbox) -> None:
    sandbox.seed(1)

    async def write(transport: Transport) -> str | None:
        api = workers(sandbox, transport)
        user = await users(sandbox, transport).by_username("ana.ruiz0@example.com")
        assert user is not None
        assert user.worker_sid is not None
        read = await api.fetch(user.worker_sid)
        assert read.etag is not None
        written = await api.update(read.sid, json.dumps({"a": "ü+&="}), if_match=read.etag)
        with pytest.raises(PreconditionError):
            await api.update(read.sid, "{}", if_match=read.etag)
        return written.etag if written.etag != read.etag else None

    assert using(sandbox, write)
    assert sandbox.worker_attributes("ana.ruiz0@example.com") == {"a": "ü+&="}


def test_channels_are_read_and_written(sandbox: Sandbox) -> None:
    sandbox.seed(1)

    async def write(transport: Transport) -> None:
        api = workers(sandbox, transport)
        sid = str(sandbox.user("ana.ruiz0@example.com")["worker_sid"])
        voice = (await api.channels(sid))["voice"]
        changed = await api.update_channel(sid, voice.sid, available=not voice.available, capacity=4)
        assert changed == (await api.channels(sid))["voice"]
        assert (changed.available, changed.capacity) == (not voice.available, 4)
        assert {"Offline", "Available"} <= {activity.name for activity in await api.activities()}

    using(sandbox, write)


def test_a_token_is_minted(sandbox: Sandbox) -> None:
    sandbox.seed(1)

    async def mint(transport: Transport) -> str:
        sid = str(sandbox.user("ana.ruiz0@example.com")["flex_user_sid"])
        return (await users(sandbox, transport).mint_token(sid, ttl=60)).value

    assert using(sandbox, mint)


def test_unknown_things_are_not_found(sandbox: Sandbox) -> None:
    async def look(transport: Transport) -> None:
        with pytest.raises(NotFoundError):
            await workers(sandbox, transport).fetch("WK" + "9" * 32)
        with pytest.raises(NotFoundError):
            await users(sandbox, transport).by_sid("FU" + "9" * 32)

    using(sandbox, look)


def test_wrong_credentials_are_one_clear_line(sandbox: Sandbox) -> None:
    with pytest.raises(UnreachableError, match="TWILIO_API_KEY and TWILIO_API_SECRET"):
        snapshot(sandbox, environ={"TWILIO_API_SECRET": "wrong"})
    assert len(sandbox.requests()) == 1


def test_a_wrong_instance_is_one_clear_line(sandbox: Sandbox) -> None:
    """Found by the Configuration, or by the list of users where that does not name its instance."""
    for names in (True, False):
        sandbox.switches(configuration_names_instance=names)
        with pytest.raises(UnreachableError, match="GO9999"):
            snapshot(sandbox, instance="GO" + "9" * 32)


def test_a_reading_transport_cannot_write(sandbox: Sandbox) -> None:
    async def provision(transport: Transport) -> None:
        await users(sandbox, transport).provision(**PERSON)  # type: ignore[arg-type]

    with pytest.raises(ReadOnlyError):
        using(sandbox, provision, read_only=True)
    assert sandbox.requests() == []


def test_a_crowded_account_is_met_with_fewer_requests_at_once(sandbox: Sandbox) -> None:
    """Everything gets through, and the limit has come down to what the account takes."""
    sandbox.seed(60)
    sandbox.latency(0.002)
    sandbox.fault("429:concurrency=4")
    sids = [str(user["flex_user_sid"]) for user in sandbox.users()]

    async def read(transport: Transport) -> tuple[int, int]:
        found = await asyncio.gather(*(users(sandbox, transport).by_sid(sid) for sid in sids))
        assert len(found) == 60
        return transport.throttled, transport.limiter.limit

    throttled, limit = using(sandbox, read)
    assert throttled > 0
    assert limit < 16


def test_beside_a_busy_contact_centre_nobody_gets_a_429() -> None:
    """Neither it, which spends two fifths of every limit, nor we, who keep to half."""

    async def read(transport: Transport) -> None:
        wanted = workers(sandbox, transport)
        found = [worker.sid async for page in wanted.pages() for worker in page.workers]
        await asyncio.gather(*(wanted.channels(sid) for sid in found))

    with Sandbox(limits="twilio", neighbour=0.4) as sandbox:
        sandbox.seed(12)
        environment = sandbox.environment()

        async def run() -> None:
            account = sandbox.identity.account_sid
            async with connect(
                stack="test", account=account, endpoint=None, environ=environment, read_only=True
            ) as transport:
                await read(transport)
                assert transport.throttled == 0

        asyncio.run(run())
        limits = sandbox.limits()
    assert limits["refused"] == {}
    assert limits["neighbour"]["refused"] == {}  # type: ignore[index]
