"""`flexres init --engine pulumi`: the project around the stacks, for somebody who has only the wheel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexres.cli.init_from_live import IGNORED, IGNORED_OF_PULUMI, PROGRAM, PROJECT, write_project
from flexres.cli.main import app
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.errors import SetupError

ROOT = Path(__file__).parent.parent.parent.parent
ACCOUNT, INSTANCE = "AC00000000000000000000000000000001", "GO00000000000000000000000000000001"


def test_what_is_written_is_what_this_repository_runs() -> None:
    """One program, tried with the engine."""
    assert (ROOT / "Pulumi.yaml").read_text() == PROJECT
    assert (ROOT / "__main__.py").read_text() == PROGRAM


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    """But for lines that .gitignore lacks."""
    (tmp_path / "__main__.py").write_text("mine")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".gitignore").write_text("*.pem\n.venv/")
    written = write_project(tmp_path, "pulumi")
    assert sorted(path.name for path in written) == [".gitignore", "Pulumi.yaml"]
    assert (tmp_path / "__main__.py").read_text() == "mine"
    ignored = (tmp_path / ".gitignore").read_text().splitlines()
    assert ignored[:2] == ["*.pem", ".venv/"]
    assert sorted(ignored) == sorted([*IGNORED, *IGNORED_OF_PULUMI, "*.pem"])
    assert write_project(tmp_path, "pulumi") == []


def test_what_runs_leave_behind_is_kept_out_of_git_under_the_direct_engine_too(tmp_path: Path) -> None:
    """The journal, and the plans that the examples write: they have people's names."""
    assert write_project(tmp_path, "direct") == [tmp_path / ".gitignore"]
    assert (tmp_path / ".gitignore").read_text() == ".flexres/\n.sandbox/\n.venv/\nplan.json\nplan.html\n"


def test_a_gitignore_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xff")
    with pytest.raises(SetupError, match="gitignore cannot be read"):
        write_project(tmp_path, "pulumi")


def test_init_writes_the_project_and_commits_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--account", ACCOUNT, "--instance", INSTANCE, "--engine", "pulumi"]
    ran = CliRunner().invoke(app, ["init", "prod", *options])
    assert ran.exit_code == 0, ran.output
    assert {path.name for path in tmp_path.iterdir()} >= {"Pulumi.yaml", "__main__.py", ".gitignore", "stacks"}
    requirement = (tmp_path / "requirements.txt").read_text().splitlines()[-1]
    assert re.fullmatch(r"flexres\[pulumi,sso\] @ git\+https://\S+@\w+", requirement)
    stack = load_stack(FolderSource(tmp_path / "stacks" / "prod"), name="prod")
    assert stack.config.engine == "pulumi"
