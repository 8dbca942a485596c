"""Many small things side by side."""

from __future__ import annotations

import asyncio

import pytest

from flexres.live.http.retrying import WIDTH, each, together


async def test_results_come_in_the_items_order() -> None:
    async def double(number: int) -> int:
        for _ in range(number % 3):
            await asyncio.sleep(0)
        return number * 2

    assert await each(double, range(50)) == [number * 2 for number in range(50)]
    assert await each(double, []) == []


async def test_not_all_items_are_under_way_at_once() -> None:
    under_way = most = 0

    async def watch(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await each(watch, range(WIDTH * 3))
    assert most == WIDTH


async def test_the_first_failure_is_raised_as_it_is_and_cancels_the_rest() -> None:
    cancelled = 0

    async def work(number: int) -> None:
        nonlocal cancelled
        if number == 3:
            raise ValueError("three")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    with pytest.raises(ValueError, match="three") as caught:
        await each(work, range(6))
    assert not isinstance(caught.value, BaseExceptionGroup)
    assert cancelled == 5


async def test_being_cancelled_cancels_all() -> None:
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    running = asyncio.create_task(together(wait("a"), wait("b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(ended) == ["a", "b"]
