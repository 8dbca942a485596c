"""Where a report is to go and cannot: refused before the first write, and after it never in the way of the outcome."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox

from .gitops import FLEX, TEAM

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks" / "prod"
    (folder / "users").mkdir(parents=True)
    (folder / "flex.yaml").write_text(FLEX)
    (folder / "users" / "team.yaml").write_text(TEAM)
    return tmp_path


@pytest.fixture
def run(project: Path, sandbox: Sandbox) -> Run:
    """Runs flexres by a shell, so that redirections are what a person types."""

    def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = line.replace("flexres", f"{shlex.quote(sys.executable)} -m flexres", 1)
        environment = {**os.environ, **sandbox.environment(), "COLUMNS": "120", **variables}
        return subprocess.run(
            ["bash", "-c", command],
            cwd=project,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return shell


BEFORE = [
    ("flexres apply --yes -o .", {}),
    ("flexres apply --yes --also folder.html", {}),
    ("flexres apply --yes --reports nowhere", {}),
    ("flexres apply --yes --ci github", {"GITHUB_STEP_SUMMARY": "."}),
    ("flexres apply --yes --ci github", {"GITHUB_STEP_SUMMARY": "s.md", "GITHUB_OUTPUT": "."}),
    ("flexres adopt --yes -o .", {}),
    ("flexres drift --fix --yes -o .", {}),
    ("flexres verify --non-production AC00000000000000000000000000000001 -o .", {}),
]


@pytest.mark.parametrize(("line", "variables"), BEFORE, ids=[line for line, _ in BEFORE])
def test_a_destination_that_cannot_be_written_is_told_before_anything_is_sent(
    line: str, variables: dict[str, str], run: Run, sandbox: Sandbox, project: Path
) -> None:
    """Exit 2, and that nothing was sent is true."""
    (project / "folder.html").mkdir()
    done = run(line, **variables)
    assert done.returncode == 2, done.stderr
    assert "cannot be" in done.stderr
    assert sandbox.requests() == []


def test_a_plan_that_nobody_sees_is_not_applied(run: Run, sandbox: Sandbox) -> None:
    """Standard output that takes nothing is no way of agreeing."""
    for line in ("flexres apply --yes > /dev/full", "flexres apply --yes >&-"):
        done = run(line)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "standard output cannot be written" in done.stderr
    assert sandbox.requests(method="POST") == []


AFTER = [
    "flexres apply --yes -f json > /dev/full",
    "flexres apply --yes -f json >&-",
    "flexres apply --yes -f json -o /dev/full",
    "flexres apply --yes -f json -o /dev/full > /dev/full",
    "flexres apply --yes -f json | true; exit ${PIPESTATUS[0]}",
]


@pytest.mark.parametrize("line", AFTER)
def test_after_the_writes_the_outcome_is_the_exit_and_the_report_goes_where_it_can(line: str, run: Run) -> None:
    """A full disk, a closed stream or pipe: the report is on the next stream that takes it."""
    done = run(line)
    assert done.returncode == 0, done.stderr
    assert "this is a bug" not in done.stderr
    assert "Traceback" not in done.stderr
    said = done.stdout or done.stderr[done.stderr.index("\n{") :]
    assert json.loads(said)["counts"]["done"] == 2


def test_what_is_written_beside_the_report_does_not_change_the_exit(run: Run, sandbox: Sandbox) -> None:
    """A device that opens and takes nothing: a warning each, and the report is still told."""
    done = run("flexres apply --yes --also also.json --ci github", GITHUB_STEP_SUMMARY="/dev/full", GITHUB_OUTPUT="out")
    assert done.returncode == 0, done.stderr
    assert "2 done" in done.stdout
    assert "/dev/full cannot be written" in done.stderr
    assert len(sandbox.users()) == 2


def test_several_stacks_keep_their_exit_whatever_becomes_of_the_report(run: Run, project: Path) -> None:
    """One report of all, and one exit."""
    other = project / "stacks" / "zoo"
    (other / "users").mkdir(parents=True)
    (other / "flex.yaml").write_text(FLEX.replace("k7m2q9", "m2k7q9"))
    (other / "users" / "team.yaml").write_text("users:\n  zoe@example.com: {full_name: Zoe, roles: [agent]}\n")
    done = run("flexres apply -s all --yes -f json -o /dev/full")
    assert done.returncode == 0, done.stderr
    assert [one["counts"]["done"] for one in json.loads(done.stdout)["stacks"]] == [2, 1]


def test_a_reading_command_into_a_closed_pipe_says_nothing_and_keeps_its_exit(run: Run) -> None:
    """`flexres plan | head`: whoever closes the pipe has seen enough."""
    done = run("flexres plan --check | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("line", ["flexres plan > /dev/full", "flexres plan >&-", "flexres --help > /dev/full"])
def test_a_reading_command_whose_report_is_lost_fails(line: str, run: Run) -> None:
    """Nobody could read what was found, so it is no success."""
    done = run(line)
    assert done.returncode in {1, 2}
    assert "standard output cannot be written" in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "2> /dev/full", "0<&- 2>&-", "--log json 2> /dev/full"])
def test_without_standard_error_a_run_ends_as_it_would(closed: str, run: Run, sandbox: Sandbox) -> None:
    """Progress and notes are lost, and nothing else."""
    done = run(f"flexres apply --yes {closed}")
    assert done.returncode == 0
    assert "2 done" in done.stdout
    assert len(sandbox.users()) == 2


def test_without_standard_input_nobody_can_be_asked(run: Run, sandbox: Sandbox) -> None:
    """A closed stream is no terminal."""
    done = run("flexres apply <&-")
    assert done.returncode == 2
    assert "nobody can be asked" in done.stderr
    assert sandbox.requests() == []


def test_ctrl_c_while_the_report_is_written_says_what_was_applied(project: Path, sandbox: Sandbox) -> None:
    """Nobody reads the pipe that the report goes to; the exit stays that of the outcome."""
    os.mkfifo(project / "slow")
    reader = os.open(project / "slow", os.O_RDONLY | os.O_NONBLOCK)
    team = "".join(f"  user{number}@example.com: {{full_name: User {number}}}\n" for number in range(150))
    (project / "stacks/prod/users/team.yaml").write_text(f"defaults: {{roles: [agent]}}\nusers:\n{team}")
    process = subprocess.Popen(
        [sys.executable, "-m", "flexres", "apply", "--yes", "-f", "json", "-o", "slow"],
        cwd=project,
        env={**os.environ, **sandbox.environment()},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 40
    while not _has_something(reader) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    os.close(reader)
    assert "stopped while the report was written" in said
    assert "150 done (exit 0)" in said
    assert "Nothing was changed" not in said
    assert process.returncode == 0


def _has_something(reader: int) -> bool:
    try:
        return bool(os.read(reader, 1))
    except BlockingIOError:
        return False


def test_a_drift_report_is_there_before_the_webhook_is_tried(run: Run, project: Path) -> None:
    """A proxy that is none, or a listener that says nonsense, costs the message and nothing else."""
    done = run(
        "flexres drift -o drift.txt --notify https://hooks.example.com/x",
        HTTPS_PROXY="nonsense://[",
        ALL_PROXY="nonsense://[",
    )
    assert done.returncode == 3, done.stderr
    assert "not deployed" in (project / "drift.txt").read_text().lower()
    assert "nobody was notified" in done.stderr
