"""The program under a real engine: what up, preview, refresh and destroy do to Flex and to the state."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from flexres.reconcile.marker import ATTRIBUTE
from tests.pulumi.conftest import STACK, TEAM, UNSET, Project, Template, urn

pytestmark = pytest.mark.engine

WITHOUT_DAN = TEAM.replace("dan@", "eve@")


def counted(said: str) -> dict[str, int]:
    """The engine's own summary: `~ 2 to update` as {"update": 2}."""
    return {word: int(count) for count, word in re.findall(r"^\s+[^\w\s]?\s*(\d+) (?:to )?(\w+)$", said, re.MULTILINE)}


def set_activity(project: Project, username: str, activity: str) -> None:
    project.sandbox.set_activity(username, activity)


def test_the_first_up_provisions_everybody(template: Template, applied: Project) -> None:
    assert counted(template.first.out)["created"] == 8
    assert sorted(applied.in_flex()) == ["ana@example.com", "bob@example.com", "cho@example.com", "dan@example.com"]
    assert 'workspace: "WS' in template.first.out


def test_a_second_up_is_empty_and_reads_by_pages(applied: Project) -> None:
    ran = applied.pulumi("preview", "--expect-no-changes")
    assert ran.code == 0, ran.out
    assert counted(ran.out) == {"unchanged": 8}
    asked = [(request.method, request.path) for request in applied.sandbox.requests()]
    assert {method for method, _ in asked} == {"GET"}
    assert len(asked) == len(set(asked))


def test_a_preview_names_what_changes_for_each_kind_of_change(applied: Project) -> None:
    """An edit by its fields, an arrival, an adoption, a departure, and nobody else."""
    sandbox = applied.sandbox
    sandbox.edit_attributes("cho@example.com", {}, remove=[ATTRIBUTE])
    applied.pulumi(
        "state",
        "delete",
        urn("cho@example.com"),
        "--yes",
    )
    applied.write(
        WITHOUT_DAN.replace("city: London", "city: Leeds").replace("skills: {billing: 3}", "skills: {billing: 4}")
    )
    sandbox.clear_requests()
    ran = applied.pulumi("preview")
    assert ran.code == 0, ran.out
    assert re.search(r"bob@example.com update.*\[diff: ~attr:city\]", ran.out)
    assert re.search(r"ana@example.com update.*\[diff: ~skill:billing\]", ran.out)
    assert re.search(r"\+ .*eve@example.com create", ran.out)
    assert re.search(r"- .*dan@example.com delete", ran.out)
    assert "in Flex already, to be adopted: cho@example.com" in ran.out
    assert sandbox.requests(method="POST") == []


def test_a_refresh_shows_what_a_person_changed_on_managed_fields_alone(applied: Project) -> None:
    applied.sandbox.edit_attributes("bob@example.com", {"level": 9, "panel": "left"})
    ran = applied.pulumi("refresh", "--preview-only", "--diff")
    assert ran.code == 0, ran.out
    assert "attr:level: 1 => 9" in ran.out
    assert "panel" not in ran.out
    assert counted(ran.out)["update"] == 1
    up = applied.up()
    assert up.code == 0, up.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 1
    assert applied.sandbox.worker_attributes("bob@example.com")["panel"] == "left"


def test_a_guard_refuses_before_anything_and_its_digest_lifts_it(applied: Project) -> None:
    applied.write(WITHOUT_DAN, policy="protected: [dan@example.com]")
    applied.sandbox.clear_requests()
    refused = applied.up()
    errors = [
        line for line in refused.out.splitlines() if "refused by a guard" in line and line.startswith("    error")
    ]
    assert refused.code != 0
    assert len(errors) == 1
    assert "dan@example.com is protected and leaves" in errors[0]
    assert "Traceback" not in refused.out
    assert applied.sandbox.requests(method="POST") == []
    digest = errors[0].partition("FLEXRES_APPROVE=")[2][:26]
    approved = applied.up(environ={"FLEXRES_APPROVE": digest})
    assert approved.code == 0, approved.out
    assert "dan@example.com" not in applied.in_flex()


def test_a_destroy_is_refused_and_nothing_is_lost(applied: Project) -> None:
    ran = applied.pulumi("destroy", "--yes", "--skip-preview")
    assert ran.code != 0
    assert "FLEXRES_ALLOW_DESTROY=test" in ran.out
    assert "Traceback" not in ran.out
    assert len(applied.in_flex()) == 4
    assert len(applied.resources()) == 4


