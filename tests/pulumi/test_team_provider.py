"""Teams through the plugin server over gRPC: many users behind one call of the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.resources.properties import team_of
from flexres.resources.roster import roster_properties
from flexres.resources.team import team_properties
from tests.pulumi.conftest import STACK, TEAM, Project
from tests.pulumi.plugin import Plugin, left, plugin, reason

LINES = TEAM.strip().splitlines()
SUPPORT, SALES = "\n".join(LINES[:2]), "\n".join(LINES[2:])
"""Ana and Bob; Cho and Dan."""
MANY = "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(40))


@pytest.fixture
def project(project: Project) -> Project:
    """A stack of two teams."""
    write(project)
    return project


@pytest.fixture
def started(project: Project) -> Iterator[Plugin]:
    with plugin(project) as started:
        yield started


def write(project: Project, **more: str) -> None:
    """Two teams, and others beside them or in their place; a team of no users at all is left out."""
    teams = {"support": SUPPORT, "sales": SALES, **more}
    project.write_teams({name: text for name, text in teams.items() if text}, resources="team")


def teams(project: Project) -> dict[str, dict[str, Any]]:
    """Team → inputs, as the program registers them."""
    stack = load_stack(FolderSource(project.folder / "stacks" / STACK), name=STACK)
    files: dict[str, list[Any]] = {}
    for user in stack.users.values():
        files.setdefault(team_of(user), []).append(user)
    return {name: team_properties(STACK, name, users) for name, users in files.items()}


def roster(project: Project) -> dict[str, Any]:
    return roster_properties(load_stack(FolderSource(project.folder / "stacks" / STACK), name=STACK))


def apply(plugin: Plugin, project: Project) -> dict[str, dict[str, Any]]:
    """What the engine does in a first up; the teams as they stand in its state then."""
    assert plugin.check("Roster", roster(project))[1] == []
    for name, inputs in teams(project).items():
        assert plugin.check("Team", inputs) == (inputs, [])
        assert plugin.create("Team", inputs) == (name, inputs)
    return teams(project)


def failed(call: Any, *arguments: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    return caught.value


def failure(call: Any, *arguments: Any) -> str:
    return reason(failed(call, *arguments))


def levels(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Username → level, as a team's outputs have it."""
    return {name: json.loads(text).get("attr:level") for name, text in outputs["users"].items()}


def test_a_team_is_written_by_one_call_and_read_without_another_request(started: Plugin, project: Project) -> None:
    stood = apply(started, project)
    assert sorted(project.in_flex()) == ["ana@example.com", "bob@example.com", "cho@example.com", "dan@example.com"]
    project.sandbox.clear_requests()
    for name, inputs in stood.items():
        assert started.read("Team", inputs) == (name, inputs)
        assert started.diff("Team", inputs, inputs) is False
    assert project.sandbox.requests() == []


def test_more_users_than_the_engine_has_threads_are_under_way_at_once(started: Plugin, project: Project) -> None:
    """All teams of a process share the connections of the direct engine."""
    write(project, support=MANY)
    project.sandbox.latency(0.3)
    apply(started, project)
    provisions = [one for one in project.sandbox.requests(method="POST") if one.path.endswith("/Provision")]
    spans = [(one.at, one.at + one.duration_ms / 1000) for one in provisions]
    busiest = max(sum(begun <= at < ended for begun, ended in spans) for at, _ in spans)
    assert 4 < busiest <= 16


def test_one_who_fails_has_a_line_with_their_place_and_the_others_are_done(started: Plugin, project: Project) -> None:
    before = apply(started, project)
    write(project, support=SUPPORT.replace("level: 3", "level: 4").replace("level: 1", "level: 7"))
    worker = project.in_flex()["bob@example.com"]["worker_sid"]
    project.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    after = teams(project)["support"]
    with plugin(project) as again:
        assert again.check("Team", after, before["support"]) == (after, [])
        error = failed(again.update, "Team", before["support"], after)
    assert reason(error).startswith("Failed: bob@example.com (stacks/test/users/support.yaml:3): ")
    assert project.sandbox.worker_attributes("ana@example.com")["level"] == 4
    name, outputs, (why,) = left(error) or ("", {}, [])
    assert (name, levels(outputs)) == ("support", {"ana@example.com": 4, "bob@example.com": 1})
    assert reason(error) == f"Failed: {why}"
    project.sandbox.clear_faults()
    with plugin(project) as next_run:
        assert next_run.read("Team", outputs) == ("support", outputs)
        next_run.check("Team", after, outputs)
        assert next_run.diff("Team", outputs, after) is True
        assert next_run.update("Team", outputs, after) == after
    assert project.sandbox.worker_attributes("bob@example.com")["level"] == 7


