"""YAML that is not as committed: it is said wherever the commit is, and a pipeline does not apply it unless told."""

from __future__ import annotations

import json

import pytest

from flexres.desired import revision
from flexres.sandbox.server import Sandbox

from .command_line import Cli


@pytest.fixture
def dirty(cli: Cli) -> Cli:
    """A project whose team file was changed since the commit."""
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        revision._git(cli.folder, *arguments)
    team = cli.folder / "stacks" / "prod" / "users" / "team.yaml"
    team.write_text(team.read_text().replace("billing: 3", "billing: 4"))
    return cli


@pytest.mark.parametrize(("ci", "code"), [("true", 2), ("1", 2), ("false", 0), ("", 0)])
def test_a_pipeline_does_not_apply_it(
    dirty: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, ci: str, code: int
) -> None:
    """Nothing is sent, and the message says what to do."""
    monkeypatch.setenv("CI", ci)
    ran = dirty.run("apply", "--yes")
    assert ran.code == code
    assert bool(sandbox.requests(method="POST")) is (code == 0)
    assert ("--allow-dirty" in ran.err) is (code == 2)


@pytest.mark.parametrize("command", [("adopt",), ("drift", "--fix")])
def test_no_command_that_writes_does(
    dirty: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Whatever it writes of that YAML; each takes the same word to go on."""
    if command == ("adopt",):
        sandbox.provision("ana@example.com", "Somebody")
    else:
        dirty.run("apply", "--yes")
        sandbox.provision("ana@example.com", "Somebody")
    sandbox.clear_requests()
    monkeypatch.setenv("CI", "true")
    ran = dirty.run(*command, "--yes")
    assert (ran.code, sandbox.requests(method="POST")) == (2, [])
    assert "--allow-dirty" in ran.err
    assert dirty.run(*command, "--yes", "--allow-dirty").code == 0


def test_a_pipeline_that_is_told_applies_it(dirty: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an option that the journal's reader can find in the pipeline's log."""
    monkeypatch.setenv("CI", "true")
    assert dirty.run("apply", "--yes", "--allow-dirty").code == 0


def test_report_page_comment_and_journal_say_so(dirty: Cli) -> None:
    """The commit alone would name other YAML than what was applied."""
    plan = dirty.run("plan", "--format", "json")
    assert json.loads(plan.out)["dirty"] is True
    assert "uncommitted changes" in plan.err
    assert "and uncommitted changes" in dirty.run("plan", "--format", "markdown").out
    drift = dirty.run("drift", "--format", "json")
    assert json.loads(drift.out)["dirty"] is True
    assert "uncommitted changes" in drift.err
    assert "and uncommitted changes" in dirty.run("drift", "--format", "markdown").out
    page = dirty.folder / "page.html"
    dirty.run("plan", "--format", "html", "--out", str(page))
    assert "and uncommitted changes" in page.read_text()
    dirty.run("apply", "--yes")
    (journal,) = (dirty.folder / ".flexres" / "journal").iterdir()
    assert all(json.loads(line)["dirty"] is True for line in journal.read_text().splitlines())