def test_a_destroy_that_names_the_stack_retires_everybody(applied: Project) -> None:
    ran = applied.pulumi("destroy", "--yes", "--skip-preview", environ={"FLEXRES_ALLOW_DESTROY": STACK})
    assert ran.code == 0, ran.out
    assert applied.in_flex() == {}


def test_a_target_is_one_user_and_the_guards_hold(applied: Project) -> None:
    applied.write(TEAM.replace("level: 2", "level: 7"))
    ran = applied.up("--target", "**::cho@example.com")
    assert ran.code == 0, ran.out
    assert applied.sandbox.worker_attributes("cho@example.com")["level"] == 7
    assert applied.sandbox.worker_attributes("dan@example.com")["level"] == 2
    applied.write(TEAM.replace("level: 2", "level: 8").replace("dan@", "eve@"), policy="protected: [dan@example.com]")
    refused = applied.up("--target", "**::cho@example.com")
    assert "dan@example.com is protected and leaves" in refused.out
    assert applied.sandbox.worker_attributes("cho@example.com")["level"] == 7


def test_a_targeted_delete_without_the_roster_is_refused(applied: Project) -> None:
    """Its process saw no guard speak; with the roster among the targets it does."""
    applied.write(WITHOUT_DAN)
    refused = applied.up("--target", "**::dan@example.com")
    assert "add --target '**::roster'" in refused.out
    assert "dan@example.com" in applied.in_flex()
    ran = applied.up("--target", "**::dan@example.com", "--target", "**::roster")
    assert ran.code == 0, ran.out
    assert "dan@example.com" not in applied.in_flex()


def test_one_who_fails_among_many_stops_nobody(applied: Project) -> None:
    """Neither those who are changed, nor those who leave, nor those whom the state forgot."""
    forgotten = urn("cho@example.com")
    applied.pulumi("state", "delete", forgotten, "--yes")
    applied.write(
        WITHOUT_DAN.replace("cho@", "fay@").replace("level: 3", "level: 4").replace("city: London", "city: Leeds")
    )
    worker = applied.in_flex()["bob@example.com"]["worker_sid"]
    applied.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    ran = applied.up()
    assert ran.code != 0
    failures = [line for line in ran.out.splitlines() if line.startswith("    error: Failed:")]
    assert len(failures) == 1
    assert "Traceback" not in ran.out
    assert applied.sandbox.worker_attributes("ana@example.com")["level"] == 4
    assert sorted(applied.in_flex()) == ["ana@example.com", "bob@example.com", "eve@example.com", "fay@example.com"]
    applied.sandbox.clear_faults()
    assert applied.up().code == 0
    assert applied.sandbox.worker_attributes("bob@example.com")["city"] == "Leeds"


def test_a_user_who_is_written_by_half_stands_in_the_state_as_they_are(applied: Project) -> None:
    applied.write(TEAM.replace("Bob Okafor", "Bob Obi").replace("level: 1", "level: 7"))
    worker = applied.in_flex()["bob@example.com"]["worker_sid"]
    applied.sandbox.fault(f"400:before:match=POST .*/Workers/{worker}")
    ran = applied.up()
    assert ran.code != 0
    outputs = applied.resources()["bob@example.com"]["outputs"]
    now = applied.sandbox.worker_attributes("bob@example.com")
    assert (outputs["full_name"], outputs["attr:level"]) == (now["full_name"], 1)
    applied.sandbox.clear_faults()
    again = applied.up("--refresh=false")
    assert again.code == 0, again.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 7
    assert counted(applied.pulumi("preview", "--expect-no-changes").out) == {"unchanged": 8}


def test_a_busy_leaver_over_three_runs(applied: Project) -> None:
    """Marked and waiting; still waiting, which is no change; gone when offline."""
    set_activity(applied, "dan@example.com", "Available")
    applied.write(WITHOUT_DAN)
    first = applied.up()
    assert first.code == 0, first.out
    assert "dan@example.com waits to leave" in first.out
    second = applied.pulumi("preview", "--expect-no-changes")
    assert second.code == 0, second.out
    assert "waiting to leave until offline: dan@example.com" in second.out
    set_activity(applied, "dan@example.com", "Offline")
    third = applied.up()
    assert third.code == 0, third.out
    assert "dan@example.com" not in applied.in_flex()


