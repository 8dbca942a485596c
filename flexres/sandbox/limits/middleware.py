"""The middleware that holds requests to their limits: what is left is told in headers, what is too much refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from flexres.sandbox.errors import too_many_requests
from flexres.sandbox.state import world_of

_WORKSPACE = "/v1/Workspaces/{workspace}"
_COLLECTIONS = {
    "Activities": "Activity",
    "Events": "Event",
    "TaskChannels": "TaskChannel",
    "TaskQueues": "TaskQueue",
    "Workers": "Worker",
    "Workflows": "Workflow",
    "Channels": "WorkerChannel",
    "Reservations": "Reservation",
}
_EXPRESSIONS = {
    f"{_WORKSPACE}/Workers": ("TargetWorkersExpression", "Worker-List-TargetWorkersExpression"),
    f"{_WORKSPACE}/TaskQueues": ("EvaluateWorkerAttributes", "TaskQueue-List-EvaluateWorkerAttributes"),
}


@web.middleware
async def limit(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Lets a request through while its resource key has something left in this second."""
    key = resource_key(request)
    spent = world_of(request).rates.spend(key) if key else None
    if spent is None:
        return await handler(request)
    if not spent.allowed:
        raise too_many_requests(spent.headers())
    response = await handler(request)
    response.headers.update(spent.headers())
    return response


def resource_key(request: web.Request) -> str:
    """What a request counts as, such as `Worker-List`; empty for what is none of TaskRouter's."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else ""
    if not path.startswith(_WORKSPACE):
        return ""
    parameter, key = _EXPRESSIONS.get(path, ("", ""))
    if request.method == "GET" and parameter in request.query:
        return key
    *_, before, last = path.split("/")
    one = last.startswith("{")
    name = _COLLECTIONS.get(before if one else last, "Workspace")
    if request.method == "GET":
        return f"{name}-{'Fetch' if one else 'List'}"
    return f"{name}-Delete" if request.method == "DELETE" else f"{name}-{'Update' if one else 'Create'}"
