"""What is shown while a plan is applied: enough to follow, never so much that failures drown, nothing hostile."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import TextColumn

from flexres.apply.outcome import Outcome, Result
from flexres.cli.progress import BarProgress, LoggedProgress, PlainProgress, outcome_line, progress
from flexres.reconcile.change import Kind, UserChange

HOSTILE = "[red]x[/red]\x1b[2J\u202e@example.com"


def outcome(number: int, result: Result = Result.DONE, username: str | None = None) -> Outcome:
    change = UserChange(username or f"user{number}@example.com", Kind.CREATE)
    return Outcome(change, result, "" if result is Result.DONE else "Flex said no", request_id=None)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Result.DONE, "✓ user1@example.com added"),
        (Result.FAILED, "✗ user1@example.com failed: Flex said no"),
        (Result.WAITING, "… user1@example.com waiting: Flex said no"),
        (Result.NOT_STARTED, "… user1@example.com not started: Flex said no"),
    ],
)
def test_an_outcome_is_one_line(result: Result, line: str) -> None:
    assert outcome_line(outcome(1, result)) == line


def test_a_small_run_tells_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    told = PlainProgress()
    told.phase("Adding and changing", 2)
    for number in range(2):
        told.finished(outcome(number))
    assert capsys.readouterr() == (
        "",
        "Adding and changing: 2 users\n  ✓ user0@example.com added\n  ✓ user1@example.com added\n",
    )


def test_a_large_run_tells_how_far_it_is_and_who_failed(capsys: pytest.CaptureFixture[str]) -> None:
    told = PlainProgress()
    told.phase("Adding and changing", 1000)
    for number in range(1000):
        told.finished(outcome(number, Result.FAILED if number == 500 else Result.DONE))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 + 10 + 1
    assert "  ✗ user500@example.com failed: Flex said no" in lines
    assert lines[-1] == "  1000 of 1000"


def test_hostile_names_reach_no_terminal_raw() -> None:
    """Neither rich's markup nor a terminal's control sequences are obeyed from a name."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=100)
    with Bar(TextColumn("{task.description}"), TextColumn("{task.fields[who]}", markup=False), console=console) as bar:
        told = BarProgress(bar)
        told.phase("Retiring", 1)
        told.started(outcome(1, username=HOSTILE).change)
        told.finished(outcome(1, Result.FAILED, username=HOSTILE))
        bar.refresh()
    shown = screen.getvalue()
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert shown.count("[red]x[/red]") >= 2


def test_a_second_phase_takes_the_first_one_s_place() -> None:
    with Bar(console=Console(file=io.StringIO())) as bar:
        told = BarProgress(bar)
        told.phase("Adding and changing", 3)
        told.phase("Retiring", 2)
        assert [(task.description, task.total) for task in bar.tasks] == [("Retiring", 2)]


def test_without_a_terminal_lines_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("none") as told:
        assert isinstance(told, PlainProgress)
    with progress("json") as told:
        assert isinstance(told, LoggedProgress)


def test_waiting_for_a_rate_limit_is_told_once_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever wonders why it is slow learns that it is polite."""
    told = PlainProgress(held_back=lambda: 7)
    told.phase("Adding and changing", 3)
    for number in range(3):
        told.finished(outcome(number))
    assert capsys.readouterr().err.count("rate limit") == 1


def test_a_bar_tells_how_many_requests_wait_for_a_rate_limit() -> None:
    with Bar(console=Console(file=io.StringIO())) as bar:
        told = BarProgress(bar, held_back=lambda: 7)
        told.phase("Adding and changing", 1)
        told.started(outcome(1).change)
        assert bar.tasks[0].fields["who"] == "create user1@example.com (7 wait for Twilio's rate limit)"


def test_nothing_is_said_of_limits_where_nobody_waits(capsys: pytest.CaptureFixture[str]) -> None:
    told = PlainProgress(held_back=lambda: 0)
    told.phase("Adding and changing", 1)
    told.finished(outcome(1))
    assert "rate limit" not in capsys.readouterr().err
