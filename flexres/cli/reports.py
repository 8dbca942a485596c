"""A plan, an outcome or drift in the format that was asked for; the formats themselves are those of `report`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flexres.apply.outcome import Applied, Result
from flexres.cli.options import DriftFormat, PageFormat, PlanFormat
from flexres.cli.output import look_of
from flexres.cli.pages import page_of, plan_annotations
from flexres.desired.stack import Stack
from flexres.reconcile.drift.findings import Drift
from flexres.reconcile.plan import Plan
from flexres.report.comment import LIMIT
from flexres.report.drift.json import drift_json
from flexres.report.drift.junit import drift_junit
from flexres.report.drift.markdown import drift_markdown
from flexres.report.drift.text import drift_text
from flexres.report.plan.json import applied_json, plan_json
from flexres.report.plan.markdown import applied_markdown, plan_markdown
from flexres.report.plan.text import applied_text, plan_text
from flexres.report.plan.verdict import summarise
from flexres.report.wording import KINDS


def plan_report(
    plan: Plan,
    stack: Stack,
    report_format: PlanFormat = "text",
    out: Path | None = None,
    *,
    verbose: bool = False,
    limit: int = LIMIT,
    reports: Path | None = None,
) -> str:
    """A plan for standard output, or for the file `out`; `limit` is of characters, and holds for Markdown alone.

    `reports` is a folder of earlier reports, which the HTML page shows.
    """
    match report_format:
        case "json":
            return json.dumps(plan_json(plan, position=stack.line_of), indent=2, ensure_ascii=False)
        case "markdown":
            return plan_markdown(plan, position=stack.line_of, limit=limit)
        case "html":
            return page_of(plan_json(plan, position=stack.line_of), stack, reports)
        case "github":
            return plan_annotations(plan, stack)
        case "text":
            look = look_of(sys.stdout, out)
            return plan_text(plan, width=look.width, colour=look.colour, verbose=verbose, position=stack.line_of)


def plan_line(plan: Plan) -> str:
    """A plan in one line: `needs care: 3 to add, 1 to retire`."""
    summary = summarise(plan)
    counted = [f"{count:,} {KINDS[kind].to_do}" for kind, count in summary.counts.items()]
    return f"{summary.verdict}: {', '.join(counted) or f'{plan.in_sync:,} as declared'}"


def applied_line(applied: Applied) -> str:
    """What became of a plan in one line: `9 done, 1 failed (exit 5)`."""
    counted = applied.counts()
    said = ", ".join(f"{counted[one]:,} {one}" for one in Result if counted[one]) or "0 done"
    return f"{said} (exit {int(applied.exit)})"


def applied_report(
    applied: Applied,
    stack: Stack,
    report_format: PageFormat = "text",
    out: Path | None = None,
    *,
    verbose: bool = False,
    reports: Path | None = None,
) -> str:
    """What became of a plan, for standard output or for the file `out`; `reports` as for a plan."""
    match report_format:
        case "json":
            return json.dumps(applied_json(applied, position=stack.line_of), indent=2, ensure_ascii=False)
        case "markdown":
            return applied_markdown(applied, position=stack.line_of)
        case "html":
            return page_of(applied_json(applied, position=stack.line_of), stack, reports)
        case "text":
            look = look_of(sys.stdout, out)
            return applied_text(applied, width=look.width, colour=look.colour, verbose=verbose, position=stack.line_of)


def drift_report(
    drift: Drift,
    stack: Stack,
    report_format: DriftFormat = "text",
    out: Path | None = None,
    *,
    verbose: bool = False,
    limit: int = LIMIT,
    reports: Path | None = None,
) -> str:
    """Drift for standard output, or for the file `out`; `limit` and `reports` as for a plan."""
    match report_format:
        case "json":
            return json.dumps(drift_json(drift, position=stack.line_of), indent=2, ensure_ascii=False)
        case "markdown":
            return drift_markdown(drift, position=stack.line_of, limit=limit)
        case "html":
            return page_of(drift_json(drift, position=stack.line_of), stack, reports)
        case "junit":
            return drift_junit([drift], position=stack.line_of)
        case "text":
            look = look_of(sys.stdout, out)
            return drift_text(drift, width=look.width, colour=look.colour, verbose=verbose, position=stack.line_of)
