"""The YAML of a stack is loaded once a run: ten thousand users are read, checked and merged a single time."""

from __future__ import annotations

import pytest

from flexres.desired import load
from tests.flow.command_line import Cli


@pytest.mark.parametrize(
    "command", ["plan", "plan --check -f json", "apply --yes", "drift", "validate", "validate --stack prod"]
)
def test_each_command_loads_its_stack_once(cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    loaded: list[str] = []
    whole = load._Loader.load

    def counting(loader: load._Loader, name: str) -> load.Stack:
        loaded.append(name)
        return whole(loader, name)

    monkeypatch.setattr(load._Loader, "load", counting)
    assert cli.run(*command.split()).code in {0, 3}
    assert loaded == ["prod"]
