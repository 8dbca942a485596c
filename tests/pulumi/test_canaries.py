"""Under the real engine, too, no credential is in the state, the checkpoints, the journal, the output or the logs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.flow.test_canaries import BESIDE, CANARY, leaked
from tests.pulumi.conftest import Project

pytestmark = pytest.mark.engine
LOGGED = ("--logtostderr", "--logflow", "-v=9")


def contents(folder: Path) -> dict[str, str]:
    """Every file below, unpacked where the engine packed it."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found[str(path.relative_to(folder))] = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(
                "latin-1"
            )
    return found


def test_the_engine_keeps_no_credential(project: Project, engine: str) -> None:
    """Through flexres and by hand, logged as loudly as it can, after a success and after refused credentials."""
    assert engine
    project.more |= {name: value for name, value in BESIDE.items() if "PROXY" not in name}
    project.more["PULUMI_ACCESS_TOKEN"] = ""
    secrets = [CANARY, project.sandbox.environment()["TWILIO_API_SECRET"]]
    runs = [
        project.run("flexres", "apply", "--yes", "--log", "json"),
        project.run("pulumi", "stack", "export", "--stack", "test"),
        project.run("pulumi", "preview", "--stack", "test", "--diff", *LOGGED),
        project.run("flexres", "apply", "--yes", environ={"TWILIO_API_SECRET": f"{CANARY}-api"}),
        project.run("pulumi", "up", "--yes", "--stack", "test", environ={"TWILIO_API_SECRET": f"{CANARY}-api"}),
    ]
    assert [ran.code == 0 for ran in runs] == [True, True, True, False, False]
    for ran in runs:
        assert leaked(ran.out, secrets) == []
    files = contents(project.folder)
    assert any(".pulumi/stacks/" in name for name in files)
    assert {name: leaked(text, secrets) for name, text in files.items() if leaked(text, secrets)} == {}
