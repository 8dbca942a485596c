"""The direct engine's figures: validate against the YAML loader, plan against bare reading, apply against a script."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.data import equal_flex, write_stack
from bench.harness import Figure, Report, child, pairs, sandbox_process, wall
from flexres.sandbox.identity import DEFAULT

_ENVIRON = {
    "TWILIO_ACCOUNT_SID": DEFAULT.account_sid,
    "TWILIO_API_KEY": DEFAULT.api_key,
    "TWILIO_API_SECRET": DEFAULT.api_secret,
}

_VALIDATE = """
import sys, time
from pathlib import Path
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
source = FolderSource(Path(sys.argv[1]))
started = time.perf_counter()
load_stack(source, name="bench")
result = {"seconds": time.perf_counter() - started}
"""

_C_LOADER = """
import sys, time
from pathlib import Path
from ruamel.yaml import YAML
files = sorted(Path(sys.argv[1]).rglob("*.yaml"))
started = time.perf_counter()
for file in files:
    YAML(typ="safe", pure=False).load(file.read_bytes())
result = {"seconds": time.perf_counter() - started}
"""

_PLAN = """
import asyncio, os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.session import open_session

async def main():
    started = time.perf_counter()
    stack = load_stack(FolderSource(Path(sys.argv[1])), name="bench")
    async with open_session(stack, environ=os.environ, revision=None, read_only=True) as session:
        plan = await session.plan(as_of=datetime.now(UTC))
        assert not plan.changes, plan.changes[:3]
        return {"seconds": time.perf_counter() - started, "requests": session.transport.sent}

result = asyncio.run(main())
"""

_BARE_PAGES = """
import asyncio, json, os, sys, time
import httpx

async def pages(client, url, key):
    count = 0
    while url:
        answer = json.loads((await client.get(url)).content)
        count += len(answer[key])
        url = answer["meta"]["next_page_url"]
    return count

async def main():
    base, auth = os.environ["FLEXRES_ENDPOINT"], (os.environ["TWILIO_API_KEY"], os.environ["TWILIO_API_SECRET"])
    started = time.perf_counter()
    async with httpx.AsyncClient(auth=auth, timeout=60) as client:
        configuration = json.loads((await client.get(base + "/v1/Configuration")).content)
        workspace = configuration["taskrouter_workspace_sid"]
        await asyncio.gather(
            pages(client, f"{base}/v1/Instances/{sys.argv[1]}/Users?PageSize=1000", "users"),
            pages(client, f"{base}/v1/Workspaces/{workspace}/Workers?PageSize=1000", "workers"),
        )
    return {"seconds": time.perf_counter() - started}

result = asyncio.run(main())
"""

_APPLY = """
import asyncio, os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from flexres.apply.direct import Silent, apply_plan
from flexres.apply.journal import NoJournal
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.session import open_session

async def main():
    stack = load_stack(FolderSource(Path(sys.argv[1])), name="bench")
    async with open_session(stack, environ=os.environ, revision=None, read_only=False) as session:
        plan = await session.plan(as_of=datetime.now(UTC))
        sent, started = session.transport.sent, time.perf_counter()
        applied = await apply_plan(plan, session, journal=NoJournal(), progress=Silent(), stop=asyncio.Event())
        seconds = time.perf_counter() - started
        assert applied.exit == 0, applied.counts()
        return {"seconds": seconds, "requests": session.transport.sent - sent}

result = asyncio.run(main())
"""

_SCRIPT = """
import os, sys, time
import httpx
count = int(sys.argv[2])
base, auth = os.environ["FLEXRES_ENDPOINT"], (os.environ["TWILIO_API_KEY"], os.environ["TWILIO_API_SECRET"])
users = f"{base}/v4/Instances/{sys.argv[1]}/Users"
started = time.perf_counter()
with httpx.Client(auth=auth, timeout=60) as client:
    for n in range(count):
        name = f"scripted{n:05}@example.com"
        if not client.get(users, params={"Username": name}).json()["users"]:
            attributes = {"location": "London", "level.int": 1, "languages.stringarray": "en,de"}
            body = {"username": name, "full_name": f"User {n}", "email": name, "roles": ["agent"],
                    "worker": {"attributes": attributes}}
            client.post(users + "/Provision", json=body).raise_for_status()
