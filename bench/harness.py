"""Timing by pairs, child processes that tell their own time and memory, and a sandbox in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flexres.sandbox.identity import DEFAULT

ROOT = Path(__file__).parent.parent
ACCESS = {
    "TWILIO_ACCOUNT_SID": DEFAULT.account_sid,
    "TWILIO_API_KEY": DEFAULT.api_key,
    "TWILIO_API_SECRET": DEFAULT.api_secret,
}
"""The local Flex's credentials, as environment variables."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `bar` is what it should be (`most` as an upper, else a lower bound), None without one."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    most: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.most else self.value >= self.bar


@dataclass(slots=True)
class Report:
    """The figures of one run, with the machine they were measured on. `runs` pairs are measured for each ratio."""

    runs: int = 5
    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Take a figure in and show it at once: a run lasts minutes."""
        self.figures.append(figure)
        print(line(figure), flush=True)

    def as_json(self) -> dict[str, Any]:
        """The whole run, for a file."""
        return {
            "python": sys.version.split()[0],
            "cores": os.cpu_count(),
            "figures": [{**asdict(figure), "met": figure.met} for figure in self.figures],
        }


def line(figure: Figure) -> str:
    """One figure as a line of the table."""
    if figure.bar is None:
        verdict = ""
    else:
        verdict = f"{'at most' if figure.most else 'at least'} {figure.bar:g}: {'met' if figure.met else 'MISSED'}"
    shown = f"{figure.value:,.2f}".rstrip("0").rstrip(".")
    return f"{figure.name:<58} {shown:>10} {figure.unit:<9} {verdict:<24} {figure.note}".rstrip()


def pairs(one: Callable[[], float], other: Callable[[], float], runs: int) -> tuple[float, float, float]:
    """Median of each and of the ratio one/other, run by turns (A B A B …) after one uncounted pair."""
    one(), other()
    measured = [(one(), other()) for _ in range(runs)]
    ratio = statistics.median(a / b for a, b in measured)
    return statistics.median(a for a, _ in measured), statistics.median(b for _, b in measured), ratio


def child(name: str, *arguments: str, environ: dict[str, str] | None = None) -> dict[str, Any]:
    """What the function of this name in `bench.children` gives in a process of its own, and its peak memory (MB)."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.children", name, *arguments],
        cwd=ROOT,
        # Without an endpoint the process must not see one of the shell it was started from.
        env={**{key: value for key, value in os.environ.items() if key != "FLEXRES_ENDPOINT"}, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def wall(command: Sequence[str]) -> float:
    """Seconds that a whole process takes."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


@contextmanager
def sandbox_process(state: Path | None = None, *, latency: float = 0) -> Iterator[str]:
    """A sandbox in a process of its own, so that it does not share the client's interpreter; gives its URL.

    It has no rate limits: what is measured is flexres, not Twilio's patience.
    """
    command = [sys.executable, "-m", "bench.sandbox", str(state or ""), str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()
