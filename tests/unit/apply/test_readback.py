"""Reading back: what Flex did not take is waited for, repaired once, and then told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.apply.readback import ONE_BY_ONE, WAITS, read_back
from flexres.errors import UnreachableError
from flexres.live.model import LiveUser
from flexres.reconcile.change import UserChange
from flexres.reconcile.plan import Plan
from flexres.session import Session
from tests.unit.reconcile.builders import ANA, BEN, applied, person, plan_for

WANTED = person(attributes={"level": 2})
BEFORE = applied(person(attributes={"level": 1}))
AFTER = applied(WANTED)


@dataclass
class Flex:
    """What each look finds, the last for good; `slept` are the seconds waited, `paged` how each look was made."""

    looks: list[Sequence[LiveUser] | Exception]
    slept: list[float] = field(default_factory=list)
    paged: list[bool] = field(default_factory=list)

    @property
    def transport(self) -> Any:
        return self

    @property
    def timing(self) -> Any:
        return self

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def plan_for(self, usernames: Collection[str], *, by_pages: bool, **_: Any) -> Plan:
        self.paged.append(by_pages)
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return plan_for([person(name, attributes={"level": 2}) for name in usernames], found)


@dataclass
class Repair:
    """Who was repaired, and what Flex has from then on."""

    flex: Flex
    mended: Sequence[LiveUser] | None = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, change: UserChange) -> UserOutcome:
        self.asked.append(change.username)
        if self.mended is not None:
            self.flex.looks = [self.mended]
        return Outcome(change, Result.DONE)


async def judged(flex: Flex, repair: Repair | None = None, result: Result = Result.DONE) -> UserOutcome:
    """What the outcome of one update becomes."""
    plan = plan_for([WANTED], [BEFORE])
    outcomes = [Outcome(change, result) for change in plan.users]
    (found,) = await read_back(cast(Session, flex), plan, outcomes, repair=repair or Repair(flex))
    return found


async def test_what_was_taken_is_done_at_the_first_look() -> None:
    flex = Flex([[AFTER]])
    assert (await judged(flex)).result is Result.DONE
    assert (flex.slept, flex.paged) == ([], [False])


async def test_what_flex_shows_late_is_waited_for() -> None:
    flex = Flex([[BEFORE], [AFTER]])
    assert (await judged(flex)).result is Result.DONE
    assert flex.slept == [WAITS[0]]


async def test_what_stays_away_is_repaired_once() -> None:
    flex = Flex([[BEFORE]])
    repair = Repair(flex, mended=[AFTER])
    assert (await judged(flex, repair)).result is Result.DONE
    assert (repair.asked, flex.slept) == ([ANA], list(WAITS))


async def test_what_is_not_taken_even_so_is_named_by_its_fields() -> None:
    flex = Flex([[BEFORE]])
    found = await judged(flex)
    assert (found.result, found.not_taken) == (Result.NOT_TAKEN, ("attr:level",))


@pytest.mark.parametrize(
    "since", [{"roles": ("admin",)}, {"roles": ("supervisor",)}, {"full_name": "Ana R"}, {"email": "a@example.com"}]
)
async def test_a_profile_that_somebody_changed_right_after_the_write_is_not_repaired(since: dict[str, Any]) -> None:
    """The plan showed an attribute alone: nobody gains or loses a role by what was not agreed to."""
    moved = replace(AFTER, user=replace(AFTER.user, **since))
    flex = Flex([[moved]])
    found = await judged(flex, repair := Repair(flex, mended=[AFTER]))
    assert (repair.asked, found.result) == ([], Result.NOT_TAKEN)
    assert "somebody changed that since" in found.message


async def test_who_is_beyond_the_plan_keeps_nobody_else_from_being_repaired() -> None:
    """Each user for themselves."""
    ben = person(BEN, attributes={"level": 2})
    moved, taken = (applied(ben, attributes={"level": level}) for level in (1, 2))
    admin = replace(AFTER, user=replace(AFTER.user, roles=("admin",)))
    plan = plan_for([WANTED, ben], [BEFORE, moved])
    flex = Flex([[admin, moved]])
    repair = Repair(flex, mended=[admin, taken])
    found = await read_back(
        cast(Session, flex), plan, [Outcome(change, Result.DONE) for change in plan.users], repair=repair
    )
    assert repair.asked == [BEN]
    assert {one.change.username: one.result for one in found} == {ANA: Result.NOT_TAKEN, BEN: Result.DONE}


async def test_what_cannot_be_read_back_is_not_called_done() -> None:
    found = await judged(Flex([UnreachableError("no network")]))
    assert (found.result, "no network" in found.message) == (Result.NOT_TAKEN, True)


@pytest.mark.parametrize("result", [Result.FAILED, Result.BLOCKED, Result.NOT_STARTED])
async def test_what_was_not_written_is_not_read(result: Result) -> None:
    flex = Flex([[BEFORE]])
    assert (await judged(flex, result=result)).result is result
    assert flex.paged == []


async def test_many_are_read_by_pages() -> None:
    """Three requests each would be more than all of them by a thousand."""
    names = [f"u{number:02}@example.com" for number in range(ONE_BY_ONE + 1)]
    wanted = [person(name, attributes={"level": 2}) for name in names]
    plan = plan_for(wanted, [applied(person(name, attributes={"level": 1})) for name in names])
    flex = Flex([[applied(one) for one in wanted]])
    outcomes = [Outcome(change, Result.DONE) for change in plan.users]
    await read_back(cast(Session, flex), plan, outcomes, repair=Repair(flex))
    assert flex.paged == [True]
