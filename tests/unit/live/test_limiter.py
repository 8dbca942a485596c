"""How many requests are under way at once, and what 429s do to that."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.live.http.limits import Limiter


async def turns(count: int = 3) -> None:
    """Let everything that can run, run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def run_against(limiter: Limiter, capacity: int, tasks: int, turns_each: list[int]) -> tuple[int, int]:
    """Send so many requests to a server that answers 429 above its capacity; the peak and the number of 429s."""
    peak = throttled = 0

    async def request(number: int) -> None:
        nonlocal peak, throttled
        while True:
            async with limiter.slot() as slot:
                assert limiter.in_flight <= limiter.ceiling
                peak = max(peak, limiter.in_flight)
                too_many = limiter.in_flight > capacity
                await turns(turns_each[number % len(turns_each)])
                if not too_many:
                    slot.went_well()
                    return
                slot.was_throttled()
                throttled += 1
            await turns()

    async with asyncio.timeout(10):
        await asyncio.gather(*(request(number) for number in range(tasks)))
    return peak, throttled


@given(
    ceiling=st.integers(1, 20),
    capacity=st.integers(1, 20),
    tasks=st.integers(1, 60),
    turns_each=st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
def test_never_above_the_ceiling_and_never_stuck(
    ceiling: int, capacity: int, tasks: int, turns_each: list[int]
) -> None:
    """Whatever the server takes, all requests get through, and no place is lost or doubled."""
    limiter = Limiter(ceiling)
    peak, _ = asyncio.run(run_against(limiter, capacity, tasks, turns_each))
    assert peak <= ceiling
    assert limiter.in_flight == 0
    assert 1 <= limiter.limit <= ceiling


@given(
    ceiling=st.integers(1, 6),
    tasks=st.integers(1, 30),
    cancelled=st.sets(st.integers(0, 29)),
    delays=st.lists(st.integers(0, 6), min_size=1, max_size=6),
)
def test_cancelling_anybody_at_any_time_loses_no_place(
    ceiling: int, tasks: int, cancelled: set[int], delays: list[int]
) -> None:
    """Waiting, just admitted or under way: whoever is cancelled gives their place to the next."""
    limiter = Limiter(ceiling)
    done: list[int] = []

    async def hold(number: int) -> None:
        async with limiter.slot():
            await turns(2)
            done.append(number)

    async def scenario() -> None:
        running = [asyncio.create_task(hold(number)) for number in range(tasks)]
        for order, number in enumerate(sorted(cancelled)):
            await turns(delays[order % len(delays)])
            if number < tasks:
                running[number].cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(scenario())
    assert limiter.in_flight == 0
    assert set(range(tasks)) - cancelled <= set(done)


@given(ceiling=st.integers(1, 64), throttles=st.integers(0, 10))
def test_the_limit_recovers(ceiling: int, throttles: int) -> None:
    """After any number of 429s, enough requests that go well bring the limit back to the ceiling."""

    async def scenario() -> int:
        limiter = Limiter(ceiling)
        for _ in range(throttles):
            async with limiter.slot() as slot:
                slot.was_throttled()
        for _ in range(ceiling * ceiling + 1):
            async with limiter.slot() as slot:
                slot.went_well()
        return limiter.limit

    assert asyncio.run(scenario()) == ceiling


async def test_many_429s_of_one_round_halve_the_limit_once() -> None:
    """Sixteen requests that were under way together say one thing, not sixteen."""
    limiter = Limiter(16)
    slots = [limiter.slot() for _ in range(16)]
    for slot in slots:
        await slot.__aenter__()
    for slot in slots:
        slot.was_throttled()
        await slot.__aexit__(None, None, None)
    assert limiter.limit == 8


async def test_a_429_of_the_next_round_halves_it_again() -> None:
    limiter = Limiter(16)
    for _ in range(2):
        async with limiter.slot() as slot:
            slot.was_throttled()
    assert limiter.limit == 4


async def test_the_limit_grows_by_one_a_window() -> None:
    """Additive increase: as many good answers as the limit is wide widen it by about one."""
    limiter = Limiter(16)
    async with limiter.slot() as slot:
        slot.was_throttled()
    for _ in range(9):
        async with limiter.slot() as slot:
            slot.went_well()
    assert limiter.limit == 9


async def test_good_answers_from_before_a_429_do_not_widen_the_limit() -> None:
    limiter = Limiter(4)
    early = limiter.slot()
    await early.__aenter__()
    async with limiter.slot() as slot:
        slot.was_throttled()
    for _ in range(20):
        early.went_well()
    assert limiter.limit == 2


async def test_first_come_first_served() -> None:
    """Nobody overtakes, not even one who comes just when a place is free."""
    limiter = Limiter(1)
    order: list[int] = []

    async def take(number: int) -> None:
        async with limiter.slot():
            order.append(number)
            await turns(1)

    await asyncio.gather(*(take(number) for number in range(10)))
    assert order == list(range(10))


async def test_one_who_was_cancelled_just_when_admitted_passes_the_place_on() -> None:
    limiter = Limiter(1)
    holder = limiter.slot()
    await holder.__aenter__()
    waiting = asyncio.create_task(limiter.slot().__aenter__())
    await turns()
    await holder.__aexit__(None, None, None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert limiter.in_flight == 0
    async with asyncio.timeout(1), limiter.slot():
        pass


async def test_a_failing_request_gives_its_place_back() -> None:
    limiter = Limiter(1)
    with pytest.raises(ValueError, match="broken"):
        async with limiter.slot():
            raise ValueError("broken")
    assert limiter.in_flight == 0
