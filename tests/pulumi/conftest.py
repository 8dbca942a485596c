"""A Pulumi project as a user has it, a sandbox beside it, and two ways to drive the provider: gRPC and the engine."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flexres.sandbox.server import Sandbox

ROOT = Path(__file__).parent.parent.parent
STACK = "test"
CONFIG = """
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: {engine}
policy: {{max_changes: 100%, max_removals: 100%, min_admins: 0{policy}}}
"""
TEAM = """
ana@example.com: {full_name: Ana Ruiz, roles: [agent, supervisor], skills: {billing: 3}, attributes: {level: 3}}
bob@example.com: {full_name: Bob Okafor, roles: [agent], attributes: {level: 1, city: London}}
cho@example.com: {full_name: Cho Tanaka, roles: [agent], attributes: {level: 2}}
dan@example.com: {full_name: Dan Fox, roles: [agent], attributes: {level: 2}}
"""
"""Four users: enough for every kind of change, few enough to be quick."""


@dataclass
class Project:
    """A folder with the program and one stack, a sandbox, and the environment of a person at a shell."""

    folder: Path
    sandbox: Sandbox
    more: dict[str, str] = field(default_factory=dict)

    def write(self, team: str = TEAM, *, policy: str = "", engine: str = "pulumi", more: str = "") -> None:
        """The whole stack: `team` is the YAML below `users:`, `policy` items of a flow mapping."""
        self.write_teams({"team": team}, policy=policy, engine=engine, more=more)

    def write_teams(
        self,
        teams: Mapping[str, str],
        *,
        resources: str = "user",
        policy: str = "",
        engine: str = "pulumi",
        more: str = "",
    ) -> None:
        """The whole stack, a file each team; those that are there and not named go."""
        stack = self.folder / "stacks" / STACK
        (stack / "users").mkdir(parents=True, exist_ok=True)
        rules = CONFIG.format(engine=engine, policy=f", {policy}" if policy else "")
        rules += f"pulumi: {{resources: {resources}}}\n" if resources != "user" else ""
        (stack / "flex.yaml").write_text(f"{rules}\n{textwrap.dedent(more)}")
        for path in (stack / "users").iterdir():
            path.unlink()
        for name, team in teams.items():
            body = textwrap.indent(textwrap.dedent(team).strip("\n"), "  ")
            text = f"users:\n{body}\n" if body.strip() else "users: {}\n"
            (stack / "users" / f"{name}.yaml").write_text(text)

    @property
    def environ(self) -> dict[str, str]:
        """No more than a shell has: no CI, no credentials but the sandbox's, a Pulumi home of its own."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "PULUMI_HOME": str(self.folder / "home" / ".pulumi"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_CONTINUE_ON_ERROR": "true",
            "NO_COLOR": "1",
            **self.sandbox.environment(),
            **self.more,
        }

    def run(self, *command: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run a command in the project's folder; a value of None in `environ` takes the variable away."""
        wanted = {**self.environ, **(environ or {})}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={name: value for name, value in wanted.items() if value != UNSET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr, done.stdout)

    def pulumi(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """The CLI as a person types it, on the stack."""
        return self.run("pulumi", *arguments, "--stack", STACK, "--color", "never", environ=environ)

    def up(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """`pulumi up` without its preview."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, environ=environ)

    def flexres(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """The command line, which needs none of what a person sets for Pulumi."""
        bare = dict.fromkeys([name for name in self.environ if name.startswith("PULUMI_C")], UNSET)
        return self.run("flexres", *arguments, "--stack", STACK, environ={**bare, **(environ or {})})

    def state(self) -> dict[str, Any]:
        """The stack's state, as the engine exports it."""
        exported: dict[str, Any] = json.loads(self.pulumi("stack", "export").stdout)
        return exported

    def resources(self) -> dict[str, dict[str, Any]]:
        """The users' resources in the state, by name."""
        found = self.state()["deployment"].get("resources", [])
        return {one["urn"].split("::", 3)[3]: one for one in found if one["type"].endswith(":User")}

    def stored(self) -> str:
        """Everything that is kept on disk for the stack, be it compressed."""
        texts = []
        for path in (self.folder / ".pulumi-state").rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                texts.append((gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace"))
        return "\n".join(texts)

    def in_flex(self) -> dict[str, dict[str, Any]]:
        """The active users in Flex, by username."""
        return {str(user["username"]): user for user in self.sandbox.users() if not user["deactivated"]}


def urn(username: str) -> str:
    """What the engine calls a user's resource."""
    return f"urn:pulumi:{STACK}::flexres::flexres:index:FlexStack$pulumi-python:dynamic/flexres:User::{username}"


UNSET = "\0"
"""As the value of a variable: it is not to be there."""


@dataclass(frozen=True)
class Ran:
    """What a command said, on both streams and on standard output alone, and exited with."""

    code: int
    out: str
    stdout: str


def new_project(folder: Path, sandbox: Sandbox) -> Project:
    """A project as it is cloned, with nothing but the program and the virtual environment."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "home").mkdir()
    return Project(folder, sandbox)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """A project whose stack is written and that no engine has run yet."""
    project = new_project(tmp_path / "project", sandbox)
    project.write()
    return project


@pytest.fixture(scope="session")
def engine() -> str:
    """The version of the `pulumi` on PATH; without one the test is skipped."""
    if shutil.which("pulumi") is None:
        pytest.skip("no `pulumi` command on PATH")
    return subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Template:
    """A project after its first up, to be copied: the run is spared each test. `first` is what that up said."""

    folder: Path
    flex: Path
    first: Ran


@pytest.fixture(scope="session")
def template(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Made once a process of the test run."""
    folder = tmp_path_factory.mktemp("template")
    with Sandbox(state=folder / "flex.db") as sandbox:
        project = new_project(folder / "project", sandbox)
        project.write()
        assert project.pulumi("stack", "init").code == 0
        first = project.pulumi("up", "--yes")
        assert first.code == 0, first.out
    return Template(folder / "project", folder / "flex.db", first)


@pytest.fixture
def applied(template: Template, tmp_path: Path) -> Iterator[Project]:
    """A project of one's own whose stack is up: four users in Flex and in the state."""
    shutil.copytree(template.folder, tmp_path / "project", symlinks=True)
    shutil.copy(template.flex, tmp_path / "flex.db")
    with Sandbox(state=tmp_path / "flex.db") as sandbox:
        yield Project(tmp_path / "project", sandbox)
