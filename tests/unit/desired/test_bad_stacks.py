"""The corpus of bad stacks: each is told by file, line and column, with what to do, and nothing else goes wrong."""

from __future__ import annotations

import os
import re

import pytest

from flexres.desired.load import load_stack
from flexres.desired.yaml.problems import render_github, render_text
from flexres.errors import Exit, InvalidStack, Position, Problem
from tests.unit.desired.stacks import BAD_STACKS, BadStack, TextSource, bad_stacks

CORPUS = bad_stacks()


def refusal(case: BadStack) -> InvalidStack:
    """The error that loading a bad stack ends with."""
    with pytest.raises(InvalidStack) as caught:
        load_stack(case.source, name="test")
    return caught.value


def described(problem: Problem) -> str:
    """Where, what, what to write instead, and what would happen otherwise: a line each."""
    lines = (problem.message, problem.hint, *([problem.note] if problem.note else []))
    place = str(problem.position).removeprefix("stacks/test/")
    return "".join(f"{line}\n" for line in (place, *(f"    {line}" for line in lines)))


def test_the_corpus_has_at_least_sixty_stacks() -> None:
    """A folder that was not found would prove nothing."""
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_every_problem_is_told_with_its_place_and_what_to_do(case: BadStack) -> None:
    """All problems of all files come at once, in the order of files and lines, as the case's own file has them."""
    error = refusal(case)

    told = "\n".join(map(described, error.problems))
    if os.environ.get("FLEXRES_WRITE_BAD_STACKS"):
        case.expectations.write_text(told, encoding="utf-8")
    assert told == case.expectations.read_text(encoding="utf-8")
    assert error.exit is Exit.SETUP
    assert all(problem.hint for problem in error.problems)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_the_text_shows_each_problem_once_and_counts_them(case: BadStack) -> None:
    """A heading, and where the line is not blank an excerpt whose carets stand below something."""
    error = refusal(case)

    text = render_text(error.problems, case.source, files=error.files)

    blocks = text.rstrip("\n").split("\n\n")
    assert len(blocks) == len(error.problems) + 1
    assert blocks[-1].endswith("Nothing was sent.")
    for block in blocks[:-1]:
        excerpt, carets = re.search(r"^ *\d+ \| (.*)\n *\| ( *\^+)", block, re.M) or (None, None), block.count("^")
        assert (carets > 0) == (excerpt != (None, None)) or "|" not in block
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_annotations_are_one_well_formed_command_a_problem(case: BadStack) -> None:
    """No text of the YAML can end a command's property, or begin another command."""
    error = refusal(case)

    lines = render_github(error.problems).splitlines()

    assert len(lines) == len(error.problems)
    form = r"::error file=[^:,]+,line=\d+,col=\d+,endColumn=\d+,title=[^:,]+::.+"
    assert all(re.fullmatch(form, line) for line in lines)


@pytest.mark.parametrize(
    "case", [case for case in CORPUS if case.name.startswith("secrets-")], ids=lambda case: case.name
)
def test_no_secret_is_told(case: BadStack) -> None:
    """Neither in a message nor in an excerpt: a log outlives the mistake."""
    error = refusal(case)

    told = render_text(error.problems, case.source) + render_github(error.problems) + str(error.problems)
    assert "hunter2" not in told
    assert "0123456789abcdef" not in told


def test_more_problems_than_anybody_reads_are_counted() -> None:
    """The first hundred lines say what is wrong, and the last one how much more."""
    problems = [
        Problem("wrong", "mend it", place=Position("stacks/test/flex.yaml", line, 1)) for line in range(1, 30_001)
    ]

    text = render_text(problems, TextSource({}), files=1)

    assert text.count("wrong") == 99
    assert "and 29,901 more problems from here on" in text
    assert text.endswith("30,000 problems in 1 of 1 file. Nothing was sent.\n")
    assert len(render_github(problems).splitlines()) == 100


def test_no_expectation_is_left_over() -> None:
    """Each belongs to a case."""
    cases = {case.expectations for case in CORPUS}
    assert set(BAD_STACKS.glob("*/*.problems")) == cases
