"""When lists by expression are believed: never where they could be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from flexres.errors import NotFoundError
from flexres.live.model import ChannelSettings, WorkerChannel
from flexres.live.taskrouter import capacities
from flexres.live.taskrouter.capacities import FEW, confirmed

EVERYBODY = [f"WK{number:03}" for number in range(FEW)]
VOICE = {"voice": ChannelSettings(available=True, capacity=1)}


@dataclass
class Workspace:
    """Workers with a voice channel each; `lists` is what a server makes of an expression."""

    lists: Callable[[str], list[str]]
    capacity: int = 1
    asked: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    async def matching(self, expression: str) -> frozenset[str]:
        self.asked.append(expression)
        return frozenset(self.lists(expression))

    async def channels(self, sid: str) -> dict[str, WorkerChannel]:
        self.read.append(sid)
        if sid not in EVERYBODY:
            raise NotFoundError("gone", status=404, request="GET")
        return {"voice": WorkerChannel("WC1", "voice", available=False, capacity=self.capacity)}


def as_documented(expression: str) -> list[str]:
    return EVERYBODY if expression == "worker.channel.voice.configured_capacity == 1" else []


def known(
    workspace: Workspace, settings: dict[str, ChannelSettings] | None = None
) -> dict[str, dict[str, WorkerChannel]]:
    expected = dict.fromkeys(EVERYBODY, VOICE if settings is None else settings)
    return asyncio.run(confirmed(workspace, expected))  # type: ignore[arg-type]  # two of its methods are enough


def test_who_is_listed_has_the_capacity_and_samples_are_read_whole() -> None:
    workspace = Workspace(as_documented)
    found = known(workspace)
    assert found.keys() == set(EVERYBODY)
    assert len(workspace.read) <= capacities.SAMPLES + 1
    assert {found[sid]["voice"].available for sid in workspace.read} == {False}
    assert {found[sid]["voice"].sid for sid in EVERYBODY if sid not in workspace.read} == {""}


def test_who_is_not_listed_is_not_known() -> None:
    found = known(Workspace(lambda text: [sid for sid in as_documented(text) if sid != "WK007"]))
    assert set(EVERYBODY) - found.keys() == {"WK007"}


@pytest.mark.parametrize(
    "workspace",
    [
        pytest.param(Workspace(lambda _: EVERYBODY), id="expressions are passed over"),
        pytest.param(Workspace(as_documented, capacity=2), id="samples are otherwise"),
    ],
)
def test_a_server_that_says_what_cannot_be_is_not_believed(workspace: Workspace) -> None:
    assert known(workspace) == {}


def test_a_name_that_the_language_has_no_word_for_is_not_asked() -> None:
    workspace = Workspace(as_documented)
    assert known(workspace, {"video-chat": ChannelSettings(capacity=1)}) == {}
    assert workspace.asked == []


def test_a_channel_without_a_declared_capacity_only_has_to_be_there() -> None:
    workspace = Workspace(lambda text: EVERYBODY if text.endswith(">= 0") else [])
    found = known(workspace, {"voice": ChannelSettings(available=True)})
    assert found["WK050"]["voice"].capacity in {None, 1}
