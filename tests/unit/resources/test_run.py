"""One stack's run in the provider process: what its resources may do, and what is told of what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flexres.apply.outcome import Result
from flexres.apply.pulumi.channel import VARIABLE, Receiver, Sender
from flexres.desired.model import DesiredUser
from flexres.desired.revision import Revision
from flexres.errors import (
    FlexresError,
    RefusedError,
    SetupError,
    TwilioError,
    UnavailableError,
    UnreachableError,
)
from flexres.live.model import Instance, LiveUser, Snapshot
from flexres.reconcile.change import About
from flexres.reconcile.context import Wanted
from flexres.reconcile.marker import Marker
from flexres.resources.departures import DeparturesProvider
from flexres.resources.messages import NotDoneError, Teller
from flexres.resources.roster import RosterProvider
from flexres.resources.run import Run
from flexres.resources.settings import Settings
from flexres.session import Session
from tests.unit.apply.users.flex import Flex
from tests.unit.reconcile import builders
from tests.unit.reconcile.builders import ANA, BEN, CHO, applied, in_flex, person

STACK = "prod"
DAN = "dan@example.com"
BROKEN = TwilioError("broken", request="POST", status=500, request_id="RQ1")


@dataclass
class Stack:
    """A session over a Flex of dictionaries."""

    wanted: Wanted
    live: list[LiveUser]
    flex: Flex
    provider: None = None
    in_force: None = None
    sent: int = 7
    stack: Any = field(default=None)

    def __post_init__(self) -> None:
        config = SimpleNamespace(policy=SimpleNamespace(approved=()), resources="user")
        self.stack = SimpleNamespace(
            name=STACK, config=config, users=self.wanted.users, position=lambda *_: None, line_of=lambda _: None
        )

    @property
    def users(self) -> Flex:
        return self.flex

    @property
    def transport(self) -> Any:
        """What asks only what time it is, and how many may go at once."""
        timing, limiter = SimpleNamespace(monotonic=lambda: 0.0), SimpleNamespace(ceiling=4)
        return SimpleNamespace(timing=timing, limiter=limiter, sent=self.sent)

    def workers(self, _instance: Instance) -> Flex:
        return self.flex

    async def snapshot(self, *, routing: bool, every_channel: bool) -> Snapshot:
        return builders.snapshot(*self.live)

    async def at_idp(self) -> None:
        return None

    async def sign_on(self) -> None:
        return None


class Started:
    """A run, and what it told."""

    def __init__(
        self,
        folder: Path,
        declared: Iterable[DesiredUser],
        live: Iterable[LiveUser],
        *,
        dirty: bool = False,
        destroy: str = "",
        **policy: Any,
    ) -> None:
        path = folder / "outcomes.jsonl"
        path.touch()
        found = list(live)
        self.flex, self.journal = Flex(*found), folder / "journal.jsonl"
        users = {user.username: user for user in declared}
        stack = Stack(Wanted(STACK, builders.config(**policy), users, commit_time=0, dirty=dirty), found, self.flex)
        settings = Settings(stacks=folder / "stacks", journal=self.journal, destroy=destroy)
        revision = Revision(folder, None, None)
        self.run = Run(cast(Session, stack), revision, settings, Teller(None), Sender({VARIABLE: str(path)}))
        self._receiver = Receiver(path, STACK)

    @property
    def told(self) -> dict[str, Result]:
        """Username → what was told of them."""
        self._receiver.receive()
        return {name: one.result for (about, name), one in self._receiver.outcomes.items() if about is About.USER}


def agents(*names: str) -> list[LiveUser]:
    return [applied(person(name)) for name in names]


async def test_what_is_done_is_written_journalled_and_told(tmp_path: Path) -> None:
    it = Started(tmp_path, [person()], [])
    await it.run.make_so(ANA)
    assert it.told == {ANA: Result.DONE}
    lines = [json.loads(line) for line in it.journal.read_text().splitlines()]
    assert [(line["event"], line.get("result")) for line in lines] == [("begin", None), ("outcome", "done")]
    assert it.flex.said == [f"provision {ANA}"]


async def test_who_is_as_declared_is_not_written(tmp_path: Path) -> None:
    it = Started(tmp_path, [person()], agents(ANA))
    assert await it.run.any_pending([ANA]) is False
    await it.run.make_so(ANA)
    assert (it.flex.said, it.told) == ([], {})


async def test_who_fails_is_told_and_stops_nobody(tmp_path: Path) -> None:
    it = Started(tmp_path, [person(), person(BEN)], [])
    it.flex.will("provision", BROKEN)
    with pytest.raises(NotDoneError, match=f"{ANA}: broken"):
        await it.run.make_so(ANA)
    await it.run.make_so(BEN)
    assert it.told == {ANA: Result.FAILED, BEN: Result.DONE}


@pytest.mark.parametrize("error", [UnreachableError("no network"), UnavailableError("no network", request="POST")])
async def test_once_nobody_got_through_nobody_else_is_begun_with(tmp_path: Path, error: FlexresError) -> None:
    """One user's answers may break off for a reason of their own; three in a row are everybody's."""
    names = (ANA, BEN, CHO, DAN)
    it = Started(tmp_path, [person(name) for name in names], [])
    it.flex.will("provision", *[error] * 3)
    for name in names:
        with pytest.raises(NotDoneError, match="no network"):
            await it.run.make_so(name)
    assert it.told == {**dict.fromkeys(names[:3], Result.FAILED), DAN: Result.NOT_STARTED}
    assert it.flex.said == [f"provision {name} !" for name in names[:3]]


async def test_a_journal_that_breaks_stops_the_run(tmp_path: Path) -> None:
    """What nobody can look up later is not begun."""
    it = Started(tmp_path, [person(), person(BEN)], [])
    it.journal.symlink_to("/dev/full")
    for name in (ANA, BEN):
        with pytest.raises(NotDoneError, match="journal"):
            await it.run.make_so(name)
    assert it.flex.said == []


async def test_a_pipeline_does_not_write_what_no_commit_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview shows it all the same; whoever is told goes on."""
    monkeypatch.setenv("CI", "true")
    it = Started(tmp_path, [person()], [], dirty=True)
    assert (await it.run.allowed()).changes.keys() == {ANA}
    with pytest.raises(SetupError, match="uncommitted"):
        await it.run.make_so(ANA)
    assert it.flex.said == []
    monkeypatch.setenv("CI", "0")
    (tmp_path / "told").mkdir()
    told = Started(tmp_path / "told", [person()], [], dirty=True)
    await told.run.make_so(ANA)
    assert told.told == {ANA: Result.DONE}


