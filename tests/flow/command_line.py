"""A project folder with one stack, and the command line in it as a person types it, for the stories of commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
import typer

from flexres.cli.errors import guarded
from flexres.cli.main import app
from flexres.sandbox.server import Sandbox

FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
policy: {max_changes: 100%, min_admins: 0, approved: []}
"""
TEAM = """\
defaults: {roles: [agent]}
users:
  ana@example.com: {full_name: Ana Ruiz, skills: {billing: 3}}
  bob@example.com: {full_name: Bob Okafor}
"""


@dataclass(frozen=True)
class Ran:
    """What a command printed and exited with."""

    code: int
    out: str
    err: str


class Cli:
    """A project folder with one stack, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, *, flex: str = FLEX, team: str = TEAM, stack: str = "prod") -> None:
        users = self.folder / "stacks" / stack / "users"
        users.mkdir(parents=True, exist_ok=True)
        (users.parent / "flex.yaml").write_text(flex)
        (users / "team.yaml").write_text(team)

    def run(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        code = guarded(typer.main.get_command(app), arguments)
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err
        return Ran(code, printed.out, printed.err)


@pytest.fixture
def cli(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    monkeypatch.chdir(tmp_path)
    for name in ("FLEXRES_STACK", "FLEXRES_DEBUG", "TWILIO_AUTH_TOKEN", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**sandbox.environment(), "GIT_CONFIG_GLOBAL": "/dev/null", "USER": "cho"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    cli = Cli(tmp_path, capsys)
    cli.write()
    yield cli
    structlog.reset_defaults()