def test_a_lost_state_changes_nothing_in_flex(applied: Project) -> None:
    """Everybody is taken into the new state, and whom nobody declares any more still leaves."""
    assert applied.pulumi("stack", "rm", "--force", "--yes", "--preserve-config").code == 0
    applied.write(WITHOUT_DAN)
    assert applied.pulumi("stack", "init").code == 0
    applied.sandbox.clear_requests()
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert sorted(applied.in_flex()) == ["ana@example.com", "bob@example.com", "cho@example.com", "eve@example.com"]
    written = [request.path.rpartition("/")[2] for request in applied.sandbox.requests(method="POST")]
    assert sorted(written) == ["Deprovision", "Provision"]


def test_kill_minus_nine_and_recover(project: Project, engine: str) -> None:
    """Nothing of the killed run is recorded, all that it did is live: the next run takes it over, and off who left."""
    assert project.pulumi("stack", "init").code == 0
    team = "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(40))
    project.write(team)
    project.sandbox.latency(0.05)
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        until(lambda: len(project.in_flex()) >= 8)
        running.kill()
    project.sandbox.latency(0)
    until(lambda: not providers_of(project))
    before = set(project.in_flex())
    assert 8 <= len(before) < 40
    assert project.pulumi("cancel", "--yes").code == 0
    project.write(team.replace("u00@", "v00@"))
    ran = project.up()
    assert ran.code == 0, ran.out
    expected = {f"u{n:02}@example.com" for n in range(1, 40)} | {"v00@example.com"}
    assert set(project.in_flex()) == expected
    assert set(project.resources()) == expected