async def test_a_refused_plan_lets_nothing_be_done(tmp_path: Path) -> None:
    """Neither by a user's resource, nor by their end, nor by those who leave without one."""
    it = Started(tmp_path, [person(BEN)], agents(ANA), protected=(ANA,))
    for attempt in (it.run.allowed(), it.run.make_so(BEN), it.run.retire(ANA), it.run.retire_forgotten()):
        with pytest.raises(RefusedError, match="protected"):
            await attempt
    assert it.flex.said == []


async def test_whose_resource_ends_leaves_once(tmp_path: Path) -> None:
    it = Started(tmp_path, [], agents(ANA))
    await it.run.allowed()
    await it.run.retire(ANA)
    await it.run.retire(ANA)
    assert it.flex.said == [f"deprovision {ANA}"]


async def test_whoever_is_declared_survives_the_end_of_a_resource(tmp_path: Path) -> None:
    """It was renamed in the state, by hand or by another program."""
    it = Started(tmp_path, [person()], agents(ANA))
    await it.run.allowed()
    await it.run.retire(ANA)
    assert it.flex.said == []


async def test_a_destroy_without_a_word_is_refused(tmp_path: Path) -> None:
    it = Started(tmp_path, [person()], agents(ANA))
    with pytest.raises(RefusedError, match=r"no roster of .* was checked"):
        await it.run.retire(ANA)
    assert it.flex.said == []


