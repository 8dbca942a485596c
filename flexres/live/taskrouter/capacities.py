"""The capacities of many Workers by a few requests: TaskRouter lists those who have them, a thousand a page.

Nobody is believed to have a capacity because a list lacks them: a list proves presence only. And the lists themselves
are believed only after what nobody can have gave nobody, and a few Workers, read one by one, had what the list said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from flexres.errors import FlexresError, NotFoundError
from flexres.live.http.retrying import each
from flexres.live.model import ChannelSettings, WorkerChannel
from flexres.live.taskrouter.workers import Workers

FEW: Final = 100
"""Fewer Workers with the same capacities are read one by one: expressions may be asked three times a second alone."""

SAMPLES: Final = 5
"""Of each list so many Workers are read one by one, too."""

_LARGEST: Final = 50
"""No channel takes more tasks (https://www.twilio.com/docs/taskrouter/api/worker-channel)."""

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

Settings = Mapping[str, ChannelSettings]
Channels = dict[str, WorkerChannel]


async def confirmed(workers: Workers, expected: Mapping[str, Settings]) -> dict[str, Channels]:
    """Of those expected (by the Worker's SID) to have such channels, the ones of whom a list says that they have.

    Of these the capacity is known, and nothing else was looked at: a channel without a SID says so. Who was read as
    a sample has all channels as they are.
    """
    groups: dict[str, list[str]] = {}
    for sid, settings in expected.items():
        text = _expression(settings)
        if text:
            groups.setdefault(text, []).append(sid)
    large = {text: sids for text, sids in groups.items() if len(sids) >= FEW}
    if not large:
        return {}
    try:
        if await workers.matching(_beyond(expected[next(iter(large.values()))[0]])):
            return {}
        listed = [sid for text, sids in large.items() for sid in await _listed(workers, text, sids)]
        samples = await _samples(workers, expected, listed)
    except FlexresError:  # a way that Twilio refuses is no way: each Worker is read by itself
        return {}
    if samples is None:
        return {}
    return {sid: _as_expected(expected[sid]) for sid in listed} | samples


def _expression(settings: Settings) -> str:
    """Who has these capacities; empty where a channel's name is no word of the language, which has no hyphens."""
    if not settings or not all(map(_WORD.fullmatch, settings)):
        return ""
    return " AND ".join(_term(name, settings[name].capacity) for name in sorted(settings))


def _term(name: str, capacity: int | None) -> str:
    key = f"worker.channel.{name}.configured_capacity"
    return f"{key} >= 0" if capacity is None else f"{key} == {capacity}"


def _beyond(settings: Settings) -> str:
    """What nobody has: a server that passes over expressions lists everybody."""
    return f"worker.channel.{min(settings)}.configured_capacity > {_LARGEST}"


async def _listed(workers: Workers, text: str, sids: Sequence[str]) -> list[str]:
    found = await workers.matching(text)
    return [sid for sid in sids if sid in found]


async def _samples(
    workers: Workers, expected: Mapping[str, Settings], listed: Sequence[str]
) -> dict[str, Channels] | None:
    """A few of those listed, evenly spread, as they are; None where one has other capacities than the list says."""
    spread = listed[:: max(1, len(listed) // SAMPLES)][: SAMPLES + 1]

    async def read(sid: str) -> tuple[str, Channels]:
        try:
            return sid, await workers.channels(sid)
        except NotFoundError:
            return sid, {}

    found = dict(await each(read, spread))
    agree = all(_agrees(found[sid], expected[sid]) for sid in spread)
    return found if agree else None


def _agrees(channels: Channels, settings: Settings) -> bool:
    return all(
        name in channels and setting.capacity in (None, channels[name].capacity) for name, setting in settings.items()
    )


def _as_expected(settings: Settings) -> Channels:
    return {
        name: WorkerChannel("", name, setting.available, setting.capacity, assigned_tasks=0)
        for name, setting in settings.items()
    }
