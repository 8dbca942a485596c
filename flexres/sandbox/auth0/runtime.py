"""The login flow carried out: each bound action is run as JavaScript, and what it asked for is gathered.

QuickJS stands in for Node.js: actions that need modules of npm do not run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import quickjs  # type: ignore[import-untyped]

from flexres.sandbox.auth0.tenant import Thing

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
