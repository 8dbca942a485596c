"""The commands as a person types them, against a sandbox: what they print where, and what they exit with."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from datetime import UTC, datetime

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import FLEX, TEAM, Cli


def test_plan_shows_and_exits_0_and_with_check_3(cli: Cli) -> None:
    """Pending changes are news, not a failure, unless somebody asks for a check."""
    shown, checked = cli.run("plan"), cli.run("plan", "--check")
    assert (shown.code, checked.code) == (0, 3)
    assert "+ ana@example.com" in shown.out
    assert shown.err == ""


def test_plan_sends_nothing_but_get(cli: Cli, sandbox: Sandbox) -> None:
    cli.run("plan")
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_apply_then_plan_finds_nothing_to_do(cli: Cli, sandbox: Sandbox) -> None:
    applied = cli.run("apply", "--yes")
    assert applied.code == 0
    assert "2 done" in applied.out
    assert "✓ ana@example.com added" in applied.err
    again = cli.run("plan", "--check")
    assert (again.code, len(sandbox.users())) == (0, 2)
    assert "in sync" in again.out


def test_apply_keeps_a_journal_out_of_git(cli: Cli) -> None:
    cli.run("apply", "--yes")
    lines = [json.loads(line) for line in (cli.folder / ".flexres/journal/prod.jsonl").read_text().splitlines()]
    assert {(line["username"], line["result"], line["by"]) for line in lines if line["event"] == "outcome"} == {
        ("ana@example.com", "done", "cho"),
        ("bob@example.com", "done", "cho"),
    }
    assert (cli.folder / ".flexres/.gitignore").read_text() == "*\n"


def test_from_within_a_stack_the_journal_is_kept_beside_all_of_them(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack holds nothing but what is declared."""
    monkeypatch.chdir(cli.folder / "stacks" / "prod")
    assert cli.run("apply", "--yes", "--stacks", "..", "--stack", "prod").code == 0
    assert (cli.folder / ".flexres" / "journal" / "prod.jsonl").is_file()
    assert not (cli.folder / "stacks" / "prod" / ".flexres").exists()


def test_apply_writes_its_journal_where_it_is_told(cli: Cli) -> None:
    assert cli.run("apply", "--yes", "--journal", "log/j.jsonl").code == 0
    assert (cli.folder / "log/j.jsonl").exists()
    assert not (cli.folder / ".flexres").exists()


def test_apply_without_a_terminal_wants_yes(cli: Cli, sandbox: Sandbox) -> None:
    """Nobody can be asked: exit 2 before anything is read or sent."""
    ran = cli.run("apply")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert sandbox.requests() == []


def test_a_guard_refuses_and_approve_lifts_it(cli: Cli, sandbox: Sandbox) -> None:
    cli.write(team="users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent, admin]}\n")
    refused = cli.run("apply", "--yes")
    assert refused.code == 4
    assert sandbox.users() == []
    digest = re.search(r"digest ([a-z2-7]{26})", refused.out)
    assert digest is not None
    assert cli.run("plan", "--check").code == 4
    assert cli.run("apply", "--yes", "--approve", digest[1]).code == 0
    assert [user["username"] for user in sandbox.users()] == ["ana@example.com"]


def test_a_digest_in_the_policy_approves_by_its_line(cli: Cli) -> None:
    team = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent, admin]}\n"
    cli.write(team=team)
    digest = json.loads(cli.run("plan", "-f", "json").out)["digest"]
    entry = f"{{digest: {digest}, for: ana gains admin, until: {datetime.now(UTC).date()}}}"
    cli.write(team=team, flex=FLEX.replace("approved: []", f"approved: [{entry}]"))
    plan = cli.run("plan", "--check")
    assert plan.code == 3
    assert "stacks/prod/flex.yaml:6, author unknown" in plan.out


