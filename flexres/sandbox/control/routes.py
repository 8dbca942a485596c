"""The sandbox's own endpoints, below `/_sandbox`: faults, switches, the request log, and what people do by hand.

They need no credentials (loopback only, and no page from elsewhere: see `access`), meet no faults and are not logged:

    GET    /_sandbox/state
    GET    /_sandbox/limits    the rate limits, refusals, and the neighbour's
    GET    /_sandbox/requests?method=&path=&status=     DELETE clears
    GET    /_sandbox/faults    POST a line of text, or {"fault": "429:rate=0.2"}    DELETE clears
    GET    /_sandbox/switches  POST {"list_attributes": "null"}
    POST   /_sandbox/workers/{sid or name}/busy         {"tasks": 1, "channel": "chat", "activity": "Available"}
    POST   /_sandbox/workers/{sid or name}/activity     {"activity": "Offline"}
    POST   /_sandbox/workers/{sid or name}/attributes   {"changes": {"level": 2}, "remove": ["vip"], "by": "worker:ana"}
    POST   /_sandbox/sso       {"begin": "active"} (or inactive, or none) forgets SSO settings and trusted URLs
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps

from aiohttp import web

from flexres.sandbox.control import manual_actions as hands
from flexres.sandbox.errors import SandboxError, WireError, invalid_parameter
from flexres.sandbox.formats import answer, read_json_object
from flexres.sandbox.requestlog import counts
from flexres.sandbox.sso.settings import start_over
from flexres.sandbox.state import world_of
from flexres.sandbox.taskrouter.event_table import acting

_Handler = Callable[[web.Request], Awaitable[web.Response]]


def _explained(handler: _Handler) -> _Handler:
    """Answers 400 with the sentence, where a person asked for something that cannot be."""

    @wraps(handler)
    async def explained(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except SandboxError as error:
            raise WireError(400, str(error)) from error

    return explained


@_explained
async def _state(request: web.Request) -> web.Response:
    return answer(hands.state(world_of(request)))


@_explained
async def _limits(request: web.Request) -> web.Response:
    return answer(hands.limits(world_of(request)))


@_explained
async def _requests(request: web.Request) -> web.Response:
    query, log = request.query, world_of(request).log
    status = query.get("status", "")
    if status and not status.isdigit():
        raise invalid_parameter("status must be a number")
    entries = log.entries(
        method=query.get("method", "").upper(), path=query.get("path", ""), status=int(status) if status else None
    )
    return answer(
        {
            "total": log.total,
            "matching": len(entries),
            "counts": counts(entries),
            "requests": [entry._asdict() for entry in entries],
        }
    )


@_explained
async def _clear_requests(request: web.Request) -> web.Response:
    world_of(request).log.clear()
    return web.Response(status=204)


@_explained
async def _faults(request: web.Request) -> web.Response:
    return answer({"faults": [rule.text for rule in world_of(request).faults.rules]})


@_explained
async def _add_fault(request: web.Request) -> web.Response:
    text = (await request.text()).strip()
    if text.startswith("{"):
        text = str((await read_json_object(request)).get("fault", ""))
    world_of(request).add_fault(text)
    return await _faults(request)


@_explained
async def _clear_faults(request: web.Request) -> web.Response:
    world_of(request).clear_faults()
    return web.Response(status=204)


@_explained
async def _switches(request: web.Request) -> web.Response:
    return answer(asdict(world_of(request).switches))


@_explained
async def _turn_switches(request: web.Request) -> web.Response:
    world = world_of(request)
    world.switches = world.switches.change(**await read_json_object(request))
    return await _switches(request)


@_explained
async def _busy(request: web.Request) -> web.Response:
    world, body = world_of(request), await read_json_object(request)
    worker = hands.find_worker(world, request.match_info["worker"])
    tasks = body.get("tasks", 1)
    if type(tasks) is not int:
        raise SandboxError("tasks must be a number")
    hands.make_busy(world, worker, tasks=tasks, channel=str(body.get("channel", "chat")))
    if "activity" in body:
        hands.set_activity(world, worker, str(body["activity"]))
    return _worker_answer(request, worker.sid)


@_explained
async def _activity(request: web.Request) -> web.Response:
    world, body = world_of(request), await read_json_object(request)
    worker = hands.find_worker(world, request.match_info["worker"])
    hands.set_activity(world, worker, str(body.get("activity", "")))
    return _worker_answer(request, worker.sid)


@_explained
async def _attributes(request: web.Request) -> web.Response:
    world, body = world_of(request), await read_json_object(request)
    worker = hands.find_worker(world, request.match_info["worker"])
    changes, remove, by = body.get("changes", {}), body.get("remove", []), body.get("by")
    if not isinstance(changes, dict) or not isinstance(remove, list):
        raise SandboxError("changes must be an object, and remove a list of names")
    with acting(hands.actor(world, None if by is None else str(by))):
        hands.edit_attributes(world, worker, changes, [str(name) for name in remove])
    return _worker_answer(request, worker.sid)


@_explained
async def _begin_sso(request: web.Request) -> web.Response:
    beginning = str((await read_json_object(request)).get("begin", ""))
    start_over(world_of(request), beginning)
    return answer({"begin": beginning})


def _worker_answer(request: web.Request, sid: str) -> web.Response:
    world = world_of(request)
    worker = hands.find_worker(world, sid)
    activity = world.workspace.activities_by_sid[worker.activity_sid]
    tasks = len(world.store.workers.reservations(sid))
    return answer({"worker_sid": sid, "activity": activity.friendly_name, "tasks": tasks})


_WORKER = "/_sandbox/workers/{worker}"
OPEN = [
    web.get("/_sandbox/state", _state, allow_head=False),
    web.get("/_sandbox/limits", _limits, allow_head=False),
    web.get("/_sandbox/requests", _requests, allow_head=False),
    web.delete("/_sandbox/requests", _clear_requests),
    web.get("/_sandbox/faults", _faults, allow_head=False),
    web.post("/_sandbox/faults", _add_fault),
    web.delete("/_sandbox/faults", _clear_faults),
    web.get("/_sandbox/switches", _switches, allow_head=False),
    web.post("/_sandbox/switches", _turn_switches),
    web.post(f"{_WORKER}/busy", _busy),
    web.post(f"{_WORKER}/activity", _activity),
    web.post(f"{_WORKER}/attributes", _attributes),
    web.post("/_sandbox/sso", _begin_sso),
]
