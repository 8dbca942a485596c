"""Whatever answers us, no request takes more than so much memory and time, and one line says which it was."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest

from flexres.errors import FlexresError, LostAnswerError, SetupError, TwilioError, UnreachableError
from flexres.idp.auth0.answers import Auth0Error
from flexres.idp.auth0.client import Auth0
from flexres.idp.auth0.transport import Auth0Transport, Tenant
from flexres.idp.metadata import read_source
from flexres.live.http.anonymous import Anonymous, NotSeen
from flexres.live.http.limits import DamagedError, Limits, TooLargeError, gunzip
from flexres.live.http.retrying import RetryPolicy
from flexres.live.http.transport import Transport, pages
from flexres.live.http.webhook import NotDeliveredError, post, webhook
from flexres.text import MEGABYTE

from .fake import CREDENTIALS, FakeTime, answer, page, transport
from .loopback import Behaviour, body, drop_by_drop, endless, serving

SMALL = Limits(attempt=0.1, file=0.1, answer=MEGABYTE)
BOMB = gzip.compress(bytes(64 * MEGABYTE))
"""64 KB that unpack to a thousand times as much."""

ANSWERS: list[Any] = [
    pytest.param(body(BOMB, "Content-Encoding: gzip"), "answered with more than 1 MB", id="bomb"),
    pytest.param(body(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"), "not asked for", id="bomb in a bomb"),
    pytest.param(body(b"x", "Content-Encoding: br"), "not asked for", id="another packing"),
    pytest.param(body(b"no gzip", "Content-Encoding: gzip"), "as gzip that cannot be read", id="no gzip"),
    pytest.param(body(BOMB[:100], "Content-Encoding: gzip"), "as gzip that breaks off", id="half a gzip"),
    pytest.param(endless, "answered with more than 1 MB", id="endless"),
    pytest.param(drop_by_drop, "did not answer in time", id="drop by drop"),
]


@pytest.mark.parametrize(("behave", "says"), ANSWERS)
async def test_a_bad_answer_ends_its_request_in_one_line(behave: Behaviour, says: str) -> None:
    """To a read and to a write; of the write nobody knows whether it took effect."""
    async with serving(behave) as url:
        twilio = Transport(CREDENTIALS, endpoint=url, limits=SMALL, policy=RetryPolicy(attempts=1))
        async with twilio:
            with pytest.raises(UnreachableError, match=says) as read:
                await twilio.request("GET", "taskrouter", "/v1/Workers")
            with pytest.raises(LostAnswerError, match=says) as written:
                await twilio.request("POST", "taskrouter", "/v1/Workers", json={})
    assert "GET /v1/Workers" in read.value.message
    assert str(written.value).count("POST /v1/Workers") == 1
    assert "\n" not in read.value.message + str(written.value)


@pytest.mark.parametrize(("behave", "says"), ANSWERS)
async def test_auth0_is_held_to_the_same_limits(behave: Behaviour, says: str) -> None:
    async with serving(behave) as url:
        tenant = Tenant("acme.eu.auth0.com", url, token="a-token")
        async with Auth0Transport(tenant, read_only=True, limits=SMALL, policy=RetryPolicy(attempts=1)) as auth0:
            with pytest.raises(UnreachableError, match=rf"{says}.* \(GET /api/v2/clients\)"):
                await auth0.request("GET", "/clients")
            with pytest.raises(UnreachableError, match="export"):
                await auth0.download(f"{url}/users.json", largest=MEGABYTE)


@pytest.mark.parametrize(("behave", "says"), ANSWERS)
async def test_so_are_strangers_before_sign_in(behave: Behaviour, says: str) -> None:
    async with serving(behave) as url, Anonymous(endpoint=url, seconds=0.1) as anonymous:
        with pytest.raises(NotSeen) as caught:
            await anonymous.get(f"{url}/login")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("behave", "says"), ANSWERS)
async def test_so_is_whoever_listens_at_a_webhook(behave: Behaviour, says: str) -> None:
    async with serving(behave) as url:
        with pytest.raises(NotDeliveredError, match=r"http://127\.0\.0\.1/… did not take the message"):
            await post(webhook(url + "/s3cr3t"), {"text": "x"}, timing=FakeTime().timing(), limits=SMALL)


@pytest.mark.parametrize("behave", [case.values[0] for case in ANSWERS], ids=[case.id for case in ANSWERS])
def test_so_is_the_address_of_metadata(behave: Behaviour) -> None:
    """Metadata is read outside of any event loop, so its server has a thread to itself."""

    async def fetch() -> None:
        async with serving(behave) as url:
            await asyncio.to_thread(read_source, f"{url}/metadata", SMALL)

    with pytest.raises(FlexresError) as caught:
        asyncio.run(fetch())
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("device", ["/dev/zero", "pipe"])
def test_a_device_or_a_pipe_is_no_metadata_file(device: str, tmp_path: Path) -> None:
    """Neither ends by itself, and opening a pipe would wait for somebody to write."""
    if device == "pipe":
        device = str(tmp_path / "pipe")
        os.mkfifo(device)
    with pytest.raises(SetupError, match="is no file"):
        read_source(device)


def test_a_large_file_is_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "large.xml").write_bytes(bytes(3 * MEGABYTE))
    with pytest.raises(SetupError, match="has more than 2 MB"):
        read_source(str(tmp_path / "large.xml"))


def test_unpacking_never_holds_more_than_the_limit() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            gunzip(BOMB, MEGABYTE)
        assert tracemalloc.get_traced_memory()[1] < 4 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_file_may_have_several_members() -> None:
    """Tools that append write such files."""
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 10) == b"ab"
    assert gunzip(gzip.compress(b"0123456789"), 10) == b"0123456789"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x1f\x8b", gzip.compress(b"a")[:-1], gzip.compress(b"a") + b"?"],
    ids=["empty", "head", "cut", "more"],
)
def test_a_damaged_file_is_told(data: bytes) -> None:
    with pytest.raises(DamagedError):
        gunzip(data, 10)


async def test_a_list_without_an_end_is_given_up() -> None:
    """Every page names another one; each has a token of its own."""
    numbers = itertools.count()

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(200, page("users", [1], f"https://x/?PageToken={next(numbers)}"))

    async with transport(handler, limits=Limits(pages=7)) as opened:
        with pytest.raises(TwilioError, match="still names a next page of users after 7 pages"):
            async for _ in pages(opened, "flex-api", "/v1/list", key="users"):
                pass
        assert opened.sent == 7


async def test_a_list_that_takes_for_ever_is_given_up() -> None:
    time, numbers = FakeTime(), itertools.count()

    def handler(request: httpx.Request) -> httpx.Response:
        time.now += 30
        return answer(200, page("users", [1], f"https://x/?PageToken={next(numbers)}"))

    async with transport(handler, time=time, limits=Limits(listing=100.0)) as opened:
        with pytest.raises(TwilioError, match="after 100 s"):
            async for _ in pages(opened, "flex-api", "/v1/list", key="users"):
                pass


@pytest.mark.parametrize(
    "following", ["https://[", "//[::1", "https://x/?PageToken=1&Page=1", "https://y/z?Page=1&PageToken=1"]
)
async def test_a_next_page_that_is_no_url_or_was_read_is_an_error(following: str) -> None:
    """The same page is the same however its URL is written."""

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(200, page("users", [1], following))

    async with transport(handler) as opened:
        with pytest.raises(TwilioError, match="names a next page"):
            async for _ in pages(opened, "flex-api", "/v1/list", key="users"):
                pass
        assert opened.sent <= 2


@pytest.mark.parametrize("same", [True, False])
async def test_a_list_of_auth0_without_an_end_is_given_up(same: bool) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        number = 0 if same else int(request.url.params["page"])
        return httpx.Response(200, json={"actions": [{"id": f"{number}"}], "total": 10**9})

    tenant = Tenant("acme.eu.auth0.com", "https://acme.eu.auth0.com", token="a-token")
    wire = httpx.MockTransport(handler)
    async with Auth0Transport(tenant, read_only=True, limits=Limits(pages=9), wire=wire) as auth0:
        with pytest.raises(Auth0Error, match="is the one before it" if same else "after 9 pages"):
            await Auth0(auth0).actions()
        assert auth0.sent == (2 if same else 9)
