"""What Flex has is read once for a provider process, and what could not be read is asked for once as well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from flexres.errors import UnreachableError
from flexres.live.model import Snapshot
from flexres.resources.reading import CROWD, Once, Reading
from flexres.session import Session
from tests.unit.reconcile import builders


@dataclass
class Flex:
    """A session of which a snapshot is asked, and how often it was."""

    snapshot_is: Snapshot | None
    asked: int = 0
    users: Any = field(default=None)

    async def snapshot(self, *, routing: bool, every_channel: bool) -> Snapshot:
        self.asked += 1
        await asyncio.sleep(0)
        if self.snapshot_is is None:
            raise UnreachableError("Twilio cannot be reached")
        return self.snapshot_is


def reading(flex: Flex) -> Reading:
    return Reading(cast(Session, flex))


def anybody(names: Iterable[str]) -> Snapshot:
    return builders.snapshot(*(builders.applied(builders.person(name)) for name in names))


async def test_a_crowd_is_answered_from_one_snapshot() -> None:
    """Whoever asks, and however many at once."""
    names = [f"u{number}@example.com" for number in range(CROWD * 3)]
    flex = Flex(anybody(names))
    it = reading(flex)
    found = await asyncio.gather(*(it.user(name) for name in names))
    assert [live.user.username for live in found if live] == names
    assert flex.asked == 1


async def test_an_unreachable_flex_is_asked_once() -> None:
    """The first waited as long as it takes; sixty others have its answer at once."""
    flex = Flex(None)
    it = reading(flex)
    for _ in range(2):
        said = await asyncio.gather(*(it.user(f"u{n}") for n in range(60)), return_exceptions=True)
        assert {str(one) for one in said} == {"Twilio cannot be reached"}
    with pytest.raises(UnreachableError):
        await it.snapshot()
    assert flex.asked == 1


async def test_whoever_stops_waiting_stops_the_work_for_nobody_else() -> None:
    """A call may end before what it waits for."""
    go = asyncio.Event()

    async def work() -> int:
        await go.wait()
        return 7

    once = Once(work)
    impatient = asyncio.ensure_future(once.get())
    await asyncio.sleep(0)
    impatient.cancel()
    go.set()
    assert await once.get() == 7
