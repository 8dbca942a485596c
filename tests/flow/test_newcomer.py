"""What somebody meets in the first hour: words that fit, hints that lead somewhere, and nothing written in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import FLEX, Cli


def test_of_nobody_it_is_not_said_that_all_of_them_are_as_declared(cli: Cli) -> None:
    cli.write(team="users: {}\n")
    assert "in sync: nobody is declared" in cli.run("plan").out


def test_an_apply_does_not_name_the_command_that_it_is(cli: Cli) -> None:
    """The plan does."""
    assert "safe to apply: flexres apply --stack prod" in cli.run("plan").out
    applied = cli.run("apply", "--yes").out
    assert "\nsafe to apply\n" in applied
    assert "flexres apply" not in applied


def test_a_file_that_is_written_is_named_on_stderr(cli: Cli) -> None:
    """And nothing else goes to standard output."""
    ran = cli.run("plan", "-o", "plan.txt", "--also", "plan.html")
    assert ran.out == ""
    assert sorted(ran.err.splitlines()) == ["wrote plan.html", "wrote plan.txt"]


def test_missing_credentials_of_a_sandbox_name_what_prints_them(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an account at Twilio they do not."""
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"):
        monkeypatch.delenv(name)
    assert "sandbox" not in cli.run("plan").err
    cli.write(flex=f"{FLEX}endpoint: http://127.0.0.1:4010\n")
    assert "flexres sandbox serve prints" in cli.run("plan").err


def test_an_export_counts_whom_it_leaves_out_and_breaks_its_lines(cli: Cli, tmp_path: Path) -> None:
    """Whoever is another stack's is in Flex all the same."""
    team = "".join(f"  somebody.number{number}@example.com: {{full_name: X, roles: [agent]}}\n" for number in range(9))
    cli.write(team=f"users:\n{team}")
    assert cli.run("apply", "--yes").code == 0
    cli.write(stack="mine", flex=FLEX.replace("k7m2q9", "mine99"), team="users: {}\n")
    ran = cli.run("export", "--stack", "mine")
    assert "mine: 0 of 9 users in Flex instance" in ran.out
    assert "9 users, each is managed by stack id k7m2q9: " in ran.out
    left_out = ran.out[ran.out.index("Left out") :]
    assert max(map(len, left_out.splitlines())) <= 100


def test_a_queue_that_is_not_there_names_those_that_are(cli: Cli, sandbox: Sandbox) -> None:
    """Or the one that may be meant."""
    sandbox.make_queue("Billing")
    assert "there are " in cli.run("routing", "--queue", "Nope").err
    assert "did you mean Billing?" in cli.run("routing", "--queue", "Biling").err


def test_what_init_says_of_single_sign_on_is_so(cli: Cli) -> None:
    """The lines that it proposes are enough for the checklist, and validate says what lacks."""
    cli.run("init", "fresh", "--account", f"AC{'0' * 31}1", "--instance", f"GO{'0' * 31}1")
    file = cli.folder / "stacks" / "fresh" / "flex.yaml"
    assert '"sso: {type: enhanced, writer: console}"' in file.read_text()
    file.write_text(f"{file.read_text()}sso: {{type: enhanced, writer: console}}\n")
    assert cli.run("sso", "checklist", "--stack", "fresh").code == 0
    assert cli.run("validate", "--stack", "fresh").code == 2
