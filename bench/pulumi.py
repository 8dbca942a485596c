"""The pulumi engine's figures: against the engine's own floor, against itself at twice the size, and its state."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.data import equal_flex, write_stack
from bench.harness import ACCESS, ROOT, Figure, Report, pairs, sandbox_process

_IDLE = '''"""Providers that do nothing: what the engine and the SDK cost by themselves."""
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

def plain(properties):
    return {key: value for key, value in properties.items() if key != "__provider"}

class Idle(ResourceProvider):
    serialize_as_secret_always = False
    def check(self, _olds, news): return CheckResult(plain(news), [])
    def diff(self, _id, _olds, _news): return DiffResult(changes=False)
    def create(self, props): return CreateResult("x", plain(props))
    def update(self, _id, _olds, news): return UpdateResult(plain(news))
    def delete(self, _id, _props): pass
    def read(self, id_, props): return ReadResult(id_, plain(props), plain(props))
'''
_IDLE_PROGRAM = """
import idle
from flexres.resources import departures, roster, team, user
departures._PROVIDER = roster._PROVIDER = team._PROVIDER = user._PROVIDER = idle.Idle()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the engine: how long, how much memory each process took at most (MB, by its role), what was sent."""

    seconds: float
    memory: Mapping[str, float]
    requests: int

    @property
    def provider_mb(self) -> float:
        """The provider's memory at most."""
        return self.memory.get("provider", 0)


