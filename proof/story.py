"""The story that every run of the proof tells: whom the YAML declares before and after, by which engine, and who else
is in Flex."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
STACK = "proof"
ID = "proof1"
OTHERS_MARKER = "v1;id=other99;at=0;keys="
"""What another stack of flexres leaves on its Workers."""

Person = dict[str, Any]
People = dict[str, Person]


def name(who: str) -> str:
    """The username of one of the story."""
    return f"{who}@example.com"


def _agent(who: str, **more: Any) -> Person:
    return {"full_name": f"{who.title()} Example", "roles": ["agent"], **more}


def _level(n: int) -> Person:
    return {"level": n, "location": "London", "languages": ["en", "de"]}


STAYING = [f"stays{n}" for n in range(6)]
EDITED = [f"edited{n}" for n in range(6)]
LEAVING = [f"leaves{n}" for n in range(3)]
ARRIVING = [f"arrives{n}" for n in range(6)]

BEFORE: People = {
    **{name(who): _agent(who, attributes=_level(1)) for who in STAYING},
    **{name(who): _agent(who, attributes=_level(1), skills={"billing": 2, "returns": True}) for who in EDITED},
    **{name(who): _agent(who, attributes=_level(2)) for who in LEAVING},
    name("busier"): _agent("busier", attributes=_level(1)),
    name("old"): _agent("renamed", skills={"fraud": 3}),
}
AFTER: People = {
    **{name(who): BEFORE[name(who)] for who in STAYING},
    **{name(who): _agent(who, attributes=_level(2), skills={"billing": 4}) for who in EDITED},
    **{
        # A nested object and a comma in an item have no typed spelling: these take a second write.
        name(who): _agent(who, attributes={**_level(3), "desk": {"floor": n, "notes": ["a, b"]}}, skills={"billing": 1})
        for n, who in enumerate(ARRIVING)
    },
    name("busier"): _agent("busier", attributes=_level(1), channels={"chat": {"capacity": 4}}),
    name("new"): {**_agent("renamed", skills={"fraud": 4}), "previously": name("old")},
}
UNMANAGED = [name("visitor"), name("manager")]
FOREIGN = [name("neighbour")]
THEIRS = {"plugin": {"panel": ["notes"]}, "exact": 1.50}
WITH_PLUGIN = [*map(name, STAYING), *map(name, EDITED[:3]), name("old")]
"""Workers of ours on which a plugin keeps something; it goes along with a rename."""
CARRIED = {name("old"): name("new")}


@dataclass(frozen=True, slots=True)
class Engine:
    """What carries the plans out: `name` for people, the rest as the YAML has it.

    `usual`: requests of an unharmed run; `pause`: seconds that it spends at a time without any, at most.
    """

    name: str
    engine: str
    resources: str = "user"
    usual: int = 112
    pause: float = 0.0


DIRECT = Engine("direct", "direct")
BY_USER = Engine("pulumi, a resource a user", "pulumi", usual=118, pause=1.5)
BY_TEAM = Engine("pulumi, a resource a team", "pulumi", "team", usual=118, pause=1.5)
ENGINES = (DIRECT, BY_USER, BY_TEAM)


@dataclass(frozen=True, slots=True)
class Stack:
    """The story's stack in a folder of its own, as a user's repository has it."""

    folder: Path
    engine: Engine = DIRECT

    def write(self, people: People) -> None:
        """What is declared from now on, a file a team; a team of which nobody is left goes."""
        stack = self.folder / "stacks" / STACK
        shutil.rmtree(stack, ignore_errors=True)
        (stack / "users").mkdir(parents=True)
        flex = {
            "version": 1,
            "id": ID,
            "account": "AC00000000000000000000000000000001",
            "instance": "GO00000000000000000000000000000001",
            "engine": self.engine.engine,
            "policy": {"max_changes": "100%", "max_removals": "100%", "min_admins": 0},
        }
        if self.engine.resources != "user":
            flex["pulumi"] = {"resources": self.engine.resources}
        (stack / "flex.yaml").write_text(json.dumps(flex))
        teams: dict[str, People] = {}
        for who, person in people.items():
            teams.setdefault(_team(who), {})[who] = person
        for team, members in teams.items():
            (stack / "users" / f"{team}.yaml").write_text(json.dumps({"users": members}))
        if self.engine.engine == "pulumi":
            self._write_project()

    def _write_project(self) -> None:
        """What a Pulumi project has besides; its virtual environment is the one that runs this."""
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(ROOT / file, self.folder / file)
        environment = self.folder / ".venv"
        if not environment.is_symlink():
            environment.symlink_to(sys.prefix)


def _team(who: str) -> str:
    if who.startswith("leaves"):
        return "seasonal"
    return "support" if who.startswith(("stays", "edited")) else "sales"
