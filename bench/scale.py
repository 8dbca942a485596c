"""What grows with users: each command over 1,000, 5,000 and 15,000 of them, with skills, channels and 200 queues.

`python -m bench.scale [users …]` writes bench/out/scale.json, and with --write the table and the plot of docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from bench.data import write_stack
from bench.harness import ACCESS, ROOT, sandbox_process
from bench.pulumi import Project, run_by_pulumi
from flexres.sandbox.identity import DEFAULT

SIZES = (1_000, 5_000, 15_000)
QUEUES = 200
BEGIN, END = "<!-- scale: begin -->", "<!-- scale: end -->"
_SKILLS = ("billing", "returns", "onboarding", "technical", "retention", "fraud")


@dataclass(frozen=True, slots=True)
class Step:
    """One command over so many users: seconds of the whole process, its peak memory in MB, requests to Flex."""

    name: str
    users: int
    seconds: float
    memory: float
    requests: int


def measured(users: int, folder: Path) -> Iterator[Step]:
    """From nothing to a stack of so many users, and a day with it."""
    stack = write_stack(folder / "stacks" / "bench", users, max(1, users // 250))
    _with_channels(stack)
    with sandbox_process(folder / "flex.db") as url:
        _make_queues(url)

        def step(name: str, *arguments: str, exits: Sequence[int] = (0,)) -> Step:
            before = _requests(url)
            seconds, memory, code, said = run(folder, {**ACCESS, "FLEXRES_ENDPOINT": url}, arguments)
            assert code in exits, (name, code, said)
            return Step(name, users, seconds, memory, _requests(url) - before)

        yield step("validate", "validate")
        yield step("plan, all new", "plan", "-s", "bench")
        yield step("apply, all new", "apply", "-s", "bench", "--yes")
        yield step("plan, nothing to do", "plan", "-s", "bench", "--check")
        yield step("drift", "drift", "-s", "bench")
        yield step("export", "export", "-s", "bench", "--dry-run")
        yield step("routing", "routing", "-s", "bench")
        _edit(stack, each=100)
        yield step("plan, 1 % changed", "plan", "-s", "bench")
        for report in ("markdown", "json", "html"):
            out = ("-f", report, "-o", str(folder / f"plan.{report}"))
            yield step(f"the same as {report}", "plan", "-s", "bench", *out)
        yield step("apply, 1 % changed", "apply", "-s", "bench", "--yes")
        if shutil.which("pulumi") is not None:
            yield from _by_team(stack, users, Project(folder, url))


def _by_team(stack: Path, users: int, project: Project) -> Iterator[Step]:
    """The same under Pulumi, a resource a team file: the memory is that of its largest process."""
    run_by_pulumi(stack, "team")
    taken = project.up()
    yield Step("pulumi up, the first, by team", users, taken.seconds, max(taken.memory.values()), taken.requests)
    looked = project.preview()
    yield Step("pulumi preview, nothing to do", users, looked.seconds, max(looked.memory.values()), looked.requests)


def run(folder: Path, access: Mapping[str, str], arguments: Sequence[str]) -> tuple[float, float, int, str]:
    """Seconds, peak memory (MB), exit code and output of one command in a process of its own."""
    said = folder / "said.txt"
    environ = {**os.environ, **access, "HOME": str(folder), "GIT_CEILING_DIRECTORIES": "/"}
    started = time.perf_counter()
    with said.open("w") as file:
        done = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "flexres", *arguments, "--stacks", str(folder / "stacks")],
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, file.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, file.fileno(), 2),
            ],
        )
        _, status, used = os.wait4(done, 0)
    seconds = time.perf_counter() - started
    return seconds, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), said.read_text()[-2000:]


def _with_channels(stack: Path) -> None:
    """Everybody takes voice, and three chats: declared once, as most stacks do."""
    flex = stack / "flex.yaml"
    channels = "channels: {voice: {available: true}, chat: {capacity: 3}}"
    text = flex.read_text().replace("defaults: {attributes", f"defaults: {{{channels}, attributes")
    flex.write_text(text.replace("30%", "100%"))


def _edit(stack: Path, *, each: int) -> None:
    """Every hundredth badge, say, is another."""
    for path in sorted((stack / "users").glob("*.yaml")):
        badges = iter(range(10**9))

        def changed(found: re.Match[str], badges: Iterator[int] = badges) -> str:
            return found[0] if next(badges) % each else "badge: changed"

        path.write_text(re.sub("badge: '.*", changed, path.read_text()))


def _make_queues(url: str) -> None:
    with httpx.Client(auth=(DEFAULT.api_key, DEFAULT.api_secret), timeout=60) as client:
        workspace = client.get(f"{url}/v1/Configuration").json()["taskrouter_workspace_sid"]
        for number in range(QUEUES):
            skill, level = _SKILLS[number % len(_SKILLS)], number % 4 + 1
            target = f'routing.skills HAS "{skill}" AND routing.levels.{skill} >= {level} AND badge != "B{number:06}"'
            form = {"FriendlyName": f"Queue {number:03}", "TargetWorkers": target}
            client.post(f"{url}/v1/Workspaces/{workspace}/TaskQueues", data=form).raise_for_status()


def _requests(url: str) -> int:
    return int(httpx.get(f"{url}/_sandbox/requests", params={"path": "^nothing"}).json()["total"])


def table(steps: Sequence[Step]) -> str:
    """A row for each command, a column of seconds, memory and requests for each size."""
    sizes = sorted({step.users for step in steps})
    names = list(dict.fromkeys(step.name for step in steps))
    found = {(step.name, step.users): step for step in steps}
    rows = ["| | " + " | ".join(f"{size:,} users" for size in sizes) + " |", "|-|" + "-|" * len(sizes)]
    for name in names:
        cells = [
            f"{step.seconds:.1f} s, {step.memory:.0f} MB, {step.requests:,} requests"
            for size in sizes
            if (step := found.get((name, size)))
        ]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def write_table(rows: str, begin: str, end: str) -> None:
    """Put a table between two comments of docs/scale.md."""
    page = ROOT / "docs" / "scale.md"
    head, _, rest = page.read_text().partition(begin)
    page.write_text(f"{head}{begin}\n{rows}\n{end}{rest.partition(end)[2]}")


def plot(steps: Sequence[Step]) -> bytes:
    """Milliseconds a user over users, a line for each command: flat is what it should be."""
    import pygal  # noqa: PLC0415 - only who draws needs it
    from pygal.style import CleanStyle  # noqa: PLC0415

    chart = pygal.XY(
        style=CleanStyle, width=900, height=480, x_title="users", y_title="ms a user", show_dots=True, js=[]
    )
    for name in dict.fromkeys(step.name for step in steps):
        chart.add(name, [(step.users, 1000 * step.seconds / step.users) for step in steps if step.name == name])
    drawn: bytes = chart.render()
    return drawn


def main() -> int:
    """Measure the sizes that were asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("users", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--write", action="store_true", help="write the table and the plot of docs/scale.md")
    asked = parser.parse_args()
    steps: list[Step] = []
    for users in asked.users:
        with tempfile.TemporaryDirectory() as name:
            for step in measured(users, Path(name)):
                steps.append(step)
                print(
                    f"{step.users:>7,} {step.name:<32} {step.seconds:7.1f} s {step.memory:6.0f} MB"
                    f" {step.requests:>7,} requests {1000 * step.seconds / step.users:7.2f} ms a user",
                    flush=True,
                )
    out = ROOT / "bench" / "out" / "scale.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([asdict(step) for step in steps], indent=1) + "\n")
    if asked.write:
        write_table(table(steps), BEGIN, END)
        (ROOT / "docs" / "scale.svg").write_bytes(plot(steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