def test_an_approval_for_another_plan_is_pointed_out(cli: Cli) -> None:
    ran = cli.run("plan", "--approve", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert ran.code == 0
    assert "--approve aaaaaaaaaaaaaaaaaaaaaaaaaa approves nothing" in ran.err


@pytest.mark.parametrize("digest", ["9f3c1a7b", "A" * 26, "a" * 25, "a" * 27, "--yes"])
def test_what_can_be_no_digest_is_refused(cli: Cli, sandbox: Sandbox, digest: str) -> None:
    assert cli.run("plan", f"--approve={digest}").code == 2
    assert sandbox.requests() == []


def test_one_failing_user_makes_exit_5_and_is_named(
    cli: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One after another, so that all refusals meet the first user: with claims, with the marker alone, and without.
    monkeypatch.setenv("FLEXRES_MAX_CONNECTIONS", "1")
    sandbox.fault("400:before:match=POST .*Provision:times=3")
    ran = cli.run("apply", "--yes")
    assert ran.code == 5
    assert "1 done" in ran.out
    assert "1 failed" in ran.out
    assert "✗" in ran.err


def test_a_pulumi_stack_is_applied_here_only_on_request(cli: Cli, sandbox: Sandbox) -> None:
    cli.write(flex=FLEX.replace("engine: direct", "engine: pulumi"))
    refused = cli.run("apply", "--yes")
    assert refused.code == 2
    assert "stacks/prod/flex.yaml:5" in refused.err
    assert sandbox.requests() == []
    assert cli.run("apply", "--yes", "--switch-engine").code == 0


@pytest.mark.parametrize("report_format", ["markdown", "json"])
def test_apply_writes_one_report_in_other_formats(cli: Cli, report_format: str) -> None:
    ran = cli.run("apply", "--yes", "-f", report_format, "-o", "out/report")
    assert (ran.code, ran.out) == (0, "")
    text = (cli.folder / "out/report").read_text()
    assert "ana@example.com" in text.replace("\\", "")
    if report_format == "json":
        json.loads(text)


def test_json_on_standard_output_is_nothing_else(cli: Cli) -> None:
    assert json.loads(cli.run("plan", "-f", "json").out)["stack"] == "prod"
    assert json.loads(cli.run("apply", "--yes", "-f", "json").out)


def test_log_json_is_nothing_but_json_on_stderr(cli: Cli) -> None:
    """One event a line, for requests and for changes, and no credential in any."""
    ran = cli.run("apply", "--yes", "--log", "json")
    events = [json.loads(line) for line in ran.err.splitlines()]
    assert {"phase", "finished"} <= {event["event"] for event in events}
    assert "sandbox-api-secret" not in ran.err


def test_markdown_goes_into_a_file(cli: Cli) -> None:
    ran = cli.run("plan", "-f", "markdown", "--out", "plan.md")
    assert ran.out == ""
    assert (cli.folder / "plan.md").read_text().startswith("<!-- flexres:plan:prod -->")


def test_adopt_takes_over_who_is_there_and_nobody_else(cli: Cli, sandbox: Sandbox) -> None:
    cli.run("apply", "--yes")
    cli.write(flex=FLEX.replace("k7m2q9", "other99"), team=TEAM + "  cho@example.com: {full_name: Cho Tanaka}\n")
    sandbox.edit_attributes("ana@example.com", {}, remove=["flexres"])
    ran = cli.run("adopt", "--yes")
    assert ran.code == 0
    assert "✓ ana@example.com adopted" in ran.err
    assert "bob" not in ran.err
    assert {user["username"] for user in sandbox.users()} == {"ana@example.com", "bob@example.com"}


def test_adopt_meets_the_guards_of_those_it_adopts(cli: Cli, sandbox: Sandbox) -> None:
    sandbox.seed(10)
    seeded = sorted(str(user["username"]) for user in sandbox.users())
    entries = "".join(f"  {name}: {{full_name: Somebody}}\n" for name in seeded)
    cli.write(
        flex=FLEX.replace("max_changes: 100%", "max_changes: 3, max_removals: 100%"),
        team=f"defaults: {{roles: [agent]}}\nusers:\n{entries}",
    )
    assert cli.run("adopt", "--yes").code == 4
    few = [argument for name in seeded[-3:] for argument in ("--user", name)]
    assert cli.run("adopt", "--yes", *few).code == 0
    assert "flexres" in sandbox.worker_attributes(seeded[-1])
    assert "flexres" not in sandbox.worker_attributes(seeded[0])


def test_adopt_says_when_a_named_user_is_not_to_be_adopted(cli: Cli) -> None:
    ran = cli.run("adopt", "--yes", "--user", "dora@example.com")
    assert ran.code == 1
    assert "dora@example.com is not declared" in ran.err


def test_adopt_with_nobody_to_adopt_is_done(cli: Cli) -> None:
    ran = cli.run("adopt", "--yes")
    assert (ran.code, "nobody to adopt" in ran.out) == (0, True)


def test_token_prints_the_token_alone(cli: Cli) -> None:
    cli.run("apply", "--yes")
    ran = cli.run("token", "ana@example.com", "--ttl", "60")
    assert (ran.code, ran.err) == (0, "")
    assert re.fullmatch(r"\S{20,}\n", ran.out)


def test_token_for_nobody_says_so(cli: Cli) -> None:
    ran = cli.run("token", "nobody@example.com")
    assert (ran.code, ran.out) == (1, "")
    assert "nobody@example.com is not in Flex" in ran.err


def test_demo_ends_with_nothing_left_to_do(cli: Cli) -> None:
    first, second = cli.run("demo"), cli.run("demo")
    assert (first.code, second.code) == (0, 0)
    assert "$ flexres apply --stack prod --yes" in first.out
    assert "apply --stack prod --yes" not in second.out
    assert "Nothing is left to do." in second.out


def test_demo_runs_against_this_machine_only(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It applies without asking, so it must never meet a real Flex."""
    monkeypatch.delenv("FLEXRES_ENDPOINT")
    ran = cli.run("demo")
    assert ran.code == 2
    assert "flexres sandbox run" in ran.err


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("adopt", "--yes"), ("token", "ana@example.com")])
class TestSetUpGoneWrong:
    """Exit 6 or 2 with one clear line and what to do; never a traceback."""

    def test_wrong_credentials(self, cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TWILIO_API_SECRET", "not-it")
        ran = cli.run(*command)
        assert ran.code == 6
        assert "TWILIO_API_SECRET" in ran.err
        assert "not-it" not in ran.err

    def test_no_network(self, cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLEXRES_ENDPOINT", f"http://127.0.0.1:{_free_port()}")
        ran = cli.run(*command)
        assert ran.code == 6
        assert ran.err.startswith("error: ")
        assert "127.0.0.1" in ran.err

    def test_wrong_instance(self, cli: Cli, command: tuple[str, ...]) -> None:
        wrong = "GO" + "f" * 32
        cli.write(flex=FLEX.replace("GO00000000000000000000000000000001", wrong))
        ran = cli.run(*command)
        assert ran.code == 6
        assert wrong in ran.err

    def test_another_account(self, cli: Cli, command: tuple[str, ...], sandbox: Sandbox) -> None:
        cli.write(flex=FLEX.replace("AC00000000000000000000000000000001", "AC" + "2" * 32))
        ran = cli.run(*command)
        assert ran.code == 2
        assert "TWILIO_ACCOUNT_SID" in ran.err
        assert sandbox.requests() == []

    def test_no_credentials(self, cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TWILIO_API_KEY")
        monkeypatch.delenv("TWILIO_API_SECRET")
        ran = cli.run(*command)
        assert ran.code == 2
        assert "TWILIO_API_KEY" in ran.err

    def test_flex_not_set_up(self, cli: Cli, command: tuple[str, ...], sandbox: Sandbox) -> None:
        sandbox.fault("404:before:match=GET /v1/Configuration")
        ran = cli.run(*command)
        assert ran.code == 6
        assert "Flex is not set up in account AC" in ran.err

    def test_missing_stack(self, cli: Cli, command: tuple[str, ...]) -> None:
        ran = cli.run(*command, "--stack", "prd")
        assert ran.code == 2
        assert "did you mean prod?" in ran.err

    def test_wrong_yaml(self, cli: Cli, command: tuple[str, ...], sandbox: Sandbox) -> None:
        cli.write(team="users:\n  ana@example.com: {full_name: 12, roles: [agent]}\n")
        ran = cli.run(*command)
        assert ran.code == 2
        assert "stacks/prod/users/team.yaml:2:" in ran.err
        assert "Nothing was sent." in ran.err
        assert sandbox.requests() == []

    def test_several_stacks(self, cli: Cli, command: tuple[str, ...]) -> None:
        cli.write(stack="staging")
        ran = cli.run(*command)
        assert ran.code == 2
        assert "There are prod, staging" in ran.err

    def test_no_git(self, cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without git, nobody can say which commit this is, and everything else works."""
        monkeypatch.setenv("PATH", str(cli.folder))
        assert cli.run(*command).code == (1 if command[0] == "token" else 0)


def test_the_environment_chooses_among_several_stacks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write(stack="staging", flex=FLEX.replace("k7m2q9", "s7m2q9"), team=TEAM.replace("@example", "@staging.example"))
    monkeypatch.setenv("FLEXRES_STACK", "staging")
    assert "staging" in cli.run("plan").out


def test_who_was_set_by_a_later_commit_is_blocked_until_allowed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str, at: str) -> None:
        when = {"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at, "PATH": "/usr/bin:/bin:/usr/local/bin"}
        who = ["-c", "user.name=Ana Ruiz", "-c", "user.email=ana@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=cli.folder, env=when, check=True, capture_output=True)

    git("init", "-q", at="")
    git("add", "stacks", at="")
    git("commit", "-qm", "one", at="2026-01-01T00:00:00Z")
    cli.write(team=TEAM.replace("billing: 3", "billing: 4"))
    git("commit", "-qam", "two", at="2026-02-01T00:00:00Z")
    assert cli.run("apply", "--yes").code == 0
    git("checkout", "-q", "HEAD~1", at="")
    assert cli.run("plan", "--check").code == 5
    assert cli.run("plan", "--check", "--allow-older").code == 3
