"""Runs that are cut short, run twice at once, or told to stop: run again, and it ends the same."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from flexres.apply.direct import Silent, apply_plan
from flexres.apply.journal import FileJournal, Journal, NoJournal, Run
from flexres.apply.outcome import Applied, Outcome
from flexres.errors import Exit, UnreachableError
from flexres.live.http.transport import Transport
from flexres.reconcile.marker import ATTRIBUTE
from flexres.sandbox.server import Sandbox

from .conftest import Flow, results

BEFORE = """
ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {level: 1, old: x}, skills: {billing: 1}}
bob@example.com: {full_name: Bob Byrne, roles: [agent]}
cho@example.com: {full_name: Cho Lee, roles: [agent], attributes: {level: 1}}
"""
AFTER = """
ana@example.com:
  full_name: Ana Maria Ruiz
  roles: [agent, supervisor]
  attributes: {level: 2, deep: {a: [1, 2.5]}}
  skills: {returns: 2}
  channels: {chat: {capacity: 4}}
robert@example.com: {full_name: Bob Byrne, roles: [agent], previously: bob@example.com, attributes: {level: 5}}
dan@example.com:
  {full_name: Dan Day, roles: [supervisor], skills: {billing: true}, channels: {voice: {available: false}}}
"""


THEIRS = '{"theirs": 1}'


class Killed(BaseException):
    """The process dies here."""


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Everything that a run could have left behind, without SIDs and times."""
    found: dict[str, Any] = {}
    for user in sandbox.users():
        name = str(user["username"])
        if user["deactivated"]:
            found[name] = "deactivated"
            continue
        attributes = sandbox.worker_attributes(name)
        channels = {k: (c["available"], c["configured_capacity"]) for k, c in sandbox.channels(name).items()}
        found[name] = (user["full_name"], user["roles"], attributes, channels)
    return found


def test_a_run_killed_at_any_write_is_finished_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process before and after each of its writes in turn; a second run ends as an unharmed one does."""
    with Sandbox() as sandbox:
        unharmed = _story(Flow(sandbox, tmp_path / "unharmed"))

    for number in itertools.count():
        for after in (False, True):
            with Sandbox() as sandbox:
                flow = Flow(sandbox, tmp_path / f"killed{number}{after}")
                killed = _killed_story(flow, monkeypatch, number, after=after)
                assert state(sandbox) == unharmed, f"killed at write {number}, {after=}"
                assert flow.plan().changes == ()
        if not killed:
            assert number > 10
            return


def test_a_run_killed_at_any_write_has_said_whom_it_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is otherwise than before has a line in the journal, even where the process died right after the write."""
    for number in itertools.count():
        with Sandbox() as sandbox:
            flow = Flow(sandbox, tmp_path / f"{number}")
            _begin(flow)
            before, path = state(sandbox), tmp_path / f"{number}.jsonl"
            killed = _killed(
                flow, monkeypatch, number, after=True, journal=FileJournal(path, Run("test", "a test", None))
            )
            after = state(sandbox)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            told = {line.get(key) for line in lines for key in ("username", "previously")}
            assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= told
        if not killed:
            assert number > 10
            return


def test_with_a_full_disk_nobody_is_touched_whom_the_journal_does_not_name(flow: Flow, tmp_path: Path) -> None:
    """A line is written before the first write: where there is no room for it, nothing is begun."""
    _begin(flow)
    before = state(flow.sandbox)
    applied = flow.apply(journal=FileJournal(Path("/dev/full"), Run("test", "a test", None)))
    assert set(results(applied).values()) == {"not started"}
    assert applied.exit is not Exit.DONE
    assert state(flow.sandbox) == before


@pytest.mark.parametrize("ours", [True, False])
def test_a_rename_killed_at_any_write_and_taken_back_leaves_nobody_out_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """Whoever we made carries our marker from the first write on, so the YAML of before retires them.

    Whoever was nobody's before is nobody's again, to the byte.
    """
    bob = "bob@example.com: {full_name: Bob Byrne, roles: [agent, supervisor], skills: {billing: 1}}"
    robert = bob.replace("bob@example.com: {", "robert@example.com: {previously: bob@example.com, ")
    for number in itertools.count():
        with Sandbox() as sandbox:
            flow = Flow(sandbox, tmp_path / f"{number}")
            flow.write(bob)
            flow.apply()
            if not ours:
                sandbox.set_attributes("bob@example.com", THEIRS)
            flow.write(robert)
            killed = _killed(flow, monkeypatch, number, after=True)
            flow.write(bob if ours else "")
            active = {str(user["username"]) for user in sandbox.users() if not user["deactivated"]}
            plan = flow.plan()
            pending = {change.username for change in plan.users if change.pending}
            assert active - {"bob@example.com"} <= pending, f"killed at write {number}"
            if not ours and "bob@example.com" in active:
                flow.apply()
                assert sandbox.worker_attributes_text("bob@example.com") == THEIRS, f"killed at write {number}"
        if not killed:
            assert number > 3
            return