result = {"seconds": time.perf_counter() - started}
"""


def validate(report: Report, work: Path) -> float:
    """10,000 users in 40 files. Gives the seconds that validating takes."""
    folder = write_stack(work / "ten-thousand", 10_000, 40)
    ours, theirs, ratio = pairs(
        lambda: float(child(_VALIDATE, str(folder))["seconds"]),
        lambda: float(child(_C_LOADER, str(folder))["seconds"]),
        5,
    )
    note = f"{ours:.2f} s against {theirs:.2f} s"
    report.add(Figure("validate 10,000 users / C YAML loader alone", ratio, "x", 1.6, note=note))
    return ours


def plan(report: Report, work: Path, validate_seconds: float) -> None:
    """10,000 users with nothing to do, against a bare script that fetches and decodes the same pages."""
    folder, state = work / "ten-thousand", work / "ten-thousand.db"
    equal_flex(folder, state)
    with sandbox_process(state) as url:
        environ = {**_ENVIRON, "FLEXRES_ENDPOINT": url}
        last: dict[str, float] = {}

        def ours() -> float:
            last.update(child(_PLAN, str(folder), environ=environ))
            return last["seconds"] - validate_seconds

        bare = lambda: float(child(_BARE_PAGES, DEFAULT.instance_sid, environ=environ)["seconds"])  # noqa: E731
        seconds, script, ratio = pairs(ours, bare, 5)
    note = f"{seconds:.2f} s beyond validate against {script:.2f} s"
    report.add(Figure("plan 10,000 users without validate / bare script", ratio, "x", 2.0, note=note))
    report.add(Figure("plan 10,000 users: requests", last["requests"], "requests", 25))
    report.add(Figure("plan 10,000 users: peak memory", last["peak_mb"], "MB", 300))


def apply(report: Report, work: Path) -> None:
    """1,000 new users at 50 ms a request and 16 connections, against a script that takes one after another."""
    folder, latency, connections, scripted = write_stack(work / "thousand", 1_000, 10, skills=False), 0.05, 16, 40
    with sandbox_process(latency=latency) as url:
        environ = {**_ENVIRON, "FLEXRES_ENDPOINT": url, "FLEXRES_MAX_CONNECTIONS": str(connections)}
        each = float(child(_SCRIPT, DEFAULT.instance_sid, str(scripted), environ=environ)["seconds"]) / scripted
        measured = child(_APPLY, str(folder), environ=environ)
    seconds, requests = float(measured["seconds"]), int(measured["requests"])
    bound = requests * latency / connections
    note = f"{seconds:.2f} s, {requests} requests, bound {bound:.2f} s"
    report.add(
        Figure("apply 1,000 new users: share of the bound", 100 * bound / seconds, "%", 85, most=False, note=note)
    )
    faster = each * 1_000 / seconds
    note = f"the script takes {each * 1_000:.0f} s (from {scripted} users)"
    report.add(Figure("apply 1,000 new users: faster than a script", faster, "x", 20, most=False, note=note))


def start_up(report: Report) -> None:
    """`flexres --help` against Python that imports typer and nothing else."""
    flexres = str(Path(sys.executable).parent / "flexres")
    ours, bare, ratio = pairs(
        lambda: wall([flexres, "--help"]), lambda: wall([sys.executable, "-c", "import typer"]), 7
    )
    note = f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"
    report.add(Figure("flexres --help / python importing typer", ratio, "x", 3.0, note=note))


def run(report: Report) -> None:
    """All figures of the direct engine."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        validate_seconds = validate(report, work)
        plan(report, work, validate_seconds)
        apply(report, work)
    start_up(report)
