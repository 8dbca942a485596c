"""A stand-in for a Flex page at `/demo/app`: plain JavaScript that signs in and shows the Worker it came back with."""

from __future__ import annotations

from aiohttp import web

from flexres.sandbox.flex.configuration import login_popup
from flexres.sandbox.pages.render import page
from flexres.sandbox.state import world_of


async def _app(request: web.Request) -> web.Response:
    world = world_of(request)
    return page("demo.html", {"identity": world.identity, "popup": login_popup(world)})


OPEN = [web.get("/demo/app", _app, allow_head=False)]
