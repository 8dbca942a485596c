"""The sandbox shares no code with the client that is tested against it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import flexres.sandbox

MODULES = sorted(Path(flexres.sandbox.__file__).parent.glob("**/*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_sandbox_imports_nothing_else_of_flexres(module):
    """One misreading of the wire must not cancel itself out."""
    imported = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would escape this test"
            imported.append(node.module or "")

    strangers = [
        name for name in imported if name.split(".")[0] == "flexres" and not name.startswith("flexres.sandbox")
    ]
    assert strangers == []


def test_importing_the_package_is_light():
    """The web server is loaded by those who serve, not by those who import the package's name."""
    source = Path(flexres.sandbox.__file__).read_text(encoding="utf-8")

    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
