"""A pull request's preview: what it causes is told apart from what Flex or an earlier change causes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM, commit, git


@pytest.fixture
def project(cli: Cli, sandbox: Sandbox) -> Cli:
    """A stack that was applied from main; a branch `pr` is checked out."""
    cli.write(flex=FLEX, team=TEAM)
    commit(cli.folder)
    assert cli.run("apply", "--yes").code == 0
    git(cli.folder, "switch", "-qc", "pr")
    return cli


def changes(cli: Cli, *options: str) -> dict[str, Any]:
    ran = cli.run("plan", "--base", "main", "-f", "json", *options)
    assert ran.code == 0, ran.err
    return {change["username"]: change for change in json.loads(ran.out)["changes"]}


def test_what_somebody_edited_in_flex_is_not_from_the_pull_request(project: Cli, sandbox: Sandbox) -> None:
    """One field of a user is the pull request's, the other is not."""
    sandbox.edit_attributes("ana@example.com", {"city": "Bari"})
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    (found,) = changes(project).values()
    assert {field["key"]: field.get("elsewhere", False) for field in found["fields"]} == {
        "attr:level": False,
        "attr:city": True,
    }


def head_of(folder: Path) -> str:
    return subprocess.run(["git", "rev-parse", "main"], cwd=folder, check=True, capture_output=True).stdout.decode()[:7]


def test_the_markdown_folds_what_is_not_from_it(project: Cli, sandbox: Sandbox) -> None:
    sandbox.edit_attributes("ana@example.com", {"city": "Bari"})
    project.write(flex=FLEX, team=f"{TEAM}  eve@example.com: {{full_name: Eve}}\n")
    comment = project.run("plan", "--base", "main", "-f", "markdown").out
    assert "<summary>Not from this change: 1</summary>" in comment
    assert "1 to add, 1 to change, 1 not from this change" in comment
    assert f"compared with `main` at {head_of(project.folder)} ·" in comment


def test_the_same_pull_request_gives_the_same_comment(project: Cli) -> None:
    """Apart from the time, so that one comment is edited in place."""
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    first, second = (project.run("plan", "--base", "main", "-f", "markdown").out for _ in range(2))
    assert first.rpartition("plan of")[0] == second.rpartition("plan of")[0]


def test_offline_needs_no_credentials_and_asks_nobody(
    project: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a fork's pull request gets."""
    project.write(flex=FLEX, team=TEAM.replace("roles: [agent]", "roles: [admin]").replace("  bob", "  ben"))
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET", "FLEXRES_ENDPOINT"):
        monkeypatch.delenv(name)
    sandbox.clear_requests()
    ran = project.run("plan", "--base", "main", "--offline")
    assert ran.code == 0, ran.err
    assert "gains admin  ana@example.com" in ran.out
    assert "leaves       bob@example.com" in ran.out
    assert "Flex was not read" in ran.out
    assert "safe to apply" not in ran.out
    assert sandbox.requests() == []


def test_offline_json_says_so(project: Cli) -> None:
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    report = json.loads(project.run("plan", "--base", "main", "--offline", "-f", "json").out)
    assert (report["offline"], report["base"], "next" in report) == (True, "main", False)


def test_offline_with_nothing_changed_is_as_the_base(project: Cli) -> None:
    assert "all 2 users are as in main" in project.run("plan", "--base", "main", "--offline", "--check").out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--offline"], "--offline needs something to compare with"),
        (["--base", "nowhere"], "nowhere names no commit here"),
        (["--base", "main", "--offline", "--save", "x"], "cannot be applied later"),
        (["--base", "main", "--offline", "--engine", "pulumi"], "Pulumi looks at Flex"),
    ],
)
def test_what_does_not_go_together_is_one_line(project: Cli, options: list[str], says: str) -> None:
    ran = project.run("plan", *options)
    assert ran.code == 2
    assert says in ran.err.splitlines()[0]
    assert len(ran.err.splitlines()) == 2


EU = FLEX.replace("k7m2q9", "eu9999").replace(
    "GO00000000000000000000000000000001", "GO00000000000000000000000000000002"
)


