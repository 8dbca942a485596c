"""What is measured in a process of its own: `python -m bench.children NAME ARGUMENT…` prints one JSON object.

Modules of flexres are imported within each measured function, so that each process loads what it needs and no more.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from flexres.desired.stack import Stack
    from flexres.reconcile.plan import Plan


def _stack(folder: str) -> Stack:
    from flexres.desired.load import load_stack
    from flexres.desired.source import FolderSource

    return load_stack(FolderSource(Path(folder)), name="bench")


def validate(folder: str) -> dict[str, Any]:
    """Load and check a stack."""
    from flexres.desired.load import load_stack
    from flexres.desired.source import FolderSource

    source = FolderSource(Path(folder))
    started = time.perf_counter()
    load_stack(source, name="bench")
    return {"seconds": time.perf_counter() - started}


def c_loader(folder: str) -> dict[str, Any]:
    """Decode the same files with ruamel's loader in C, and nothing else."""
    from ruamel.yaml import YAML

    files = sorted(Path(folder).rglob("*.yaml"))
    started = time.perf_counter()
    for file in files:
        YAML(typ="safe", pure=False).load(file.read_bytes())
    return {"seconds": time.perf_counter() - started}


def plan(folder: str) -> dict[str, Any]:
    """Load, read Flex, and find that there is nothing to do."""
    from flexres.session import open_session

    async def planned() -> dict[str, Any]:
        started = time.perf_counter()
        stack = _stack(folder)
        async with open_session(stack, environ=os.environ, revision=None, read_only=True) as session:
            made = await session.plan(as_of=datetime.now(UTC))
            assert not made.changes, made.changes[:3]
            return {"seconds": time.perf_counter() - started, "requests": session.transport.sent}

    return asyncio.run(planned())


def bare_pages(instance: str) -> dict[str, Any]:
    """Fetch and decode the same pages, and nothing else."""
    import httpx

    async def read() -> dict[str, Any]:
        base, auth = _access()
        started = time.perf_counter()
        async with httpx.AsyncClient(auth=auth, timeout=60) as client:
            configuration = json.loads((await client.get(f"{base}/v1/Configuration")).content)
            workspace = configuration["taskrouter_workspace_sid"]
            await asyncio.gather(
                _pages(client, f"{base}/v1/Instances/{instance}/Users?PageSize=1000", "users"),
                _pages(client, f"{base}/v1/Workspaces/{workspace}/Workers?PageSize=1000", "workers"),
            )
        return {"seconds": time.perf_counter() - started}

    return asyncio.run(read())


async def _pages(client: httpx.AsyncClient, url: str | None, key: str) -> int:
    count = 0
    while url:
        answer = json.loads((await client.get(url)).content)
        count += len(answer[key])
        url = answer["meta"]["next_page_url"]
    return count


def apply(folder: str) -> dict[str, Any]:
    """Carry out a plan; the plan itself is not counted."""
    from flexres.apply.direct import Silent, apply_plan
    from flexres.apply.journal import NoJournal
    from flexres.session import open_session

    async def applied() -> dict[str, Any]:
        async with open_session(_stack(folder), environ=os.environ, revision=None, read_only=False) as session:
            made = await session.plan(as_of=datetime.now(UTC))
            sent, started = session.transport.sent, time.perf_counter()
            done = await apply_plan(made, session, journal=NoJournal(), progress=Silent(), stop=asyncio.Event())
            seconds = time.perf_counter() - started
            assert done.exit == 0, done.counts()
            return {"seconds": seconds, "requests": session.transport.sent - sent}

    return asyncio.run(applied())


def script(instance: str, users: str) -> dict[str, Any]:
    """What people write today: look each user up and provision who is missing, one after another."""
    import httpx

    base, auth = _access()
    url = f"{base}/v4/Instances/{instance}/Users"
    started = time.perf_counter()
    with httpx.Client(auth=auth, timeout=60) as client:
        for n in range(int(users)):
            name = f"scripted{n:05}@example.com"
            if not client.get(url, params={"Username": name}).json()["users"]:
                attributes = {"location": "London", "level.int": 1, "languages.stringarray": "en,de"}
                body = {"username": name, "full_name": f"User {n}", "email": name, "roles": ["agent"]}
                client.post(f"{url}/Provision", json={**body, "worker": {"attributes": attributes}}).raise_for_status()
    return {"seconds": time.perf_counter() - started}


def with_provider(folder: str, how: str, users: str) -> dict[str, Any]:
    """Plan of a stack with an identity provider, `with` or `without` reading it."""
    from dataclasses import replace

    from flexres.session import open_session

    async def planned() -> dict[str, Any]:
        async with open_session(_stack(folder), environ=os.environ, revision=None, read_only=True) as session:
            used = session if how == "with" else replace(session, provider=None)
            started = time.perf_counter()
            made = await used.plan(as_of=datetime.now(UTC))
            seconds = time.perf_counter() - started
            assert not made.users, made.users[:3]
            assert made.idp is None or made.idp.users == int(users)
            return {"seconds": seconds, "requests": used.provider.sent if used.provider else 0}

    return asyncio.run(planned())


def reports(folder: str, page: str) -> dict[str, Any]:
    """What telling a plan costs beside making it; the HTML page is left in a file."""
    from flexres.report.html.page import page_html
    from flexres.report.html.rows import Person
    from flexres.report.plan.markdown import plan_markdown
    from flexres.report.plan.model import report_of
    from flexres.session import open_session

    async def planned(stack: Stack) -> Plan:
        async with open_session(stack, environ=os.environ, revision=None, read_only=True) as session:
            return await session.plan(as_of=datetime.now(UTC))

    started = time.perf_counter()
    stack = _stack(folder)
    made = asyncio.run(planned(stack))
    seconds = time.perf_counter() - started
    people = [Person(user.username, user.full_name, user.roles, user.file) for user in stack.users.values()]

    def html() -> str:
        return page_html(report_of(made, position=stack.line_of), people=people)

    Path(page).write_text(html(), encoding="utf-8")
    return {
        "changes": len(made.changes),
        "plan": seconds,
        "markdown": _median(lambda: plan_markdown(report_of(made, position=stack.line_of))),
        "page": _median(html),
    }


def _median(make: Callable[[], object]) -> float:
    """Seconds of the middle one of five, after one that is not counted."""
    make()
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        make()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _access() -> tuple[str, tuple[str, str]]:
    return os.environ["FLEXRES_ENDPOINT"], (os.environ["TWILIO_API_KEY"], os.environ["TWILIO_API_SECRET"])


MEASURED: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (validate, c_loader, plan, bare_pages, apply, script, with_provider, reports)
}

if __name__ == "__main__":
    result = MEASURED[sys.argv[1]](*sys.argv[2:])
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))
