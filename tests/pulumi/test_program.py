"""The program under the SDK's mocks: what it declares, for every stack that is shipped, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pulumi
import pytest

from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.desired.stack import Stack
from flexres.live.model import Instance, Snapshot
from flexres.pulumi import declared_usernames
from flexres.reconcile.change import Kind
from flexres.reconcile.plan import make_plan
from flexres.resources import program
from flexres.session import wanted_of
from tests.pulumi.conftest import CONFIG, ROOT

SHIPPED = sorted(path.parent.name for path in (ROOT / "stacks").glob("*/flex.yaml"))
ENVIRON = {
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "TWILIO_API_KEY": "SK00000000000000000000000000000001",
    "TWILIO_API_SECRET": "secret",
}


def declared(stacks: Path, name: str) -> list[dict[str, Any]]:
    """What the program registers for a stack, in order: kind, name and inputs."""
    found = registered(ROOT / "__main__.py", stacks.parent, name)
    return [one for one in found if one["kind"] not in {"Stack", "FlexStack"}]


def registered(program: Path, project: Path, name: str, **environ: str) -> list[dict[str, Any]]:
    """All that a program registers for a Pulumi stack, run in a project's folder."""
    command = [sys.executable, "-m", "tests.pulumi.under_mocks", str(program), name]
    wanted = {**os.environ, "PYTHONPATH": str(ROOT), **ENVIRON, "FLEXRES_SWITCH_ENGINE": name, **environ}
    done = subprocess.run(command, cwd=project, env=wanted, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Name → inputs of the resources of one kind."""
    return {one["name"]: one["inputs"] for one in found if one["kind"] == kind}


def shipped(name: str) -> Stack:
    return load_stack(FolderSource(ROOT / "stacks" / name, f"stacks/{name}"), name=name)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_declared_is_what_the_direct_engine_plans(name: str) -> None:
    """In an empty Flex the direct engine would create exactly these users, with exactly these fields."""
    stack = shipped(name)
    instance = Instance(stack.config.account, stack.config.instance, "WS1", None)
    plan = make_plan(wanted_of(stack, None), Snapshot(instance, {}), as_of=datetime.now(UTC))
    assert {change.kind for change in plan.changes} == {Kind.CREATE}
    planned = {
        change.username: {"stack": name, "username": change.username}
        | {item.key.text: item.after for item in change.fields}
        | ({"previously": change.desired.previously} if change.desired and change.desired.previously else {})
        for change in plan.changes
    }
    assert of_kind(declared(ROOT / "stacks", name), "User") == planned


@pytest.mark.parametrize("name", SHIPPED)
def test_the_roster_comes_first_and_departures_last(name: str) -> None:
    found = declared(ROOT / "stacks", name)
    assert (found[0]["kind"], found[-1]["kind"]) == ("Roster", "Departures")
    assert found[0]["inputs"]["users"].keys() == of_kind(found, "User").keys()


def write(folder: Path, users: str, *, engine: str = "pulumi") -> Path:
    """A project with one stack."""
    (folder / "stacks" / "test" / "users").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: flexres\nruntime: python\nbackend: {url: 'file://.pulumi-state'}\n")
    (folder / "stacks" / "test" / "flex.yaml").write_text(CONFIG.format(engine=engine, policy=""))
    (folder / "stacks" / "test" / "users" / "team.yaml").write_text(f"users:\n{users}\n")
    return folder


def test_the_sdks_own_debug_lines_are_left_out_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many stacks ask for it."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "debug", lambda msg, *_: said.append(msg))
    program.without_the_sdks_own_debug_lines()
    program.without_the_sdks_own_debug_lines()
    pulumi.log.debug("a program's own")
    exec("log.debug('registering resource')", {"__name__": "pulumi.runtime.resource", "log": pulumi.log})
    assert said == ["a program's own"]


ANA = "  ana@example.com: {full_name: Ana Ruiz, roles: [agent]}"


def test_moving_somebody_between_team_files_changes_nothing(tmp_path: Path) -> None:
    """A resource is named by username and by nothing else."""
    stacks = write(tmp_path, ANA) / "stacks"
    before = declared(stacks, "test")
    users = stacks / "test" / "users"
    (users / "team.yaml").rename(users / "another.yaml")
    assert declared(stacks, "test") == before


def test_a_file_of_the_same_name_in_another_folder_is_refused(tmp_path: Path) -> None:
    """Two teams would be called alike, and their users stand in one resource."""
    project = write(tmp_path, ANA)
    folder = project / "stacks" / "test" / "users" / "emea"
    folder.mkdir()
    (folder / "team.yaml").write_text("users: {}\n")
    with pytest.raises(pulumi.RunError, match=r"users/emea/team\.yaml:1:1: .*move it to users/emea-team\.yaml"):
        program.load("test", project, ENVIRON)


def test_whoever_has_left_by_date_is_not_declared(tmp_path: Path) -> None:
    stack = program.load("test", write(tmp_path, ANA.replace("}", ", until: 2031-01-31}")), ENVIRON)
    assert declared_usernames(stack, date(2031, 1, 31)) == ["ana@example.com"]
    assert declared_usernames(stack, date(2031, 2, 1)) == []


def refused(tmp_path: Path, *, users: str = ANA, engine: str = "pulumi", **environ: str) -> str:
    """What the program says instead of declaring anything."""
    with pytest.raises(pulumi.RunError) as caught:
        program.load("test", write(tmp_path, users, engine=engine), {**ENVIRON, **environ})
    return str(caught.value)


def test_all_problems_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    said = refused(tmp_path, users="  ana@example.com: {roles: [agnet]}\n  bob: {full_name: 3, roles: [agent]}")
    lines = said.splitlines()
    assert "problems" in lines[0]
    assert len(lines) > 3
    assert all(line.startswith("stacks/test/users/team.yaml:") for line in lines[1:])


def test_a_number_beyond_what_the_engine_can_carry_is_refused(tmp_path: Path) -> None:
    """Beyond 2^53 a float, which is what the engine hands over, is another number."""
    said = refused(tmp_path, users=ANA.replace("}", ", attributes: {badge: 9007199254740993}}"))
    assert "stacks/test/users/team.yaml:2:" in said


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"CI": "true"}, "in CI the state would be a folder of this checkout"),
        ({"TWILIO_API_SECRET": ""}, "TWILIO_API_SECRET is not"),
        ({"TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000002"}, "its credentials are not used"),
        ({"FLEXRES_APPROVE": "what"}, "a digest is 26 characters"),
    ],
)
def test_a_wrong_environment_is_refused_before_anything_is_declared(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    assert says in refused(tmp_path, **environ)


def test_a_backend_of_its_own_is_enough_in_ci(tmp_path: Path) -> None:
    environ = {**ENVIRON, "CI": "true", "PULUMI_BACKEND_URL": "s3://states"}
    assert program.load("test", write(tmp_path, ANA), environ).name == "test"


def test_a_stack_of_the_direct_engine_is_refused_with_the_line_that_says_so(tmp_path: Path) -> None:
    said = refused(tmp_path, engine="direct")
    assert "stacks/test/flex.yaml:6" in said
    assert "FLEXRES_SWITCH_ENGINE=test" in said


def test_it_may_be_switched_for_once(tmp_path: Path) -> None:
    environ = {**ENVIRON, "FLEXRES_SWITCH_ENGINE": "test"}
    assert program.load("test", write(tmp_path, ANA, engine="direct"), environ).name == "test"


def test_pulumis_config_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be kept in the state, and used from there."""
    monkeypatch.setenv("PULUMI_CONFIG", '{"flexres:token": "hush", "aws:region": "eu-west-1"}')
    said = refused(tmp_path)
    assert "flexres:token" in said
    assert "hush" not in said
    assert "aws" not in said


def test_a_stack_without_its_folder_names_those_that_exist(tmp_path: Path) -> None:
    folder = write(tmp_path, ANA)
    with pytest.raises(pulumi.RunError, match="stacks here: test"):
        program.load("tset", folder, ENVIRON)


def test_warnings_are_told_and_stop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi, "warn", _noting(said))
    program.load("test", write(tmp_path, ANA.replace("}", ", until: 2020-01-31}")), ENVIRON)
    assert any("stacks/test/users/team.yaml:2:" in line for line in said)


def _noting(said: list[str]) -> Callable[[str], None]:
    return said.append
