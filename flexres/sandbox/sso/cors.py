"""What a browser has to be told before a page of another origin may talk to Flex: only trusted ones, and this machine.

Which origins Twilio lets in is not published; a page from nowhere must not drive the sandbox with its known keys.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from flexres.sandbox.sso.addresses import is_loopback
from flexres.sandbox.sso.settings import trusted_origins
from flexres.sandbox.state import world_of

_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
_SENT = "content-type, authorization, x-flex-jwe, if-match"
_READ = "ETag, Twilio-Request-Id, Twilio-Concurrent-Requests, Twilio-Request-Duration, Retry-After"


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks if it may ask."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def headers_for(request: web.Request) -> dict[str, str]:
    """The headers for this request's origin; only Vary for one that may not, or for a client that is no browser."""
    origin = request.headers.get("Origin", "")
    if not origin or not _may(request, origin):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Expose-Headers": _READ,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _may(request: web.Request, origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    return (host is not None and is_loopback(host)) or origin in trusted_origins(world_of(request))
