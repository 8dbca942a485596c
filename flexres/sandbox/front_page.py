"""The page at `/`: users with their Workers, counts, and the latest requests, for a person to look at."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, Template

from flexres.sandbox.hands import state
from flexres.sandbox.world import World, world_of

_SHOWN_USERS = 200
_SHOWN_REQUESTS = 50


async def _page(request: web.Request) -> web.Response:
    world = world_of(request)
    html = _template().render(
        identity=world.identity,
        state=state(world),
        users=_users(world),
        requests=[
            (entry, time.strftime("%H:%M:%S", time.gmtime(entry.at)))
            for entry in reversed(world.log.entries()[-_SHOWN_REQUESTS:])
        ],
    )
    return web.Response(text=html, content_type="text/html")


def _users(world: World) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for user in world.store.users.page(0, _SHOWN_USERS):
        worker = world.store.workers.by_sid(user.worker_sid) if user.worker_sid else None
        activity = worker and world.workspace.activities_by_sid[worker.activity_sid].friendly_name
        rows.append({"user": user, "worker": worker, "activity": activity})
    return rows


@cache
def _template() -> Template:
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True).get_template("index.html")


OPEN = [web.get("/", _page, allow_head=False)]
