"""How wide and how colourful a report is, and where it goes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from flexres.cli.output import Look, emit, look_of
from flexres.errors import SetupError


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "90")


@pytest.mark.parametrize(
    ("terminal", "variables", "colour"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_who_can_see_it(
    terminal: bool, variables: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert look_of(Screen(terminal)) == Look(90, colour)


def test_a_file_is_never_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not look_of(Screen(True), Path("plan.txt")).colour


@pytest.mark.parametrize("columns", ["", "0", "wide", "-3", "²", "9" * 21, "9" * 5000])
def test_a_width_that_is_none_is_ignored(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert look_of(Screen(False)).width == 120


def test_a_report_ends_with_one_line_break(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emit("a\n\n")
    emit("b", tmp_path / "made" / "b.txt")
    assert capsys.readouterr().out == "a\n"
    assert (tmp_path / "made" / "b.txt").read_text() == "b\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be written"):
        emit("a", tmp_path)
