"""Applications and connections of the Management API."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from flexres.sandbox.auth0.management import Refusal, body_of, chosen_fields, managed, page_of
from flexres.sandbox.auth0.tenant import Tenant, Thing

_READABLE = ("name", "app_type", "callbacks", "addons", "client_metadata", "description")


@managed("read:clients", "read:client_keys")
async def _list(request: web.Request, tenant: Tenant) -> Any:
    return page_of(request, [chosen_fields(request, thing) for thing in tenant.all("client")], "clients")


@managed("read:clients", "read:client_keys")
async def _fetch(request: web.Request, tenant: Tenant) -> Any:
    return chosen_fields(request, _client(request, tenant))


@managed("create:clients", status=201)
async def _create(request: web.Request, tenant: Tenant) -> Any:
    body = await body_of(request)
    if not isinstance(body.get("name"), str) or not body["name"].strip():
        raise Refusal(400, "Payload validation error: 'Missing required property: name'.", "invalid_body")
    client_id = secrets.token_urlsafe(24)
    made: Thing = {"client_id": client_id, "tenant": "sandbox", "app_type": "", "callbacks": [], "addons": {}}
    made |= {"client_metadata": {}, **_given(body), "client_secret": secrets.token_urlsafe(48)}
    return tenant.put("client", client_id, made["name"], made)


@managed("update:clients")
async def _update(request: web.Request, tenant: Tenant) -> Any:
    have, body = _client(request, tenant), await body_of(request)
    given = _given(body)
    if "client_metadata" in given:
        merged = {**have["client_metadata"], **given["client_metadata"]}
        given["client_metadata"] = {name: value for name, value in merged.items() if value is not None}
    after = {**have, **given}
    return tenant.put("client", have["client_id"], after["name"], after)


def _given(body: Thing) -> Thing:
    unknown = sorted(body.keys() - set(_READABLE))
    if unknown:
        message = f"Payload validation error: 'Additional properties not allowed: {', '.join(unknown)}'."
        raise Refusal(400, message, "invalid_body")
    return dict(body)


def _client(request: web.Request, tenant: Tenant) -> Thing:
    found = tenant.get("client", request.match_info["id"])
    if found is None:
        raise Refusal(404, "The client does not exist", "inexistent_client")
    return found


@managed("read:connections")
async def _connections(request: web.Request, tenant: Tenant) -> Any:
    name = request.query.get("name")
    found = tenant.named("connection", name) if name else tenant.all("connection")
    everybody = [client["client_id"] for client in tenant.all("client")]
    return [chosen_fields(request, {"enabled_clients": everybody, **thing}) for thing in found]


OPEN = [
    web.get("/api/v2/clients", _list, allow_head=False),
    web.post("/api/v2/clients", _create),
    web.get("/api/v2/clients/{id}", _fetch, allow_head=False),
    web.patch("/api/v2/clients/{id}", _update),
    web.get("/api/v2/connections", _connections, allow_head=False),
]
