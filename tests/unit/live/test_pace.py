"""A polite neighbour: never more than a share of each resource's rate, with time that passes only by sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flexres.live.http.limits import Rate, Rates, number

from .fake import FakeTime, answer, transport

WORKERS = "/v1/Workspaces/WS" + "0" * 32 + "/Workers"


class Meter:
    """Answers with these headers, and notes when each request came."""

    def __init__(self, time: FakeTime, **headers: str) -> None:
        self.time = time
        self.headers = headers
        self.came: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.came.append(self.time.now)
        return answer(200, {}, **self.headers)


async def send(meter: Callable[[httpx.Request], Any], time: FakeTime, count: int, **options: Any) -> None:
    """So many requests at once, as an apply of many users sends them."""
    path, params = options.pop("path", WORKERS), options.pop("params", None)
    service = options.pop("service", "taskrouter")
    async with transport(meter, time=time, **options) as opened:
        await asyncio.gather(*(opened.request("GET", service, path, params=params) for _ in range(count)))
        assert opened.held_back == 0


def most_in_a_second(came: list[float]) -> int:
    return max(sum(start <= other < start + 1 for other in came) for start in came)


@pytest.mark.parametrize(("share", "most"), [(0.5, 10), (0.25, 5), (1.0, 20)])
async def test_a_share_of_what_the_answers_allow_is_used_and_evenly(share: float, most: int) -> None:
    time = FakeTime()
    meter = Meter(time, X_Rate_Limit_Limit="20", X_Rate_Limit_Remaining="15")
    await send(meter, time, 100, share=share)
    assert most_in_a_second(meter.came) <= most + 1  # both ends of a second
    assert meter.came[-1] == pytest.approx(99 / most, rel=0.02)


async def test_one_request_goes_alone_until_the_limit_is_known() -> None:
    """Otherwise the first sixteen would be a burst that the contact centre pays for."""
    events: list[str] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        events.append("sent")
        await asyncio.sleep(0)
        events.append("answered")
        return answer(200, {}, X_Rate_Limit_Limit="1000")

    await send(handler, FakeTime(), 30, max_connections=16)
    assert events[:2] == ["sent", "answered"]
    assert events.count("sent") == 30


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Rate_Limit_Remaining": "0"},
        {"X_Rate_Limit_Limit": "many"},
        {"X_Rate_Limit_Limit": "0"},
        {"X_Rate_Limit_Limit": "-5"},
        {"X_Rate_Limit_Limit": "1e9"},
        {"X_Rate_Limit_Limit": "9" * 40},
        {"X_Rate_Limit_Config": "Worker-Fetch;w=1"},
    ],
)
async def test_headers_that_are_missing_or_cannot_be_read_change_nothing(headers: dict[str, str]) -> None:
    time = FakeTime()
    meter = Meter(time, **headers)
    await send(meter, time, 50)
    assert (len(meter.came), time.slept) == (50, [])


@pytest.mark.parametrize("name", ["TargetWorkersExpression", "EvaluateWorkerAttributes"])
async def test_expressions_keep_to_their_documented_rate_from_the_first_request_on(name: str) -> None:
    """Three requests a second are documented: half of that is one every two thirds of a second."""
    time = FakeTime()
    meter = Meter(time)
    await send(meter, time, 10, params={name: "routing.skills HAS 'a'"})
    assert meter.came == pytest.approx([place * 2 / 3 for place in range(10)])


async def test_where_little_is_left_a_second_passes() -> None:
    """Somebody else needs it now, whatever our share would be."""
    time = FakeTime()
    meter = Meter(time, X_Rate_Limit_Limit="100", X_Rate_Limit_Remaining="3")
    await send(meter, time, 4)
    assert meter.came == pytest.approx([0, 1, 2, 3])


async def test_each_resource_key_has_its_own_rate_whoever_it_is_about() -> None:
    rates = Rates(FakeTime().timing())
    one, other = (f"{WORKERS}/WK{letter * 32}" for letter in "ab")
    assert rates.of("GET", one) is rates.of("GET", other)
    different = [
        rates.of("GET", one),
        rates.of("POST", one),
        rates.of("GET", WORKERS),
        rates.of("GET", f"{one}/Channels"),
        rates.of("GET", WORKERS, [("TargetWorkersExpression", "1 == 1")]),
    ]
    assert len({id(rate) for rate in different}) == 5


async def test_what_waits_for_a_rate_keeps_nobody_else_waiting() -> None:
    """With one connection, a request of another kind goes on meanwhile; and it shows how many wait."""
    order: list[str] = []
    seen: list[int] = []

    class Sleeper(FakeTime):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            seen.append(opened.held_back)
            if len(self.slept) == 1:
                await opened.request("GET", "flex-api", "/other")

    def handler(request: httpx.Request) -> httpx.Response:
        order.append(request.url.path)
        return answer(200, {}, X_Rate_Limit_Limit="2")

    async with transport(handler, time=Sleeper(), max_connections=1) as opened:
        await asyncio.gather(*(opened.request("GET", "taskrouter", "/slow") for _ in range(3)))
    assert order == ["/slow", "/other", "/slow", "/slow"]
    assert seen[0] >= 1


async def test_flex_users_are_not_paced() -> None:
    """Flex limits concurrency: only TaskRouter tells rates."""
    time = FakeTime()
    meter = Meter(time, X_Rate_Limit_Limit="1")
    await send(meter, time, 20, service="flex-api")
    assert time.slept == []


async def test_a_rate_that_changes_is_followed() -> None:
    time = FakeTime()
    rate = Rate(time.timing(), 0.5)
    rate.learn({"x-rate-limit-limit": "2"})
    await rate.turn()
    await rate.turn()
    rate.learn({"x-rate-limit-limit": "200"})
    await rate.turn()
    await rate.turn()
    assert time.slept == pytest.approx([1.0, 1.0, 1.0, 0.01])


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("0", 0), (None, None), ("", None), ("٣", None), ("1.5", None), ("-1", None)]
)
def test_a_number_is_one_or_none(text: str | None, value: int | None) -> None:
    assert number(text) == value
