"""The pulumi engine's figures: against the engine's own floor, against itself at twice the size, and its state."""

from __future__ import annotations

import gzip
import os
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
from flexres.resources import departures, roster, user
departures._PROVIDER = roster._PROVIDER = user._PROVIDER = idle.Idle()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the engine: how long, how much memory the provider took at most, and what it sent."""

    seconds: float
    provider_mb: float
    requests: int


class Project:
    """A project of so many users in a folder of its own; `idle` puts providers that do nothing in place of ours."""

    def __init__(self, folder: Path, users: int, url: str, *, idle: bool = False, skills: bool = False) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        program = (ROOT / "__main__.py").read_text()
        if idle:
            (folder / "idle.py").write_text(_IDLE)
            program = program.replace("\nFlexStack(", f"{_IDLE_PROGRAM}\nFlexStack(")
        (folder / "__main__.py").write_text(program)
        (folder / ".venv").symlink_to(sys.prefix)
        stack = write_stack(folder / "stacks" / "bench", users, max(1, users // 250), skills=skills)
        flex = stack / "flex.yaml"
        flex.write_text(flex.read_text().replace("engine: direct", "engine: pulumi").replace("30%", "100%"))
        self._pulumi("stack", "init", "bench")

    def up(self, *, checkpoints: bool = False) -> Run:
        """`pulumi up` without its preview."""
        more = {"PULUMI_SKIP_CHECKPOINTS": "false"} if checkpoints else {}
        return self._measured("up", "--yes", "--skip-preview", more=more)

    def preview(self) -> Run:
        """`pulumi preview`."""
        return self._measured("preview")

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
        return Run(seconds, peak[0], _requests(self.url))

    def _pulumi(self, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
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


def _forget_requests(url: str) -> None:
    httpx.delete(f"{url}/_sandbox/requests").raise_for_status()


def _requests(url: str) -> int:
    """How many requests the sandbox has answered since it was told to forget them."""
    return int(httpx.get(f"{url}/_sandbox/requests", params={"path": "^/v"}).json()["matching"])


@contextmanager
def _watching(folder: Path) -> Iterator[list[float]]:
    """The peak memory (MB) of the provider process that runs in a folder, while it lasts."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if b"pulumi.dynamic" in (entry / "cmdline").read_bytes() and (entry / "cwd").readlink() == folder:
                        status = (entry / "status").read_text()
                        found = [line for line in status.splitlines() if line.startswith("VmHWM")]
                        peak[0] = max(peak[0], int(found[0].split()[1]) / 1024) if found else peak[0]
                except (OSError, IndexError):
                    continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def unchanged(report: Report, work: Path, users: int = 1_000) -> None:
    """Preview and up of users with nothing to do, refresh included, against providers that do nothing."""
    state = work / "unchanged.db"
    stack = write_stack(work / "unchanged-stack", users, 4, skills=False)
    equal_flex(stack, state)
    with sandbox_process(state) as url:
        ours, idle = (Project(work / name, users, url, idle=name == "idle") for name in ("ours", "idle"))
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
    report.add(Figure("pulumi: the same: requests to Flex", sum(run.requests for run in last), "requests", 6))
    most = 150 + 0.02 * users
    report.add(Figure("pulumi: the same: provider's memory", max(run.provider_mb for run in last), "MB", most))


def creating(report: Report, work: Path) -> None:
    """Up creating 2,000 against up creating 1,000; and what checkpoints cost."""
    runs = {}
    for users in (1_000, 2_000):
        with sandbox_process() as url:
            runs[users] = Project(work / f"create-{users}", users, url).up()
    ratio = runs[2_000].seconds / runs[1_000].seconds
    note = f"{runs[2_000].seconds:.1f} s against {runs[1_000].seconds:.1f} s"
    report.add(Figure("pulumi: up creating 2,000 / up creating 1,000", ratio, "x", 2.3, note=note))
    report.add(Figure("pulumi: creating 2,000: provider's memory", runs[2_000].provider_mb, "MB", 150 + 0.02 * 2_000))
    times = {}
    for checkpoints in (False, True):
        with sandbox_process() as url:
            times[checkpoints] = Project(work / f"checkpoints-{checkpoints}", 400, url).up(checkpoints=checkpoints)
    note = f"{times[True].seconds:.1f} s against {times[False].seconds:.1f} s"
    ratio = times[True].seconds / times[False].seconds
    report.add(Figure("pulumi: up creating 400 with checkpoints / as shipped", ratio, "x", note=note))


def waiting(report: Report, work: Path, users: int = 400, latency: float = 0.05) -> None:
    """The provider's four threads at 50 ms a request: what waiting alone takes, plus the engine's floor."""
    with sandbox_process() as url:
        floor = Project(work / "waiting-idle", users, url, idle=True).up().seconds
    with sandbox_process(latency=latency) as url:
        seconds = Project(work / "waiting", users, url).up().seconds
    bound = users * latency / 4
    note = f"{seconds:.1f} s, floor {floor:.1f} s, waiting {bound:.1f} s"
    report.add(
        Figure(f"pulumi: creating {users} at 50 ms, beyond the floor", (seconds - floor) / bound, "x", 1.3, note=note)
    )


def size(report: Report, work: Path, users: int = 500) -> None:
    """The state of realistic users, as JSON and as it is kept."""
    with sandbox_process() as url:
        project = Project(work / "size", users, url, skills=True)
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
