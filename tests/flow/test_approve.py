"""`flexres approve`: what it shows, what it writes, and for what that holds."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli

ADMIN = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent, admin]}\n"


@pytest.fixture
def refused(cli: Cli) -> Cli:
    """A stack in which Ana becomes admin."""
    text = (cli.folder / "stacks/prod/flex.yaml").read_text()
    head = text[: text.index("policy:")]
    cli.write(team=ADMIN, flex=f"{head}policy:\n  max_changes: 100%   # adopting\n  min_admins: 0\n")
    return cli


def test_it_writes_what_lifts_exactly_this(refused: Cli, sandbox: Sandbox) -> None:
    """Refused before, passed after, and every other line as it was."""
    file = refused.folder / "stacks/prod/flex.yaml"
    before = file.read_text()
    assert refused.run("plan", "--check").code == 4
    ran = refused.run("approve", "--yes")
    assert ran.code == 0
    assert "ana@example.com gains admin" in ran.out
    assert file.read_text().startswith(before)
    assert "until: " in file.read_text()
    assert refused.run("plan", "--check").code == 3
    assert refused.run("apply", "--yes").code == 0
    assert [user["username"] for user in sandbox.users()] == ["ana@example.com"]


def test_once_it_is_done_the_approval_is_said_to_be_unused(refused: Cli) -> None:
    """It does not hold a second time."""
    refused.run("approve", "--yes")
    refused.run("apply", "--yes")
    plan = json.loads(refused.run("plan", "-f", "json").out)
    assert [one["standing"] for one in plan["approvals"]] == ["unused"]


def test_with_nothing_refused_nothing_is_written(cli: Cli) -> None:
    """And it says so."""
    file = cli.folder / "stacks/prod/flex.yaml"
    before = file.read_bytes()
    assert "nothing to approve" in cli.run("approve", "--yes").out
    assert file.read_bytes() == before


def test_without_a_terminal_somebody_has_to_say_yes(refused: Cli, sandbox: Sandbox) -> None:
    """Nothing is read before."""
    assert refused.run("approve").code == 2
    assert sandbox.requests() == []
