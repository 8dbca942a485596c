"""The command line called in this process, in an empty folder and a clean environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from flexres.cli.errors import guarded
from flexres.cli.main import app


@dataclass(frozen=True)
class Ran:
    """What a command printed and exited with."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs one command line."""
    monkeypatch.chdir(tmp_path)
    names = ("FLEXRES_STACK", "FLEXRES_DEBUG", "TWILIO_ACCOUNT_SID", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    for name in names:
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = guarded(typer.main.get_command(app), arguments)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return call
