"""What is sent, how often, and what comes of it: the transport against answers from memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import (
    Exit,
    FlexresError,
    FormatError,
    LostAnswerError,
    PreconditionError,
    TwilioError,
    UnreachableError,
)
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import RetryPolicy
from flexres.live.http.transport import path

from .fake import CREDENTIALS, SECRET, FakeTime, Script, answer, transport

OK = answer(200, {"fine": True})
THROTTLED = answer(429, {"code": 20429, "message": "Too Many Requests"})
DOWN = answer(503, {"message": "Service unavailable"})
RESET = httpx.ReadError("reset")
REFUSED = httpx.ConnectError("refused")
CUT_SHORT = httpx.Response(200, content=b'{"users": [', headers={"content-type": "application/json"})

Way = tuple[str, dict[str, Any]]
GET: Way = ("GET", {})
DELETE: Way = ("DELETE", {})
POST: Way = ("POST", {"json": {}})
SAFE_POST: Way = ("POST", {"form": {"Capacity": "1"}, "idempotent": True})
GUARDED_POST: Way = ("POST", {"form": {"Attributes": "{}"}, "headers": {"if-match": "3"}})


@pytest.fixture(autouse=True)
def nobody_asks_for_logs() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


async def send(script: Callable[[httpx.Request], Any], way: Way, time: FakeTime | None = None, **options: Any) -> Any:
    method, arguments = way
    async with transport(script, time=time, **options) as opened:
        return await opened.request(method, "taskrouter", "/v1/x", **arguments)


@pytest.mark.parametrize("failure", [THROTTLED, REFUSED], ids=["429", "refused"])
@pytest.mark.parametrize("way", [GET, DELETE, POST, SAFE_POST, GUARDED_POST])
async def test_what_was_never_processed_is_repeated(failure: Any, way: Way) -> None:
    """A 429 and a connection that never came about are safe to repeat with any method."""
    script = Script(failure, OK)
    response = await send(script, way)
    assert response.json == {"fine": True}
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "failure", [DOWN, RESET, CUT_SHORT, httpx.ReadTimeout("late")], ids=["503", "reset", "cut", "late"]
)
@pytest.mark.parametrize("way", [GET, DELETE, SAFE_POST, GUARDED_POST])
async def test_what_may_have_been_processed_is_repeated_where_safe(failure: Any, way: Way) -> None:
    assert (await send(Script(failure, OK), way)).json == {"fine": True}


@pytest.mark.parametrize(
    "failure",
    [DOWN, RESET, CUT_SHORT, httpx.ReadTimeout("late"), httpx.WriteError("broken"), httpx.RemoteProtocolError("gone")],
    ids=["503", "reset", "cut", "late", "write", "closed"],
)
async def test_what_may_have_been_processed_is_never_repeated_otherwise(failure: Any) -> None:
    """A plain POST that may have taken effect is the caller's to look into."""
    script = Script(failure, OK)
    with pytest.raises(LostAnswerError):
        await send(script, POST)
    assert len(script.requests) == 1


async def test_a_repetition_sends_the_same_body() -> None:
    script = Script(THROTTLED, OK)
    await send(script, ("POST", {"json": {"username": "ana"}}))
    assert [json.loads(request.content) for request in script.requests] == [{"username": "ana"}] * 2


async def test_a_write_that_may_have_taken_effect_stays_in_doubt() -> None:
    """Lost first, then throttled to the end: the last failure does not make the first one undone."""
    with pytest.raises(LostAnswerError):
        await send(Script(RESET, THROTTLED), GUARDED_POST)


async def test_a_repeated_guarded_write_that_meets_412_says_so() -> None:
    """It may have been our own first attempt: the caller reads again either way."""
    with pytest.raises(PreconditionError):
        await send(Script(RESET, answer(412, {"code": 20412, "message": "ETag"})), GUARDED_POST)


async def test_attempts_are_limited() -> None:
    script, time = Script(THROTTLED), FakeTime()
    with pytest.raises(TwilioError) as caught:
        await send(script, POST, time, policy=RetryPolicy(attempts=4))
    assert len(script.requests) == 4
    assert time.slept == [0.25, 0.5, 1.0]
    assert caught.value.exit is Exit.UNREACHABLE


async def test_the_time_for_all_attempts_is_limited() -> None:
    time = FakeTime()
    with pytest.raises(TwilioError):
        await send(Script(answer(429, {}, retry_after="20")), POST, time, policy=RetryPolicy(total=60.0))
    assert sum(time.slept) <= 60.0
    assert len(time.slept) == 2


async def test_waiting_for_a_slot_is_not_counted_as_trying() -> None:
    """Behind a long queue, a first 429 still gets its repetition."""
    time = FakeTime()
    script = Script(THROTTLED, OK)
    async with transport(script, time=time, max_connections=1, policy=RetryPolicy(total=60.0)) as opened:
        held = opened.limiter.slot()
        await held.__aenter__()
        waiting = asyncio.create_task(opened.request("GET", "flex-api", "/x"))
        await asyncio.sleep(0)
        time.now += 1000
        await held.__aexit__(None, None, None)
        assert (await waiting).status == 200


