"""Lists of many pages, and where the next page is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.errors import TwilioError
from flexres.live.http.transport import pages

from .fake import Script, answer, page, transport


async def read(script: Script) -> list[Any]:
    async with transport(script) as opened:
        return [item async for _, items in pages(opened, "flex-api", "/v1/list", key="users") for item in items]


async def test_pages_are_read_to_the_end() -> None:
    script = Script(
        answer(200, page("users", [1, 2], "https://flex-api.twilio.com/v1/list?PageSize=1000&PageToken=a%2Bb")),
        answer(200, page("users", [3], "https://flex-api.twilio.com/v1/list?PageSize=1000&PageToken=c")),
        answer(200, page("users", [4])),
    )
    assert await read(script) == [1, 2, 3, 4]
    assert [request.url.params.get("PageToken") for request in script.requests] == [None, "a+b", "c"]
    assert {request.url.params["PageSize"] for request in script.requests} == {"1000"}


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/steal?PageToken=2",
        "http://flex-api.twilio.com/v1/list?PageToken=2",
        "//evil.example/?PageToken=2",
        "/v2/other?PageToken=2",
        "?PageToken=2",
        "https://user:pass@evil.example/v1/list?PageToken=2#x",
    ],
)
async def test_a_next_page_elsewhere_is_asked_of_our_own_service(following: str) -> None:
    """Credentials go to Twilio's host alone, whatever an answer says."""
    script = Script(answer(200, page("users", [1], following)), answer(200, page("users", [2])))
    assert await read(script) == [1, 2]
    assert str(script.requests[1].url) == "https://flex-api.twilio.com/v1/list?PageToken=2"


async def test_pages_that_go_in_a_circle_end_in_an_error() -> None:
    script = Script(answer(200, page("users", [1], "https://x/?PageToken=same")))
    with pytest.raises(TwilioError, match="leads back"):
        await read(script)
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "body", [{}, {"users": None, "meta": {}}, {"users": []}, {"users": {}, "meta": {}}, {"users": [], "meta": []}, []]
)
async def test_what_is_no_page_is_an_error(body: Any) -> None:
    with pytest.raises(TwilioError, match="Twilio's answer"):
        await read(Script(answer(200, body)))


async def test_a_next_page_without_a_query_is_an_error() -> None:
    with pytest.raises(TwilioError, match="leads back"):
        await read(Script(answer(200, page("users", [1], "https://x/y"))))