class Project:
    """A Pulumi project in a folder of its own, around the stack that stands in its stacks/bench.

    `idle` puts providers that do nothing in place of ours.
    """

    def __init__(self, folder: Path, url: str, *, idle: bool = False) -> None:
        self.folder, self.url = folder, url
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        program = (ROOT / "__main__.py").read_text()
        if idle:
            (folder / "idle.py").write_text(_IDLE)
            program = program.replace("\nFlexStack(", f"{_IDLE_PROGRAM}\nFlexStack(")
        (folder / "__main__.py").write_text(program)
        (folder / ".venv").symlink_to(sys.prefix)
        self._pulumi("stack", "init", "bench")

    @classmethod
    def of(
        cls, folder: Path, users: int, url: str, *, idle: bool = False, skills: bool = False, resources: str = "user"
    ) -> Project:
        """One of so many users, 250 in each file; `resources` is as in flex.yaml."""
        run_by_pulumi(write_stack(folder / "stacks" / "bench", users, max(1, users // 250), skills=skills), resources)
        return cls(folder, url, idle=idle)

    def up(self, *, checkpoints: bool = False) -> Run:
        """`pulumi up` without its preview."""
        more = {"PULUMI_SKIP_CHECKPOINTS": "false"} if checkpoints else {}
        return self._measured("up", "--yes", "--skip-preview", more=more)

    def preview(self) -> Run:
        """`pulumi preview`."""
        return self._measured("preview")

    def plan(self) -> float:
        """The seconds that `flexres plan` takes, the direct engine's reading of the same."""
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "flexres", "plan", "--stack", "bench"],
            cwd=self.folder,
            env={**os.environ, **ACCESS, "FLEXRES_ENDPOINT": self.url},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - started

    def state(self) -> tuple[int, int]:
        """The size of the state as JSON, and compressed as it is kept."""
        data = (self.folder / ".pulumi-state/.pulumi/stacks/flexres/bench.json.gz").read_bytes()
        return len(gzip.decompress(data)), len(data)

    def _measured(self, command: str, *arguments: str, more: Mapping[str, str] | None = None) -> Run:
        _forget_requests(self.url)
        with _watching(self.folder) as peak:
            started = time.perf_counter()
            self._pulumi(command, *arguments, "--stack", "bench", "--color", "never", more=more)
            seconds = time.perf_counter() - started
        return Run(seconds, peak, _requests(self.url))

    def _pulumi(self, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **ACCESS,
            "FLEXRES_ENDPOINT": self.url,
            **(more or {}),
        }
        done = subprocess.run(
            ["pulumi", *arguments], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done


def run_by_pulumi(stack: Path, resources: str) -> None:
    """Say in a stack's flex.yaml that it is Pulumi's, by `user` or by `team`, and that much may change."""
    flex = stack / "flex.yaml"
    text = flex.read_text().replace("engine: direct", "engine: pulumi").replace("30%", "100%")
    flex.write_text(f"pulumi: {{resources: {resources}}}\n{text}")


def _forget_requests(url: str) -> None:
    httpx.delete(f"{url}/_sandbox/requests").raise_for_status()


def _requests(url: str) -> int:
    """How many requests the sandbox has answered since it was told to forget them."""
    return int(httpx.get(f"{url}/_sandbox/requests", params={"path": "^/v"}).json()["matching"])


_ROLES = {"pulumi.dynamic": "provider", "pulumi-language-python-exec": "program", "pulumi": "engine"}
"""What a word of a process' command line, without its folder, says of its role."""


@contextmanager
def _watching(folder: Path) -> Iterator[dict[str, float]]:
    """The peak memory (MB) of the processes that run in a folder, by their role, while it lasts."""
    peaks: dict[str, float] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if (entry / "cwd").readlink() != folder:
                        continue
                    words = [Path(word).name for word in (entry / "cmdline").read_bytes().decode().split("\0")]
                    role = next((_ROLES[word] for word in words[:5] if word in _ROLES), "")
                    found = re.search(r"VmHWM:\s+(\d+)", (entry / "status").read_text())
                    peaks[role] = max(peaks.get(role, 0), int(found[1]) / 1024 if found else 0)
                except OSError:
                    continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def unchanged(report: Report, work: Path, users: int = 1_000) -> None:
    """Preview and up of users with nothing to do, refresh included, against providers that do nothing."""
    state = work / "unchanged.db"
    stack = write_stack(work / "unchanged-stack", users, 4, skills=False)
    equal_flex(stack, state)
    with sandbox_process(state) as url:
        ours, idle = (Project.of(work / name, users, url, idle=name == "idle") for name in ("ours", "idle"))
        last: list[Run] = []

        def both(project: Project) -> float:
            last[:] = [project.preview(), project.up()]
            return sum(run.seconds for run in last)

        ours.up()
        idle.up()
        seconds, floor, ratio = pairs(lambda: both(ours), lambda: both(idle), report.runs // 2 + 1)
        both(ours)
    note = f"{seconds:.1f} s against {floor:.1f} s"
    report.add(Figure(f"pulumi: preview and up of {users:,} unchanged / floor", ratio, "x", 1.25, note=note))
    # Either run reads by itself: the configuration, users, Workers, task queues and Workflows, a page of each.
    report.add(Figure("pulumi: the same: requests to Flex", sum(run.requests for run in last), "requests", 10))
    most = 150 + 0.02 * users
    report.add(Figure("pulumi: the same: provider's memory", max(run.provider_mb for run in last), "MB", most))


def creating(report: Report, work: Path) -> None:
    """Up creating 2,000 against up creating 1,000; and what checkpoints cost."""
    runs = {}
    for users in (1_000, 2_000):
        with sandbox_process() as url:
            runs[users] = Project.of(work / f"create-{users}", users, url).up()
    ratio = runs[2_000].seconds / runs[1_000].seconds
    note = f"{runs[2_000].seconds:.1f} s against {runs[1_000].seconds:.1f} s"
    report.add(Figure("pulumi: up creating 2,000 / up creating 1,000", ratio, "x", 2.3, note=note))
    report.add(Figure("pulumi: creating 2,000: provider's memory", runs[2_000].provider_mb, "MB", 150 + 0.02 * 2_000))
    times = {}
    for checkpoints in (False, True):
        with sandbox_process() as url:
            times[checkpoints] = Project.of(work / f"checkpoints-{checkpoints}", 400, url).up(checkpoints=checkpoints)
    note = f"{times[True].seconds:.1f} s against {times[False].seconds:.1f} s"
    ratio = times[True].seconds / times[False].seconds
    report.add(Figure("pulumi: up creating 400 with checkpoints / as shipped", ratio, "x", note=note))


def waiting(report: Report, work: Path, users: int = 400, latency: float = 0.05) -> None:
    """The provider's four threads at 50 ms a request: what waiting alone takes, plus the engine's floor."""
    with sandbox_process() as url:
        floor = Project.of(work / "waiting-idle", users, url, idle=True).up().seconds
    with sandbox_process(latency=latency) as url:
        seconds = Project.of(work / "waiting", users, url).up().seconds
    bound = users * latency / 4
    note = f"{seconds:.1f} s, floor {floor:.1f} s, waiting {bound:.1f} s"
    report.add(
        Figure(f"pulumi: creating {users} at 50 ms, beyond the floor", (seconds - floor) / bound, "x", 1.3, note=note)
    )


def teams(report: Report, work: Path) -> None:
    """A resource a team file: 10,000 unchanged users against the direct plan, and against 1,000; memory of all."""
    seconds: dict[int, float] = {}
    for users in (1_000, 10_000):
        previewed, planned, ratio, peaks = _against_direct(work / f"teams-{users}", users, "team", report.runs // 2 + 1)
        seconds[users] = previewed
        if users == 10_000:
            note = f"{previewed:.1f} s against {planned:.1f} s"
            report.add(Figure(f"pulumi team: preview of {users:,} unchanged / direct plan", ratio, "x", 5, note=note))
            worst = max(peaks, key=lambda role: peaks[role])
            report.add(Figure("pulumi team: the same: memory of the largest", peaks[worst], "MB", 300, note=worst))
    note = f"{seconds[10_000]:.1f} s against {seconds[1_000]:.1f} s"
    ratio = seconds[10_000] / seconds[1_000]
    report.add(Figure("pulumi team: preview of 10,000 / of 1,000", ratio, "x", 11, note=note))


def teams_waiting(report: Report, work: Path, users: int = 1_000, latency: float = 0.05) -> None:
    """Creating users by team at 50 ms a request: the writes' span against what sixteen connections take at least."""
    with sandbox_process(latency=latency) as url:
        Project.of(work / "team-waiting", users, url, resources="team").up()
        asked = httpx.get(f"{url}/_sandbox/requests", params={"method": "POST"}, timeout=60).json()["requests"]
    seconds = max(one["at"] + one["duration_ms"] / 1000 for one in asked) - min(one["at"] for one in asked)
    bound = len(asked) * latency / 16
    note = f"{len(asked):,} writes in {seconds:.1f} s, bound {bound:.1f} s"
    share = 100 * bound / seconds
    report.add(Figure(f"pulumi team: writing {users:,} at 50 ms, of the bound", share, "%", 75, most=False, note=note))


def users_each(report: Report, work: Path) -> None:
    """A resource a user: 5,000 unchanged against the direct plan, 10,000 against 5,000, and the program's memory."""
    seconds: dict[int, float] = {}
    for users in (5_000, 10_000):
        previewed, planned, ratio, peaks = _against_direct(work / f"users-{users}", users, "user", 1)
        seconds[users] = previewed
        if users == 5_000:
            note = f"{previewed:.1f} s against {planned:.1f} s"
            report.add(Figure(f"pulumi user: preview of {users:,} unchanged / direct plan", ratio, "x", 21, note=note))
            report.add(Figure("pulumi user: the same: memory of the program", peaks["program"], "MB", 300))
    note = f"{seconds[10_000]:.1f} s against {seconds[5_000]:.1f} s"
    ratio = seconds[10_000] / seconds[5_000]
    report.add(Figure("pulumi user: preview of 10,000 / of 5,000", ratio, "x", 2.2, note=note))


def _against_direct(
    work: Path, users: int, resources: str, runs: int
) -> tuple[float, float, float, Mapping[str, float]]:
    """Preview with nothing to do against `flexres plan` of the same stack: seconds of each, their ratio, and memory."""
    work.mkdir()
    state = work / "flex.db"
    equal_flex(write_stack(work / "stack", users, max(1, users // 250), skills=False), state)
    with sandbox_process(state) as url:
        project = Project.of(work / "project", users, url, resources=resources)
        project.up()
        last: list[Run] = []

        def preview() -> float:
            last[:] = [project.preview()]
            return last[0].seconds

        seconds, planned, ratio = pairs(preview, project.plan, runs)
    return seconds, planned, ratio, last[0].memory


def size(report: Report, work: Path, users: int = 500) -> None:
    """The state of realistic users, as JSON and as it is kept."""
    with sandbox_process() as url:
        project = Project.of(work / "size", users, url, skills=True)
        project.up()
        plain, compressed = project.state()
    report.add(Figure("pulumi: state a user", plain / users, "bytes", 3_000))
    note = f"{plain / compressed:.0f} times smaller"
    report.add(Figure("pulumi: state a user, compressed as shipped", compressed / users, "bytes", note=note))


def run(report: Report) -> None:
    """All figures of the pulumi engine; none where it is not installed."""
    if shutil.which("pulumi") is None:
        print("no `pulumi` command on PATH: its figures are left out")
        return
    with tempfile.TemporaryDirectory() as name:
        work = Path(name).resolve()
        unchanged(report, work)
        waiting(report, work)
        creating(report, work)
        size(report, work)
        teams(report, work)
        teams_waiting(report, work)
        users_each(report, work)