@pytest.mark.parametrize(
    ("header", "slept"), [("2", 2.25), ("Thu, 01 Jan 2026 00:00:07 GMT", 7.25), ("3600", 30.25), ("soon", 0.25)]
)
async def test_retry_after_is_honoured_up_to_a_cap(header: str, slept: float) -> None:
    time = FakeTime()
    await send(Script(answer(429, {}, retry_after=header), OK), GET, time)
    assert time.slept == [slept]


async def test_an_unreachable_host_is_told_soon_at_first_contact() -> None:
    script = Script(REFUSED)
    with pytest.raises(UnreachableError, match=r"taskrouter\.twilio\.com"):
        await send(script, POST)
    assert len(script.requests) == 3


async def test_a_connection_lost_later_is_waited_for_longer() -> None:
    """Once Twilio has answered, it is a blip."""
    script = Script(OK, *[REFUSED] * 6, OK)
    async with transport(script) as opened:
        await opened.request("GET", "flex-api", "/x")
        assert (await opened.request("POST", "flex-api", "/x", json={})).status == 200


async def test_no_slot_is_held_while_waiting_to_repeat() -> None:
    """With one connection, others go on while one sleeps."""
    order: list[str] = []
    others: list[asyncio.Task[Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        order.append(request.url.path)
        return THROTTLED if request.url.path == "/slow" and order.count("/slow") == 1 else OK

    class Sleeper(FakeTime):
        async def sleep(self, seconds: float) -> None:
            await asyncio.wait_for(others[0], 5)

    async with transport(handler, time=Sleeper(), max_connections=1) as opened:
        slow = asyncio.create_task(opened.request("GET", "flex-api", "/slow"))
        others.append(asyncio.create_task(opened.request("GET", "flex-api", "/quick")))
        await slow
    assert order == ["/slow", "/quick", "/slow"]


async def test_no_more_are_under_way_than_connections() -> None:
    under_way = most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return OK

    async with transport(handler, max_connections=3) as opened:
        await asyncio.gather(*(opened.request("GET", "flex-api", "/x") for _ in range(30)))
    assert most == 3


async def test_a_429_narrows_what_is_under_way() -> None:
    async with transport(Script(THROTTLED, OK), max_connections=16) as opened:
        await opened.request("GET", "flex-api", "/x")
        assert opened.limiter.limit == 8
        assert (opened.sent, opened.retries, opened.throttled) == (2, 1, 1)


async def test_a_cancelled_request_leaves_nothing_behind() -> None:
    started = asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.Event().wait()
        return OK

    async with transport(handler) as opened:
        running = asyncio.create_task(opened.request("GET", "flex-api", "/x"))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert opened.limiter.in_flight == 0


async def test_an_answer_that_trickles_for_ever_is_given_up() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return OK

    impatient = Limits(attempt=0.01)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await send(handler, GET, limits=impatient, policy=RetryPolicy(attempts=2))
    with pytest.raises(LostAnswerError, match="did not answer in time"):
        await send(handler, POST, limits=impatient)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (httpx.Response(502, html="<h1>Bad <b>gateway</b></h1>"), "Bad Gateway"),
        (httpx.Response(500, content=b""), "Internal Server Error"),
        (httpx.Response(500, content=b'{"message": "tru', headers={"content-type": "application/json"}), "Internal"),
        (httpx.Response(400, json={"title": "Bad", "detail": "roles"}), "Bad: roles"),
        (httpx.Response(400, json={"code": 45004, "message": "Error invalid attribute format"}), "attribute format"),
        (httpx.Response(418, content=b"\xff\xfe"), "teapot"),
    ],
)
async def test_every_error_body_becomes_one_line(raw: httpx.Response, message: str) -> None:
    with pytest.raises(TwilioError) as caught:
        await send(Script(raw), GET, policy=RetryPolicy(attempts=1))
    assert message in str(caught.value)
    assert f"{raw.status_code}" in str(caught.value)
    assert "GET /v1/x" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_error_names_its_request_id() -> None:
    refused = answer(400, {"message": "No", "code": 45004}, Twilio_Request_Id="RQ7")
    with pytest.raises(FormatError) as caught:
        await send(Script(refused), POST)
    assert (caught.value.request_id, caught.value.code) == ("RQ7", 45004)


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_not_tried_again(status: int) -> None:
    script = Script(answer(status, {"code": 20003, "message": "Authenticate"}))
    with pytest.raises(UnreachableError, match="TWILIO_API_KEY and TWILIO_API_SECRET"):
        await send(script, GET)
    assert len(script.requests) == 1


