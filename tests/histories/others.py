"""What others can do at any moment: agents with their own Worker, supervisors, admins, another stack, the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from flexres.sandbox.errors import SandboxError, WireError
from flexres.sandbox.server import Sandbox
from flexres.sandbox.taskrouter.new_workers import insert_worker

DECLARABLE = tuple(f"{name}@example.com" for name in ("ana", "bob", "cho", "dee"))
NEW_NAMES = ("ann@example.com", "rob@example.com")
STRANGERS = ("owner@example.com", "sam@example.com")
OURS = "k7m2q9"

MARKERS = (
    None,
    "",
    7,
    ["v1"],
    "nonsense",
    "v1;id=other99;at=0;keys=",
    f"v1;id={OURS};at=0;keys=attr:%FF=mzxw6y",
    f"v1;id={OURS};at=0;keys=",
    f"v1;id={OURS};at=0;leaving=1;keys=",
    f"v1;id={OURS};at=1700000000;keys=attr:level=mzxw6y,roles=nbswy3,attr:plugin=mzxw6y",
    f"v1;id={OURS};at=99999999999;keys=",
    f"v2;id={OURS};at=0;leaving=1;rename;keys=",
    f"v2;id={OURS};at=0;keys=;packed=gezdgnmzxw6y",
)
FAULTS = (
    "500:before:times=1",
    "503:before:times=2",
    "503:after:times=1",
    "500:after:times=1",
    "503:after:match=Provision:times=3",
    "429:times=2",
    "reset:before:times=1",
    "reset:after:times=1",
    "reset:after:match=POST:times=3",
    "cut:times=1",
    "truncate:times=1",
    "html:after:times=1",
    "400:match=POST .*/Workers/:times=1",
    "400:match=Provision:times=1",
    "delay-visibility:0.02:times=4",
)


@dataclass
class Others:
    """Their doings in one Flex. `touched` are the names of whom they changed what may make us leave them alone."""

    sandbox: Sandbox
    touched: set[str] = field(default_factory=set)
    claim_to_wait: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def act(self, kind: str, who: str, what: Any) -> None:
        """One of KINDS; nothing where it is not possible at this moment."""
        with suppress(KeyError, SandboxError, WireError):
            getattr(self, f"_{kind}")(who, what)
            self.done.append(f"{kind} {who} {what!r}")

    def _marker(self, who: str, what: Any) -> None:
        remove = ("flexres",) if what is None else ()
        self.sandbox.edit_attributes(who, {} if what is None else {"flexres": what}, remove=remove)
        self.touched.add(who)
        if "leaving" in str(what):
            self.claim_to_wait.add(who)

    def _attributes(self, who: str, what: Mapping[str, Any]) -> None:
        gone = [name for name, value in what.items() if value is None]
        self.sandbox.edit_attributes(who, {k: v for k, v in what.items() if v is not None}, remove=gone)
        declarable = {"level", "home", "tags"} & what.keys()
        if "routing" in what or any(not isinstance(what[name], dict) for name in declarable):
            self.touched.add(who)  # where the YAML has a map, a text is in its way

    def _skill(self, who: str, what: int | None) -> None:
        routing = self.sandbox.worker_attributes(who).get("routing")
        if not isinstance(routing, dict):
            routing = {}
        skills = [skill for skill in routing.get("skills", []) if skill != "vip"] + ["vip"]
        levels = {skill: one for skill, one in routing.get("levels", {}).items() if skill != "vip"}
        levels |= {"vip": what} if what else {}
        self.sandbox.edit_attributes(who, {"routing": {**routing, "skills": skills, "levels": levels}})

    def _channel(self, who: str, what: tuple[str, int, bool]) -> None:
        self.sandbox.set_channel(who, what[0], capacity=what[1], available=what[2])

    def _activity(self, who: str, what: str) -> None:
        self.sandbox.set_activity(who, what)

    def _busy(self, who: str, what: int) -> None:
        self.sandbox.make_busy(who, what)

    def _provision(self, who: str, what: Mapping[str, Any]) -> None:
        if any(user["username"] == who and user["deactivated"] for user in self.sandbox.users()):
            return  # bringing somebody back is `reactivate`
        self.sandbox.provision(who, **what)
        # With another stack's marker, or without ours where Provision replaces.
        self.touched.add(who)

    def _reactivate(self, who: str, what: None) -> None:
        self.sandbox.provision(who, "Came Back")
        self.touched.add(who)

    def _deprovision(self, who: str, what: None) -> None:
        self.sandbox.deprovision(who)
        self.touched.add(who)

    def _delete_worker(self, who: str, what: None) -> None:
        """By TaskRouter, which leaves the Flex user without one, and so without a marker."""

        def delete(world: Any) -> None:
            worker = world.store.workers.by_name(who)
            if worker is not None:
                world.store.workers.delete(worker.sid)
                self.touched.add(who)

        self.sandbox._call(delete)

    def _orphan(self, who: str, what: None) -> None:
        def make(world: Any) -> None:
            user = world.store.users.by_username(who, case_sensitive=True)
            if world.store.workers.by_name(who) is None and (user is None or user.deactivated):
                insert_worker(world, who, '{"orphan": 1}', {})
                self.touched.add(who)

        self.sandbox._call(make)

    def _fault(self, who: str, what: str) -> None:
        self.sandbox.fault(what)


VALUES = (None, 1, "two", True, ["a"], {"city": "Rome"}, {}, "1.50")
ROLES = (["agent"], ["agent", "supervisor"], ["admin"])
CLAIMED: tuple[Mapping[str, Any] | None, ...] = (
    None,
    {"flexres": "v1;id=other99;at=0;keys="},
    {"theirs": "x", "level.int": 5},
)
_OFTEN = ("marker", "marker", "attributes", "attributes", "fault", "fault", "fault", "provision", "provision")
_KINDS = (*_OFTEN, "skill", "channel", "activity", "busy", "reactivate", "deprovision", "delete_worker", "orphan")


def any_act(chance: Random, names: Sequence[str]) -> tuple[str, str, Any]:
    """Something that somebody else does: what, to one of these names, and how."""
    kind = chance.choice(_KINDS)
    return kind, chance.choice(names), _how(kind, chance)


def any_profile(chance: Random) -> dict[str, Any]:
    """Whom another program makes: as we would, or otherwise, with attributes or another stack's marker."""
    return {
        "full_name": chance.choice(["One Name", "Other Name"]),
        "roles": chance.choice(ROLES),
        "attributes": chance.choice(CLAIMED),
    }


def _how(kind: str, chance: Random) -> Any:
    match kind:
        case "marker":
            return chance.choice(MARKERS)
        case "attributes":
            if chance.random() < 0.1:
                return {"routing": "odd"}
            names = chance.sample(["plugin", "desk", "level", "home", "tags"], 2)
            return {name: chance.choice(VALUES) for name in names}
        case "skill":
            return chance.choice([None, 3])
        case "channel":
            return chance.choice(["chat", "sms"]), chance.randrange(4), chance.random() < 0.5
        case "activity":
            return chance.choice(["Available", "Offline", "Break"])
        case "busy":
            return chance.randrange(3)
        case "provision":
            return any_profile(chance)
        case "fault":
            return chance.choice(FAULTS)
    return None


def foreign(attributes: Mapping[str, Any]) -> str:
    """Of a Worker's attributes those that no YAML of this model declares, as text that tells 1 from true."""
    return json.dumps({name: attributes[name] for name in ("plugin", "desk", "theirs") if name in attributes})
