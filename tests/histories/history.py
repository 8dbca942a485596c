"""One history: between any two requests of ours others do their worst, the run may die, and what holds after it."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flexres.apply.journal import FileJournal, Run
from flexres.apply.pulumi.channel import Sender
from flexres.desired.revision import Revision
from flexres.errors import FlexresError, RefusedError
from flexres.live.http.base import HttpClient
from flexres.reconcile.change import Kind
from flexres.reconcile.plan import Plan
from flexres.resources import run as resources
from flexres.resources.messages import Teller
from flexres.resources.settings import Settings
from flexres.sandbox.server import Sandbox
from tests.flow.conftest import CONFIG, Flow, without_waiting
from tests.histories.others import DECLARABLE, NEW_NAMES, OURS, STRANGERS, Others, any_act, any_profile, foreign
from tests.histories.watch import Effect, Person, Watch, people, people_over_http

POLICY = "policy: {max_changes: 100%, max_removals: 1, min_admins: 1, protected: [owner@example.com]"


@dataclass(frozen=True)
class History:
    """What happens: the YAML of before and after, who does what before which request, and where the run dies.

    `resources`: by the operations of the Pulumi resources, in the order in which the engine calls them.
    """

    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    acts: tuple[tuple[tuple[str, int], tuple[str, str, Any]], ...]
    approves: bool
    dies: tuple[int, bool] | None
    switches: Mapping[str, Any]
    waits: bool
    resources: bool


def any_history(chance: Random) -> History:
    """Few changes or many, by one hand or several, at the beginning or amid the writes."""
    before, after = _any_stack(chance), _any_stack(chance)
    for old, new in zip(sorted(before), NEW_NAMES, strict=False):
        if chance.random() < 0.25:
            after.pop(old, None)
            after[new] = {**before[old], "previously": old}
    names = [*after, *after, *before, *DECLARABLE, *NEW_NAMES, *STRANGERS]
    acts = [(_any_moment(chance), any_act(chance, names)) for _ in range(chance.randrange(9))]
    newcomers = [name for name in after if name not in before]
    if newcomers and chance.random() < 0.3:
        # Somebody else makes whom we are about to make, at the very moment.
        acts.append((("write", chance.randrange(4)), ("provision", chance.choice(newcomers), any_profile(chance))))
    return History(
        before,
        after,
        tuple(sorted(acts, key=lambda one: one[0])),
        approves=chance.random() < 0.85,
        dies=(chance.randrange(14), chance.random() < 0.5) if chance.random() < 0.35 else None,
        switches=chance.choice([{}, {}, {"provision_on_existing": "replace"}, {"first_version": 1}]),
        waits=chance.random() < 0.5,
        resources=chance.random() < 0.3,
    )


def _any_moment(chance: Random) -> tuple[str, int]:
    """Anywhere, or right before a write: what is read just before it is of no use then."""
    return ("write", chance.randrange(10)) if chance.random() < 0.6 else ("request", chance.randrange(45))


def _any_stack(chance: Random) -> dict[str, dict[str, Any]]:
    names = chance.sample(DECLARABLE, chance.randint(1, len(DECLARABLE)))
    return {name: _any_user(chance) for name in names}


def _any_user(chance: Random) -> dict[str, Any]:
    user: dict[str, Any] = {
        "full_name": chance.choice(["One Name", "Other Name"]),
        "roles": chance.choice([["agent"], ["agent"], ["agent"], ["agent", "supervisor"], ["admin"]]),
    }
    if chance.random() < 0.6:
        values = (1, "two", True, ["a", "b"], {"city": "Rome"}, {"city": "Rome", "floor": 1})
        names = chance.sample(["level", "home", "tags"], chance.randrange(4))
        user["attributes"] = {name: chance.choice(values) for name in names}
    if chance.random() < 0.4:
        user["skills"] = {name: chance.choice([1, 2, True]) for name in chance.sample(["billing", "returns"], 1)}
    if chance.random() < 0.4:
        user["channels"] = {chance.choice(["chat", "voice"]): {"capacity": chance.randrange(4)}}
    return user


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Proof:
    """One history under way."""

    history: History
    sandbox: Sandbox
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    ours: list[Effect] = field(default_factory=list)
    theirs: dict[str, Person] = field(default_factory=dict)
    in_journal_alone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.flow = Flow(self.sandbox, self.folder / "stack")
        self.others = Others(self.sandbox)

    def run(self) -> None:
        """The whole history, held to what has to be true of any."""
        self._begin()
        self._chaos()
        self.sandbox.clear_faults()
        self._ends_as_declared()

    def _begin(self) -> None:
        self.sandbox.switches(**self.history.switches)
        self.sandbox.provision("owner@example.com", "The Owner", roles=["admin"], attributes={"plugin": "own"})
        self.sandbox.provision("sam@example.com", "Sam Stranger", roles=["supervisor"], attributes={"plugin": "sam"})
        self.sandbox.provision("dee@example.com", "Dee Adopted", attributes={"plugin": "dee"})
        self._write(self.history.before)
        self._apply(self.flow.approved_plan(rounds=5))
        for name in self.history.before:
            self.sandbox.edit_attributes(name, {"plugin": name})

    def _chaos(self) -> None:
        self._write(self.history.after)
        watch = Watch(self.sandbox)
        for at, (kind, who, what) in self.history.acts:
            watch.acts.setdefault(at, []).append(lambda k=kind, w=who, t=what: self.others.act(k, w, t))
        allowed, journalled, plan = self._attempt(watch)
        watch.end()
        self.ours, self.theirs = watch.ours, watch.theirs
        self.counts.update(f"by others: {done.partition(' ')[0]}" for done in self.others.done)
        self.counts.update({"requests of ours": watch.count, "writes of ours": len(watch.ours)})
        self._nobody_undeclared_is_changed(watch.ours)
        self._no_guard_is_passed(watch.ours, plan, approved=allowed)
        silent = {one.username for one in watch.ours} - journalled
        assert not silent, f"every write is in the journal, that of a run that died too: {silent}"

    def _attempt(self, watch: Watch) -> tuple[bool, set[str], Plan | None]:
        """Plan and apply amid all that: whether it was approved, and who is in the journal."""
        path = self.folder / "journal.jsonl"
        journal = FileJournal(path, Run("test", "me", None))
        plan, approved = None, False
        try:
            plan = self.flow.approved_plan(rounds=5) if self.history.approves else self.flow.plan()
            approved = self.history.approves
            if self.history.waits:
                watch.count = max(watch.count, 20)
            with dying(self.history.dies):
                if self.history.resources:
                    plan = asyncio.run(self._by_resources(path, plan))
                else:
                    self.flow.apply(plan=plan, journal=journal)
        except RefusedError:
            self.counts["ended: refused by a guard"] += 1
            assert not watch.ours, "a refused plan sends nothing"
        except FlexresError as error:
            self.counts[f"ended: {type(error).__name__}"] += 1
        except BaseException as error:
            if not _is_death(error):
                raise
            self.counts["ended: died"] += 1
        finally:
            journal.close()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.in_journal_alone = {
            line["username"] for line in lines if "the journal has them" in line.get("message", "")
        }
        named = {str(line[key]) for line in lines for key in ("username", "previously") if key in line}
        return approved, named, plan

    async def _by_resources(self, journal: Path, shown: Plan) -> Plan:
        """What the engine has the providers do after a preview of `shown`; gives the plan that they judged."""
        digests = {item.approved_by and item.digest for item in shown.guarded} | {one.digest for one in shown.users}
        given = tuple(sorted(filter(None, digests))) if self.history.approves else ()
        async with self.flow._session(read_only=False) as session:
            settings = Settings(stacks=self.flow.folder.parent, journal=journal, approve=given)
            run = resources.Run(session, Revision(self.flow.folder, None, None), settings, Teller(None), Sender({}))
            plan = (await run.allowed()).plan
            ended = [name for name in self.history.before if name not in self.history.after]
            steps: tuple[tuple[Any, list[tuple[str, ...]]], ...] = (
                (run.make_so, [(name,) for name in self.history.after]),
                (run.retire, [(name,) for name in ended]),
                (run.retire_forgotten, [()]),
            )
            for call, whom in steps:
                for error in await asyncio.gather(*(call(*one) for one in whom), return_exceptions=True):
                    if isinstance(error, BaseException) and not isinstance(error, FlexresError):
                        raise error
            return plan

    def _nobody_undeclared_is_changed(self, ours: list[Effect]) -> None:
        """Whoever is in no YAML and has no marker of this stack is as others left them."""
        declared = {*self.history.before, *self.history.after}
        declared |= {str(user.get("previously")) for user in self.history.after.values()}
        for effect in ours:
            seen = effect.before
            marked = seen is not None and str(seen.attributes.get("flexres", "")).partition(";at=")[0].endswith(OURS)
            assert effect.username in declared or marked, f"nobody undeclared is changed: {effect}"
            if seen is not None and effect.after is not None and effect.username in declared:
                self._what_others_wrote_stays(effect, seen, effect.after)

    def _what_others_wrote_stays(self, effect: Effect, before: Person, after: Person) -> None:
        replaces = self.history.switches.get("provision_on_existing") == "replace"
        # Where Provision replaces, they are put back right after it: looked at in the end.
        if before.worker == after.worker and before.worker is not None and not replaces:
            kept = [(k, v) for k, v in json.loads(foreign(before.attributes)).items()]
            assert all(after.attributes.get(k) == v for k, v in kept), f"what nobody declares stays: {effect}"

    def _no_guard_is_passed(self, ours: list[Effect], plan: Plan | None, *, approved: bool) -> None:
        left = {one.username for one in ours if one.before and not one.before.deactivated and _is_gone(one.after)}
        gained = {
            one.username
            for one in ours
            if one.after and "admin" in one.after.active_roles - (one.theirs.active_roles if one.theirs else set())
        }
        if plan is None:
            assert not ours, "nothing is written without a plan"
            return
        leaving = {change.username for change in plan.of_kind(Kind.RETIRE, Kind.WAIT)}
        leaving |= {change.old.username for change in plan.users if change.old}
        assert left <= leaving, "nobody leaves of whom the plan does not say so"
        if not approved:
            assert "owner@example.com" not in left, "the owner is protected"
            # Whoever marks themselves as waiting to leave already is not counted again: it is they who leave.
            counted = {name for name in left if name not in self.others.claim_to_wait}
            assert len(counted) <= 1, f"max_removals is 1: {counted}"
            assert not gained, f"nobody becomes admin unapproved: {gained}"

    def _ends_as_declared(self) -> None:
        """Nobody acts any more: a few runs, everything approved, and whoever is not blocked is as the YAML has them."""
        for name, person in people(self.sandbox).items():
            if not person.deactivated and person.worker is not None:
                self.sandbox.make_busy(name, 0)
                self.sandbox.set_activity(name, "Offline")
        # Where a Provision loses attributes, each run writes one profile and stops there.
        for _ in range(8):
            plan = self.flow.approved_plan(rounds=5)
            if not plan.pending:
                break
            self._apply(plan)
        pending = [change for change in plan.changes if change.pending]
        assert not pending, f"the next run ends as declared: {pending}"
        blocked = {change.username for change in plan.of_kind(Kind.BLOCKED)}
        olds = {str(user.get("previously", "")) for user in self.history.after.values()}
        assert blocked <= self.others.touched | {
            name for name, user in self.history.after.items() if user.get("previously") in self.others.touched
        }, f"only whom others changed is left alone: {blocked}"
        seen = people_over_http(self.sandbox)
        for name, user in self.history.after.items():
            if name not in blocked:
                _is_as_declared(seen[name], user)
                self._what_others_left_is_there(name, seen[name])
        gone = ({*self.history.before} | olds) - {*self.history.after, *STRANGERS, *self.others.touched, ""}
        # Who is blocked keeps the old name.
        gone -= {str(user.get("previously")) for name, user in self.history.after.items() if name in blocked}
        for name in gone:
            assert name not in seen or seen[name].deactivated or name == "dee@example.com", f"{name} has left"

    def _what_others_left_is_there(self, name: str, seen: Person) -> None:
        """Except where the run died between a Provision that replaces and the putting back, or told that it failed."""
        left = self.theirs.get(name)
        died = self.counts["ended: died"] and self.history.switches.get("provision_on_existing") == "replace"
        if left is not None and left.worker == seen.worker and not died and name not in self.in_journal_alone:
            held = json.loads(foreign(seen.attributes))
            lost = {k: v for k, v in json.loads(foreign(left.attributes)).items() if held.get(k) != v}
            assert not lost, f"what nobody declares stays: {name} {lost}"

    def _apply(self, plan: Plan) -> None:
        assert not plan.violations
        self.flow.apply(plan=plan)

    def _write(self, declared: Mapping[str, Any]) -> None:
        self.flow.write("\n".join(f"{json.dumps(name)}: {json.dumps(user)}" for name, user in declared.items()))
        (self.flow.folder / "flex.yaml").write_text(f"{CONFIG}{POLICY}}}\n")


def _is_gone(person: Person | None) -> bool:
    return person is None or person.deactivated


def _is_as_declared(person: Person, user: Mapping[str, Any]) -> None:
    assert not person.deactivated
    assert (person.full_name, person.roles) == (user["full_name"], frozenset(user["roles"]))
    attributes = person.attributes
    for name, value in user.get("attributes", {}).items():
        held = attributes[name]
        if isinstance(value, dict):
            held = {key: held[key] for key in value}
        assert json.dumps(held, sort_keys=True) == json.dumps(value, sort_keys=True)
    for skill, level in user.get("skills", {}).items():
        assert skill in attributes["routing"]["skills"]
        assert attributes["routing"].get("levels", {}).get(skill, True) == level
    capacity = {name: capacity for name, _, capacity in person.channels}
    for name, channel in user.get("channels", {}).items():
        assert capacity[name] == channel["capacity"]


@contextmanager
def dying(where: tuple[int, bool] | None) -> Iterator[None]:
    """The process dies before or after its write of this number, if it has so many."""
    send, writes, dead = HttpClient._send, itertools.count(), False

    async def deadly(self: Any, call: Any) -> Any:
        nonlocal dead
        dies = where is not None and call.request.method != "GET" and next(writes) == where[0]
        dead = dead or (dies and where is not None and not where[1])
        answer = None if dead else await send(self, call)
        dead = dead or dies
        if dead:
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HttpClient, "_send", deadly)
        yield


def _is_death(error: BaseException) -> bool:
    return isinstance(error, Killed) or (isinstance(error, BaseExceptionGroup) and error.subgroup(Killed) is not None)


def prove(seed: int) -> Counter[str]:
    """The history of this seed, and how much of what happened in it. Raises AssertionError where it does not hold."""
    history = any_history(Random(seed))
    folder = Path(tempfile.mkdtemp())
    try:
        with pytest.MonkeyPatch.context() as patch, Sandbox() as sandbox:
            without_waiting(patch)
            proof = Proof(history, sandbox, folder)
            try:
                proof.run()
            except AssertionError as error:
                error.add_note(f"{history}\nby others: {proof.others.done}\nby us: {proof.ours}")
                raise
            return proof.counts
    finally:
        shutil.rmtree(folder)
