"""Plans of one line and engine events, for tests without an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pulumi.automation.events import EngineEvent

from flexres.apply.pulumi.events import Steps
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan
from tests.unit.reconcile import builders


def plan(**kinds: Kind) -> Plan:
    """A plan of one change a name."""
    changes = tuple(UserChange(f"{name}@example.com", kind, reason="why") for name, kind in kinds.items())
    return replace(builders.plan_for(), changes=changes)


def urn(name: str, kind: str = "User") -> str:
    return f"urn:pulumi:test::flexres::pulumi-python:dynamic/flexres:{kind}::{name}"


def step(
    event: str, op: str, name: str, kind: str = "User", *, before: Any = None, gone: bool = False, **inputs: Any
) -> EngineEvent:
    """A step of a resource with these inputs; `before` are those that it had, and `gone`: it has none any more."""
    new, old = (None if each is None else _state(each) for each in (None if gone else inputs, before))
    metadata = {"op": op, "urn": urn(name, kind), "type": "x", "provider": "", "new": new, "old": old}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, event: {"metadata": metadata}})


def _state(inputs: Any) -> dict[str, Any]:
    return {"type": "x", "urn": "x", "id": "x", "parent": "", "provider": "", "inputs": inputs, "outputs": {}}


def diagnostic(message: str, name: str = "", kind: str = "User", severity: str = "error") -> EngineEvent:
    event = {"message": message, "color": "raw", "severity": severity, "urn": urn(name, kind) if name else ""}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": event})


def steps(*events: EngineEvent, ended: Callable[[str], None] | None = None) -> Steps:
    """All of these events, taken in."""
    taken = Steps(ended=ended)
    for event in events:
        taken.take(event)
    return taken


def ana(event: str, op: str) -> EngineEvent:
    return step(event, op, "ana@example.com", username="ana@example.com")
