"""What every request of the Management API passes: its token and scope, the rate limit, Auth0's errors."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from aiohttp import web

from flexres.sandbox.auth0.tenant import CLIENT_ID, CLIENT_SECRET, Tenant, Thing
from flexres.sandbox.formats import answer
from flexres.sandbox.state import world_of

Handler = Callable[[web.Request, Tenant], Awaitable[Any]]
_LIFE = 86_400


class Refusal(Exception):  # noqa: N818 - it is what the wire says
    """An answer of 400 or more, with Auth0's own code."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    def body(self) -> Mapping[str, object]:
        """Auth0's error body."""
        said: dict[str, object] = {"statusCode": self.status, "error": HTTPStatus(self.status).phrase}
        said["message"] = self.message
        return {**said, "errorCode": self.code} if self.code else said


def tenant_of(request: web.Request) -> Tenant:
    """The tenant that a request was sent to."""
    return world_of(request).auth0


def managed(*scopes: str, status: int = 200) -> Callable[[Handler], Callable[[web.Request], Awaitable[web.Response]]]:
    """A handler of the Management API that needs any of these scopes; what it gives back becomes the answer."""

    def guard(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        @wraps(handler)
        async def guarded(request: web.Request) -> web.Response:
            tenant = tenant_of(request)
            headers: dict[str, str] = {}
            try:
                granted = _granted(request, tenant)
                passes, headers = tenant.rate.take()
                if not passes:
                    raise Refusal(429, "Global limit has been reached", "too_many_requests")
                if not set(scopes) & granted:
                    raise Refusal(
                        403, f"Insufficient scope, expected any of: {', '.join(scopes)}", "insufficient_scope"
                    )
                return answer(await handler(request, tenant), status, headers)
            except Refusal as refusal:
                return answer(refusal.body(), refusal.status, headers)

        return guarded

    return guard


def _granted(request: web.Request, tenant: Tenant) -> set[str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal(401, "Missing authentication")
    found = tenant.get("token", _digest(token))
    if found is None:
        raise Refusal(401, "Invalid token")
    if found["expires"] <= time.time():
        raise Refusal(401, "Expired token received for JSON Web Token validation")
    return set(found["scopes"])


async def body_of(request: web.Request) -> Thing:
    """The body as a JSON object."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request payload JSON format", "invalid_body")
    return body


def page_of(request: web.Request, things: list[Thing], key: str) -> object:
    """The page that a request names: a list, or with include_totals an object with the list under `key`."""
    page, size = page_asked(request)
    return paged(request, things[page * size : (page + 1) * size], key, total=len(things))


def page_asked(request: web.Request) -> tuple[int, int]:
    """The number and the size of the page that a request names."""
    page, size = (_number(request, name, usual) for name, usual in (("page", 0), ("per_page", 50)))
    if not 1 <= size <= 100:
        raise Refusal(400, "Query validation error: 'per_page' must be between 1 and 100", "invalid_query_string")
    return page, size


def paged(request: web.Request, here: list[Thing], key: str, *, total: int) -> object:
    """One page as the answer has it."""
    if request.query.get("include_totals") != "true":
        return here
    page, size = page_asked(request)
    return {key: here, "start": page * size, "limit": size, "length": len(here), "total": total}


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Refusal(400, f"Query validation error: '{name}' must be a number", "invalid_query_string")
    return int(text)


def chosen_fields(request: web.Request, thing: Thing) -> Thing:
    """What of a thing was asked for."""
    names = [name for name in request.query.get("fields", "").split(",") if name]
    if not names:
        return thing
    included = request.query.get("include_fields", "true") == "true"
    return {name: value for name, value in thing.items() if (name in names) == included}


def new_token(tenant: Tenant, scopes: tuple[str, ...], *, life: float = _LIFE) -> str:
    """A token that may do this, for so many seconds."""
    token = secrets.token_urlsafe(32)
    digest = _digest(token)
    tenant.put("token", digest, "", {"scopes": scopes, "expires": time.time() + life})
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _token(request: web.Request) -> web.Response:
    tenant = tenant_of(request)
    try:
        body = await body_of(request)
    except Refusal as refusal:
        return answer(refusal.body(), refusal.status)
    if body.get("grant_type") != "client_credentials":
        return answer({"error": "unsupported_grant_type", "error_description": "Use client_credentials"}, 403)
    if (body.get("client_id"), body.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return answer({"error": "access_denied", "error_description": "Unauthorized"}, 401)
    if not str(body.get("audience", "")).endswith("/api/v2/"):
        return answer({"error": "access_denied", "error_description": "Service not enabled within domain"}, 403)
    scopes = tenant.scopes
    said = {"token_type": "Bearer", "expires_in": _LIFE, "scope": " ".join(scopes)}
    return answer({"access_token": new_token(tenant, scopes), **said})


OPEN = [web.post("/oauth/token", _token)]
