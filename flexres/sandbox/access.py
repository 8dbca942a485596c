"""Who may speak to the sandbox: this machine by its own names; at its own endpoints no page from elsewhere, and at
Flex's those of trusted origins.

Which origins Twilio lets in is not published; a page from nowhere must not drive the sandbox with its known keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from flexres.sandbox.errors import WireError
from flexres.sandbox.formats import answer
from flexres.sandbox.sso.settings import is_loopback as is_loopback_name
from flexres.sandbox.sso.settings import trusted_origins
from flexres.sandbox.state import world_of

_CONTROLS = ("/_sandbox/", "/idp/response")
_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
_SENT = "content-type, authorization, x-flex-jwe, if-match"
_READ = "ETag, Twilio-Request-Id, Twilio-Concurrent-Requests, Twilio-Request-Duration, Retry-After"


@web.middleware
async def keep_strangers_out(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuses requests under names that are not this machine's, and control from other origins."""
    try:
        _check_host(request.headers.get("Host", ""))
        if request.path.startswith(_CONTROLS):
            _check_origin(request)
    except WireError as error:
        return answer(error.body(), error.status)
    return await handler(request)


def _check_host(header: str) -> None:
    """A page whose name was made to lead here (DNS rebinding) still says its own name."""
    try:
        host = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        host = ""
    if host != "localhost" and not _is_loopback(host):
        raise WireError(421, f"Host is {header!r}: the sandbox answers to localhost and loopback addresses alone")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_origin(request: web.Request) -> None:
    """A page from elsewhere, open in the same browser, must not turn our switches: browsers name where it is from."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise WireError(403, f"{origin} may not control this sandbox")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise WireError(403, "A page from elsewhere may not control this sandbox")


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks if it may ask."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def headers_for(request: web.Request) -> dict[str, str]:
    """The headers for this request's origin; only Vary for one that may not, or for a client that is no browser."""
    origin = request.headers.get("Origin", "")
    if not origin or not _may_read(request, origin):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Expose-Headers": _READ,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _may_read(request: web.Request, origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    return (host is not None and is_loopback_name(host)) or origin in trusted_origins(world_of(request))