def test_a_new_team_that_fails_in_part_has_who_came_and_is_gone_on_with(started: Plugin, project: Project) -> None:
    write(project, support=MANY)
    started.check("Roster", roster(project))
    inputs = teams(project)["support"]
    started.check("Team", inputs)
    project.sandbox.fault("400:before:skip=25:match=POST .*Provision")
    name, outputs, reasons = left(failed(started.create, "Team", inputs)) or ("", {}, [])
    assert name == "support"
    assert sorted(outputs["users"]) == sorted(project.in_flex())
    assert len(outputs["users"]) == 25
    assert len(reasons) == 15
    project.sandbox.clear_faults()
    with plugin(project) as next_run:
        assert next_run.read("Team", outputs) == ("support", outputs)
        next_run.check("Roster", roster(project))
        next_run.check("Team", inputs, outputs)
        assert next_run.update("Team", outputs, inputs) == inputs
    assert len(project.in_flex()) == 40


def test_a_new_team_of_whom_nobody_came_is_not_recorded(started: Plugin, project: Project) -> None:
    started.check("Roster", roster(project))
    inputs = teams(project)["support"]
    started.check("Team", inputs)
    project.sandbox.fault("400:before:match=POST .*Provision")
    assert left(failed(started.create, "Team", inputs)) is None


def test_each_who_fails_has_a_line_and_a_crowd_is_counted(started: Plugin, project: Project) -> None:
    write(project, support=MANY)
    started.check("Roster", roster(project))
    project.sandbox.fault("400:before:match=POST .*Provision")
    inputs = teams(project)["support"]
    started.check("Team", inputs)
    lines = failure(started.create, "Team", inputs).splitlines()
    assert len(lines) == 21
    assert all("@example.com (stacks/test/users/support.yaml:" in line for line in lines[:20])
    assert lines[-1] == "and 20 more: the journal names them all"


def test_credentials_revoked_in_the_middle_are_said_and_the_next_run_ends_as_declared(
    started: Plugin, project: Project
) -> None:
    write(project, support=MANY)
    started.check("Roster", roster(project))
    inputs = teams(project)["support"]
    started.check("Team", inputs)
    project.sandbox.fault("401:before:skip=10:match=POST .*Provision")
    said = failure(started.create, "Team", inputs)
    assert "401" in said
    assert 0 < len(project.in_flex()) < 40
    project.sandbox.clear_faults()
    with plugin(project) as again:
        apply(again, project)
    assert len(project.in_flex()) == 42


def test_a_file_that_is_renamed_or_split_retires_nobody(started: Plugin, project: Project) -> None:
    """Its delete comes after the creates of the others, and everybody is still declared."""
    before = apply(started, project)
    write(project, support="", care=LINES[0], sales=f"{LINES[1]}\n{SALES}")
    project.sandbox.clear_requests()
    with plugin(project) as again:
        for inputs in before.values():
            again.read("Team", inputs)
        again.check("Roster", roster(project))
        again.check("Team", teams(project)["care"])
        again.create("Team", teams(project)["care"])
        sales = teams(project)["sales"]
        again.check("Team", sales, before["sales"])
        assert again.diff("Team", before["sales"], sales) is True
        assert again.update("Team", before["sales"], sales) == sales
        again.delete("Team", before["support"])
        assert again.check("Departures", {"stack": STACK}) == ({"stack": STACK}, [])
    assert project.sandbox.requests(method="POST") == []


def test_whoever_leaves_a_team_is_shown_there_and_retired_by_departures(started: Plugin, project: Project) -> None:
    """After everybody else was written, as the direct engine does."""
    before = apply(started, project)
    write(project, sales=LINES[2])
    with plugin(project) as again:
        for inputs in before.values():
            again.read("Team", inputs)
        after = teams(project)["sales"]
        again.check("Roster", roster(project))
        again.check("Team", after, before["sales"])
        assert again.diff("Team", before["sales"], after) is True
        assert again.update("Team", before["sales"], after) == after
        assert "dan@example.com" in project.in_flex()
        inputs, _ = again.check("Departures", {"stack": STACK})
        assert inputs["leaving"] == ["dan@example.com"]
        again.update("Departures", {"stack": STACK}, inputs)
    assert "dan@example.com" not in project.in_flex()