def test_a_new_stack_is_all_new_and_judged_by_its_own_policy(project: Cli) -> None:
    """Its base is empty, and the report says on top that nothing was in force before."""
    project.write(stack="eu", flex=EU, team=TEAM.replace("ana@", "eva@").replace("bob@", "ben@"))
    ran = project.run("plan", "-s", "eu", "--base", "main", "--offline")
    assert ran.code == 0, ran.err
    assert "2 to add" in ran.out
    assert "not compared" in ran.out
    assert "judged by its own policy alone: the stack is new, main has none" in ran.out


@pytest.mark.parametrize("kept", ["id: k7m2q9", "instance: GO00000000000000000000000000000001"])
def test_a_stack_under_a_new_name_is_judged_by_its_former_policy(project: Cli, kept: str) -> None:
    """A folder's name is no way around the policy in force."""
    strict = FLEX.replace("min_admins: 0", "min_admins: 0, protected: [ana@example.com]")
    git(project.folder, "switch", "-q", "main")
    project.write(flex=strict, team=TEAM)
    commit(project.folder)
    git(project.folder, "switch", "-qc", "renamed")
    other = FLEX if kept in FLEX and kept.startswith("id") else EU.replace("00002", "00001")
    project.write(stack="prod2", flex=other, team=TEAM.replace("  ana@", "  eva@"))
    shutil.rmtree(project.folder / "stacks" / "prod")
    found = project.run("plan", "-s", "prod2", "--base", "main", "--offline", "--check")
    assert "policy.protected" in found.out
    assert "loosened" in found.out


def test_a_deleted_stack_says_who_is_left_behind(project: Cli, sandbox: Sandbox) -> None:
    """Nobody is asked but git, and it is never said to be in sync."""
    project.write(stack="eu", flex=EU, team="users: {}\n")
    shutil.rmtree(project.folder / "stacks" / "prod")
    sandbox.clear_requests()
    ran = project.run("plan", "-s", "prod", "--base", "main", "-f", "markdown")
    assert ran.code == 0, ran.err
    assert "needs care" in ran.out.splitlines()[1]
    assert "To let them leave, take them out of users/ and deploy that before" in ran.out
    assert "ana@example.com" in ran.out
    assert sandbox.requests() == []


def test_a_stack_that_was_moved_is_not_said_to_leave_anybody_behind(project: Cli) -> None:
    """Its id goes on under another name."""
    (project.folder / "stacks" / "prod").rename(project.folder / "stacks" / "prod2")
    ran = project.run("plan", "-s", "prod", "--base", "main", "-f", "markdown")
    assert "moved to" in ran.out
    assert "ana@example.com" not in ran.out


@pytest.mark.parametrize("other", ["GO00000000000000000000000000000002", "AC00000000000000000000000000000002"])
def test_an_id_that_goes_on_in_another_flex_leaves_everybody_behind(project: Cli, other: str) -> None:
    """Nobody of the one instance is looked after by a stack of another, whatever its id."""
    stacks = project.folder / "stacks"
    shutil.rmtree(stacks / "prod" / "users")
    (stacks / "prod").rename(stacks / "other")
    project.write(stack="other", flex=FLEX.replace(f"{other[:-1]}1", other), team="users: {}\n")
    ran = project.run("plan", "-s", "prod", "--base", "main", "-f", "markdown")
    assert "moved to" not in ran.out
    assert "To let them leave, take them out of users/ and deploy that before" in ran.out
    assert "ana@example.com" in ran.out


