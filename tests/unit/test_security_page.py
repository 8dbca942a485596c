"""docs/security.md: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
ATTACKS = PAGE.read_text(encoding="utf-8").partition("## What was tried against flexres")[2]
NAMED = re.findall(r"\| `([\w/]+\.py)(?:::(test_\w+))?` \|$", ATTACKS, re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_attack_has_its_test(file: str, name: str) -> None:
    assert f"def {name or 'test_'}" in (TESTS / file).read_text(encoding="utf-8")


def test_no_row_is_without_one() -> None:
    rows = [line for line in ATTACKS.splitlines() if line.startswith("| ")]
    assert len(NAMED) == len(rows) - 2
