"""The pages that people look at: `/` with users, Workers, SSO, requests, faults and switches; and `/demo/app`, a
stand-in for a Flex page in plain JavaScript, which signs in and shows the Worker that it came back with."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from aiohttp import web
from cryptography import x509

from flexres.sandbox.control.manual_actions import state
from flexres.sandbox.flex.configuration import login_popup
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.formats import base_url
from flexres.sandbox.pages.render import page
from flexres.sandbox.requestlog import LoggedRequest
from flexres.sandbox.sso.settings import read_settings, trusted_entries
from flexres.sandbox.state import World, world_of
from flexres.sandbox.switches import Switches, choices, explanations

_USERS_ON_A_PAGE = 20
_SHOWN_REQUESTS = 40


@dataclass(frozen=True, slots=True)
class ShownUser:
    """A user as the page shows one. Attribute values are JSON, laid out where they are nested."""

    user: User
    activity: str
    attributes: list[tuple[str, str]]
    size: int
    tasks: int


async def _page(request: web.Request) -> web.Response:
    world, query = world_of(request), request.query
    search = query.get("q", "").strip()
    number = query.get("page", "1")
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    _, found = world.store.users.search(search, skip=0, limit=0)
    pages = max(1, -(-found // _USERS_ON_A_PAGE))
    current = min(max(1, wanted), pages)
    users, _ = world.store.users.search(search, skip=(current - 1) * _USERS_ON_A_PAGE, limit=_USERS_ON_A_PAGE)
    settings = read_settings(world, base_url(request))
    shown = {
        "identity": world.identity,
        "state": state(world),
        "refused": world.rates.refused.total(),
        "neighbour": world.neighbour,
        "users": [_shown(world, user) for user in users],
        "found": found,
        "search": search,
        "current": current,
        "pages": pages,
        "settings": settings,
        "certificate": _certificate_line(settings.certificate) if settings else "",
        "login_popup": login_popup(world),
        "trusted": trusted_entries(world),
        "requests": [(_clock(entry), entry) for entry in reversed(world.log.entries()[-_SHOWN_REQUESTS:])],
        "switches": _switches(world),
    }
    return page("front.html", shown)


def _shown(world: World, user: User) -> ShownUser:
    worker = world.store.workers.by_sid(user.worker_sid) if user.worker_sid else None
    if worker is None:
        return ShownUser(user, "Deactivated" if user.deactivated else "No Worker", [], 0, 0)
    attributes = [(name, _laid_out(value)) for name, value in sorted(worker.attribute_values.items())]
    activity = world.workspace.activities_by_sid[worker.activity_sid].friendly_name
    size, tasks = len(worker.attributes.encode()), len(world.store.workers.reservations(worker.sid))
    return ShownUser(user, activity, attributes, size, tasks)


def _laid_out(value: object) -> str:
    """Text as it is, lists and numbers on a line, objects over several."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict) else None)


def _certificate_line(pem: str) -> str:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return f"{certificate.subject.rfc4514_string()}, until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _switches(world: World) -> list[dict[str, object]]:
    usual, current, why = asdict(Switches()), asdict(world.switches), explanations()
    return [
        {
            "name": name,
            "value": value,
            "choices": choices(name),
            "why": why.get(name, ""),
            "turned": value != usual[name],
        }
        for name, value in current.items()
    ]


def _clock(entry: LoggedRequest) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(entry.at))


async def _demo(request: web.Request) -> web.Response:
    world = world_of(request)
    return page("demo.html", {"identity": world.identity, "popup": login_popup(world)})


OPEN = [web.get("/", _page, allow_head=False), web.get("/demo/app", _demo, allow_head=False)]
