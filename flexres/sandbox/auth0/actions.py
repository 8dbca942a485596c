"""Actions and the login flow: drafts are built, deployed and bound in an order, and each is run as JavaScript.

QuickJS stands in for Node.js: actions that need modules of npm do not run here.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import quickjs  # type: ignore[import-untyped]
from aiohttp import web

from flexres.sandbox.auth0.management import Refusal, body_of, managed, page_of
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


_SECONDS = 5
_MEMORY = 64 * 1024 * 1024
_API = """
const __asked = {attributes: [], probes: null, denied: null, error: null, done: false};
const __saml = new Proxy({}, {get: (_, name) => (...given) => {
  if (name === "setAttribute") __asked.attributes.push([String(given[0]), given[1] === undefined ? null : given[1]]);
  else if (name === "setNameIdentifierProbes") __asked.probes = given[0].map(String);
  return api;
}});
const __others = new Proxy({}, {get: () => () => api});
const __access = {deny: (reason) => { __asked.denied = String(reason); return api; }};
const api = new Proxy({samlResponse: __saml, access: __access},
  {get: (known, name) => name in known ? known[name] : __others});
const console = {log() {}, info() {}, warn() {}, error() {}, debug() {}};
const exports = {};
const module = {exports};
"""
_RUN = """
(async () => {
  try {
    const handler = exports.onExecutePostLogin || module.exports.onExecutePostLogin;
    if (handler) await handler(event, api);
    __asked.done = true;
  } catch (error) { __asked.error = String(error && error.message || error); }
})();
"""


class ActionError(Exception):
    """An action failed: which one, and how."""


@dataclass(slots=True)
class Asked:
    """What the actions of a flow asked for together. `denied` is the reason for which nobody gets in."""

    attributes: dict[str, str | list[str]] = field(default_factory=dict)
    probes: list[str] = field(default_factory=list)
    denied: str | None = None


def run_flow(flow: Iterable[Thing], event: Mapping[str, Any]) -> Asked:
    """Run the deployed versions of a flow's actions in their order; a denial ends it.

    Raises:
        ActionError: an action threw an error, or did not end.
    """
    asked = Asked()
    for binding in flow:
        found = _run(binding["display_name"], binding["action"]["deployed_version"]["code"], event)
        for name, value in found["attributes"]:
            _set(asked.attributes, name, value)
        asked.probes = found["probes"] or asked.probes
        asked.denied = found["denied"]
        if asked.denied is not None:
            break
    return asked


def _run(name: str, code: str, event: Mapping[str, Any]) -> dict[str, Any]:
    context = quickjs.Context()
    context.set_time_limit(_SECONDS)
    context.set_memory_limit(_MEMORY)
    try:
        context.eval(f"const event = {json.dumps(event)};\n{_API}")
        context.eval(code)
        context.eval(_RUN)
        while context.execute_pending_job():
            pass
        found: dict[str, Any] = json.loads(str(context.eval("JSON.stringify(__asked)")))
    except quickjs.JSException as error:
        raise ActionError(f"{name}: {str(error).splitlines()[0]}") from None
    if found["error"] is not None or not found["done"]:
        raise ActionError(f"{name}: {found['error'] or 'it did not end'}")
    return found


def _set(attributes: dict[str, str | list[str]], name: str, value: Any) -> None:
    if value is None:
        attributes.pop(name, None)
    elif isinstance(value, list):
        attributes[name] = [_text(item) for item in value]
    else:
        attributes[name] = _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