def _story(flow: Flow) -> dict[str, Any]:
    _begin(flow)
    assert flow.apply().exit is Exit.DONE
    return state(flow.sandbox)


def _begin(flow: Flow) -> None:
    flow.write(BEFORE)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"theirs": [1]})
    flow.write(AFTER)


def _killed_story(flow: Flow, monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool) -> bool:
    _begin(flow)
    killed = _killed(flow, monkeypatch, number, after=after)
    assert flow.apply().exit is Exit.DONE
    return killed


def _killed(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool, journal: Journal | None = None
) -> bool:
    """Applies, and dies before or after the write of this number, or not at all where there are fewer."""
    request, writes = Transport.request, itertools.count()

    async def dying(self: Transport, method: str, *args: Any, **options: Any) -> Any:
        dies = method != "GET" and next(writes) == number
        if dies and not after:
            raise Killed
        answer = await request(self, method, *args, **options)
        if dies:
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "request", dying)
        return _dies(flow, journal)


def _dies(flow: Flow, journal: Journal | None) -> bool:
    digest = flow.plan().digest
    try:
        flow.apply(approve=[digest] if digest else [], journal=journal)
    except BaseException as error:
        if isinstance(error, Killed) or (isinstance(error, BaseExceptionGroup) and error.subgroup(Killed)):
            return True
        raise
    return False


@pytest.mark.parametrize("seed", range(6))
def test_two_runs_at_once_lose_and_double_nothing(flow: Flow, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The same commit applied twice at the same time, in many interleavings."""
    _begin(flow)
    first, second = flow.plan(), flow.plan()
    request, chance = Transport.request, random.Random(seed)

    async def jittered(self: Transport, *args: Any, **options: Any) -> Any:
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        return await request(self, *args, **options)

    monkeypatch.setattr(Transport, "request", jittered)
    flow.apply_both(first, second)

    assert flow.apply().exit is Exit.DONE
    assert flow.plan().changes == ()
    names = [str(user["username"]) for user in flow.sandbox.users()]
    assert len(names) == len(set(names))
    attributes = flow.sandbox.worker_attributes("robert@example.com")
    assert (attributes["theirs"], attributes["level"]) == ([1], 5)
    assert flow.sandbox.worker_attributes("ana@example.com")["routing"] == {
        "skills": ["returns"],
        "levels": {"returns": 2},
    }


def test_stopping_finishes_what_is_in_flight_and_reports_the_rest(flow: Flow) -> None:
    """Ctrl-C: nobody is left half-done, everybody is accounted for, exit 5, and the next run does the rest."""
    people = "".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}\n" for n in range(40))
    flow.write(people)

    applied = _stopped_after(flow, 3)

    found = results(applied)
    assert len(found) == 40
    assert set(found.values()) == {"done", "not started"}
    assert applied.interrupted
    assert applied.exit is Exit.PARTIAL
    done = {name for name, result in found.items() if result == "done"}
    assert done == {str(user["username"]) for user in flow.sandbox.users()}
    assert all(ATTRIBUTE in flow.sandbox.worker_attributes(name) for name in done)
    assert flow.apply().exit is Exit.DONE
    assert flow.plan().changes == ()


def _stopped_after(flow: Flow, count: int) -> Applied:
    async def run() -> Applied:
        stop = asyncio.Event()

        class Stopping(Silent):
            left = count

            def finished(self, outcome: Outcome) -> None:
                self.left -= 1
                if not self.left:
                    stop.set()

        async with flow._session(read_only=False) as session:
            plan = await session.plan(as_of=flow.now)
            return await apply_plan(plan, session, journal=NoJournal(), progress=Stopping(), stop=stop)

    return asyncio.run(run())


def test_credentials_that_are_revoked_mid_way_stop_the_run_and_everybody_is_accounted_for(flow: Flow) -> None:
    """Nobody else would get through: the rest is reported as not started."""
    flow.write("".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}\n" for n in range(40)))
    flow.sandbox.fault("401:match=Provision:skip=5")

    applied = flow.apply()

    assert applied.exit is Exit.PARTIAL
    assert len(applied.outcomes) == 40
    assert set(results(applied).values()) == {"done", "failed", "not started"}


def test_a_flex_that_nobody_can_reach_is_one_error(flow: Flow) -> None:
    """When nobody got through at all, that is what is said."""
    flow.write("bob@example.com: {full_name: Bob Byrne, roles: [agent]}")
    plan = flow.plan()
    flow.sandbox.fault("401")

    with pytest.raises(UnreachableError):
        flow.apply(plan=plan)
