"""The JSON reports keep the shape that docs/schema/report.schema.json promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flexres.reconcile.change import Cause, Kind, Route, Why
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.plan import Plan
from flexres.report.terms import Risk, Verdict
from tests.unit.report import idp_samples, queue_samples, samples
from tests.unit.report.rendering import READ, applied_json, plan_json

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schema/report.schema.json").read_text(encoding="utf-8"))
PLANS = {
    "in sync": samples.in_sync_plan,
    "safe": samples.safe_plan,
    "busy": samples.busy_plan,
    "approved": samples.approved_plan,
    "refused": samples.refused_plan,
    "idp": samples.idp_plan,
    "hostile": samples.hostile_plan,
    "kept": samples.kept_plan,
    "leavers": samples.leavers_plan,
    "based": samples.based_plan,
    "offline": samples.offline,
    "cut off": samples.cut_off_plan,
    "sign on": samples.sign_on_plan,
    "managed idp": idp_samples.managed_idp_plan,
    "queues": queue_samples.queues_plan,
    "skills": queue_samples.skills_plan,
    "not committed": lambda: replace(samples.hostile_plan(), dirty=True),
    "channels taken for as set": lambda: as_set(samples.in_sync_plan()),
}


def as_set(plan: Plan) -> Plan:
    """A plan whose reading did not look into everybody's channels."""
    snapshot = replace(plan.evidence.snapshot, as_set=312)
    return replace(plan, evidence=replace(plan.evidence, snapshot=snapshot))


RUNS = {"based": replace(samples.BASED, base_commit="2b3c4d5", head="1a2b3c4"), "offline": samples.OFFLINE_RUN}


def reports() -> Iterator[dict[str, Any]]:
    for name, make in PLANS.items():
        plan = make()
        yield plan_json(plan, run=RUNS.get(name, READ), position=samples.position)
        if len(plan.users) > 1:
            yield applied_json(samples.applied(plan, interrupted=True), run=replace(READ, reviewed_by=("ana",)))
    yield applied_json(replace(samples.sign_on_applied(), errors=("the engine's lock was lost",)))
    yield applied_json(idp_samples.managed_idp_applied())


def through_json(report: dict[str, Any]) -> Any:
    return json.loads(json.dumps(report))


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_validates_against_the_published_schema(name: str) -> None:
    """Every kind of plan has the documented shape, after a round trip through text."""
    Draft202012Validator(SCHEMA).validate(
        through_json(plan_json(PLANS[name](), run=RUNS.get(name, READ), position=samples.position))
    )


@pytest.mark.parametrize("interrupted", [False, True])
def test_an_outcome_validates_against_the_published_schema(interrupted: bool) -> None:
    """So has every kind of outcome."""
    report = applied_json(samples.applied(samples.approved_plan(), interrupted=interrupted))
    Draft202012Validator(SCHEMA).validate(through_json(report))


def test_the_schema_describes_no_key_that_no_report_has() -> None:
    """A key that went away has to leave the schema, too."""
    described = {(name, key) for name, shape in SCHEMA["$defs"].items() for key in shape["properties"]}
    seen: set[tuple[str, str]] = set()
    for report in reports():
        seen.update((report["report"], key) for key in report)
        plan = report.get("plan", report)
        for shape, items in (
            ("risk", plan["risks"]),
            ("violation", plan["violations"]),
            ("guarded", plan["guarded"]),
            ("approval", [item["approval"] for item in plan["guarded"] if "approval" in item]),
            ("approval", plan["approvals"]),
            ("change", plan["changes"]),
            ("field", [field for change in plan["changes"] for field in change["fields"]]),
            ("outcome", report.get("outcomes", [])),
            ("queue", plan.get("queues", [])),
            ("setting", plan.get("settings", [])),
            ("settingOutcome", report.get("settings", []) if "plan" in report else []),
            ("idp", [plan["idp"]] if "idp" in plan else []),
            ("idpEdit", [change["idp"] for change in plan["changes"] if "idp" in change]),
            ("idpOutcome", report.get("idp", []) if "plan" in report else []),
        ):
            seen.update((shape, key) for item in items for key in item)
    assert described - seen == set()


@pytest.mark.parametrize(
    ("shape", "key", "words"),
    [
        ("risk", "kind", Risk),
        ("plan", "verdict", Verdict),
        ("violation", "rule", Rule),
        ("field", "cause", Cause),
        ("field", "route", Route),
        ("change", "why", Why),
        ("change", "kind", [kind for kind in Kind if kind is not Kind.UNMANAGED]),
    ],
)
def test_the_schema_lists_exactly_the_words_that_the_code_knows(shape: str, key: str, words: Any) -> None:
    """A new kind, rule or cause has to be published."""
    assert set(SCHEMA["$defs"][shape]["properties"][key]["enum"]) == {str(word) for word in words}


def test_an_absent_value_is_told_by_leaving_the_key_out() -> None:
    """Null is a value; nothing is no key."""
    changes = {change["username"]: change for change in plan_json(samples.busy_plan())["changes"]}
    fields = {field["key"]: field for field in changes["bob@example.com"]["fields"]}
    assert "before" not in fields["skill:billing"]
    assert fields["skill:billing"]["after"] == 3
    assert "after" not in fields["attr:vip"]


def test_no_worker_attribute_but_the_changed_ones_is_in_the_report() -> None:
    """What else a Worker knows is nobody's business here."""
    plan = samples.plan_of(
        [samples.desired("ana@example.com", attributes={"level": 3})],
        [samples.in_flex(samples.desired("ana@example.com", attributes={"level": 2}), then=[("attr:note", "private")])],
    )
    assert "private" not in json.dumps(plan_json(plan))


def test_the_next_command_names_what_lifts_the_guards() -> None:
    """A program can offer the approval as it is to be typed."""
    plan = samples.refused_plan()
    report = plan_json(plan)
    assert report["next"] == f"flexres apply --stack prod --approve {plan.digest}"
    assert report["digest"] == plan.digest


def test_the_same_plan_gives_the_same_json() -> None:
    """Nothing depends on when or where the report is made."""
    assert json.dumps(plan_json(samples.busy_plan())) == json.dumps(plan_json(samples.busy_plan()))
