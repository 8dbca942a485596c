"""How problems look: in text with the line at fault, as annotations with everything escaped."""

from __future__ import annotations

from flexres.desired.yaml.problems import render_github, render_text
from flexres.errors import Position, Problem
from tests.unit.desired.stacks import FLEX, TextSource, problems_of


def source(team: str) -> TextSource:
    """A stack of one team file."""
    return TextSource({"flex.yaml": FLEX, "users/team.yaml": team})


def problem(line: int, column: int, length: int = 1, message: str = "wrong", **more: str) -> Problem:
    """A problem in the team file."""
    return Problem(message, place=Position("stacks/test/users/team.yaml", line, column, length), **more)  # type: ignore[arg-type]


def test_the_line_the_carets_the_note_and_the_hint() -> None:
    """As a person reads it."""
    team = (
        "users:\n  ana@example.com:\n    full_name: Ana\n    roles: [agent]\n    attributes:\n      level.int: 1.23\n"
    )

    text = render_text(problems_of(team), source(team), files=5)

    assert (
        text
        == """\
stacks/test/users/team.yaml:6:18  level.int: 1.23 is not a whole number
    6 |       level.int: 1.23
      |                  ^^^^  Flex answers 400 "Error invalid attribute format" and changes nothing
   write level.int: 1, or level.string: "1.23" if it is a text

1 problem in 1 of 5 files. Nothing was sent.
"""
    )


def test_carets_stand_below_wide_and_combined_characters() -> None:
    """A terminal gives 陈 two columns and a combining accent none."""
    text = render_text([problem(1, 6)], source("陈e\u0301: x\n"))

    assert "    1 | 陈e\u0301: x\n      |      ^" in text


def test_what_no_screen_shows_is_spelled_out() -> None:
    """A right-to-left mark would turn the excerpt around."""
    text = render_text([problem(1, 2, message="a\u202eb")], source("a\u202eb\tc: x\n"))

    assert "a\\u202eb\n" in text
    assert "1 | a\\u202eb\\tc: x\n      |  ^^^^^^" in text


def test_colour_marks_place_and_carets_and_nothing_without() -> None:
    """Red for an error, yellow for a warning."""
    problems = [problem(1, 1), problem(1, 1, severity="warning")]

    coloured = render_text(problems, source("x: 1\n"), color=True)

    assert "\x1b[31m^" in coloured and "\x1b[33m^" in coloured
    assert "\x1b" not in render_text(problems, source("x: 1\n"))


def test_a_file_that_cannot_be_shown_has_no_excerpt() -> None:
    """The message stands alone."""
    gone = Problem("it does not exist", "check it", place=Position("stacks/test/users/gone.yaml", 1, 1))

    text = render_text([gone], source("x: 1\n"), files=2)

    assert text.startswith("stacks/test/users/gone.yaml:1:1  it does not exist\n   check it\n\n1 problem")


def test_no_problem_is_counted_too() -> None:
    """A clean run says so."""
    assert render_text([], source("x: 1\n")) == "0 problems in 2 files.\n"


def test_warnings_are_counted_apart() -> None:
    """They stop nothing."""
    text = render_text([problem(1, 1, severity="warning")], source("x: 1\n"))

    assert text.startswith("stacks/test/users/team.yaml:1:1  warning: wrong")
    assert text.endswith("1 warning in 1 of 2 files.\n")


def test_annotations_escape_what_would_end_them() -> None:
    """A hostile name cannot begin a command of its own."""
    hostile = problem(3, 5, 4, "100%: a,b\n::stop-commands::x", hint="do\nthis", severity="warning")

    assert render_github([hostile]) == (
        "::warning file=stacks/test/users/team.yaml,line=3,col=5,endColumn=9,"
        "title=100%25%3A a%2Cb\\n%3A%3Astop-commands%3A%3Ax::do%0Athis\n"
    )
