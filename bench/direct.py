"""The direct engine's figures: validate against the YAML loader, plan against bare reading, apply against a script."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.data import equal_flex, write_stack
from bench.harness import ACCESS, Figure, Report, child, pairs, sandbox_process, wall
from flexres.sandbox.identity import DEFAULT


def validate(report: Report, folder: Path, users: int) -> float:
    """A stack in some 40 files. Gives the seconds that validating takes."""
    write_stack(folder, users, min(users, 40))
    ours, theirs, ratio = pairs(
        lambda: float(child("validate", str(folder))["seconds"]),
        lambda: float(child("c_loader", str(folder))["seconds"]),
        report.runs,
    )
    note = f"{ours:.2f} s against {theirs:.2f} s"
    report.add(Figure(f"validate {users:,} users / C YAML loader alone", ratio, "x", 1.6, note=note))
    return ours


def plan(report: Report, folder: Path, users: int, validate_seconds: float) -> None:
    """The same users with nothing to do, against a bare script that fetches and decodes the same pages."""
    state = folder.with_suffix(".db")
    equal_flex(folder, state)
    with sandbox_process(state) as url:
        environ = {**ACCESS, "FLEXRES_ENDPOINT": url}
        last: dict[str, float] = {}

        def ours() -> float:
            last.update(child("plan", str(folder), environ=environ))
            return last["seconds"] - validate_seconds

        def bare() -> float:
            return float(child("bare_pages", DEFAULT.instance_sid, environ=environ)["seconds"])

        seconds, script, ratio = pairs(ours, bare, report.runs)
    note = f"{seconds:.2f} s beyond validate against {script:.2f} s"
    report.add(Figure(f"plan {users:,} users without validate / bare script", ratio, "x", 1.5, note=note))
    report.add(Figure(f"plan {users:,} users: requests", last["requests"], "requests", 25))
    report.add(Figure(f"plan {users:,} users: peak memory", last["peak_mb"], "MB", 300))


def apply(report: Report, folder: Path, users: int) -> None:
    """New users at 50 ms a request and 16 connections, against a script that takes one after another."""
    write_stack(folder, users, min(users, 10), skills=False)
    latency, connections, scripted = 0.05, 16, min(users, 40)
    with sandbox_process(latency=latency) as url:
        environ = {**ACCESS, "FLEXRES_ENDPOINT": url, "FLEXRES_MAX_CONNECTIONS": str(connections)}
        each = float(child("script", DEFAULT.instance_sid, str(scripted), environ=environ)["seconds"]) / scripted
        measured = child("apply", str(folder), environ=environ)
    seconds, requests = float(measured["seconds"]), int(measured["requests"])
    bound = requests * latency / connections
    what = f"apply {users:,} new users"
    note = f"{seconds:.2f} s, {requests} requests, bound {bound:.2f} s"
    report.add(Figure(f"{what}: share of the bound", 100 * bound / seconds, "%", 85, most=False, note=note))
    note = f"the script takes {each * users:.0f} s (from {scripted} users)"
    report.add(Figure(f"{what}: faster than a script", each * users / seconds, "x", 20, most=False, note=note))


def start_up(report: Report) -> None:
    """`flexres --help` against Python that imports typer and nothing else."""
    flexres = str(Path(sys.executable).parent / "flexres")
    ours, bare, ratio = pairs(
        lambda: wall([flexres, "--help"]), lambda: wall([sys.executable, "-c", "import typer"]), report.runs
    )
    note = f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"
    report.add(Figure("flexres --help / python importing typer", ratio, "x", 3.0, note=note))


def run(report: Report, users: int = 10_000, new: int = 1_000) -> None:
    """All figures of the direct engine, for so many users that are there already and so many new ones."""
    with tempfile.TemporaryDirectory() as name:
        stack = Path(name) / "stack"
        plan(report, stack, users, validate(report, stack, users))
        apply(report, Path(name) / "new", new)
    start_up(report)
