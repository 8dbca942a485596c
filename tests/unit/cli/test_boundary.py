"""Each kind of error has one message, one exit code and no traceback."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from flexres.cli.errors import guarded
from flexres.errors import (
    FlexresError,
    FormatError,
    InvalidStack,
    Position,
    Problem,
    RefusedError,
    SetupError,
    UnreachableError,
)
from flexres.sandbox.errors import SandboxError


class Command:
    """A command that does nothing but raise, or return."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def main(self, arguments: list[str], **options: Any) -> Any:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


PROBLEM = Problem("account is missing", "add it", place=Position("stacks/prod/flex.yaml", 3, 5))
CASES = [
    (FlexresError("it went wrong", hint="try again"), 1, "error: it went wrong\n  try again\n"),
    (SetupError("no stack"), 2, "error: no stack\n"),
    (RefusedError("too many"), 4, "error: too many\n"),
    (UnreachableError("no network", hint="check it"), 6, "error: no network\n  check it\n"),
    (
        FormatError("Error invalid attribute format", request="POST /v4", status=400, code=45004, request_id="RQ1"),
        1,
        "error: Error invalid attribute format (400/45004 to POST /v4, request RQ1)\n",
    ),
    (SandboxError("port 1 is taken"), 2, "error: port 1 is taken\n"),
    (typer.BadParameter("no"), 2, "error: Invalid value: no\n  see flexres --help\n"),
    (
        typer.BadParameter("Value error, 'xml' is not one of 'text', 'json'."),
        2,
        "error: Invalid value: 'xml' is not one of 'text', 'json'\n  see flexres --help\n",
    ),
    (FileNotFoundError(2, "No such file or directory", "x.yaml"), 1, "error: x.yaml: No such file or directory\n"),
    (typer.Abort(), 130, "stopped. Nothing was changed.\n"),
    (ExceptionGroup("tasks", [UnreachableError("no network"), ValueError()]), 6, "error: no network\n"),
]


@pytest.mark.parametrize(("error", "code", "said"), CASES, ids=lambda value: type(value).__name__)
def test_an_error_becomes_a_message_and_an_exit_code(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(Command(error), []) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("error", [SetupError, OSError, typer.BadParameter, ValueError])
def test_no_error_steers_the_terminal(error: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    """File names, servers and values end up in messages, and a terminal obeys what it is sent."""
    raised = OSError(2, "No such file", "\x1b[2J\x9b\u202e") if error is OSError else error("\x1b[2J\x9b\u202e")
    guarded(Command(raised), [])
    said = capsys.readouterr().err
    assert said.replace("\n", "").isprintable()
    assert r"\x1b[2J" in said


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3), (5, 5)])
def test_what_a_command_returns_is_the_exit_code(returned: int | None, code: int) -> None:
    assert guarded(Command(returned), []) == code


def test_an_interrupt_says_that_nothing_was_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(Command(130), []) == 130
    assert "Nothing was changed" in capsys.readouterr().err


def test_all_problems_of_a_stack_are_told_with_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(Command(InvalidStack((PROBLEM, PROBLEM), files=5)), []) == 2
    said = capsys.readouterr().err
    assert said.count("stacks/prod/flex.yaml:3:5  account is missing") == 2
    assert said.endswith("2 problems in 1 of 5 files. Nothing was sent.\n")


def test_a_bug_is_one_line_and_what_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FLEXRES_DEBUG", raising=False)
    assert guarded(Command(KeyError("x")), []) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: flexres itself failed: KeyError: 'x' at test_boundary.py:")
    assert "FLEXRES_DEBUG=1" in said
    assert "Traceback" not in said


def test_a_bug_shows_its_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXRES_DEBUG", "1")
    guarded(Command(KeyError("x")), [])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_end_of_file_inside_a_command_is_no_person_who_stopped_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Typer makes an Abort of it, as of Ctrl-D at a question; 130 would say that nothing was changed."""
    aborted = typer.Abort()
    aborted.__cause__ = EOFError("end of file")
    assert guarded(Command(aborted), []) == 1
    assert "stopped" not in capsys.readouterr().err
