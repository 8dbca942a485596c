"""What a CI gets of a report: annotations at the lines that can mend it, and outputs for other jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.errors import Position
from flexres.reconcile.change import SettingState
from flexres.reconcile.drift.findings import drift_of
from flexres.reconcile.plan import Plan
from flexres.report.ci import MOST, VERDICTS, applied_outputs, drift_outputs, on_lines, output_lines, plan_outputs
from flexres.report.drift.model import drift_report_of
from flexres.report.plan.model import report_of
from tests.unit.report import idp_samples, samples


def user(username: str) -> Position | None:
    return None if username.startswith("gone") else Position("users/team.yaml", 10 + len(username), 3)


def policy(*path: str) -> Position:
    return Position("flex.yaml", 5 if path else 1, 1 + len(path))


def lines(plan: Plan) -> list[tuple[str, str, str]]:
    return [
        (one.severity, str(one.position), one.message) for one in on_lines(report_of(plan), user=user, policy=policy)
    ]


def test_a_refusal_about_one_person_is_at_their_line() -> None:
    """There it can be mended, or a digest approves it."""
    found = lines(samples.busy_plan())
    assert ("error", "users/team.yaml:25:3", "lee@example.com gains admin") in found


def test_a_limit_is_at_its_line_of_the_policy() -> None:
    """It is about many, some of whom have no line any more."""
    found = {position for _, position, message in lines(samples.refused_plan()) if "max_" in message}
    assert found == {"flex.yaml:5:3"}


def test_the_blocked_are_warnings() -> None:
    """They stop nobody else."""
    found = {position for severity, position, _ in lines(samples.busy_plan()) if severity == "warning"}
    assert len(found) > 0


def test_a_plan_that_nothing_stands_in_the_way_of_has_no_annotation() -> None:
    """Changes are what a pull request is for."""
    assert lines(samples.safe_plan()) == []


def test_of_many_the_last_one_says_how_many_more() -> None:
    """GitHub shows ten of a step, and would drop the others without a word."""
    names = [f"u{n}@example.com" for n in range(25)]
    plan = samples.plan_of([samples.desired(name, roles=("admin",)) for name in names], [])
    found = lines(plan)
    assert len(found) == MOST
    assert found[-1][2].startswith("and 16 more")


@pytest.mark.parametrize(
    ("plan", "changes", "verdict"),
    [
        (samples.in_sync_plan(3), "0", "in sync"),
        (samples.safe_plan(), "3", "safe"),
        (samples.refused_plan(), "28", "refused"),
        (idp_samples.set_up_alone(), "3", "needs care"),
        (samples.sign_on_plan(SettingState.CHANGE), "1", "safe"),
    ],
)
def test_the_outputs_of_a_plan(plan: Plan, changes: str, verdict: str) -> None:
    """How much, how safe, and what approves it."""
    assert plan_outputs(report_of(plan)) == {"changes": changes, "verdict": verdict, "digest": plan.digest}


def test_the_outputs_of_a_run_count_what_was_done() -> None:
    """And say whether that was all."""
    applied = samples.applied(samples.approved_plan())
    assert applied_outputs(applied)["verdict"] == "done in part"
    assert applied_outputs(samples.none_done(samples.safe_plan()))["changes"] == "0"


def test_the_outputs_of_drift() -> None:
    """What is only to be known is no drift."""
    assert drift_outputs(drift_report_of(drift_of(samples.in_sync_plan(3)))) == {
        "changes": "0",
        "verdict": "no drift",
        "digest": "",
    }
    assert drift_outputs(drift_report_of(drift_of(samples.busy_plan())))["verdict"] == "drift"


def test_the_action_promises_the_verdicts_that_there_are() -> None:
    """A workflow is written by what action.yml says."""
    action = YAML(typ="safe").load(Path("action.yml").read_text(encoding="utf-8"))
    promised = action["outputs"]["verdict"]["description"]
    said = [f"{name} {', '.join(verdicts[:-1])} or {verdicts[-1]}" for name, verdicts in VERDICTS.items()]
    assert promised.startswith("Of a {}; of an {}; of {}. ".format(*said))


@pytest.mark.parametrize(
    "plan", [samples.in_sync_plan(3), samples.safe_plan(), samples.busy_plan(), samples.refused_plan()]
)
def test_no_verdict_is_without_a_promise(plan: Plan) -> None:
    """Of a plan, of its run and of its drift."""
    assert plan_outputs(report_of(plan))["verdict"] in VERDICTS["plan"]
    assert applied_outputs(samples.none_done(plan))["verdict"] in VERDICTS["apply"]
    assert drift_outputs(drift_report_of(drift_of(plan)))["verdict"] in VERDICTS["drift"]


def test_the_outputs_count_a_setting_once() -> None:
    """It is a change like any other."""
    plan = samples.sign_on_plan(SettingState.CHANGE)
    outcomes = tuple(Outcome(change, Result.DONE) for change in plan.pending)
    assert applied_outputs(Applied(plan, outcomes))["changes"] == "1"


def test_outputs_are_a_line_each() -> None:
    """No name or value of anybody is in them, so nothing can add a line."""
    assert output_lines(plan_outputs(report_of(samples.hostile_plan()))).count("\n") == 3
