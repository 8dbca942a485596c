"""The engine's events as plans and outcomes, without an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from flexres.apply.outcome import Result
from flexres.apply.pulumi.cli import choose, find_pulumi, required
from flexres.apply.pulumi.events import REQUESTS, Steps, outcomes, plain_error, seen_by_engine
from flexres.apply.pulumi.project import backend_url, engine_environment
from flexres.errors import SetupError
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan
from tests.unit.reconcile import builders


def plan(**kinds: Kind) -> Plan:
    """A plan of one change a name."""
    changes = tuple(UserChange(f"{name}@example.com", kind, reason="why") for name, kind in kinds.items())
    return replace(builders.plan_for(), changes=changes)


def urn(name: str, kind: str = "User") -> str:
    return f"urn:pulumi:test::flexres::pulumi-python:dynamic/flexres:{kind}::{name}"


def step(event: str, op: str, name: str, kind: str = "User", **inputs: Any) -> EngineEvent:
    state = {"type": "x", "urn": "x", "id": "x", "parent": "", "provider": "", "inputs": inputs, "outputs": {}}
    metadata = {"op": op, "urn": urn(name, kind), "type": "x", "provider": "", "new": state, "old": None}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, event: {"metadata": metadata}})


def diagnostic(message: str, name: str = "", kind: str = "User", severity: str = "error") -> EngineEvent:
    event = {"message": message, "color": "raw", "severity": severity, "urn": urn(name, kind) if name else ""}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": event})


def steps(*events: EngineEvent) -> Steps:
    taken = Steps()
    for event in events:
        taken.take(event)
    return taken


def ana(event: str, op: str) -> EngineEvent:
    return step(event, op, "ana@example.com", username="ana@example.com")


def test_what_the_engine_finished_is_done() -> None:
    found = outcomes(plan(ana=Kind.CREATE), steps(ana("resourcePreEvent", "create"), ana("resOutputsEvent", "create")))
    assert [one.result for one in found] == [Result.DONE]


@pytest.mark.parametrize("said_first", [True, False])
def test_what_failed_says_why_in_whatever_order_the_events_come(said_first: bool) -> None:
    events = [
        diagnostic("<{%fg 1%}>error: <{%reset%}>Failed: ana@example.com: no such channel\n", "ana@example.com"),
        ana("resOpFailedEvent", "create"),
    ]
    found = outcomes(
        plan(ana=Kind.CREATE), steps(ana("resourcePreEvent", "create"), *(events if said_first else events[::-1]))
    )
    assert [(one.result, one.message) for one in found] == [(Result.FAILED, "no such channel")]


def test_what_was_begun_or_not_even_that_is_not_started() -> None:
    found = outcomes(plan(ana=Kind.CREATE, bob=Kind.UPDATE), steps(ana("resourcePreEvent", "create")))
    assert [one.result for one in found] == [Result.NOT_STARTED, Result.NOT_STARTED]


def test_of_those_without_a_resource_only_the_named_failed() -> None:
    found = outcomes(
        plan(cho=Kind.RETIRE, dan=Kind.RETIRE),
        steps(
            step(
                "resourcePreEvent",
                "update",
                "departures",
                "Departures",
                leaving=["cho@example.com", "dan@example.com"],
            ),
            diagnostic("Failed: dan@example.com: left alone: our marker is gone", "departures", "Departures"),
        ),
    )
    assert [one.result for one in found] == [Result.DONE, Result.FAILED]
    assert found[1].message == "left alone: our marker is gone"


def test_blocked_and_waiting_are_as_in_the_direct_engine() -> None:
    found = outcomes(plan(ana=Kind.BLOCKED, bob=Kind.AT_IDP), steps())
    assert [(one.result, one.message) for one in found] == [(Result.BLOCKED, "why"), (Result.DONE, "")]


def test_refreshing_and_reading_are_no_steps() -> None:
    assert steps(ana("resourcePreEvent", "refresh"), ana("resourcePreEvent", "same")).users == {}


def test_what_the_engine_does_not_plan_is_blocked() -> None:
    """Flex moved between the two readings; nobody is told that it will be done."""
    seen, noted = seen_by_engine(plan(ana=Kind.CREATE, bob=Kind.UPDATE), steps(ana("resourcePreEvent", "create")))
    assert [change.kind for change in seen.changes] == [Kind.CREATE, Kind.BLOCKED]
    assert noted == 0


def test_users_of_whom_only_the_state_takes_note_are_counted() -> None:
    assert seen_by_engine(plan(), steps(ana("resourcePreEvent", "create")))[1] == 1


def test_errors_of_no_user_are_kept_once_and_consequences_left_out() -> None:
    taken = steps(
        diagnostic("error: update failed"),
        diagnostic("error: refused by a guard, nothing was sent", "roster", "Roster"),
        diagnostic("error: refused by a guard, nothing was sent", "roster", "Roster"),
        diagnostic("only a note", severity="info"),
    )
    assert taken.errors == ["refused by a guard, nothing was sent"]


def test_the_providers_requests_are_counted() -> None:
    said = [diagnostic(f"debug: {REQUESTS}{count}", severity="debug") for count in (3, 12, 11)]
    assert steps(*said).requests == 12


def test_an_error_is_told_in_its_own_words() -> None:
    said = "error: pulumi-python:dynamic/flexres:Roster resource 'roster' has a problem: refused\n\n"
    assert plain_error(said) == "refused"


def test_auto_is_pulumi_where_it_is_installed(tmp_path) -> None:
    (tools := tmp_path / ".tools" / "pulumi" / "bin").mkdir(parents=True)
    environ = {"PATH": "", "PULUMI_HOME": str(tmp_path / "home")}
    assert find_pulumi(tmp_path, environ) is None
    assert choose("auto", None, None) == "direct"
    with pytest.raises(SetupError, match="not installed"):
        required(None)
    (tools / "pulumi").write_text("#!/bin/sh\n")
    (tools / "pulumi").chmod(0o755)
    assert find_pulumi(tmp_path, environ) == tools / "pulumi"
    assert choose("auto", None, tools / "pulumi") == "pulumi"
    assert choose("auto", "direct", tools / "pulumi") == "direct"
    assert choose("direct", None, tools / "pulumi") == "direct"


def test_the_empty_passphrase_is_set_only_where_nobody_set_one_and_pulumi_keeps_none(tmp_path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: flexres\nbackend:\n  url: file://.pulumi-state\n")
    assert engine_environment(tmp_path, {})["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "PULUMI_CONFIG_PASSPHRASE" not in engine_environment(tmp_path, {"PULUMI_CONFIG_PASSPHRASE_FILE": "x"})
    cloud = {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}
    assert "PULUMI_CONFIG_PASSPHRASE" not in engine_environment(tmp_path, cloud)
    assert engine_environment(tmp_path, {})["PULUMI_SKIP_CHECKPOINTS"] == "true"
    assert "PULUMI_SKIP_CHECKPOINTS" not in engine_environment(tmp_path, {"PULUMI_SKIP_CHECKPOINTS": "false"})
    assert backend_url(tmp_path, {}) == "file://.pulumi-state"