async def test_the_end_of_a_destroy_retires_who_had_no_resource_and_nobody_twice(tmp_path: Path) -> None:
    """Whom the state forgot is ours by the marker; whoever has none, or another stack's, is left alone."""
    foreign = applied(person(CHO), marker=Marker("other1", 0))
    it = Started(tmp_path, [person()], [*agents(ANA, BEN), foreign, in_flex(DAN)], destroy=STACK)
    await it.run.retire(ANA)
    await RosterProvider().leave(it.run, {"stack": STACK})
    assert it.told == {ANA: Result.DONE, BEN: Result.DONE}
    assert sorted(it.flex.said) == [f"deprovision {ANA}", f"deprovision {BEN}"]


async def test_a_leaver_who_was_never_ours_survives_a_destroy(tmp_path: Path) -> None:
    it = Started(tmp_path, [], [in_flex(DAN)], destroy=STACK, leavers=[DAN])
    await it.run.retire_the_rest()
    assert it.flex.said == []


async def test_a_destroy_is_not_over_while_somebody_waits_and_says_what_to_do(tmp_path: Path) -> None:
    """Those with a resource and those without: nothing would retire them later by itself."""
    busy = [applied(person(name), busy=True) for name in (ANA, BEN)]
    it = Started(tmp_path, [person()], busy, destroy=STACK)
    await it.run.retire(ANA)
    with pytest.raises(FlexresError, match=f"{ANA}, {BEN}: .*run pulumi destroy again once they are offline"):
        await it.run.retire_the_rest()
    assert it.told == {ANA: Result.WAITING, BEN: Result.WAITING}
    assert "retires when offline" not in it.journal.read_text()


async def test_the_end_of_a_roster_within_an_up_retires_nobody(tmp_path: Path) -> None:
    """It has moved in the state; who leaves has an end of their own, or `Departures`."""
    it = Started(tmp_path, [], agents(ANA), destroy=STACK)
    await it.run.allowed()
    await RosterProvider().leave(it.run, {"stack": STACK})
    assert it.flex.said == []


async def test_the_forgotten_leave_and_those_with_a_resource_do_not(tmp_path: Path) -> None:
    """A resource that was refreshed has an end of its own."""
    it = Started(tmp_path, [], agents(ANA, BEN, CHO))
    it.run.refreshed.add(BEN)
    assert sorted(change.username for change in await it.run.departing()) == [ANA, CHO]
    await it.run.retire_forgotten()
    assert sorted(it.told) == [ANA, CHO]


async def test_one_of_the_forgotten_who_fails_stops_none_of_the_others(tmp_path: Path) -> None:
    it = Started(tmp_path, [], agents(ANA, BEN))
    it.flex.will("deprovision", BROKEN)
    with pytest.raises(NotDoneError):
        await it.run.retire_forgotten()
    assert sorted(it.told.values()) == [Result.DONE, Result.FAILED]


async def test_a_busy_one_waits_which_is_no_failure(tmp_path: Path) -> None:
    it = Started(tmp_path, [], [applied(person(), busy=True)])
    await it.run.retire_forgotten()
    assert it.told == {ANA: Result.WAITING}


async def test_departures_name_who_is_to_leave_and_are_nothing_without_anybody(tmp_path: Path) -> None:
    """The property comes from the check, and is there only while somebody is to leave."""
    provider, inputs = DeparturesProvider(), {"stack": STACK}
    some = await provider.checked(Started(tmp_path, [], agents(ANA)).run, inputs)
    assert some == {**inputs, "leaving": [ANA]}
    none = await provider.checked(Started(tmp_path, [person()], agents(ANA)).run, some)
    assert none == inputs
    assert (provider.differs(inputs, some), provider.differs(some, none)) == (True, False)
