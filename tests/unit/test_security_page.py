"""docs/security.md: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
TEXT = PAGE.read_text(encoding="utf-8")
ON_A_PULL_REQUEST = TEXT[TEXT.index("| Attack |") : TEXT.index("## Who can do what")].splitlines()[2:]
DEFINED = set(re.findall(r"def (test_\w+)", "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))))
ATTACKS = PAGE.read_text(encoding="utf-8").partition("## What was tried against flexres")[2]
NAMED = re.findall(r"\| `([\w/]+\.py)(?:::(test_\w+))?` \|$", ATTACKS, re.MULTILINE)


@pytest.mark.parametrize("row", [row for row in ON_A_PULL_REQUEST if row])
def test_each_attack_of_a_pull_request_has_tests_that_are_there(row: str) -> None:
    """What it is, what stands against it, what is seen, and by which tests that is held."""
    attack, against, seen, tests = (cell.strip() for cell in row.strip("|").split("|"))
    named = re.findall(r"`(test_\w+)`", tests)
    assert attack and against and seen and named
    assert set(named) <= DEFINED


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_attack_has_its_test(file: str, name: str) -> None:
    assert f"def {name or 'test_'}" in (TESTS / file).read_text(encoding="utf-8")


def test_no_row_is_without_one() -> None:
    rows = [line for line in ATTACKS.splitlines() if line.startswith("| ")]
    assert len(NAMED) == len(rows) - 2
