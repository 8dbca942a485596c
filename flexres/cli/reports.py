"""A plan, an outcome or drift in the format that was asked for; the formats themselves are those of `report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from flexres.apply.outcome import Applied, Result
from flexres.cli.earlier_reports import past_of
from flexres.cli.options import DriftFormat, PageFormat, PlanFormat
from flexres.cli.output import look_of
from flexres.desired.stack import Stack
from flexres.desired.yaml.problems import render_github
from flexres.errors import Position, Problem
from flexres.report import ci
from flexres.report.comment import LIMIT
from flexres.report.drift.json import drift_json
from flexres.report.drift.junit import drift_junit
from flexres.report.drift.markdown import drift_markdown
from flexres.report.drift.model import DriftReport
from flexres.report.drift.text import drift_text
from flexres.report.html.rows import Person
from flexres.report.plan.json import Report, applied_json, plan_json
from flexres.report.plan.markdown import applied_markdown, plan_markdown
from flexres.report.plan.model import AppliedReport, PlanReport
from flexres.report.plan.text import applied_text, plan_text
from flexres.report.sarif import sarif
from flexres.report.terms import KINDS


def plan_as(
    report: PlanReport,
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
            return json.dumps(plan_json(report), indent=2, ensure_ascii=False)
        case "markdown":
            return plan_markdown(report, limit=limit)
        case "html":
            return page_of(plan_json(report), stack, reports)
        case "github":
            return plan_annotations(report, stack)
        case "sarif":
            return json.dumps(sarif(_on_lines(report, stack, most=None), "plan"), indent=2, ensure_ascii=False)
        case "text":
            look = look_of(sys.stdout, out)
            return plan_text(report, width=look.width, colour=look.colour, verbose=verbose)


def plan_line(report: PlanReport) -> str:
    """A plan in one line: `needs care: 3 to add, 1 to retire`."""
    counted = [f"{count:,} {KINDS[kind].to_do}" for kind, count in report.counts.items()]
    return f"{report.verdict}: {', '.join(counted) or f'{report.plan.in_sync:,} as declared'}"


def applied_line(applied: Applied) -> str:
    """What became of a plan in one line, which needs no report: `9 done, 1 failed (exit 5)`."""
    counted = applied.counts()
    said = ", ".join(f"{counted[one]:,} {one}" for one in Result if counted[one]) or "0 done"
    return f"{said} (exit {int(applied.exit)})"


def applied_as(
    report: AppliedReport,
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
            return json.dumps(applied_json(report), indent=2, ensure_ascii=False)
        case "markdown":
            return applied_markdown(report)
        case "html":
            return page_of(applied_json(report), stack, reports)
        case "text":
            look = look_of(sys.stdout, out)
            return applied_text(report, width=look.width, colour=look.colour, verbose=verbose)


def drift_as(
    report: DriftReport,
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
            return json.dumps(drift_json(report), indent=2, ensure_ascii=False)
        case "markdown":
            return drift_markdown(report, limit=limit)
        case "html":
            return page_of(drift_json(report), stack, reports)
        case "junit":
            return drift_junit([report])
        case "text":
            look = look_of(sys.stdout, out)
            return drift_text(report, width=look.width, colour=look.colour, verbose=verbose)


def page_of(report: Report, stack: Stack, reports: Path | None) -> str:
    """A report in its JSON shape as a page, with everybody whom the stack declares; `reports` are earlier ones.

    Raises SetupError where the folder of earlier reports cannot be read.
    """
    from flexres.report.html.page import page_html  # noqa: PLC0415 - most runs make no page

    people = [Person(user.username, user.full_name, user.roles, user.file) for user in stack.users.values()]
    return page_html(report, people=people, past=past_of(reports, stack.config.id))


def plan_annotations(report: PlanReport, stack: Stack) -> str:
    """What stands in the plan's way as GitHub's workflow commands, one a line; empty where nothing does."""
    return render_github(_on_lines(report, stack, most=ci.MOST))


def _on_lines(report: PlanReport, stack: Stack, *, most: int | None) -> Sequence[Problem]:
    def user(username: str) -> Position | None:
        return stack.position_of(username) if username in stack.users else None

    return ci.on_lines(report, user=user, policy=stack.position, most=most)
