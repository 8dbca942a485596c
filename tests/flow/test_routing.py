"""`flexres routing` and the queues of a plan against the sandbox, as somebody at the command line meets them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer

from flexres.cli.errors import guarded
from flexres.cli.main import app
from flexres.sandbox.server import Sandbox

ROOT = Path(__file__).parent.parent.parent
DANA = "dana.whitfield@example.com"
QUEUES = '  queues: {"*": 1}\n'


@dataclass
class Center:
    """The sandbox's contact centre, applied, with its queues; and the command line in its project."""

    users: Path
    sandbox: Sandbox
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = guarded(typer.main.get_command(app), arguments)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *arguments: str) -> Any:
        code, out, err = self.run(*arguments, "--format", "json")
        assert code == 0, err
        return json.loads(out)

    def dana_does_no_billing(self, path: Path, *, exact: bool = False) -> None:
        """Who alone does billing in the evenings does it no more; `exact`: and nobody gives her other skills."""
        lines = (self.users / "support.yaml").read_text().splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith(f"  {DANA}:"))
        place = next(number for number in range(place, len(lines)) if lines[number].startswith("    skills:"))
        lines[place] = "    skills: {billing: null}\n" + ("    skills_exact: true\n" if exact else "")
        path.write_text("".join(lines))


@pytest.fixture
def center(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Center]:
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    flex = tmp_path / "stacks" / "sandbox" / "flex.yaml"
    flex.write_text(flex.read_text().replace("  min_admins: 2\n", f"  min_admins: 2\n{QUEUES}"))
    monkeypatch.chdir(tmp_path)
    with Sandbox(routing=True) as sandbox:
        for name, value in {**sandbox.environment(), "COLUMNS": "160", "USER": "cho"}.items():
            monkeypatch.setenv(name, value)
        center = Center(tmp_path / "stacks" / "sandbox" / "users", sandbox, capsys)
        code, _, err = center.run("apply", "--engine", "direct", "--yes")
        assert code == 0, err
        sandbox.clear_requests()
        yield center
    structlog.reset_defaults()


def test_the_queues_are_read_with_a_page_each(center: Center) -> None:
    found = center.json("routing")
    billing = next(queue for queue in found["queues"] if queue["name"] == "Billing Evenings")
    assert billing["people"] == [DANA]
    assert billing["teams"] == {"support": 1}
    assert found["skills_nobody_asks_for"] == ["negotiation"]
    asked = [request.path.rpartition("/")[2] for request in center.sandbox.requests()]
    assert asked.count("TaskQueues") == asked.count("Workflows") == 1
    assert {request.method for request in center.sandbox.requests()} == {"GET"}


def test_a_leaver_counts_as_leaving_and_nobody_of_ours_as_unmanaged(center: Center) -> None:
    """Taken out of a team file, or named in leavers: both are managed until they are gone."""
    support = center.users / "support.yaml"
    text = support.read_text()
    start = text.index(f"  {DANA}:")
    support.write_text(text[:start] + re.sub(r"\A.*?\n(?=  \S)", "", text[start:], count=1, flags=re.DOTALL))
    assert DANA not in support.read_text()
    found = center.json("routing")
    evenings = next(queue for queue in found["queues"] if queue["name"] == "Billing Evenings")
    assert evenings["teams"] == {"leaving": 1}


def test_one_queue_and_one_person_are_explained(center: Center) -> None:
    queue = center.json("routing", "--queue", "Billing Evenings")
    near = {one["username"]: one["fails"] for one in queue["near_misses"]}
    assert near["ana.ruiz@example.com"] == [
        {"comparison": "shift.pattern == 'evenings'", "has": {"shift.pattern": "weekdays"}}
    ]
    person = center.json("routing", "--user", DANA)
    assert "Billing Evenings" in [one["name"] for one in person["queues"] if one["in"]]


def test_a_team_file_being_written_is_asked_about(center: Center, tmp_path: Path) -> None:
    center.dana_does_no_billing(tmp_path / "support.yaml")
    found = center.json("routing", "--what-if", "support.yaml")
    evenings = next(queue for queue in found["queues"] if queue["name"] == "Billing Evenings")
    assert (evenings["before"], evenings["after"], evenings["loses"]) == (1, 0, [DANA])
    code, out, _ = center.run("plan")
    assert code == 0
    assert "Queues" not in out