async def test_a_page_instead_of_json_is_no_answer() -> None:
    """A captive portal answers 200 to everything: nothing of it may count as done."""
    portal = httpx.Response(200, html="<p>Please sign in</p>")
    with pytest.raises(UnreachableError, match="no JSON"):
        await send(Script(portal), GET, policy=RetryPolicy(attempts=2))
    with pytest.raises(LostAnswerError):
        await send(Script(portal), POST)


async def test_credentials_do_not_follow_a_redirect() -> None:
    script = Script(httpx.Response(302, headers={"location": "https://evil.example/"}))
    with pytest.raises(TwilioError, match="leads elsewhere"):
        await send(script, POST)
    assert len(script.requests) == 1


async def test_an_empty_answer_has_no_body() -> None:
    response = await send(Script(httpx.Response(204)), DELETE)
    assert (response.status, response.json) == (204, None)


async def test_the_answer_has_its_etag_and_request_id() -> None:
    response = await send(Script(answer(200, {}, ETag="12", Twilio_Request_Id="RQ1")), GET)
    assert (response.etag, response.request_id) == ("12", "RQ1")


async def test_each_service_has_its_host_and_only_two_get_credentials() -> None:
    script = Script(OK)
    async with transport(script) as opened:
        for service in ("flex-api", "taskrouter", "services", "iam", "login"):
            await opened.request("GET", service, "/x")
        await opened.request("GET", "flex-api", "/x", anonymous=True)
    sent = [(request.url.host, "authorization" in request.headers) for request in script.requests]
    assert sent == [
        ("flex-api.twilio.com", True),
        ("taskrouter.twilio.com", True),
        ("services.twilio.com", False),
        ("iam.twilio.com", False),
        ("login.flex.us1.twilio.com", False),
        ("flex-api.twilio.com", False),
    ]


async def test_one_endpoint_stands_for_all_services() -> None:
    script = Script(OK)
    async with transport(script, endpoint="http://127.0.0.1:1/base") as opened:
        await opened.request("GET", "flex-api", "/v1/x", params={"Username": "a+b c@x"})
    request = script.requests[0]
    assert str(request.url).startswith("http://127.0.0.1:1/base/v1/x?")
    assert request.url.params["Username"] == "a+b c@x"
    assert b"a+b" not in request.url.query


async def test_we_say_who_we_are() -> None:
    script = Script(OK)
    await send(script, GET)
    assert script.requests[0].headers["user-agent"].startswith("flexres/")
    assert script.requests[0].headers["authorization"] == CREDENTIALS.authorization


async def test_a_lone_surrogate_can_be_sent() -> None:
    """Somebody's plugin can have written one; it must not stop the others."""
    script = Script(OK)
    await send(script, ("POST", {"json": {"name": "\ud800é"}}))
    assert json.loads(script.requests[0].content) == {"name": "\ud800é"}


async def test_logs_tell_each_attempt_and_no_secret() -> None:
    with structlog.testing.capture_logs() as logs:
        body = {"json": {"ttl": 60}, "params": {"Username": "ana@example.com"}, "idempotent": True}
        await send(Script(DOWN, answer(200, {"access_token": "eyJhush"})), ("POST", body))
    assert [(event["status"], event["attempt"], event["request"]) for event in logs] == [
        (503, 1, "POST /v1/x"),
        (200, 2, "POST /v1/x"),
    ]
    assert not any(secret in repr(logs) for secret in (SECRET, "eyJ", "ana@", CREDENTIALS.authorization))


async def test_nothing_is_logged_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    await send(Script(OK), GET)
    assert capsys.readouterr() == ("", "")


@given(part=st.text(min_size=1))
def test_no_part_of_a_path_leaves_its_place(part: str) -> None:
    made = path("v1", "Workers", part, "Channels")
    assert made.count("/") == 4
    assert "?" not in made
    assert "#" not in made


@given(
    outcomes=st.lists(st.sampled_from(["ok", "429", "503", "reset", "refused", "cut", "400"]), min_size=1, max_size=8),
    way=st.sampled_from([GET, DELETE, POST, SAFE_POST, GUARDED_POST]),
)
def test_whatever_happens_an_unsafe_write_is_processed_at_most_once(outcomes: list[str], way: Way) -> None:
    """Any sequence of failures ends in an answer or in one of our exceptions, and no slot is lost."""
    answers: dict[str, Any] = {
        "ok": OK,
        "429": THROTTLED,
        "503": DOWN,
        "reset": RESET,
        "refused": REFUSED,
        "cut": CUT_SHORT,
        "400": answer(400, {"message": "No"}),
    }
    script = Script(*(answers[outcome] for outcome in outcomes))

    async def scenario() -> int:
        method, arguments = way
        async with transport(script) as opened:
            with suppress(FlexresError):
                await opened.request(method, "flex-api", "/x", **arguments)
            return opened.limiter.in_flight

    assert asyncio.run(scenario()) == 0
    met = outcomes[: len(script.requests)]
    if way is POST:
        assert sum(outcome in {"ok", "503", "reset", "cut"} for outcome in met) <= 1