def test_a_comment_is_never_left_as_it_was_where_the_plan_fails(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken YAML and refused credentials take the place of what an earlier commit was told."""
    told = project.folder / "plan.md"
    project.write(flex=FLEX, team=TEAM.replace("[agent]", "[agnt]"))
    options = ("plan", "--base", "main", "--head", "1a2b3c4d" * 5, "-f", "markdown", "-o", str(told))
    assert project.run(*options).code == 2
    comment = told.read_text()
    assert comment.startswith("<!-- flexres:plan:prod -->\n### ⛔ flexres · `prod` · not planned\n")
    assert "`stacks/prod/users/team.yaml:1`" in comment
    assert "head commit 1a2b3c4" in comment

    project.write(flex=FLEX, team=TEAM)
    monkeypatch.setenv("TWILIO_API_SECRET", "wrong")
    told.unlink()
    assert project.run(*options).code == 6
    assert "**It failed.**" in told.read_text()


def test_the_footer_names_the_head_commit_of_the_pull_request(project: Cli) -> None:
    """What is checked out is the merge of it."""
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    ran = project.run("plan", "--base", "main", "--head", "1a2b3c4d" * 5, "-f", "markdown")
    assert "head commit 1a2b3c4 · commit" in ran.out.splitlines()[-1]
    odd = project.run("plan", "--base", "main", "--head", "](http://x.example)", "-f", "markdown")
    assert "head commit `](http://x.example)`" in odd.out.splitlines()[-1]


def test_what_mends_a_base_is_planned_and_says_that_it_was_not_compared(project: Cli) -> None:
    """With where the base is wrong; a policy that can still be read there judges."""
    project.write(flex=FLEX, team=TEAM.replace("[agent]", "[agnt]"))
    commit(project.folder, "wrong")
    project.write(flex=FLEX, team=TEAM)
    report = json.loads(project.run("plan", "--base", "HEAD", "-f", "json").out)
    (line,) = report["top"]
    assert (line["what"], line["care"]) == ("not compared", True)
    assert line["says"].startswith("with HEAD: the YAML of HEAD is wrong itself: HEAD:stacks/prod/users/team.yaml:1:")
    assert (report["judged_by"], report["verdict"]) == ({"by": "base", "name": "HEAD"}, "needs care")
    assert project.run("plan", "--base", "HEAD", "--offline").code == 2


def test_a_policy_that_cannot_be_read_in_the_base_does_not_end_the_judging(project: Cli) -> None:
    """The commit before it judges, and the report says so."""
    project.write(flex="policy: [", team=TEAM)
    commit(project.folder, "broken")
    project.write(flex=FLEX.replace("min_admins: 0", "min_admins: 0, protected: [bob@example.com]"), team=TEAM)
    report = json.loads(project.run("plan", "--base", "HEAD", "-f", "json").out)
    assert [line["what"] for line in report["top"]] == ["not compared", "judged by", "tightened"]
    assert report["judged_by"]["why"] == "the flex.yaml of HEAD cannot be read"


def test_without_git_only_the_comparison_is_lost(cli: Cli) -> None:
    assert cli.run("plan").code == 0
    ran = cli.run("plan", "--base", "main")
    assert (ran.code, "in no git repository" in ran.err) == (2, True)


def test_a_folder_of_stacks_may_be_another_checkout(project: Cli, tmp_path: Path) -> None:
    """As in CI: the code of one commit looks at the stacks of another."""
    git(project.folder, "worktree", "add", "-q", "--detach", "other", "main")
    ran = project.run("plan", "--stacks", "other/stacks", "--base", "main", "--offline")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("command", [("plan",), ("plan", "--offline"), ("apply", "--yes")])
@pytest.mark.parametrize("base", ["main", "origin/main", "main~0"])
def test_a_tag_decides_not_what_the_base_is(project: Cli, base: str, command: tuple[str, ...]) -> None:
    """Git alone would take the tag, which whoever proposes a change can push."""
    git(project.folder, "update-ref", "refs/remotes/origin/main", "main")
    project.write(flex=FLEX.replace("100%", "50%"), team=TEAM)
    commit(project.folder)
    name = base.removesuffix("~0")
    git(project.folder, "tag", "-a", "-m", "spoof", name)
    ran = project.run(*command, "--base", base)
    assert ran.code == 2
    place = f"refs/remotes/{name}" if "/" in name else f"refs/heads/{name}"
    assert f"{name} means different commits here: {place} (" in ran.err
    assert f"--base {place}" in ran.err
    assert project.run("plan", "--base", place).code == 0
    git(project.folder, "tag", "-d", name)
    assert project.run("plan", "--base", base).code == 0