def test_a_change_that_empties_a_queue_is_refused_until_approved(center: Center) -> None:
    center.dana_does_no_billing(center.users / "support.yaml")
    code, out, _ = center.run("plan", "--check")
    assert code == 4
    assert "left empty" in out
    assert "the queue Billing Evenings goes below 1: 1 → 0" in out
    digest = center.json("plan")["digest"]
    code, _, err = center.run("apply", "--engine", "direct", "--yes", "--approve", digest)
    assert code == 0, err
    assert center.json("routing", "--user", DANA)["queues"]
    code, out, _ = center.run("plan", "--check")
    assert code == 0, out


def test_drift_names_the_queue_that_a_change_in_flex_took_somebody_out_of(center: Center) -> None:
    center.sandbox.edit_attributes(DANA, {"shift": {"pattern": "weekdays", "break_minutes": 30}})
    code, out, _ = center.run("drift")
    assert code == 3
    assert "Queues that lost somebody by a change in Flex" in out
    assert f"nobody; 1 with {DANA}" in out
    assert [queue["lost"] for queue in json.loads(center.run("drift", "-f", "json")[1])["queues"]] == [[DANA]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--queue", "Biling EN"), "did you mean Billing EN?"),
        (("--user", "dana.whitfeld@example.com"), f"did you mean {DANA}?"),
        (("--what-if", "nothing.yaml"), "nothing.yaml is no team file"),
        (("--queue", "VIP", "--user", DANA), "three questions"),
    ],
)
def test_a_slip_at_the_command_line_is_told(center: Center, arguments: tuple[str, ...], says: str) -> None:
    code, _, err = center.run("routing", *arguments)
    assert code == 2
    assert says in err


def test_a_key_without_the_right_is_one_line_in_a_plan(center: Center) -> None:
    center.sandbox.fault("403:match=TaskQueues")
    code, _, err = center.run("routing")
    assert code == 6
    assert "the task queues cannot be read" in err


def printed_in_the_docs(name: str) -> list[str]:
    """The lines of a block of docs/routing.md, up to an ellipsis."""
    text = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
    block = text.partition(f"<!-- {name} -->\n```text\n")[2].partition("```")[0]
    return [line for line in block.partition("  …")[0].splitlines() if not line.startswith("$")]


def test_the_docs_show_what_is_printed(center: Center, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    _, queue, _ = center.run("routing", "--queue", "Billing Evenings")
    center.dana_does_no_billing(tmp_path / "support.yaml")
    _, what_if, _ = center.run("routing", "--what-if", "support.yaml")
    center.dana_does_no_billing(center.users / "support.yaml")
    _, plan, _ = center.run("plan")
    for name, printed in (("queue", queue), ("what-if", what_if), ("plan", plan)):
        lines = printed.splitlines()
        shown = printed_in_the_docs(name)
        assert shown
        start = lines.index(shown[0])
        assert lines[start : start + len(shown)] == shown


def test_the_story_of_a_queue_that_a_pull_request_empties(center: Center) -> None:
    """The comment says so, the guard refuses, approved it is applied, and drift names who put it back by hand."""
    center.dana_does_no_billing(center.users / "support.yaml", exact=True)
    code, comment, _ = center.run("plan", "--check", "--format", "markdown")
    assert code == 4
    assert "| `Billing Evenings` | 1 → 0 |" in comment
    assert "the queue Billing Evenings goes below 1: 1 → 0" in comment
    assert center.run("apply", "--engine", "direct", "--yes")[0] == 4
    digest = center.json("plan")["digest"]
    assert center.run("apply", "--engine", "direct", "--yes", "--approve", digest)[0] == 0
    assert center.json("routing", "--queue", "Billing Evenings")["people"] == []

    attributes = center.sandbox.worker_attributes(DANA)
    routing = {"skills": ["billing", "returns"], "levels": {"billing": 3}}
    center.sandbox.edit_attributes(DANA, {"routing": routing}, by="flex:ana.ruiz@example.com")
    assert attributes["routing"] != routing
    assert center.json("routing", "--queue", "Billing Evenings")["people"] == [DANA]
    code, out, _ = center.run("drift")
    assert code == 3
    told = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", out).splitlines()
    shown = printed_in_the_docs("drift")
    start = told.index(shown[0])
    assert told[start : start + len(shown)] == shown


def test_an_approval_does_not_follow_a_queue_that_is_renamed_meanwhile(center: Center) -> None:
    """The policy may say something else of the new name, so somebody looks again."""
    center.dana_does_no_billing(center.users / "support.yaml")
    digest = center.json("plan")["digest"]
    center.sandbox.rename_queue("Billing Evenings", "Billing at night")
    code, out, _ = center.run("apply", "--engine", "direct", "--yes", "--approve", digest)
    assert code == 4
    assert "the queue Billing at night goes below 1: 1 → 0" in out
