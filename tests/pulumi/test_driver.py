"""`flexres plan` and `apply` through a real engine: the direct engine's reports, and moving between the two."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pulumi.conftest import STACK, TEAM, UNSET, Project
from tests.pulumi.test_engine import until

pytestmark = pytest.mark.engine

WITHOUT_DAN = TEAM.replace("dan@", "eve@")


def report(project: Project, *arguments: str) -> dict[str, Any]:
    """A report as JSON, from standard output alone."""
    out = project.folder / "report.json"
    ran = project.flexres(*arguments, "--format", "json", "--out", str(out))
    assert ran.code == 0, ran.out
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs from run to run."""
    return {key: value for key, value in found.items() if key not in {"as_of", "requests", "seconds", "plan"}}


def test_a_plan_through_pulumi_is_the_direct_engines(applied: Project) -> None:
    applied.write(WITHOUT_DAN.replace("city: London", "city: Leeds"))
    directly = report(applied, "plan", "--engine", "direct")
    through = report(applied, "plan", "--engine", "pulumi")
    assert timeless(through) == timeless(directly)
    assert {change["kind"] for change in through["changes"]} == {"create", "update", "retire"}


def test_an_apply_through_pulumi_reports_as_the_direct_engine_does(applied: Project) -> None:
    applied.write(WITHOUT_DAN.replace("city: London", "city: Leeds"))
    found = report(applied, "apply", "--yes")
    assert {one["username"]: one["result"] for one in found["outcomes"]} == {
        "bob@example.com": "done",
        "dan@example.com": "done",
        "eve@example.com": "done",
    }
    sent = len(applied.sandbox.requests(path="^/v"))
    assert found["requests"] + found["plan"]["requests"] == sent
    assert applied.flexres("plan", "--check", "--engine", "pulumi").code == 0
    assert set(applied.resources()) == set(applied.in_flex())


def test_one_who_fails_and_one_who_waits_are_told(applied: Project) -> None:
    applied.sandbox.set_activity("dan@example.com", "Available")
    applied.write(WITHOUT_DAN.replace("city: London", "city: Leeds"))
    worker = applied.in_flex()["bob@example.com"]["worker_sid"]
    applied.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    ran = applied.flexres("apply", "--yes")
    assert ran.code == 5, ran.out
    assert "✗ bob@example.com failed: " in ran.out, ran.out
    assert "dan@example.com" in ran.out
    assert "1 done · 1 waiting · 1 failed" in " ".join(ran.out.split()), ran.out
    assert "Traceback" not in ran.out


def test_drift_through_pulumi_is_the_direct_engines(applied: Project) -> None:
    applied.sandbox.edit_attributes("bob@example.com", {"level": 9})
    said = [applied.flexres("drift", "--engine", engine) for engine in ("direct", "pulumi")]
    assert [ran.code for ran in said] == [3, 3]
    assert all("bob@example.com" in ran.out and "Traceback" not in ran.out for ran in said)


def test_a_guard_refuses_and_its_digest_is_handed_on(applied: Project) -> None:
    applied.write(WITHOUT_DAN, policy="protected: [dan@example.com]")
    refused = applied.flexres("apply", "--yes")
    assert refused.code == 4
    digest = refused.out.partition("--approve ")[2][:26]
    assert applied.flexres("apply", "--yes", "--approve", digest).code == 0
    assert "dan@example.com" not in applied.in_flex()


def test_from_direct_to_pulumi_and_back_nothing_changes_in_flex(project: Project, engine: str) -> None:
    """Both engines know the marker: taking a stack over writes nothing, whoever made it."""
    project.write(engine="direct")
    assert project.flexres("apply", "--yes").code == 0
    project.sandbox.clear_requests()
    project.write(engine="pulumi")
    taken = project.flexres("apply", "--yes")
    assert taken.code == 0, taken.out
    assert len(project.resources()) == 4
    project.write(engine="direct")
    assert project.flexres("apply", "--yes").code == 0
    assert project.sandbox.requests(method="POST") == []
    project.write(WITHOUT_DAN, engine="direct")
    assert project.flexres("apply", "--yes").code == 0
    project.write(WITHOUT_DAN, engine="pulumi")
    project.sandbox.clear_requests()
    back = project.flexres("apply", "--yes")
    assert back.code == 0, back.out
    assert project.sandbox.requests(method="POST") == []
    assert set(project.resources()) == set(project.in_flex())


def test_another_engine_than_the_committed_one_needs_a_word(applied: Project) -> None:
    applied.write(TEAM.replace("level: 1", "level: 4"), engine="direct")
    refused = applied.flexres("apply", "--yes", "--engine", "pulumi")
    assert (refused.code, "--switch-engine" in refused.out) == (2, True)
    assert applied.flexres("apply", "--yes", "--engine", "pulumi", "--switch-engine").code == 0
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 4


