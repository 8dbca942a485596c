"""Beginning with what is there: a spreadsheet becomes team files, an account becomes a stack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM

SHEET = "\ufeffUser;Full name;Role;Team;Level;Notes\r\nana@example.com;Ana Ruiz;admin;Support;3;x\r\n\
eve@example.com;Eve Lee;agent;Sales;1;\r\n"


@pytest.fixture
def project(cli: Cli) -> Cli:
    cli.write(flex=FLEX + "defaults: {attributes: {company: Example}}\n", team=TEAM)
    (cli.folder / "people.csv").write_text(SHEET, newline="")
    return cli


def users(cli: Cli) -> Path:
    return cli.folder / "stacks/prod/users"


def test_a_spreadsheet_becomes_team_files_that_plan(project: Cli) -> None:
    """New people by team, known ones where they are, defaults not repeated, and the same again does nothing."""
    command = ("import", "--csv", "people.csv", "--map", "Level=attributes.level.int", "--by", "team")
    ran = project.run(*command)
    assert ran.code == 0, ran.err
    assert "2 rows: 1 new, 1 changed, 0 same" in ran.out
    assert "left out: Notes" in ran.out
    assert (users(project) / "sales.yaml").read_text() == (
        "defaults:\n  insights:\n    team_name: Sales\n\nusers:\n  eve@example.com:\n    full_name: Eve Lee\n"
        "    roles: [agent]\n    attributes:\n      level: 1\n"
    )
    assert "roles: [admin], attributes: {level: 3, city: Rome}" in (users(project) / "team.yaml").read_text()
    assert "0 new, 0 changed, 2 same" in project.run(*command).out
    planned = json.loads(project.run("plan", "-f", "json").out)
    assert {change["username"] for change in planned["changes"]} == {
        "ana@example.com",
        "bob@example.com",
        "eve@example.com",
    }


def test_a_dry_run_writes_nothing(project: Cli) -> None:
    before = (users(project) / "team.yaml").read_bytes()
    ran = project.run("import", "--csv", "people.csv", "--dry-run", "-f", "json")
    report = json.loads(ran.out)
    assert (report["written"], report["users"], report["left_out"]) == (False, 2, ["Level", "Notes"])
    assert [path.name for path in users(project).iterdir()] == ["team.yaml"]
    assert (users(project) / "team.yaml").read_bytes() == before


def test_a_new_user_takes_the_defaults_of_the_file_they_come_into(project: Cli) -> None:
    (project.folder / "people.csv").write_text("username,name\nzoe@example.com,Zoe\n")
    assert project.run("import", "--csv", "people.csv").code == 0
    assert "  zoe@example.com:\n    full_name: Zoe\n" in (users(project) / "team.yaml").read_text()


def test_one_wrong_row_and_nothing_is_written(project: Cli) -> None:
    before = (users(project) / "team.yaml").read_bytes()
    (project.folder / "people.csv").write_text(
        "username,name,role\nzoe@example.com,Zoe,agent\nyan@example.com,Yan,boss\n"
    )
    ran = project.run("import", "--csv", "people.csv")
    assert ran.code == 2
    assert 'people.csv:3:21  "boss" is not a role (column role)' in ran.err
    assert (users(project) / "team.yaml").read_bytes() == before


def test_the_stack_must_still_load(project: Cli) -> None:
    """A leaver cannot be declared."""
    project.write(flex=f"{FLEX}leavers: [zoe@example.com]\n", team=TEAM)
    (project.folder / "people.csv").write_text("username,name\nzoe@example.com,Zoe\n")
    ran = project.run("import", "--csv", "people.csv")
    assert (ran.code, "so nothing was written" in ran.err) == (2, True)


def test_an_account_becomes_a_stack_in_one_command(cli: Cli, sandbox: Sandbox) -> None:
    """Split by team, with rules that fit, a plan that changes nothing anybody sees, and the workflows."""
    sandbox.seed(12)
    ran = cli.run("init", "live", "--from-live")
    assert ran.code == 0, ran.err
    assert "it marks 12 users as managed here, exactly as they are" in ran.out
    assert {path.name for path in (cli.folder / "stacks/live/users").iterdir()} > {"support.yaml", "billing.yaml"}
    assert (cli.folder / ".github/workflows/preview.yml").exists()
    flex = (cli.folder / "stacks/live/flex.yaml").read_text()
    assert 'email_domains: ["example.com"]' in flex
    assert 'for: "adopting everybody as they are"' in flex


def test_adopting_it_leaves_nothing_to_do(cli: Cli, sandbox: Sandbox) -> None:
    """The first pull request is green, and merging it writes nothing but markers."""
    sandbox.seed(12)
    before = {str(worker["friendly_name"]): worker["attributes"] for worker in sandbox.workers()}
    cli.run("init", "live", "--from-live")
    assert cli.run("plan", "-s", "live", "--check").code == 3
    assert cli.run("apply", "-s", "live", "--yes").code == 0
    assert cli.run("plan", "-s", "live", "--check").code == 0
    for name, attributes in before.items():
        after = sandbox.worker_attributes(name)
        del after["flexres"]
        assert after == json.loads(str(attributes))


@pytest.mark.parametrize(("users", "resources"), [(299, "user"), (300, "team")])
def test_from_some_hundreds_on_pulumi_is_to_have_a_resource_a_team(
    cli: Cli, sandbox: Sandbox, users: int, resources: str
) -> None:
    sandbox.seed(users)
    ran = cli.run("init", "big", "--from-live", "--engine", "pulumi")
    assert ran.code == 0, ran.err
    assert f"pulumi: {{resources: {resources}}}" in (cli.folder / "stacks/big/flex.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from-live",), "  2. requirements.txt: put the commit of flexres in the place of COMMIT;"),
        (("--instance", f"GO{'1':0>32}"), "  5. requirements.txt: put the commit of flexres in the place of COMMIT;"),
        (("--instance", f"GO{'1':0>32}", "--ci", "none"), ""),
    ],
)
def test_a_commit_that_nobody_knows_is_a_step_of_its_own(cli: Cli, options: tuple[str, ...], says: str) -> None:
    """Tests run from a checkout, so what was installed is no commit: requirements.txt is written with COMMIT in it."""
    ran = cli.run("init", "live", *options)
    assert ran.code == 0, ran.err
    assert (says in ran.out.splitlines()) if says else ("COMMIT" not in ran.out)
    assert (cli.folder / "requirements.txt").exists() is bool(says)


def test_workflows_that_are_there_are_left_alone(cli: Cli, sandbox: Sandbox) -> None:
    mine = cli.folder / ".github/workflows/preview.yml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    ran = cli.run("init", "live", "--from-live")
    assert ran.code == 0, ran.err
    assert mine.read_text() == "mine\n"


def test_a_stack_that_is_there_is_not_begun_again(cli: Cli, sandbox: Sandbox) -> None:
    ran = cli.run("init", "prod", "--from-live")
    assert (ran.code, "is there already" in ran.err) == (2, True)


def test_without_a_live_account_the_instance_is_asked_for(cli: Cli) -> None:
    ran = cli.run("init", "new")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: which Flex instance?")
