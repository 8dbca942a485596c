"""By whose policy an apply is judged: that of the commit before, or of the revision that somebody names."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM, commit, git

STRICT = FLEX.replace("policy: {", "policy: {protected: [bob@example.com], ")
AT_ONCE = FLEX.replace("policy: {", "policy: {retire_when: now, ")
WITHOUT_BOB = TEAM[: TEAM.index("  bob@example.com")]


@pytest.fixture
def project(cli: Cli) -> Cli:
    """A stack that protects Bob, committed and applied; its commit is tagged."""
    cli.write(flex=STRICT, team=TEAM)
    commit(cli.folder)
    git(cli.folder, "tag", "deployed")
    assert cli.run("apply", "--yes").code == 0
    return cli


def loosened_in_one_commit_and_used_in_the_next(project: Cli) -> None:
    project.write(flex=FLEX, team=TEAM)
    commit(project.folder, "nobody is protected")
    project.write(flex=FLEX, team=WITHOUT_BOB)
    commit(project.folder, "and Bob leaves")


def active(sandbox: Sandbox) -> list[str]:
    return sorted(user["username"] for user in sandbox.users() if not user["deactivated_date"])


def test_one_commit_later_a_loosening_is_in_force(project: Cli, sandbox: Sandbox) -> None:
    loosened_in_one_commit_and_used_in_the_next(project)
    assert project.run("apply", "--yes").code == 0
    assert active(sandbox) == ["ana@example.com"]


def test_apply_is_judged_by_the_base_that_it_is_given(project: Cli, sandbox: Sandbox) -> None:
    """Several commits that are deployed at once are one step."""
    loosened_in_one_commit_and_used_in_the_next(project)
    ran = project.run("apply", "--yes", "--base", "deployed")
    assert ran.code == 4
    assert "bob@example.com is protected and leaves" in ran.out
    assert "judged by its own policy and by that of deployed" in ran.out
    assert "--base deployed --approve" in ran.out
    assert active(sandbox) == ["ana@example.com", "bob@example.com"]


def test_a_base_that_is_no_commit_is_refused_before_anything_is_sent(project: Cli, sandbox: Sandbox) -> None:
    sandbox.clear_requests()
    ran = project.run("apply", "--yes", "--base", "nowhere")
    assert (ran.code, sandbox.requests()) == (2, [])
    assert "nowhere names no commit here" in ran.err


def test_what_is_approved_on_a_branch_is_what_its_plan_refuses(project: Cli) -> None:
    """Judged by the base, not by the branch's own first commit."""
    loosened_in_one_commit_and_used_in_the_next(project)
    refused = project.run("plan", "--base", "deployed")
    assert "or with a commit: flexres approve --stack prod --base deployed" in refused.out
    assert "nothing to approve" in project.run("approve", "--yes").out
    assert "bob@example.com leaves (protected)" in project.run("approve", "--yes", "--base", "deployed").out
    assert project.run("plan", "--base", "deployed", "--check").code == 3


def test_the_scheduled_run_cuts_nobody_off_by_a_policy_that_is_not_in_force(project: Cli, sandbox: Sandbox) -> None:
    """`retire_when: now`, merged and run by the schedule: whoever is in a conversation stays until they are offline."""
    sandbox.set_activity("bob@example.com", "Available")
    project.write(flex=FLEX, team=WITHOUT_BOB)
    commit(project.folder, "Bob leaves")
    assert project.run("apply", "--yes", "--base", "HEAD").code == 0
    project.write(flex=AT_ONCE, team=WITHOUT_BOB)
    commit(project.folder, "at once")
    ran = project.run("apply", "--yes", "--due")
    assert ran.code == 0
    assert "loosened  policy.retire_when: offline → now; this plan is still judged by the commit before" in ran.out
    assert active(sandbox) == ["ana@example.com", "bob@example.com"]


def test_a_saved_plan_is_judged_by_the_policy_in_force(project: Cli, sandbox: Sandbox) -> None:
    """Also where it was made by somebody who named a looser base."""
    project.write(flex=FLEX, team=WITHOUT_BOB)
    commit(project.folder, "nobody is protected, and Bob leaves")
    assert project.run("plan", "--base", "HEAD", "--save", "plan.json", "--check").code == 3
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert ran.code == 4
    assert "bob@example.com is protected and leaves" in ran.out
    assert active(sandbox) == ["ana@example.com", "bob@example.com"]


def test_the_page_has_what_was_loosened_on_top(project: Cli) -> None:
    """In each format, before anything else; in red where there are colours."""
    project.write(flex=FLEX.replace("engine: direct", "engine: pulumi"), team=TEAM)
    commit(project.folder, "nobody is protected")
    says = "policy.protected: bob@example.com → none; this plan is still judged by the commit before"
    page = project.run("plan", "-f", "html").out
    assert '<strong class="care">loosened</strong>' in page.replace("\n", "")
    assert says in page
    assert "engine: direct → pulumi" in page
    comment = project.run("plan", "-f", "markdown").out
    assert "| 🔴 | **loosened** | `policy.protected: " in comment
    assert "| ⚠️ | **changed** | engine: direct → pulumi |" in comment
    assert [line["grave"] for line in json.loads(project.run("plan", "-f", "json").out)["top"]] == [True, False]


def beside(project: Cli, *, flex: str, prod: str = FLEX, prod_team: str = TEAM) -> None:
    """A second stack of the same instance without users, next to what has been applied as `prod`."""
    project.write(flex=prod, team=prod_team)
    project.write(stack="lab", flex=flex, team="users: {}\n")


LAB = FLEX.replace("k7m2q9", "lab999")


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_an_anchor_hides_no_stack_from_its_neighbours(project: Cli, command: str) -> None:
    """What only the careful reader understands is compared all the same."""
    anchored = FLEX.replace("engine: direct", "engine: &engine direct")
    beside(project, flex=f"{LAB}leavers: [ana@example.com]\n", prod=anchored)
    ran = project.run(command, "-s", "lab")
    assert ran.code == 2
    assert "ana@example.com is a leaver here, and is declared in stack prod" in ran.out + ran.err


@pytest.mark.parametrize("command", [("plan",), ("validate",), ("apply", "--yes")])
def test_a_broken_neighbours_users_do_not_leave_by_another_stacks_leavers(
    project: Cli, sandbox: Sandbox, command: tuple[str, ...]
) -> None:
    """A leaver leaves whatever the marker says: nobody may be named while nobody can tell whom that stack declares."""
    beside(project, flex=f"{LAB}leavers: [ana@example.com]\n", prod_team="users: [\n")
    ran = project.run(command[0], "-s", "lab", *command[1:])
    assert ran.code == 2
    assert "who leaves here may be declared in stack prod of the same instance" in ran.out + ran.err
    assert "ana@example.com" in active(sandbox)


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_nobody_takes_the_id_of_a_stack_that_is_broken(project: Cli, command: str) -> None:
    """All of its users would be taken for one's own, and for undeclared."""
    beside(project, flex=FLEX, prod_team="users: [\n")
    ran = project.run(command, "-s", "lab")
    assert ran.code == 2
    assert "the id k7m2q9 is also that of prod" in ran.out + ran.err
