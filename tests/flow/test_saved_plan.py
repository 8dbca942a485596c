"""What was reviewed is what is applied: a plan is kept, and refused when anything that it rests on has moved."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM, commit

OTHERS = "v1;id=zzz999;at=0;keys="


@pytest.fixture
def project(cli: Cli) -> Cli:
    """An applied stack, a change to it, and the plan of that in plan.json."""
    cli.write(flex=FLEX, team=TEAM)
    commit(cli.folder)
    assert cli.run("apply", "--yes").code == 0
    cli.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2") + "  eve@example.com: {full_name: Eve}\n")
    commit(cli.folder)
    ran = cli.run("plan", "--save", "plan.json")
    assert (ran.code, "saved to plan.json" in ran.err) == (0, True)
    return cli


def test_exactly_the_saved_plan_is_applied(project: Cli, sandbox: Sandbox) -> None:
    """What came up meanwhile is left for the next plan."""
    sandbox.edit_attributes("bob@example.com", {"anything": 1})
    sandbox.edit_attributes("ana@example.com", {"theirs": 1})
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert ran.code == 0, ran.err
    assert sandbox.worker_attributes("ana@example.com")["level"] == 2
    assert "2 done" in ran.out


def test_drift_that_came_up_meanwhile_is_not_touched(cli: Cli, sandbox: Sandbox) -> None:
    team = TEAM.replace("full_name: Bob Okafor", "full_name: Bob Okafor, attributes: {city: Leeds}")
    cli.write(flex=FLEX, team=team)
    cli.run("apply", "--yes")
    cli.write(flex=FLEX, team=team.replace("level: 1", "level: 2"))
    cli.run("plan", "--save", "plan.json")
    sandbox.edit_attributes("bob@example.com", {"city": "Bari"})
    assert cli.run("apply", "--yes", "--plan", "plan.json").code == 0
    assert sandbox.worker_attributes("bob@example.com")["city"] == "Bari"


def test_it_is_refused_when_flex_moved_and_shows_what(project: Cli, sandbox: Sandbox) -> None:
    sandbox.edit_attributes("ana@example.com", {"level": 9})
    sandbox.clear_requests()
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert ran.code == 4
    assert "ana@example.com is not as it was: level is 9 in Flex now" in ran.err
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_an_activity_does_not_matter(project: Cli, sandbox: Sandbox) -> None:
    sandbox.set_activity("ana@example.com", "Available")
    assert project.run("apply", "--yes", "--plan", "plan.json").code == 0


def test_applying_it_twice_does_nothing_more(project: Cli) -> None:
    """The recovery from a run that was cut short."""
    assert project.run("apply", "--yes", "--plan", "plan.json").code == 0
    again = project.run("apply", "--yes", "--plan", "plan.json")
    assert (again.code, "in sync" in again.out) == (0, True)
    assert "2 of 2 changes are as planned already" in again.err


@pytest.mark.parametrize(
    ("moved", "says"),
    [
        (lambda flex: flex.edit_attributes("ana@example.com", {}, remove=["flexres"]), "is now: adopt"),
        (lambda flex: flex.edit_attributes("ana@example.com", {"flexres": OTHERS}), "is now: blocked"),
        (lambda flex: flex.set_attributes("ana@example.com", "[]"), "is now: blocked"),
    ],
    ids=["marker gone", "another stack's", "unreadable"],
)
def test_what_cannot_be_done_any_more_does_not_count_as_done(
    project: Cli, sandbox: Sandbox, moved: Callable[[Sandbox], None], says: str
) -> None:
    """Only what is as wanted by now is: everything else refuses the whole saved plan."""
    moved(sandbox)
    sandbox.clear_requests()
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert (ran.code, says in ran.err) == (4, True), ran.err
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_a_leaver_whose_marker_is_gone_is_no_leaver_who_left(cli: Cli, sandbox: Sandbox) -> None:
    cli.write(flex=FLEX, team=TEAM)
    assert cli.run("apply", "--yes").code == 0
    cli.write(flex=FLEX, team=TEAM[: TEAM.index("  ana@")] + TEAM[TEAM.index("  bob@") :])
    assert cli.run("plan", "--save", "plan.json").code == 0
    sandbox.edit_attributes("ana@example.com", {}, remove=["flexres"])
    ran = cli.run("apply", "--yes", "--plan", "plan.json")
    assert (ran.code, "ana@example.com was to leave, and our marker is gone" in ran.err) == (4, True), ran.err


@pytest.mark.parametrize(
    "ana",
    ["", "  ana.ruiz@example.com: {full_name: Ana Ruiz, attributes: {level: 1}, previously: ana@example.com}\n"],
    ids=["leaves", "is renamed"],
)
def test_who_became_an_admin_since_is_not_the_one_who_was_to_go(cli: Cli, sandbox: Sandbox, ana: str) -> None:
    """What somebody loses by going stands in no field of the change, and is looked at all the same."""
    cli.write(flex=FLEX, team=TEAM)
    assert cli.run("apply", "--yes").code == 0
    without = TEAM[: TEAM.index("  ana@")] + TEAM[TEAM.index("  bob@") :]
    cli.write(flex=FLEX, team=without + ana)
    assert cli.run("plan", "--save", "plan.json").code == 0
    sandbox.provision("ana@example.com", "Ana Ruiz", roles=["admin"])
    sandbox.clear_requests()
    ran = cli.run("apply", "--yes", "--plan", "plan.json")
    assert (ran.code, "has other roles in Flex than when the plan was made: admin" in ran.err) == (4, True), ran.err
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_the_guards_are_asked_again(project: Cli) -> None:
    """Who approved the plan on the command line has to approve its applying."""
    project.write(flex=FLEX, team=f"{TEAM}  lee@example.com: {{full_name: Lee, roles: [admin]}}\n")
    project.run("plan", "--save", "plan.json", "--allow-admin", "lee@example.com")
    refused = project.run("apply", "--yes", "--plan", "plan.json")
    assert refused.code == 4
    assert "flexres apply --stack prod --plan plan.json --allow-admin lee@example.com" in refused.out
    assert project.run("apply", "--yes", "--plan", "plan.json", "--allow-admin", "lee@example.com").code == 0


def test_a_plan_of_other_yaml_is_refused(project: Cli, sandbox: Sandbox) -> None:
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 3"))
    sandbox.clear_requests()
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert (ran.code, "was made from other YAML than this" in ran.err) == (2, True)
    assert sandbox.requests() == []


def test_comments_in_the_yaml_are_no_other_yaml(project: Cli) -> None:
    team = project.folder / "stacks/prod/users/team.yaml"
    team.write_text(f"# a remark\n{team.read_text()}")
    assert project.run("apply", "--yes", "--plan", "plan.json").code == 0


def test_a_plan_of_another_stack_is_refused(project: Cli) -> None:
    project.write(stack="eu", flex=FLEX.replace("k7m2q9", "eu9999"), team="users: {}\n")
    ran = project.run("apply", "-s", "eu", "--yes", "--plan", "plan.json")
    assert (ran.code, "is a plan of stack prod" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("[]", "is no saved plan"), (None, "cannot be read")], ids=str
)
def test_a_file_that_is_no_saved_plan_is_one_line(project: Cli, text: str | None, says: str) -> None:
    (project.folder / "plan.json").unlink()
    if text is not None:
        (project.folder / "plan.json").write_text(text)
    ran = project.run("apply", "--yes", "--plan", "plan.json", "-s", "prod")
    assert ran.code == 2
    assert says in ran.err.splitlines()[0]


def test_an_edited_plan_is_refused(project: Cli) -> None:
    path = project.folder / "plan.json"
    body = json.loads(path.read_text())
    body["changes"] = [change for change in body["changes"] if change["name"] != "ana@example.com"]
    path.write_text(json.dumps(body))
    ran = project.run("apply", "--yes", "--plan", "plan.json")
    assert (ran.code, "plan.json was edited" in ran.err) == (2, True)


def test_a_saved_plan_holds_no_secret_and_nobodys_attributes(
    project: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project.folder / "plan.json").read_text()
    for secret in (*sandbox.environment().values(), "Rome"):
        assert secret not in text.replace("AC00000000000000000000000000000001", "")
