"""Actions and the login flow of the Management API: drafts are built, deployed, and bound in an order."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from aiohttp import web

from flexres.sandbox.auth0.access import Refusal, body_of, managed, page_of
from flexres.sandbox.auth0.tenant import Tenant, Thing, instant

_TRIGGER = "post-login"
_WRITABLE = frozenset({"name", "code", "dependencies", "runtime", "secrets", "supported_triggers"})


@managed("read:actions")
async def _list(request: web.Request, tenant: Tenant) -> Any:
    trigger, name = request.query.get("triggerId"), request.query.get("actionName")
    found = [
        thing
        for thing in tenant.all("action")
        if (trigger is None or trigger in {one["id"] for one in thing["supported_triggers"]})
        and (name is None or thing["name"] == name)
    ]
    page: Any = page_of(request, found, "actions")
    return page if isinstance(page, dict) else {"actions": page, "total": len(found), "page": 0, "per_page": 50}


@managed("read:actions")
async def _fetch(request: web.Request, tenant: Tenant) -> Any:
    found = _action(request, tenant)
    if found["status"] == "pending":
        # Auth0 builds a draft behind the scenes: whoever deploys has to wait for that.
        tenant.put("action", found["id"], found["name"], {**found, "status": "built"})
    return found


@managed("create:actions", status=201)
async def _create(request: web.Request, tenant: Tenant) -> Any:
    body = await _written(request)
    if len(tenant.all("action")) >= tenant.most_actions:
        raise Refusal(403, "You reached the limit of entities of this type for this tenant.", "too_many_entities")
    if tenant.named("action", body["name"]):
        raise Refusal(409, "An action with the same name already exists", "action_conflict")
    made = {
        "id": str(uuid.uuid4()),
        "runtime": "node22",
        "dependencies": [],
        "secrets": [],
        **body,
        "status": "pending",
        "created_at": instant(),
        "updated_at": instant(),
        "all_changes_deployed": False,
    }
    return tenant.put("action", made["id"], made["name"], made)


@managed("update:actions")
async def _update(request: web.Request, tenant: Tenant) -> Any:
    have = _action(request, tenant)
    after = {**have, **await _written(request, whole=False), "status": "pending", "updated_at": instant()}
    after["all_changes_deployed"] = False
    return tenant.put("action", have["id"], after["name"], after)


@managed("create:actions", "update:actions", status=202)
async def _deploy(request: web.Request, tenant: Tenant) -> Any:
    have = _action(request, tenant)
    if have["status"] != "built":
        raise Refusal(400, "The draft must be in the 'built' state", "invalid_action_state")
    number = have.get("deployed_version", {}).get("number", 0) + 1
    version = {"id": str(uuid.uuid4()), "code": have["code"], "number": number, "deployed": True, "status": "built"}
    after = {**have, "deployed_version": version, "all_changes_deployed": True}
    tenant.put("action", have["id"], have["name"], after)
    return {**version, "action_id": have["id"]}


async def _written(request: web.Request, *, whole: bool = True) -> Thing:
    body = await body_of(request)
    unknown = sorted(body.keys() - _WRITABLE)
    missing = {"name", "supported_triggers"} - body.keys() if whole else set()
    if unknown or missing:
        message = f"Payload validation error: {', '.join([*unknown, *sorted(missing)])}"
        raise Refusal(400, message, "invalid_body")
    return body


def _action(request: web.Request, tenant: Tenant) -> Thing:
    found = tenant.get("action", request.match_info["id"])
    if found is None:
        raise Refusal(404, "That action was not found.", "action_not_found")
    return found


@managed("read:actions")
async def _bindings(request: web.Request, tenant: Tenant) -> Any:
    page: Any = page_of(request, flow(tenant), "bindings")
    return page if isinstance(page, dict) else {"bindings": page}


@managed("update:actions")
async def _bind(request: web.Request, tenant: Tenant) -> Any:
    wanted = (await body_of(request)).get("bindings")
    if request.match_info["trigger"] != _TRIGGER or not isinstance(wanted, list):
        raise Refusal(400, "Payload validation error: bindings", "invalid_body")
    after = [_binding(tenant, item) for item in wanted]
    tenant.clear("binding")
    tenant.put_all("binding", [(thing["id"], "", thing) for thing in after])
    return {"bindings": flow(tenant)}


def _binding(tenant: Tenant, wanted: Thing) -> Thing:
    ref = wanted.get("ref", {})
    kind, value = ref.get("type"), str(ref.get("value"))
    if kind == "binding_id":
        kept = tenant.get("binding", value)
        if kept is None:
            raise Refusal(400, f"There is no binding {value}", "invalid_body")
        return {**kept, "display_name": wanted.get("display_name", kept["display_name"])}
    found = tenant.get("action", value) if kind == "action_id" else next(iter(tenant.named("action", value)), None)
    if found is None or not found.get("deployed_version"):
        raise Refusal(400, "An action has to be deployed before it can be bound", "invalid_action_state")
    made = f"{secrets.token_hex(4)}-{uuid.uuid4()}"
    return {"id": made, "trigger_id": _TRIGGER, "action_id": found["id"], "display_name": wanted["display_name"]}


def flow(tenant: Tenant) -> list[Thing]:
    """The login flow, each binding with its action."""
    bindings = []
    for thing in tenant.all("binding"):
        action = tenant.get("action", thing["action_id"])
        if action is not None:
            bindings.append({**thing, "action": action})
    return bindings


_TRIGGERS = "/api/v2/actions/triggers/{trigger}/bindings"
OPEN = [
    web.get("/api/v2/actions/actions", _list, allow_head=False),
    web.post("/api/v2/actions/actions", _create),
    web.get("/api/v2/actions/actions/{id}", _fetch, allow_head=False),
    web.patch("/api/v2/actions/actions/{id}", _update),
    web.post("/api/v2/actions/actions/{id}/deploy", _deploy),
    web.get(_TRIGGERS, _bindings, allow_head=False),
    web.patch(_TRIGGERS, _bind),
]
