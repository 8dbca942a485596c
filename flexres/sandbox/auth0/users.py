"""Users of the Management API: searched by pages, changed one by one, exported by a job."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from typing import Any

from aiohttp import web

from flexres.sandbox.auth0.management import (
    Refusal,
    body_of,
    chosen_fields,
    managed,
    page_asked,
    paged,
    tenant_of,
)
from flexres.sandbox.auth0.tenant import Tenant, Thing, instant
from flexres.sandbox.formats import answer, base_url

_MOST = 1000
_TERM = re.compile(r'(identities\.connection|email):"([^"]*)"')


@managed("read:users")
async def _search(request: web.Request, tenant: Tenant) -> Any:
    query = request.query.get("q", "")
    terms = _TERM.findall(query)
    if query and " AND ".join(f'{name}:"{value}"' for name, value in terms) != query:
        raise Refusal(
            400, f"The sandbox searches by identities.connection and email only: {query}", "invalid_query_string"
        )
    wanted = dict(terms)
    page, size = page_asked(request)
    if (page + 1) * size > _MOST:
        raise Refusal(400, f"You can only page through the first {_MOST} records.", "invalid_paging")
    connection, email = wanted.get("identities.connection"), wanted.get("email")
    if email is None:
        holding = "" if connection is None else _identity_of(connection)
        here, total = tenant.page("user", holding, skip=page * size, limit=size)
    else:
        users = tenant.named("user", email.casefold())
        found = [user for user in users if connection is None or connection in connections_of(user)]
        here, total = found[page * size : (page + 1) * size], len(found)
    return paged(request, [chosen_fields(request, user) for user in here], "users", total=total)


def _identity_of(connection: str) -> str:
    """What stands in the JSON of a user of that connection, as `new_user` writes an identity."""
    return f'"connection": {json.dumps(connection)}, "provider": '


def connections_of(user: Thing) -> set[str]:
    """The connections that a user can sign in by."""
    return {identity["connection"] for identity in user.get("identities", [])}


@managed("read:users")
async def _fetch(request: web.Request, tenant: Tenant) -> Any:
    return chosen_fields(request, _user(request, tenant))


@managed("update:users")
async def _update(request: web.Request, tenant: Tenant) -> Any:
    have, body = _user(request, tenant), await body_of(request)
    after = {**have, **body, "updated_at": instant()}
    for name in ("app_metadata", "user_metadata"):
        if isinstance(body.get(name), dict):
            # Only the first level is merged; null takes a key out.
            merged = {**(have.get(name) or {}), **body[name]}
            after[name] = {key: value for key, value in merged.items() if value is not None}
    return put_user(tenant, after)


@managed("create:users", status=201)
async def _create(request: web.Request, tenant: Tenant) -> Any:
    body = await body_of(request)
    connection, email = str(body.get("connection", "")), str(body.get("email", "")).lower()
    known = tenant.named("connection", connection)
    if not known or known[0]["strategy"] != "auth0" or len(str(body.get("password", ""))) < 8:
        raise Refusal(400, "Payload validation error: connection or password", "invalid_body")
    if any(connection in connections_of(user) for user in tenant.named("user", email)):
        raise Refusal(409, "The user already exists.", "auth0_idp_error")
    made = new_user(email, connection, name=str(body.get("name") or email), app_metadata=body.get("app_metadata"))
    return put_user(tenant, made)


def new_user(email: str, connection: str, *, name: str, app_metadata: Any = None) -> Thing:
    """A user as Auth0 shows one."""
    raw_id = secrets.token_hex(12)
    user: Thing = {
        "user_id": f"auth0|{raw_id}",
        "email": email,
        "email_verified": False,
        "name": name,
        "picture": "https://s.gravatar.com/avatar/0",
        "identities": [{"connection": connection, "provider": "auth0", "user_id": raw_id, "isSocial": False}],
        "created_at": instant(),
        "updated_at": instant(),
    }
    return user if app_metadata is None else {**user, "app_metadata": app_metadata}


def put_user(tenant: Tenant, user: Thing) -> Thing:
    """Keep a user."""
    return tenant.put("user", user["user_id"], user["email"].casefold(), user)


def _user(request: web.Request, tenant: Tenant) -> Thing:
    found = tenant.get("user", request.match_info["id"])
    if found is None:
        raise Refusal(404, "The user does not exist.", "inexistent_user")
    return found


@managed("read:users")
async def _export(request: web.Request, tenant: Tenant) -> Any:
    body = await body_of(request)
    if body.get("format") != "json":
        raise Refusal(400, "The sandbox exports format json only", "invalid_body")
    known = {thing["id"]: thing["name"] for thing in tenant.all("connection")}
    if body.get("connection_id") not in known:
        raise Refusal(404, "The connection does not exist", "inexistent_connection")
    made = {
        "id": f"job_{secrets.token_hex(8)}",
        "type": "users_export",
        "status": "pending",
        "format": "json",
        "connection": known[body["connection_id"]],
        "fields": [field["name"] for field in body.get("fields", [])],
        "created_at": instant(),
        "key": secrets.token_urlsafe(24),
    }
    return _shown(tenant.put("job", made["id"], made["key"], made))


@managed("read:users", "create:users")
async def _job(request: web.Request, tenant: Tenant) -> Any:
    found = tenant.get("job", request.match_info["id"])
    if found is None:
        raise Refusal(404, "The job does not exist", "inexistent_job")
    done = {**found, "status": "completed", "location": f"{base_url(request)}/auth0-exports/{found['key']}"}
    tenant.put("job", found["id"], found["key"], done)
    return _shown(done)


def _shown(job: Thing) -> Thing:
    return {name: value for name, value in job.items() if name not in ("key", "fields")}


async def _file(request: web.Request) -> web.Response:
    """The export itself, at an address that needs no token: whoever knows it may read it."""
    tenant = tenant_of(request)
    found = tenant.named("job", request.match_info["key"])
    if not found or found[0]["status"] != "completed":
        return answer(Refusal(404, "Not found").body(), 404)
    (job,) = found
    lines = [
        json.dumps({name: user[name] for name in job["fields"] if name in user})
        for user in tenant.all("user")
        if job["connection"] in connections_of(user)
    ]
    data = gzip.compress("\n".join(lines).encode(), compresslevel=1)
    return web.Response(body=data, content_type="application/gzip")


OPEN = [
    web.get("/api/v2/users", _search, allow_head=False),
    web.post("/api/v2/users", _create),
    web.get("/api/v2/users/{id}", _fetch, allow_head=False),
    web.patch("/api/v2/users/{id}", _update),
    web.post("/api/v2/jobs/users-exports", _export),
    web.get("/api/v2/jobs/{id}", _job, allow_head=False),
    web.get("/auth0-exports/{key}", _file, allow_head=False),
]
