"""Workers with their ETags, their channels, and the activities."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import LostAnswerError, PreconditionError, TwilioError
from flexres.live.http.answers import Response
from flexres.live.model import Worker
from flexres.live.taskrouter.workers import Activity, WorkerPage, Workers, _channel, _worker

from .fake import WORKSPACE, Script, answer, channel, page, transport, worker

ANSWER = Response("GET /x", 200, None, {})


async def listed(*items: Any) -> list[WorkerPage]:
    async with transport(Script(answer(200, page("workers", items)))) as opened:
        return [found async for found in Workers(opened, WORKSPACE).pages()]


def form(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode(), keep_blank_values=True)


@pytest.mark.parametrize("attributes", [None, "{}", ""])
async def test_a_list_that_keeps_attributes_back_says_so(attributes: str | None) -> None:
    """Null by the specification, `{}` by its sample: neither means that there are none."""
    found = (await listed(worker(1), worker(2, attributes=attributes)))[0]
    assert [item.sid for item in found.workers] == [worker(1)["sid"]]
    assert found.unknown == (worker(2)["sid"],)


async def test_the_attributes_text_is_kept_as_it_is() -> None:
    text = '{ "b":1,  "a" : "é\\ud800" }'
    assert (await listed(worker(1, attributes=text)))[0].workers[0].text == text


@pytest.mark.parametrize(
    "broken", [None, [], {}, worker(1, sid=None), worker(1, attributes={"a": 1}), worker(1, friendly_name=3)]
)
async def test_a_worker_that_cannot_be_read_is_an_error(broken: Any) -> None:
    with pytest.raises(TwilioError, match="has a Worker that cannot be read"):
        await listed(broken)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists), st.data())
def test_no_worker_is_half_read(value: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*worker(1)]))
    try:
        found = _worker(worker(1, **{name: value}), ANSWER)
    except TwilioError:
        return
    assert all(isinstance(text, str) for text in (found.sid, found.friendly_name, found.activity_name, found.text))
    assert isinstance(found.available, bool)


async def fetch(*answers: httpx.Response) -> Worker:
    async with transport(Script(*answers)) as opened:
        return await Workers(opened, WORKSPACE).fetch("WK1")


async def test_a_fetch_has_the_etag() -> None:
    assert (await fetch(answer(200, worker(1), ETag="12"))).etag == "12"


async def test_a_missing_etag_is_unknown() -> None:
    assert (await fetch(answer(200, worker(1)))).etag is None


async def test_attributes_that_a_fetch_keeps_back_are_not_empty() -> None:
    """They read as no object, so nobody writes over them."""
    assert (await fetch(answer(200, worker(1, attributes=None)))).attributes() is None


async def test_an_update_is_guarded_by_the_etag_and_may_be_repeated() -> None:
    script = Script(httpx.ReadError("reset"), answer(200, worker(1), ETag="13"))
    async with transport(script) as opened:
        written = await Workers(opened, WORKSPACE).update("WK1", '{"a":"+&="}', if_match="12")
    assert written.etag == "13"
    assert [request.headers["if-match"] for request in script.requests] == ["12", "12"]
    assert form(script.requests[0]) == {"Attributes": ['{"a":"+&="}']}


async def test_an_update_without_an_etag_is_not_repeated() -> None:
    """A second one could undo what somebody wrote after the first."""
    script = Script(httpx.ReadError("reset"))
    async with transport(script) as opened:
        with pytest.raises(LostAnswerError):
            await Workers(opened, WORKSPACE).update("WK1", "{}", if_match=None)
    assert "if-match" not in script.requests[0].headers
    assert len(script.requests) == 1


async def test_somebody_elses_write_in_between_is_told() -> None:
    script = Script(answer(412, {"code": 20412, "message": "Precondition failed"}))
    async with transport(script) as opened:
        with pytest.raises(PreconditionError):
            await Workers(opened, WORKSPACE).update("WK1", "{}", if_match="1")


async def test_channels_are_by_name_over_all_pages() -> None:
    script = Script(
        answer(200, page("channels", [channel("voice")], "?PageToken=2")),
        answer(200, page("channels", [channel("chat", configured_capacity=3, available=False, assigned_tasks=2)])),
    )
    async with transport(script) as opened:
        found = await Workers(opened, WORKSPACE).channels("WK1")
    assert sorted(found) == ["chat", "voice"]
    assert (found["chat"].capacity, found["chat"].available, found["chat"].assigned_tasks) == (3, False, 2)


@pytest.mark.parametrize(
    "broken", [None, {}, channel("voice", available="yes"), channel("voice", configured_capacity="3")]
)
def test_a_channel_that_cannot_be_read_is_an_error(broken: Any) -> None:
    with pytest.raises(TwilioError, match="has a Worker channel that cannot be read"):
        _channel(broken, ANSWER)


@pytest.mark.parametrize(
    ("available", "capacity", "sent"),
    [
        (True, 3, {"Available": ["true"], "Capacity": ["3"]}),
        (False, None, {"Available": ["false"]}),
        (None, 0, {"Capacity": ["0"]}),
    ],
)
async def test_a_channel_update_sends_what_is_given(
    available: bool | None, capacity: int | None, sent: dict[str, list[str]]
) -> None:
    script = Script(answer(503), answer(200, channel("voice")))
    async with transport(script) as opened:
        await Workers(opened, WORKSPACE).update_channel("WK1", "WC1", available=available, capacity=capacity)
    assert form(script.requests[1]) == sent


async def test_activities_are_listed() -> None:
    items = [{"sid": "WA1", "friendly_name": "Offline", "available": False}]
    async with transport(Script(answer(200, page("activities", items)))) as opened:
        assert await Workers(opened, WORKSPACE).activities() == (Activity("WA1", "Offline", False),)


async def test_a_sid_cannot_lead_elsewhere() -> None:
    script = Script(answer(200, worker(1)))
    async with transport(script) as opened:
        await Workers(opened, WORKSPACE).fetch("../../Workspaces?x")
    assert script.requests[0].url.raw_path == f"/v1/Workspaces/{WORKSPACE}/Workers/..%2F..%2FWorkspaces%3Fx".encode()
