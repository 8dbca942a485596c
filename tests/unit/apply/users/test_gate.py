"""The gate before Provision on existing users: the first goes alone, and shows whether the others may."""

from __future__ import annotations

import asyncio

import pytest

from flexres.apply.users.context import ProvisionGate
from flexres.errors import FlexresError


async def test_the_first_goes_alone_and_the_others_side_by_side() -> None:
    """Nobody knows yet what it does to attributes."""
    gate, running, most = ProvisionGate(), 0, []

    async def provision() -> None:
        nonlocal running
        async with gate.turn():
            running += 1
            most.append(running)
            for _ in range(20):
                await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(provision() for _ in range(5)))
    assert most[0] == 1
    assert max(most) == 4


async def test_after_a_loss_nobody_gets_a_turn() -> None:
    """Those who wait for the first, too, and with whom it was."""
    gate = ProvisionGate()
    begun = asyncio.Event()

    async def first() -> None:
        async with gate.turn():
            begun.set()
            await asyncio.sleep(0)
            gate.lost("ana@example.com")

    async def second() -> None:
        await begun.wait()
        async with gate.turn():
            pytest.fail("it got a turn")

    results = await asyncio.gather(first(), second(), return_exceptions=True)
    assert isinstance(results[1], FlexresError)
    assert "ana@example.com" in results[1].message


async def test_a_first_that_failed_has_shown_nothing() -> None:
    """The next one goes alone again."""
    gate = ProvisionGate()
    with pytest.raises(FlexresError):
        async with gate.turn():
            raise FlexresError("refused")
    inside: list[int] = []

    async def provision() -> None:
        async with gate.turn():
            inside.append(len(inside))
            await asyncio.sleep(0)

    await asyncio.gather(provision(), provision())
    assert inside == [0, 1]
