"""Teams as resources under a real engine: what is shown, what is done, and what a killed run leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexres.sandbox.harness import Sandbox
from tests.pulumi.conftest import ROOT, STACK, TEAM, Project, Template, new_project
from tests.pulumi.test_engine import counted, providers_of, set_activity, until

pytestmark = pytest.mark.engine

LINES = TEAM.strip().splitlines()
TWO = {"support": "\n".join(LINES[:2]), "sales": "\n".join(LINES[2:])}
"""Ana and Bob; Cho and Dan."""
MOVED = "moved in Pulumi's state alone"


def write(project: Project, **teams: str) -> None:
    """Two teams, these in their place; a team of no users is no file."""
    project.write_teams({name: text for name, text in {**TWO, **teams}.items() if text}, resources="team")


@pytest.fixture(scope="session")
def team_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template's stack by team, in two files. `first` is what the up said that took it there."""
    folder = tmp_path_factory.mktemp("team_template")
    shutil.copytree(template.folder, folder / "project", symlinks=True)
    shutil.copy(template.flex, folder / "flex.db")
    with Sandbox(state=folder / "flex.db") as sandbox:
        project = Project(folder / "project", sandbox)
        write(project)
        first = project.up()
        assert first.code == 0, first.out
        assert sandbox.requests(method="POST") == []
    return Template(folder / "project", folder / "flex.db", first)


@pytest.fixture
def applied(team_template: Template, tmp_path: Path) -> Iterator[Project]:
    """A project of one's own, up by team."""
    shutil.copytree(team_template.folder, tmp_path / "project", symlinks=True)
    shutil.copy(team_template.flex, tmp_path / "flex.db")
    with Sandbox(state=tmp_path / "flex.db") as sandbox:
        yield Project(tmp_path / "project", sandbox)


def posts(project: Project) -> list[str]:
    return [request.path for request in project.sandbox.requests(method="POST")]


