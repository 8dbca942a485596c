"""One command over many stacks of 1,000 users, each of an account of its own: time and memory of the whole process.

`python -m bench.stacks [stacks …]` (10, 30 and 100) with --write puts the table into docs/scale.md.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from bench.data import seed_users, write_stack
from bench.harness import ACCESS, ROOT
from bench.scale import Step, run, write_table
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.sandbox.app import listening
from flexres.sandbox.identity import Identity
from flexres.sandbox.setup import Setup
from flexres.sandbox.store.seed import load

SIZES = (10, 30, 100)
USERS = 1_000
BEGIN, END = "<!-- stacks: begin -->", "<!-- stacks: end -->"
COMMANDS = {
    "validate": ("validate",),
    "plan": ("plan", "-s", "all"),
    "plan, as JSON": ("plan", "-s", "all", "-f", "json"),
    "drift": ("drift", "-s", "all"),
}


def measured(stacks: int, folder: Path) -> Iterator[Step]:
    """Each command over so many stacks, in whose Flex ten of a thousand users are otherwise."""
    names = [f"s{number:03}" for number in range(stacks)]
    for number, name in enumerate(names):
        write_stack(folder / "stacks" / name, USERS, 4, stack_id=f"bench{number:03}", identity=identity(number))
    with _served(folder):
        environ = {key: value for key, value in ACCESS.items() if key != "TWILIO_ACCOUNT_SID"}
        for name, arguments in COMMANDS.items():
            seconds, memory, code, said = run(folder, environ, arguments)
            assert code in (0, 3), (name, code, said)
            yield Step(name, stacks, seconds, memory, 0)


def identity(number: int) -> Identity:
    """An account with an instance, of a hundred that share an API key, which no real ones do."""
    return Identity(account_sid=f"AC{number:032x}", instance_sid=f"GO{number:032x}")


@contextmanager
def _served(folder: Path) -> Iterator[None]:
    """A Flex for each stack, all in one process; each stack's endpoint is written into its YAML."""
    command = [sys.executable, "-m", "bench.stacks", "--serve", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield
        finally:
            process.terminate()
            process.wait()


async def serve(folder: Path) -> None:
    """Serve every stack in the folder, as it is but for ten users, until the process ends."""
    async with AsyncExitStack() as opened:
        for number, path in enumerate(sorted((folder / "stacks").iterdir())):
            world = opened.enter_context(Setup(identity=identity(number), limits="none").opened())
            users = load_stack(FolderSource(path), name=path.name).users.values()
            load(world.store, seed_users(users, f"bench{number:03}"))
            for one in [*users][:: USERS // 10]:
                worker = world.store.workers.by_name(one.username)
                assert worker is not None
                world.store.workers.update(worker.sid, attributes=re.sub("B0", "B9", worker.attributes))
            url = await opened.enter_async_context(listening(world, 0, patience=1))
            flex = path / "flex.yaml"
            flex.write_text(f"{flex.read_text()}endpoint: {url}\n")
        print("ready", flush=True)
        await asyncio.Event().wait()


def table(steps: Sequence[Step]) -> str:
    """A row for each command, a column for each number of stacks."""
    sizes = sorted({step.users for step in steps})
    rows = ["| | " + " | ".join(f"{size:,} stacks" for size in sizes) + " |", "|-|" + "-|" * len(sizes)]
    for name in COMMANDS:
        found = (step for step in steps if step.name == name)
        rows.append(f"| {name} | " + " | ".join(f"{step.seconds:.0f} s, {step.memory:.0f} MB" for step in found) + " |")
    return "\n".join(rows)


def main() -> int:
    """Measure the numbers of stacks that were asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench.stacks", description=__doc__)
    parser.add_argument("stacks", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="write the table of docs/scale.md")
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.serve))
    steps: list[Step] = []
    for stacks in asked.stacks:
        with tempfile.TemporaryDirectory() as name:
            for step in measured(stacks, Path(name)):
                steps.append(step)
                print(f"{stacks:>4} {step.name:<16} {step.seconds:7.1f} s {step.memory:6.0f} MB", flush=True)
    if asked.write:
        write_table(table(steps), BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
