"""Runs the program under the SDK's mocks, in a process of its own because they keep global state: prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # type: ignore[attr-defined]

from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.resources import program


class Registered(mocks.Mocks):
    """Every resource, in the order of registration."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {key: value for key, value in args.inputs.items() if key != "__provider"}
        self.found.append({"kind": args.typ.rpartition(":")[2], "name": args.name, "inputs": inputs})
        return args.name, args.inputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}


def main(stacks: Path, name: str) -> None:
    """Declare one stack."""
    stack = load_stack(FolderSource(stacks / name, f"stacks/{name}"), name=name)
    registered = Registered()
    mocks.set_mocks(registered, project="flexres", stack=name)
    _sync_await(run_pulumi_func(lambda: program.export(stack, program.declare(stack))))
    print(json.dumps(registered.found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