@pytest.mark.usefixtures("engine")
def test_the_shipped_stack_moves_to_teams_and_back_without_a_change_in_flex(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each way the preview says so, and the one after it is empty."""
    project = new_project(tmp_path / "project", sandbox)
    shutil.copytree(ROOT / "stacks" / "sandbox", project.folder / "stacks" / STACK)
    flex = project.folder / "stacks" / STACK / "flex.yaml"
    users = flex.read_text().replace("engine: auto", "engine: pulumi")
    flex.write_text(users)
    assert project.pulumi("stack", "init").code == 0
    first = project.up()
    assert first.code == 0, first.out
    for text, kind in ((f"{users}\npulumi: {{resources: team}}\n", "Team"), (users, "User")):
        flex.write_text(text)
        sandbox.clear_requests()
        preview = project.pulumi("preview")
        assert f"{MOVED}, to a resource each" in preview.out, preview.out
        ran = project.up()
        assert ran.code == 0, ran.out
        assert posts(project) == []
        assert {one["type"].rpartition(":")[2] for one in project.state()["deployment"]["resources"]} >= {kind}
        again = project.pulumi("preview", "--expect-no-changes")
        assert again.code == 0, again.out


def test_a_preview_names_the_team_and_each_property_that_changes(applied: Project) -> None:
    write(applied, support=TWO["support"].replace("level: 3", "level: 4"), sales=LINES[2])
    ran = applied.pulumi("preview")
    assert ran.code == 0, ran.out
    assert re.search(r"~ .*Team support update \[diff: ~users\]", ran.out)
    said = set(re.findall(r"^    (Team .*)$", ran.out, re.MULTILINE))
    assert said == {
        'Team support: ~ users["ana@example.com"]["attr:level"]: 3 => 4 (stacks/test/users/support.yaml:2)',
        'Team sales: - users["dan@example.com"]',
    }
    assert re.search(r"Departures departures update \[diff: \+leaving\]", ran.out)
    assert posts(applied) == []


def test_a_preview_of_a_new_team_names_who_comes_and_their_roles(applied: Project) -> None:
    """Whoever is in Flex already, and moves there, is no arrival."""
    eve = "eve@example.com: {full_name: Eve Lin, roles: [agent, supervisor]}"
    write(applied, support=LINES[0], care=f"{LINES[1]}\n{eve}")
    ran = applied.pulumi("preview")
    assert re.findall(r"^    (Team care.*)$", ran.out, re.MULTILINE) == [
        'Team care: + users["eve@example.com"]: agent, supervisor (stacks/test/users/care.yaml:3)'
    ]


def test_an_edit_an_arrival_and_a_departure_are_done_and_then_there_is_nothing_to_do(applied: Project) -> None:
    eve = "eve@example.com: {full_name: Eve Lin, roles: [agent]}"
    write(applied, support=f"{TWO['support'].replace('level: 3', 'level: 4')}\n{eve}", sales=LINES[2])
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert sorted(applied.in_flex()) == ["ana@example.com", "bob@example.com", "cho@example.com", "eve@example.com"]
    assert applied.sandbox.worker_attributes("ana@example.com")["level"] == 4
    again = applied.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out


def test_a_renamed_file_and_a_user_who_moves_change_nothing_in_flex(applied: Project) -> None:
    write(applied, support="", care=LINES[0], sales=f"{LINES[1]}\n{TWO['sales']}")
    preview = applied.pulumi("preview")
    assert f"{MOVED}, from team support to care; nobody leaves Flex or is made anew: ana@example.com" in preview.out
    assert f"{MOVED}, from team support to sales; nobody leaves Flex or is made anew: bob@example.com" in preview.out
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert posts(applied) == []
    again = applied.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out
    assert MOVED not in again.out


def test_without_a_refresh_a_renamed_file_and_a_user_who_moves_are_told_all_the_same(applied: Project) -> None:
    """Of a team that is gone the provider sees nothing then; whoever is ours in Flex already is no arrival."""
    write(applied, support="", care=LINES[0], sales=f"{LINES[1]}\n{TWO['sales']}")
    preview = applied.pulumi("preview", "--refresh=false")
    same = "nobody leaves Flex or is made anew"
    assert f"{MOVED}, to where it had not had them; {same}: ana@example.com, bob@example.com" in preview.out
    assert applied.up("--refresh=false").code == 0
    write(applied, support=LINES[1], care=LINES[0])
    preview = applied.pulumi("preview", "--refresh=false")
    assert f"{MOVED}, from team sales to support; {same}: bob@example.com" in preview.out
    assert applied.up("--refresh=false").code == 0
    assert posts(applied) == []
    assert MOVED not in applied.pulumi("preview", "--refresh=false").out


def test_a_team_whose_state_names_another_stack_has_its_lines_too(applied: Project) -> None:
    exported = json.dumps(applied.state()).replace('"stack": "test"', '"stack": "gone"')
    (applied.folder / "gone.json").write_text(exported)
    assert applied.pulumi("stack", "import", "--force", "--file", "gone.json").code == 0
    write(applied, support=TWO["support"].replace("level: 3", "level: 4"))
    ran = applied.pulumi("preview", "--refresh=false")
    assert 'Team support: ~ users["ana@example.com"]["attr:level"]: 3 => 4' in ran.out, ran.out


def test_a_file_that_vanishes_takes_its_users_along(applied: Project) -> None:
    write(applied, sales="")
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert sorted(applied.in_flex()) == ["ana@example.com", "bob@example.com"]
    assert counted(ran.out)["deleted"] == 1


def test_a_target_is_a_team_and_one_user_is_told_so(applied: Project) -> None:
    write(applied, **{name: text.replace("level: ", "level: 1") for name, text in TWO.items()})
    refused = applied.pulumi("preview", "--target", "**::ana@example.com")
    assert refused.code != 0
    assert "ana@example.com (stacks/test/users/support.yaml:2) is no resource of their own" in refused.out
    assert "--target '**::support'" in refused.out
    ran = applied.up("--target", "**::support")
    assert ran.code == 0, ran.out
    assert applied.sandbox.worker_attributes("ana@example.com")["level"] == 13
    assert applied.sandbox.worker_attributes("cho@example.com")["level"] == 2


def test_drift_is_shown_and_put_right(applied: Project) -> None:
    applied.sandbox.edit_attributes("bob@example.com", {"level": 9, "panel": "left"})
    ran = applied.pulumi("refresh", "--preview-only", "--diff")
    assert "attr:level: 1 => 9" in ran.out
    assert "panel" not in ran.out
    up = applied.up()
    assert up.code == 0, up.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 1
    assert applied.sandbox.worker_attributes("bob@example.com")["panel"] == "left"


def test_flexres_apply_tells_of_each_user_of_a_team(applied: Project) -> None:
    """One fails, the others of the team are done, and the exit says so; the next run ends as declared."""
    write(applied, support=TWO["support"].replace("level: 3", "level: 4").replace("level: 1", "level: 7"))
    worker = applied.in_flex()["bob@example.com"]["worker_sid"]
    applied.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    ran = applied.flexres("apply", "--yes")
    assert ran.code == 5, ran.out
    assert re.search(r"1 done\W+1 failed|1 failed\W+1 done", ran.out), ran.out
    assert applied.sandbox.worker_attributes("ana@example.com")["level"] == 4
    applied.sandbox.clear_faults()
    again = applied.flexres("apply", "--yes")
    assert again.code == 0, again.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 7


@pytest.mark.parametrize("refresh", [[], ["--refresh=false"]])
def test_a_team_that_fails_in_part_stands_in_the_state_as_it_is(applied: Project, refresh: list[str]) -> None:
    """Whoever is done as new, who failed as before; the next run goes on from there, whether it refreshes or not."""
    eve = "eve@example.com: {full_name: Eve Lin, roles: [agent]}"
    write(applied, support=f"{TWO['support'].replace('level: 3', 'level: 4').replace('level: 1', 'level: 7')}\n{eve}")
    worker = applied.in_flex()["bob@example.com"]["worker_sid"]
    applied.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    ran = applied.up()
    assert ran.code != 0
    assert "Traceback" not in ran.out
    assert len(re.findall(r"bob@example.com \(stacks/test/users/support.yaml:3\): ", ran.out)) == 1
    assert levels(applied, "support") == {"ana@example.com": 4, "bob@example.com": 1, "eve@example.com": None}
    preview = applied.pulumi("preview", *refresh)
    assert re.findall(r"^    (Team .*)$", preview.out, re.MULTILINE) == [
        'Team support: ~ users["bob@example.com"]["attr:level"]: 1 => 7 (stacks/test/users/support.yaml:3)'
    ]
    applied.sandbox.clear_faults()
    again = applied.up(*refresh)
    assert again.code == 0, again.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 7
    assert levels(applied, "support") == {"ana@example.com": 4, "bob@example.com": 7, "eve@example.com": None}
    assert counted(applied.pulumi("preview", *refresh).out) == {"unchanged": 6}


def levels(project: Project, team: str) -> dict[str, int | None]:
    """Username → level, as the outputs of a team in the state have it."""
    found = next(one for one in project.state()["deployment"]["resources"] if one["urn"].endswith(f":Team::{team}"))
    return {name: json.loads(text).get("attr:level") for name, text in found["outputs"]["users"].items()}


def test_a_new_team_that_fails_in_part_is_in_the_state_with_whoever_came(applied: Project) -> None:
    care = "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(9))
    write(applied, care=care)
    applied.sandbox.fault("400:before:skip=5:match=POST .*Provision")
    ran = applied.up()
    assert ran.code != 0
    assert len(re.findall(r"u0.@example.com \(stacks/test/users/care.yaml:", ran.out)) == 4
    assert len(levels(applied, "care")) == 5
    applied.sandbox.clear_faults()
    again = applied.up("--refresh=false")
    assert again.code == 0, again.out
    assert len(levels(applied, "care")) == 9
    assert counted(applied.pulumi("preview", "--expect-no-changes").out) == {"unchanged": 7}


def test_a_destroy_is_refused_and_one_that_names_the_stack_retires_everybody(applied: Project) -> None:
    refused = applied.pulumi("destroy", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "FLEXRES_ALLOW_DESTROY=test" in refused.out
    assert len(applied.in_flex()) == 4
    ran = applied.pulumi("destroy", "--yes", "--skip-preview", environ={"FLEXRES_ALLOW_DESTROY": STACK})
    assert ran.code == 0, ran.out
    assert applied.in_flex() == {}


def test_a_destroy_retires_whom_the_state_forgot_and_goes_on_once_the_busy_are_offline(applied: Project) -> None:
    """The roster's end, which comes last, fails while somebody waits: so the next destroy has something to end."""
    forgotten = next(one["urn"] for one in applied.state()["deployment"]["resources"] if one["urn"].endswith("::sales"))
    assert applied.pulumi("state", "delete", forgotten, "--yes").code == 0
    set_activity(applied, "ana@example.com", "Available")
    set_activity(applied, "dan@example.com", "Available")
    allowed = {"FLEXRES_ALLOW_DESTROY": STACK}
    ran = applied.pulumi("destroy", "--yes", "--skip-preview", environ=allowed)
    assert ran.code != 0
    assert "ana@example.com, dan@example.com: in an activity or with tasks, and still active" in ran.out
    assert "run pulumi destroy again" in ran.out
    assert "retires when offline" not in ran.out
    assert sorted(applied.in_flex()) == ["ana@example.com", "dan@example.com"]
    set_activity(applied, "ana@example.com", "Offline")
    set_activity(applied, "dan@example.com", "Offline")
    again = applied.pulumi("destroy", "--yes", "--skip-preview", environ=allowed)
    assert again.code == 0, again.out
    assert applied.in_flex() == {}
    assert applied.state()["deployment"].get("resources", []) == []


def test_a_provider_that_is_killed_in_the_middle_of_a_team_loses_nothing(applied: Project) -> None:
    """What it did is in Flex and not in the state: the next run takes it over, and off who left meanwhile."""
    team = "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(60))
    write(applied, many=team)
    applied.sandbox.latency(0.2)
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--color", "never"]
    with subprocess.Popen(
        command, cwd=applied.folder, env=applied.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        until(lambda: len(applied.in_flex()) >= 12)
        for process in providers_of(applied):
            os.kill(int(process), signal.SIGKILL)
        said = running.communicate(timeout=60)[0]
    assert running.returncode != 0
    assert "Traceback" not in said
    applied.sandbox.latency(0)
    assert 12 <= len(applied.in_flex()) < 64
    write(applied, many=team.replace("u00@", "v00@"))
    ran = applied.up()
    assert ran.code == 0, ran.out
    expected = {f"u{n:02}@example.com" for n in range(1, 60)} | {"v00@example.com"}
    assert set(applied.in_flex()) - {line.partition(":")[0] for line in LINES} == expected
    again = applied.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out


def test_a_state_with_users_beside_their_teams_is_put_right(template: Template, applied: Project) -> None:
    """Edited by hand, or left by a run that was cut short between the two."""
    before = Project(template.folder, applied.sandbox).resources()
    exported = applied.state()
    exported["deployment"]["resources"] += before.values()
    path = applied.folder / "both.json"
    path.write_text(json.dumps(exported))
    assert applied.pulumi("stack", "import", "--file", str(path)).code == 0
    assert len(applied.resources()) == 4
    applied.sandbox.clear_requests()
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert posts(applied) == []
    assert applied.resources() == {}
    assert len(applied.in_flex()) == 4
