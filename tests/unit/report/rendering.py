"""The reports of plans, runs and drift as the tests ask for them: one call from a value to what is read."""

from __future__ import annotations

from typing import Any

from flexres.apply.outcome import Applied
from flexres.reconcile.drift.findings import Drift
from flexres.reconcile.plan import Plan
from flexres.report.drift import json as of_drift
from flexres.report.drift import text
from flexres.report.drift import text as drift_as_markdown
from flexres.report.drift.model import drift_report_of
from flexres.report.html.page import page_html
from flexres.report.next_step import PlanRun
from flexres.report.plan import json as of_plan
from flexres.report.plan import markdown as plan_as_markdown
from flexres.report.plan import text as plan_as_text
from flexres.report.plan.model import applied_report_of, report_of
from flexres.report.plan.risks import Position

READ = PlanRun(seconds=0.9, requests=4)


def plan_text(plan: Plan, *, run: PlanRun = READ, position: Position | None = None, **look: Any) -> str:
    return plan_as_text.plan_text(report_of(plan, run, position), **look)


def plan_markdown(plan: Plan, *, run: PlanRun = READ, position: Position | None = None, **limit: Any) -> str:
    return plan_as_markdown.plan_markdown(report_of(plan, run, position), **limit)


def plan_json(plan: Plan, *, run: PlanRun = READ, position: Position | None = None) -> dict[str, Any]:
    return of_plan.plan_json(report_of(plan, run, position))


def applied_text(applied: Applied, *, run: PlanRun = READ, position: Position | None = None, **look: Any) -> str:
    return plan_as_text.applied_text(applied_report_of(applied, run, position), **look)


def applied_markdown(applied: Applied, *, run: PlanRun = READ, position: Position | None = None, **limit: Any) -> str:
    return plan_as_markdown.applied_markdown(applied_report_of(applied, run, position), **limit)


def applied_json(applied: Applied, *, run: PlanRun = READ, position: Position | None = None) -> dict[str, Any]:
    return of_plan.applied_json(applied_report_of(applied, run, position))


def plan_page(plan: Plan, *, run: PlanRun = READ, position: Position | None = None, **around: Any) -> str:
    return page_html(report_of(plan, run, position), **around)


def applied_page(applied: Applied, *, run: PlanRun = READ, position: Position | None = None, **around: Any) -> str:
    return page_html(applied_report_of(applied, run, position), **around)


def drift_page(drift: Drift, *, run: PlanRun = READ, position: Position | None = None, **around: Any) -> str:
    return page_html(drift_report_of(drift, run, position), **around)


def drift_text(drift: Drift, *, run: PlanRun = READ, position: Position | None = None, **look: Any) -> str:
    return text.drift_text(drift_report_of(drift, run, position), **look)


def drift_markdown(drift: Drift, *, run: PlanRun = READ, position: Position | None = None, **limit: Any) -> str:
    return drift_as_markdown.drift_markdown(drift_report_of(drift, run, position), **limit)


def drift_json(drift: Drift, *, run: PlanRun = READ, position: Position | None = None) -> dict[str, Any]:
    return of_drift.drift_json(drift_report_of(drift, run, position))


def drift_message(drift: Drift, *, text_alone: bool) -> dict[str, Any]:
    return text.drift_message(drift_report_of(drift), text_alone=text_alone)
