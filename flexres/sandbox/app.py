"""The web application: what every request passes on its way to a service, and the services themselves.

A service is a module with `ROUTES`, and `OPEN` routes that need no credentials: adding one is one line here.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from flexres.sandbox.access import headers_for, is_preflight, keep_strangers_out
from flexres.sandbox.auth0 import actions as auth0_actions
from flexres.sandbox.auth0 import clients as auth0_clients
from flexres.sandbox.auth0 import login as auth0_login
from flexres.sandbox.auth0 import management as auth0_access
from flexres.sandbox.auth0 import users as auth0_users
from flexres.sandbox.control import front_page
from flexres.sandbox.control import routes as control
from flexres.sandbox.errors import (
    SandboxError,
    WireError,
    invalid_parameter,
    method_not_allowed,
    not_found,
    too_many_requests,
    unauthenticated,
)
from flexres.sandbox.faults.injection import answer_with_fault
from flexres.sandbox.flex import configuration, tokens
from flexres.sandbox.flex import users as flex_users
from flexres.sandbox.formats import answer
from flexres.sandbox.identity import new_sid
from flexres.sandbox.idp import service as identity_provider
from flexres.sandbox.pages import render as pages
from flexres.sandbox.sso import authorize, contract, oauth
from flexres.sandbox.state import CREDENTIALS, FAULT, IN_FLIGHT, RESET, WORLD, World, world_of
from flexres.sandbox.taskrouter import events, task_queues, worker_channels, workers, workflows, workspace
from flexres.sandbox.taskrouter.event_table import ACTING, by_api, by_login

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
_FLEX = (flex_users, tokens, configuration)
_TASKROUTER = (workspace, workers, worker_channels, task_queues, workflows, events)
_SSO = (authorize, oauth, contract)
_AUTH0 = (auth0_access, auth0_clients, auth0_actions, auth0_users, auth0_login)
_SERVICES = (*_FLEX, *_TASKROUTER, *_SSO)
_OURS = (control, pages, front_page, identity_provider, *_AUTH0)
_OUR_FOLDERS = ("/_sandbox/", "/idp/", "/demo/")
_MAX_BODY = 4 * 1024 * 1024


def build_app(world: World) -> web.Application:
    """The sandbox as an aiohttp application."""
    app = web.Application(
        middlewares=[keep_strangers_out, _observe, _share, _inject, _guard, limit], client_max_size=_MAX_BODY
    )
    app[WORLD] = world
    for service in _SERVICES:
        app.add_routes(service.ROUTES)
    for service in (*_SERVICES, *_OURS):
        app.add_routes(service.OPEN)
    return app


_OPEN_PATHS = frozenset(route.path for service in (*_SERVICES, *_OURS) for route in service.OPEN)


@asynccontextmanager
async def listening(world: World, port: int, *, patience: float) -> AsyncIterator[str]:
    """Serves on a loopback port (0: any free one) and gives its URL; `patience` is for requests at the end, in seconds.

    Raises:
        SandboxError: the port cannot be had.
    """
    runner = web.AppRunner(build_app(world), access_log=None, shutdown_timeout=patience)
    await runner.setup()
    living: asyncio.Task[None] | None = None
    try:
        site = web.TCPSite(runner, LOOPBACK, port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise SandboxError(
                f"port {port} of {LOOPBACK} cannot be had ({error.strerror}): is another sandbox running? "
                "Choose another port, or 0 for any free one"
            ) from error
        if world.neighbour is not None:
            living = asyncio.create_task(world.neighbour.live())
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        if living is not None:
            living.cancel()
        # A connection accepted in this very turn of the loop is attached in the next ones; closing the server
        # before that would leave its socket open.
        for _ in range(2):
            await asyncio.sleep(0)
        await runner.cleanup()


@web.middleware
async def _observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts, times, delays and logs a request, and gives the answer Twilio's own headers."""
    if _is_ours(request):
        return await handler(request)
    world = world_of(request)
    arrived, started = time.time(), time.perf_counter()
    world.in_flight += 1
    request[IN_FLIGHT] = world.in_flight
    request[CREDENTIALS] = _credentials(request, world)
    known = request[CREDENTIALS] in ("account", "key")
    ACTING.set(by_api(world.identity, request.remote or "") if known else by_login(world.identity))
    request_id = new_sid("RQ")
    status = 0
    try:
        if world.between is not None:
            world.between(request.method, request.path)
        response = await handler(request)
        if world.latency:
            await asyncio.sleep(world.latency - (time.perf_counter() - started))
        status = 0 if request.get(RESET) else response.status
        response.headers["Twilio-Request-Id"] = request_id
        response.headers["Twilio-Concurrent-Requests"] = str(request[IN_FLIGHT])
        response.headers["Twilio-Request-Duration"] = f"{time.perf_counter() - started:.3f}"
        return response
    finally:
        world.in_flight -= 1
        world.log.add(
            at=arrived,
            method=request.method,
            path=request.path,
            query=request.query_string,
            status=status,
            duration_ms=round((time.perf_counter() - started) * 1000, 3),
            request_id=request_id,
            credentials=request[CREDENTIALS],
            fault=request.get(FAULT, ""),
        )


