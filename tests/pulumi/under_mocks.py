"""Runs a program under the SDK's mocks, in a process of its own because they keep global state: prints JSON."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # type: ignore[attr-defined]


class Registered(mocks.Mocks):
    """Every resource, in the order of registration."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {key: value for key, value in args.inputs.items() if key != "__provider"}
        self.found.append({"kind": args.typ.rpartition(":")[2], "type": args.typ, "name": args.name, "inputs": inputs})
        return args.name, args.inputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}


def main(program: Path, stack: str) -> None:
    """Run a program for a stack, in the folder that this process was started in."""
    registered = Registered()
    mocks.set_mocks(registered, project="flexres", stack=stack)
    _sync_await(run_pulumi_func(lambda: runpy.run_path(str(program), run_name="__main__")))
    print(json.dumps(registered.found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
