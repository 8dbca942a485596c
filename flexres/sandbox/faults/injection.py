"""Faults carried out: given the rule that fired, what becomes of the request and of its answer."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from flexres.sandbox.errors import WireError, bad_page_token, too_many_requests
from flexres.sandbox.faults.rules import FaultRule
from flexres.sandbox.formats import answer
from flexres.sandbox.state import RESET, world_of
from flexres.sandbox.taskrouter.event_table import acting, in_console

Proceed = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TRICKLES = 10
_SPACES = b" " * 256 * 1024
_PAGE = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center></body>
</html>
"""
_MESSAGES = {500: (20500, "Internal Server Error"), 503: (20503, "Service Unavailable")}


async def answer_with_fault(fault: FaultRule, request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Answers a request that met a fault. `proceed` does what the request asks for; whether it is called is the
    difference between `before` and `after`."""
    if fault.kind in ("412-editor", "404-deleter"):
        _meddle(fault, request)
        return await proceed(request)
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
        return await proceed(request)
    if fault.kind in ("slow", "stall", "truncate", "endless", "cut"):
        return _mangled(fault, request, await proceed(request))
    if fault.when == "after":
        await proceed(request)
    if fault.kind == "reset":
        _reset(request)
        request[RESET] = True
        return web.Response(status=500)
    if fault.kind == "html":
        return web.Response(text=_PAGE, status=502, content_type="text/html")
    return _error(fault)


def _error(fault: FaultRule) -> web.Response:
    status = fault.status or 500
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if fault.kind == "expired-page":
        error = bad_page_token()
    elif status == 429:
        error = too_many_requests(headers)
    else:
        code, message = _MESSAGES.get(status, (None, f"Error {status} on request"))
        error = WireError(status, message, code=code, headers=headers)
    return answer(error.body(), error.status, error.headers)


def _mangled(fault: FaultRule, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The true answer, but slow, without an end, or only half of it. An answer without a body stays as it is."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or not body:
        return response
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    half = body[: max(1, len(body) // 2)]
    if fault.kind == "truncate":
        return web.Response(body=half, status=response.status, headers=headers)
    pieces = {
        "slow": _trickle(body, fault.seconds),
        "stall": _stalled(half, body[len(half) :], fault.seconds),
        "endless": _endless(half),
        "cut": _broken_off(half, request),
    }[fault.kind]
    return web.Response(body=pieces, status=response.status, headers=headers)


async def _trickle(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    step = max(1, -(-len(body) // _TRICKLES))
    for start in range(0, len(body), step):
        await asyncio.sleep(seconds / _TRICKLES)
        yield body[start : start + step]


async def _stalled(half: bytes, rest: bytes, seconds: float) -> AsyncIterator[bytes]:
    yield half
    await asyncio.sleep(seconds)
    yield rest


async def _endless(half: bytes) -> AsyncIterator[bytes]:
    """As much white space within the JSON as anybody reads."""
    yield half
    while True:
        yield _SPACES
        await asyncio.sleep(0)


async def _broken_off(half: bytes, request: web.Request) -> AsyncIterator[bytes]:
    yield half
    if request.transport is not None:
        request.transport.close()


def _reset(request: web.Request) -> None:
    """Ends the connection with a TCP reset: the client cannot know whether it was heard."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _meddle(fault: FaultRule, request: web.Request) -> None:
    """What a colleague does in Console at the worst moment: edits the Worker, or deletes it."""
    workers = world_of(request).store.workers
    worker = workers.by_sid(request.path.rpartition("/")[2])
    if worker is None:
        return
    with acting(in_console()):
        if fault.kind == "404-deleter":
            workers.delete(worker.sid)
            return
        attributes = worker.attribute_values | {"edited_meanwhile": worker.version + 1}
        workers.update(worker.sid, attributes=json.dumps(attributes, ensure_ascii=False))