@web.middleware
async def _share(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tells browsers which pages of other origins may read the answer."""
    if _is_ours(request):
        return await handler(request)
    headers = headers_for(request)
    response = web.Response(status=204) if is_preflight(request) else await handler(request)
    response.headers.update(headers)
    return response


@web.middleware
async def _inject(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets a request meet the fault that is due, or read the past."""
    world = world_of(request)
    if _is_ours(request) or not world.faults.rules:
        return await handler(request)
    fault = world.faults.pick(
        request.method,
        request.path,
        in_flight=request[IN_FLIGHT],
        conditional="If-Match" in request.headers,
        goes_on="PageToken" in request.query,
    )
    lag = world.faults.lag(request.method, request.path)

    async def proceed(request: web.Request) -> web.StreamResponse:
        if not lag:
            return await handler(request)
        with world.history.as_of(lag):
            return await handler(request)

    if fault is None:
        return await proceed(request)
    request[FAULT] = fault.text
    return await answer_with_fault(fault, request, proceed)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Asks for credentials, and writes refusals as the wire has them."""
    try:
        resource = request.match_info.route.resource
        is_open = resource is not None and resource.canonical in _OPEN_PATHS
        if not is_open:
            _check_credentials(request)
        return await handler(request)
    except WireError as error:
        return _refusal(request, error)
    except web.HTTPNotFound:
        return _refusal(request, not_found(request.path))
    except web.HTTPMethodNotAllowed:
        return _refusal(request, method_not_allowed())
    except web.HTTPRequestEntityTooLarge:
        return _refusal(request, WireError(413, "Request entity too large"))
    except UnicodeError:
        return _refusal(request, invalid_parameter("The request is not valid UTF-8"))


def _check_credentials(request: web.Request) -> None:
    """Lets the account in everywhere, and a person with a Flex token where browsers read."""
    kind = request.get(CREDENTIALS, "none")
    if kind == "token":
        holder = tokens.holder(world_of(request), _basic_password(request))
        if holder is None or not oauth.may_read(world_of(request), holder[0], request.method, request.path):
            raise WireError(403, "A Flex token does not open this", code=45003)
    elif kind not in ("account", "key"):
        raise unauthenticated()


def _refusal(request: web.Request, error: WireError) -> web.Response:
    style = world_of(request).switches.error_bodies
    return answer(error.body(style), error.status, error.headers)


def _is_ours(request: web.Request) -> bool:
    """Whether the request is for the sandbox itself: no service of Twilio's, so no faults and no log."""
    return request.path == "/" or request.path.startswith(_OUR_FOLDERS)


def _credentials(request: web.Request, world: World) -> str:
    """The kind of credentials: account, key, token, none or wrong; never what they are."""
    if "Authorization" not in request.headers:
        return "none"
    value = _basic_value(request)
    kind = world.credentials.get(value)
    if kind is None:
        kind = "token" if tokens.holder(world, _basic_password(request)) else "wrong"
    return kind


def _basic_value(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    # Twilio's browser SDK ends the header with a stray bracket, and Twilio accepts it.
    return value.strip().removesuffix(")") if scheme.lower() == "basic" else ""


def _basic_password(request: web.Request) -> str:
    """The Flex token that a browser sends as the password of the user `token`; empty for anything else."""
    try:
        name, _, password = base64.b64decode(_basic_value(request)).decode().partition(":")
    except ValueError:
        return ""
    return password if name == oauth.TOKEN_USER else ""


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