def test_a_stack_that_pulumi_does_not_know_is_planned_without_making_one(project: Project, engine: str) -> None:
    ran = project.flexres("plan", "--engine", "pulumi")
    assert ran.code == 0, ran.out
    assert "Pulumi has no state of test yet" in ran.out
    assert not (project.folder / "stacks" / f"Pulumi.{STACK}.yaml").exists()


def test_a_wrong_passphrase_is_one_line(applied: Project) -> None:
    ran = applied.flexres("apply", "--yes", environ={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert ran.code == 2
    assert "error: PULUMI_CONFIG_PASSPHRASE is not the one" in ran.out
    assert "Traceback" not in ran.out


def test_in_ci_a_state_in_the_checkout_is_refused(applied: Project) -> None:
    ran = applied.flexres("apply", "--yes", environ={"CI": "true"})
    assert ran.code == 2
    assert "empty each time" in ran.out
    raw = applied.pulumi("preview", environ={"CI": "true"})
    assert "empty each time" in raw.out
    assert raw.code != 0


def test_auto_goes_on_directly_where_pulumi_is_not_installed(project: Project, engine: str) -> None:
    """In one line; and through Pulumi where it is, be it in the project's own tools."""
    project.write(engine="auto", more=f"endpoint: {project.sandbox.url}")
    bare = os.pathsep.join(part for part in project.environ["PATH"].split(os.pathsep) if ".venv" in part)
    without = project.flexres("apply", "--yes", environ={"PATH": f"{bare}{os.pathsep}/usr/bin{os.pathsep}/bin"})
    assert without.code == 0, without.out
    assert "pulumi is not installed, so this goes on with the direct engine" in without.out
    assert not (project.folder / ".pulumi-state").exists()
    through = project.flexres("apply", "--yes")
    assert through.code == 0, through.out
    assert len(project.resources()) == 4


def test_a_cli_in_a_folder_of_any_name_is_used(applied: Project) -> None:
    """The official tarball unpacks to pulumi/pulumi."""
    found = shutil.which("pulumi", path=applied.environ["PATH"])
    assert found is not None
    unpacked = applied.folder.parent / "pulumi"
    unpacked.symlink_to(Path(found).parent)
    rest = [part for part in applied.environ["PATH"].split(os.pathsep) if Path(part) != Path(found).parent]
    applied.more["PATH"] = os.pathsep.join([str(unpacked), *rest])
    applied.write(TEAM.replace("city: London", "city: Leeds"))
    ran = applied.flexres("apply", "--yes")
    assert ran.code == 0, ran.out
    assert applied.sandbox.worker_attributes("bob@example.com")["city"] == "Leeds"


def test_the_state_is_for_its_owner_alone(applied: Project) -> None:
    assert (applied.folder / ".pulumi-state").stat().st_mode & 0o777 == 0o700


def test_ctrl_c_stops_gently_and_the_next_run_goes_on(applied: Project) -> None:
    """What was in flight is finished; the report says who was not begun with."""
    team = TEAM + "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(30))
    applied.write(team)
    applied.sandbox.latency(0.1)
    environ = {name: value for name, value in applied.environ.items() if value != UNSET}
    with subprocess.Popen(
        ["flexres", "apply", "--yes", "--stack", STACK],
        cwd=applied.folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        until(lambda: len(applied.in_flex()) >= 8)
        os.killpg(running.pid, signal.SIGINT)
        out = running.communicate(timeout=60)[0]
    assert running.returncode == 5, out
    assert "not started" in out
    assert "Traceback" not in out
    applied.sandbox.latency(0)
    assert applied.flexres("apply", "--yes").code == 0
    assert len(applied.in_flex()) == 34


def test_ctrl_c_before_the_engine_has_begun_is_a_stop_and_no_failure(applied: Project) -> None:
    """Nobody was begun with, which the report says of each; nothing is wrong with the set-up."""
    applied.write(TEAM.replace("city: London", "city: Leeds"))
    environ = {name: value for name, value in applied.environ.items() if value != UNSET}
    with subprocess.Popen(
        ["flexres", "apply", "--yes", "--stack", STACK],
        cwd=applied.folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "Applying by pulumi up" in line:
                os.killpg(running.pid, signal.SIGINT)
                break
        out = running.communicate(timeout=60)[0]
    assert running.returncode == 5, out
    assert "not started" in out
    assert applied.flexres("apply", "--yes").code == 0
