"""The page, annotations and GitHub's files by the commands that write them, with their bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow import pull_request


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    pull_request.make_repository(tmp_path)
    return tmp_path


def flexres(folder: Path, sandbox: Sandbox, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, **sandbox.environment(), "COLUMNS": "100", **environ}
    command = [sys.executable, "-m", "flexres", *arguments]
    return subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, check=False)


def test_every_report_can_be_a_page(project: Path, sandbox: Sandbox) -> None:
    """Plan, what became of it, and drift, with a chart of the reports before."""
    apply = ("--yes", "--engine", "direct", "--switch-engine")
    done = [
        flexres(project, sandbox, "plan", "-f", "html", "-o", "pages/plan.html", "--also", "reports/1.json"),
        flexres(project, sandbox, "apply", *apply, "-f", "html", "-o", "pages/apply.html"),
        flexres(project, sandbox, "plan", "--also", "reports/2.json"),
        flexres(project, sandbox, "drift", "-f", "html", "-o", "pages/drift.html", "--reports", "reports"),
    ]
    assert [one.returncode for one in done] == [0, 0, 0, 0], [one.stderr for one in done]
    pages = {path.stem: path.read_text() for path in (project / "pages").iterdir()}
    assert all(page.startswith("<!doctype html>") for page in pages.values())
    assert {name: page.partition('class="verdict">')[2].partition("<")[0] for name, page in pages.items()} == {
        "plan": "needs care",
        "apply": "done",
        "drift": "no drift",
    }
    assert "in the last 2 reports" in pages["drift"]


def test_one_reading_is_told_in_every_way(project: Path, sandbox: Sandbox) -> None:
    """Files by their endings, JUnit for drift alone."""
    also = [word for name in ("d.html", "d.md", "d.json", "d.txt", "d.xml") for word in ("--also", name)]
    done = flexres(project, sandbox, "drift", *also)
    assert done.returncode == 3, done.stderr
    assert (project / "d.xml").read_text().startswith("<?xml")
    assert (project / "d.md").read_text().startswith("<!-- flexres:drift:sandbox -->")
    assert (project / "d.txt").read_text() == done.stdout


def test_annotations_name_the_lines_at_fault(project: Path, sandbox: Sandbox) -> None:
    """Nothing but workflow commands is printed."""
    ops = project / "stacks" / "sandbox" / "users" / "ops.yaml"
    ops.write_text(ops.read_text().replace(pull_request.VICTOR, pull_request.VICTOR + "    roles: [admin]\n"))
    done = flexres(project, sandbox, "plan", "-f", "github")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith(("::error file=", "::warning file=")) for line in done.stdout.splitlines())
    assert "victor.hale@example.com gains admin" in done.stdout


def test_github_gets_summary_and_outputs(project: Path, sandbox: Sandbox) -> None:
    """Appended to what is there, the report going where it always goes."""
    summary, output = project / "summary", project / "output"
    summary.write_text("before\n")
    done = flexres(project, sandbox, "plan", FLEXRES_CI="github", GITHUB_STEP_SUMMARY="summary", GITHUB_OUTPUT="output")
    assert done.returncode == 0, done.stderr
    assert summary.read_text().startswith("before\n<!-- flexres:plan:sandbox -->")
    assert output.read_text() == "changes=40\nverdict=needs care\ndigest=\n"
    assert done.stdout.startswith("sandbox  GO…0001")


def test_by_hand_the_outputs_are_shown(project: Path, sandbox: Sandbox) -> None:
    """A person who runs a workflow's step has no files for them."""
    done = flexres(project, sandbox, "plan", "--ci", "github", GITHUB_STEP_SUMMARY="", GITHUB_OUTPUT="")
    assert done.returncode == 0
    assert "  verdict=needs care\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "--also", "plan.pdf"), "--also plan.pdf: its ending says no format"),
        (("plan", "--also", "plan.xml"), "--also plan.xml: its ending says no format"),
        (("plan", "--also", "stacks/x.md/y.md", "-o", "stacks/x.md"), "cannot be written"),
        (("plan", "-f", "html", "--reports", "nowhere"), "the folder of reports nowhere cannot be read"),
        (("plan", "-s", "all", "-f", "html"), "--format html is of one stack"),
        (("drift", "-s", "all", "--also", "drift.md"), "--also is of one stack"),
        (("plan", "-s", "all", "--ci", "github"), "--ci github is of one stack"),
        (("apply", "--yes", "--also", "x"), "--also x: its ending says no format"),
    ],
)
def test_bad_input_is_one_clear_line(project: Path, sandbox: Sandbox, arguments: tuple[str, ...], says: str) -> None:
    """Exit 2, and nothing was sent to Flex that writes."""
    if "all" in arguments:
        other = project / "stacks" / "other"
        (other / "users").mkdir(parents=True)
        (other / "users" / "team.yaml").write_text("users: {}\n")
        config = (project / "stacks" / "sandbox" / "flex.yaml").read_text()
        (other / "flex.yaml").write_text(config.replace("id: sandbox1", "id: sandbox9").replace("GO0", "GO9"))
    done = flexres(project, sandbox, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert {request.method for request in sandbox.requests()} <= {"GET"}


def test_a_summary_that_cannot_be_written_says_who_named_it(project: Path, sandbox: Sandbox) -> None:
    """The variable is named, since nobody typed the path."""
    done = flexres(project, sandbox, "plan", "--ci", "github", GITHUB_STEP_SUMMARY=str(project), GITHUB_OUTPUT="output")
    assert done.returncode == 2
    assert "GITHUB_STEP_SUMMARY names it" in done.stderr
