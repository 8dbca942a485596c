"""The page that tells how flexres is built: every file and function that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import flexres

ROOT = Path(flexres.__file__).parent
PAGE = ROOT.parent / "docs" / "architecture.md"
NAMED = re.findall(r"`([a-z_0-9/]+\.py)`(?:\s+`(\w+)`)?", PAGE.read_text(encoding="utf-8"))
ROOMS = re.findall(r"`([a-z_0-9/]+/)`", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "function"), [(file, name) for file, name in NAMED if not file.startswith("tests/")])
def test_what_the_page_names_is_there(file: str, function: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert not function or function in defined


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"flexres/"}))
def test_the_rooms_that_the_page_names_are_there(room: str) -> None:
    assert (ROOT / room).is_dir()
