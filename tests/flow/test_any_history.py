"""Any history at all: random YAML, random hands in Flex and random faults, and what has to hold after each apply."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flexres.errors import Exit, UnreachableError
from flexres.reconcile.change import Kind
from flexres.reconcile.marker import ATTRIBUTE
from flexres.reconcile.plan import Plan
from flexres.sandbox.server import Sandbox

from .conftest import Flow, without_waiting

NAMES = tuple(f"{name}@example.com" for name in ("ana", "bob", "cho", "dee"))
STRANGERS = ("eve@example.com", "fay@example.com")
FAULTS = (
    "503:after:match=POST:times=3",
    "500:before:match=POST:times=3",
    "reset:after:match=Provision:times=2",
    "reset:after:match=Deprovision:times=1",
    "429:burst=2:every=5:times=20",
    "truncate:match=GET:times=2",
    "cut:match=POST:times=2",
    "412-editor:times=2",
    "400:match=POST .*/Workers/:times=1",
    "400:match=Provision:times=2",
    "html:match=Channels:times=12",
    "delay-visibility:0.05:times=6",
)

people = st.fixed_dictionaries(
    {
        "full_name": st.sampled_from(["One Name", "Other Name"]),
        "roles": st.sampled_from([["agent"], ["agent", "supervisor"], ["admin"]]),
    },
    optional={
        "attributes": st.dictionaries(
            st.sampled_from(["level", "home", "tags"]),
            st.sampled_from([1, "two", True, ["a", "b"], {"city": "Rome"}, {"city": "Rome", "floor": 1}]),
            max_size=3,
        ),
        # An empty map would say that there are no skills at all, and take everybody's away.
        "skills": st.dictionaries(
            st.sampled_from(["billing", "returns"]), st.sampled_from([1, 2, True]), min_size=1, max_size=2
        ),
        "channels": st.dictionaries(
            st.sampled_from(["chat", "voice"]), st.fixed_dictionaries({"capacity": st.integers(0, 3)}), max_size=2
        ),
    },
)
names = st.sampled_from(NAMES)


class History(RuleBasedStateMachine):
    """A stack, a Flex, and what nobody declares: by Worker SID, name → value that has to survive."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        without_waiting(self.patch)
        self.folder = Path(tempfile.mkdtemp())
        self.sandbox = Sandbox().__enter__()
        self.http = httpx.Client()
        self.flow = Flow(self.sandbox, self.folder / "stack")
        self.declared: dict[str, dict[str, Any]] = {}
        self.theirs: dict[str, dict[str, Any]] = {}
        self.fault = ""

    def teardown(self) -> None:
        self.http.close()
        self.sandbox.__exit__(None, None, None)
        self.patch.undo()
        shutil.rmtree(self.folder)

    @initialize(seen=people)
    def begin(self, seen: dict[str, Any]) -> None:
        self.declared["ana@example.com"] = seen
        for username in (*STRANGERS, "dee@example.com"):
            self._post("Users/Provision", _provision(username))
            self.sandbox.edit_attributes(username, {"plugin": [username]})
        self.strangers = self._strangers()
        self._put("dee@example.com", {"plugin": ["dee@example.com"]})

    # What happens in git.

    @rule(username=names, seen=people)
    def declare(self, username: str, seen: dict[str, Any]) -> None:
        if not any(user.get("previously") == username for user in self.declared.values()):
            self.declared[username] = seen

    @rule(username=names)
    def undeclare(self, username: str) -> None:
        self.declared.pop(username, None)

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        taken = {user.get("previously") for user in self.declared.values()}
        if old in self.declared and new not in self.declared and not taken & {old, new}:
            self.declared[new] = {**self.declared.pop(old), "previously": old}

    # What people do in Flex.

    @rule(
        username=names,
        changes=st.dictionaries(
            st.sampled_from(["plugin", "desk", "level", "tags"]),
            st.sampled_from([0, "x", None, {"a": [1]}]),
            min_size=1,
        ),
    )
    def edit(self, username: str, changes: dict[str, Any]) -> None:
        if self._active(username):
            self.sandbox.edit_attributes(username, changes)
            self._put(username, {name: changes[name] for name in changes.keys() & {"plugin", "desk"}})

    @rule(username=names, level=st.sampled_from([None, 5]))
    def give_skill(self, username: str, level: int | None) -> None:
        if self._active(username):
            routing = self.sandbox.worker_attributes(username).get("routing") or {"skills": [], "levels": {}}
            routing["skills"] = [skill for skill in routing["skills"] if skill != "vip"] + ["vip"]
            levels = {skill: one for skill, one in routing.get("levels", {}).items() if skill != "vip"}
            routing["levels"] = {**levels, "vip": level} if level else levels
            self.sandbox.edit_attributes(username, {"routing": routing})
            self._put(username, {"skill": level})

    @rule(username=names, capacity=st.integers(0, 4), channel=st.sampled_from(["sms", "chat"]))
    def set_capacity(self, username: str, capacity: int, channel: str) -> None:
        if self._active(username):
            self._worker_post(username, f"/Channels/{channel}", {"Capacity": str(capacity)})
            if channel == "sms":
                self._put(username, {"capacity": capacity})

    @rule(username=names, activity=st.sampled_from(["Available", "Offline", "Offline"]))
    def move(self, username: str, activity: str) -> None:
        if self._active(username):
            self.sandbox.set_activity(username, activity)

    @rule(username=names, marker=st.sampled_from([None, None, "v1;id=other99;at=0;keys=", "nonsense"]))
    def tamper(self, username: str, marker: str | None) -> None:
        if self._active(username):
            gone = () if marker else (ATTRIBUTE,)
            self.sandbox.edit_attributes(username, {ATTRIBUTE: marker} if marker else {}, remove=gone)

    @rule(username=names)
    def offboard(self, username: str) -> None:
        if self._active(username):
            self._post("Users/Deprovision", {"flex_user_sid": self.sandbox.user(username)["flex_user_sid"]})

    @rule(username=names)
    def make_orphan(self, username: str) -> None:
        """A Worker in TaskRouter, where the name is free."""
        if not self._active(username):
            self._worker_post(None, "", {"FriendlyName": username, "Attributes": '{"orphan": 1}'}, may_fail=True)

    # What the wire does.

    @rule(fault=st.sampled_from(FAULTS))
    def disturb(self, fault: str) -> None:
        """At the next apply, and not what people do by hand until then."""
        self.fault = fault

    @rule()
    def apply(self) -> None:
        self._write()
        if self.fault:
            self.sandbox.fault(self.fault)
            self._apply_somehow()
            self.sandbox.clear_faults()
            self.fault = ""
        self._apply()

    @invariant()
    def nothing_of_others_is_lost(self) -> None:
        workers = {str(worker["sid"]): worker for worker in self.sandbox.workers()}
        for sid, theirs in self.theirs.items():
            if sid not in workers:
                continue
            attributes = json.loads(str(workers[sid]["attributes"]))
            for name, value in theirs.items():
                if name == "capacity":
                    held = self.sandbox.channels(sid)["sms"]["configured_capacity"]
                elif name == "skill":
                    assert "vip" in attributes["routing"]["skills"]
                    held = attributes["routing"].get("levels", {}).get("vip")
                else:
                    assert name in attributes
                    held = attributes[name]
                assert held == value, (workers[sid]["friendly_name"], name)

    @invariant()
    def nobody_else_is_touched(self) -> None:
        if hasattr(self, "strangers"):
            assert self._strangers() == self.strangers

    def _apply(self) -> None:
        plan = self.flow.approved_plan(rounds=4)
        assert not plan.violations
        before = self._active_workers()
        applied = self.flow.apply(plan=plan)
        # Who is blocked waits for a person; with them it is told, everybody else is done.
        assert applied.exit in {Exit.DONE, Exit.PARTIAL}, applied
        for outcome in applied.outcomes:
            expected = {"blocked"} if outcome.change.kind is Kind.BLOCKED else {"done", "waiting"}
            assert outcome.result in expected, outcome
        self._account(plan, before)
        again = self.flow.approved_plan(rounds=4)
        assert not [change for change in again.changes if change.pending], again.changes
        for change in plan.of_kind(Kind.RENAME):
            assert change.old is not None
            assert change.old.worker is not None
            self._put(change.username, {**self.theirs.get(change.old.worker.sid, {}), **self._of(change.username)})

    def _apply_somehow(self) -> None:
        """Under a fault anything may fail, by an error of ours; nobody is touched whom the plan does not name."""
        before = self._active_workers()
        try:
            plan = self.flow.approved_plan(rounds=4)
            self.flow.apply(plan=plan)
        except UnreachableError:
            return
        except Exception as error:
            assert type(error).__module__.startswith("flexres"), error
            return
        self._account(plan, before)

    def _account(self, plan: Plan, before: dict[str, str]) -> None:
        """Nobody left but those of whom the plan says so."""
        leaving = {change.username for change in plan.of_kind(Kind.RETIRE, Kind.WAIT)}
        leaving |= {change.old.username for change in plan.changes if change.old}
        after = self._active_workers()
        for username, sid in before.items():
            assert after.get(username) == sid or username in leaving, username

    def _write(self) -> None:
        lines = (f"{json.dumps(name)}: {json.dumps(user)}" for name, user in self.declared.items())
        self.flow.write("\n".join(lines))

    def _strangers(self) -> list[Any]:
        return [
            (self.sandbox.user(name), self.sandbox.worker_attributes_text(name), self.sandbox.channels(name))
            for name in STRANGERS
        ]

    def _active_workers(self) -> dict[str, str]:
        return {str(one["username"]): str(one["worker_sid"]) for one in self.sandbox.users() if one["worker_sid"]}

    def _active(self, username: str) -> bool:
        return username in self._active_workers()

    def _of(self, username: str) -> dict[str, Any]:
        return self.theirs.get(self._active_workers().get(username, ""), {})

    def _put(self, username: str, values: dict[str, Any]) -> None:
        self.theirs.setdefault(self._active_workers()[username], {}).update(values)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        instance = self.sandbox.identity.instance_sid
        self._checked(f"/v4/Instances/{instance}/{path}", json=body)

    def _worker_post(self, username: str | None, path: str, form: dict[str, str], *, may_fail: bool = False) -> None:
        user = self.sandbox.user(username or STRANGERS[0])
        worker = f"/{user['worker_sid']}" if username else ""
        if path:
            found = self.sandbox.channels(username or "")[path.rpartition("/")[2]]
            path = f"/Channels/{found['sid']}"
        self._checked(f"/v1/Workspaces/{user['workspace_sid']}/Workers{worker}{path}", data=form, may_fail=may_fail)

    def _checked(self, path: str, *, may_fail: bool = False, **body: Any) -> None:
        identity = self.sandbox.identity
        answer = self.http.post(self.sandbox.url + path, auth=(identity.api_key, identity.api_secret), **body)
        assert answer.is_success or may_fail, answer.text


def _provision(username: str) -> dict[str, Any]:
    return {"username": username, "full_name": "Some Body", "email": username, "roles": ["agent"], "worker": {}}


TestAnyHistory = History.TestCase
TestAnyHistory.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Each step costs whole runs: a history of 25 steps is short enough to be read as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