def until(done: Any) -> None:
    """Wait until something outside of this process is so."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def providers_of(project: Project) -> list[str]:
    """The provider processes that run in a project's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            runs = b"pulumi.dynamic" in (entry / "cmdline").read_bytes()
            if runs and (entry / "cwd").readlink() == project.folder:
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_second_run_is_told_who_holds_the_lock(applied: Project) -> None:
    applied.write(TEAM.replace("level: 1", "level: 5"))
    applied.sandbox.latency(0.5)
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK]
    with subprocess.Popen(
        command, cwd=applied.folder, env=applied.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        until(lambda: list((applied.folder / ".pulumi-state" / ".pulumi" / "locks").rglob("*.json")))
        second = applied.flexres("apply", "--yes")
    lines = second.out.strip().splitlines()
    assert second.code == 1
    assert re.search(r"another run holds the lock of test: \S+@\S+ \(process \d+\), since ", lines[-2])
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 5


def test_credentials_are_found_nowhere(template: Template, applied: Project) -> None:
    """Neither in the state, nor in its history and backups, nor in the config, nor in what was printed."""
    secrets = [applied.environ["TWILIO_API_KEY"], applied.environ["TWILIO_API_SECRET"]]
    config = (applied.folder / "stacks" / f"Pulumi.{STACK}.yaml").read_text()
    stored = applied.stored()
    assert "ana@example.com" in stored
    for text in (stored, config, template.first.out, json.dumps(applied.state())):
        assert not any(secret in text for secret in secrets)


def test_a_user_in_the_state_is_small(applied: Project) -> None:
    sizes = [len(json.dumps(resource)) for resource in applied.resources().values()]
    assert max(sizes) < 3_000


def test_a_rename_is_one_update_and_the_old_name_leaves(applied: Project) -> None:
    applied.sandbox.edit_attributes("dan@example.com", {"panel": "left"})
    applied.write(TEAM.replace("dan@example.com: {", "daniel@example.com: {previously: dan@example.com, "))
    preview = applied.pulumi("preview")
    assert re.search(r"~ .*daniel@example.com update.*~email,username", preview.out), preview.out
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert {"dan@example.com", "daniel@example.com"} & set(applied.in_flex()) == {"daniel@example.com"}
    assert applied.sandbox.worker_attributes("daniel@example.com")["panel"] == "left"
    again = applied.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out


def test_the_engine_is_asked_for_nothing_when_it_is_not_its_stack(applied: Project) -> None:
    applied.write(engine="direct")
    ran = applied.pulumi("preview")
    assert ran.code != 0
    assert "the engine of test is direct (stacks/test/flex.yaml:6" in ran.out
    assert "Traceback" not in ran.out


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"TWILIO_API_KEY": UNSET, "TWILIO_API_SECRET": UNSET}, "there are no credentials for account AC"),
        ({"PULUMI_CONFIG_PASSPHRASE": "wrong"}, "incorrect passphrase"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_lost(
    applied: Project, environ: dict[str, str], says: str
) -> None:
    ran = applied.up(environ=environ)
    assert ran.code != 0
    assert says in ran.out
    assert "Traceback" not in ran.out
    assert len(applied.in_flex()) == 4


def test_invalid_yaml_is_told_whole(applied: Project) -> None:
    applied.write(TEAM.replace("agent]", "agnet]").replace("level: 3", "level: 9007199254740993"))
    ran = applied.pulumi("preview")
    places = re.findall(r"stacks/test/users/team\.yaml:\d+:\d+", ran.out)
    assert sorted(places) == sorted(set(places))
    assert len(places) == 4
    assert "Traceback" not in ran.out


def test_pulumis_config_is_refused_before_it_gets_into_the_state(applied: Project) -> None:
    assert applied.pulumi("config", "set", "flexres:users", "12").code == 0
    ran = applied.up()
    assert "pulumi config rm flexres:users" in ran.out
    assert "Traceback" not in ran.out


def test_a_state_of_another_version_is_taken_over(applied: Project) -> None:
    """Fields that it does not know, fields that it lacks: what counts is in Flex."""
    exported = applied.state()
    for resource in exported["deployment"]["resources"]:
        if resource["type"].endswith(":User"):
            for side in ("inputs", "outputs"):
                resource[side] = {key: resource[side][key] for key in ("__provider", "stack", "username")}
                resource[side]["schema"] = 0
    path = applied.folder / "old.json"
    path.write_text(json.dumps(exported))
    assert applied.pulumi("stack", "import", "--file", str(path)).code == 0
    applied.sandbox.clear_requests()
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert applied.sandbox.requests(method="POST") == []


def test_a_resource_renamed_by_hand_harms_nobody(applied: Project) -> None:
    assert applied.pulumi("state", "rename", urn("dan@example.com"), "somebody", "--yes").code == 0
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert "dan@example.com" in applied.in_flex()
    assert set(applied.resources()) == set(applied.in_flex())


def test_a_user_deactivated_in_flex_is_not_brought_back_unasked(applied: Project) -> None:
    """Somebody offboarded them, be it between preview and up: one line, and the others go on."""
    sid = str(applied.in_flex()["dan@example.com"]["flex_user_sid"])
    deprovision(applied, sid)
    applied.write(TEAM.replace("level: 1", "level: 6"))
    ran = applied.up()
    assert ran.code != 0
    assert "dan@example.com (stacks/test/users/team.yaml:5): was deactivated in Flex on" in ran.out
    assert "Traceback" not in ran.out
    assert applied.sandbox.worker_attributes("bob@example.com")["level"] == 6
    assert "dan@example.com" not in applied.in_flex()


def deprovision(project: Project, sid: str) -> None:
    """Do as somebody in the Console."""
    credentials = (project.environ["TWILIO_API_KEY"], project.environ["TWILIO_API_SECRET"])
    url = f"{project.sandbox.url}/v4/Instances/GO00000000000000000000000000000001/Users/Deprovision"
    httpx.post(url, json={"flex_user_sid": sid}, auth=credentials).raise_for_status()


def test_two_who_swap_usernames_are_told_that_it_cannot_be(applied: Project) -> None:
    """Each would be renamed to the other's name: both names are declared, so neither is renamed."""
    swapped = TEAM.replace("cho@example.com: {", "cho@example.com: {previously: dan@example.com, ")
    applied.write(swapped.replace("dan@example.com: {f", "dan@example.com: {previously: cho@example.com, f"))
    ran = applied.pulumi("preview")
    assert ran.code != 0
    assert len(re.findall(r"team\.yaml:\d+:\d+: \w+@example.com is declared as well", ran.out)) == 2
    assert "Traceback" not in ran.out


def test_no_stack_or_one_without_its_folder_is_one_line(applied: Project) -> None:
    none = applied.run("pulumi", "preview", "--non-interactive", "--color", "never", environ={"HOME": "/nonexistent"})
    assert none.code != 0
    assert "Traceback" not in none.out
    assert applied.run("pulumi", "stack", "init", "gone").code == 0
    gone = applied.run("pulumi", "preview", "--stack", "gone", "--color", "never")
    assert "there is no stack at stacks/gone" in gone.out
    assert "Traceback" not in gone.out