def test_a_file_that_vanishes_retires_its_users_even_where_only_it_is_targeted(
    started: Plugin, project: Project
) -> None:
    before = apply(started, project)
    write(project, sales="")
    with plugin(project) as again:
        again.check("Roster", roster(project))
        again.delete("Team", before["sales"])
    assert sorted(project.in_flex()) == ["ana@example.com", "bob@example.com"]


def test_a_delete_without_a_checked_roster_is_a_destroy_and_refused(started: Plugin, project: Project) -> None:
    before = apply(started, project)
    with plugin(project) as again:
        assert "FLEXRES_ALLOW_DESTROY=test" in failure(again.delete, "Team", before["sales"])
    assert len(project.in_flex()) == 4
    with plugin(project, {"FLEXRES_ALLOW_DESTROY": STACK}) as allowed, ThreadPoolExecutor() as pool:
        list(pool.map(lambda inputs: allowed.delete("Team", inputs), before.values()))
    assert project.in_flex() == {}


def test_drift_is_shown_within_the_team_and_on_managed_fields_alone(started: Plugin, project: Project) -> None:
    before = apply(started, project)["support"]
    project.sandbox.edit_attributes("bob@example.com", {"level": 5, "panel": "left"})
    with plugin(project) as again:
        text = before["users"]["bob@example.com"].replace('"attr:level":1', '"attr:level":5')
        drifted = {**before["users"], "bob@example.com": text}
        assert again.read("Team", before) == ("support", {**before, "users": drifted})


def test_whoever_is_no_longer_in_flex_is_no_longer_in_the_team(started: Plugin, project: Project) -> None:
    inputs = teams(project)["support"]
    assert started.read("Team", inputs) == ("support", {**inputs, "users": {}})


@pytest.mark.parametrize(
    "users", ["nonsense", {"ana@example.com": 3}, {"ana@example.com": "[", "zed@example.com": "{}"}, None]
)
def test_a_state_that_a_hand_has_edited_is_put_right(started: Plugin, project: Project, users: Any) -> None:
    """What counts is in Flex: nothing is written, and the state is as declared after."""
    apply(started, project)
    project.sandbox.clear_requests()
    inputs = teams(project)["support"]
    edited = {key: value for key, value in {**inputs, "users": users}.items() if value is not None}
    with plugin(project) as again:
        seen = again.read("Team", edited)[1]
        again.check("Roster", roster(project))
        assert again.check("Team", inputs, seen) == (inputs, [])
        again.diff("Team", seen, inputs)
        assert again.update("Team", seen, inputs) == inputs
    assert project.sandbox.requests(method="POST") == []


@pytest.mark.parametrize("edited", [TEAM.replace("level: 3", "level: 9"), LINES[1]])
def test_yaml_that_was_saved_since_the_program_read_it_is_refused(
    started: Plugin, project: Project, edited: str
) -> None:
    """A user is otherwise, or gone: what was previewed and what the provider reads are the same, or nothing is done."""
    inputs = teams(project)["support"]
    project.write_teams({"support": edited}, resources="team")
    (said,) = started.check("Team", inputs)[1]
    assert "ana@example.com has changed in the YAML since the program read it: run it again" in said


def test_a_user_whom_the_program_did_not_see_stops_the_run(started: Plugin, project: Project) -> None:
    """Somebody was added to a file meanwhile: they would be judged and not written."""
    before = roster(project)
    write(project, support=f"{SUPPORT}\neve@example.com: {{full_name: Eve, roles: [agent]}}")
    (said,) = started.check("Roster", before)[1]
    assert said == "the YAML of test has changed since the program read it: run it again"


def test_a_guards_refusal_holds_for_a_team_that_is_targeted_alone(started: Plugin, project: Project) -> None:
    before = apply(started, project)
    teams_now = {"support": SUPPORT.replace("level: 3", "level: 4"), "sales": LINES[2]}
    project.write_teams(teams_now, resources="team", policy="protected: [dan@example.com]")
    with plugin(project) as again:
        (said,) = again.check("Team", teams(project)["support"], before["support"])[1]
    assert "dan@example.com is protected and leaves" in said
    assert project.sandbox.worker_attributes("ana@example.com")["level"] == 3
