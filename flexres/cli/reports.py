"""A plan or an outcome in the format that was asked for; the formats themselves are those of `report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from flexres.apply.outcome import Applied
from flexres.cli.options import ReportFormat
from flexres.cli.output import look_of
from flexres.reconcile.model import Plan
from flexres.report.json_report import applied_json, plan_json
from flexres.report.markdown import applied_markdown, plan_markdown
from flexres.report.text import applied_text, plan_text

Position = Callable[[str], str | None]


def plan_report(
    plan: Plan, report_format: ReportFormat, out: Path | None, *, position: Position, verbose: bool = False
) -> str:
    """A plan for standard output, or for the file `out`."""
    if report_format == "json":
        return json.dumps(plan_json(plan, position=position), indent=2, ensure_ascii=False)
    if report_format == "markdown":
        return plan_markdown(plan, position=position)
    look = look_of(sys.stdout, out)
    return plan_text(plan, width=look.width, colour=look.colour, verbose=verbose, position=position)


def applied_report(
    applied: Applied, report_format: ReportFormat, out: Path | None, *, position: Position, verbose: bool = False
) -> str:
    """What became of a plan, for standard output or for the file `out`."""
    if report_format == "json":
        return json.dumps(applied_json(applied, position=position), indent=2, ensure_ascii=False)
    if report_format == "markdown":
        return applied_markdown(applied, position=position)
    look = look_of(sys.stdout, out)
    return applied_text(applied, width=look.width, colour=look.colour, verbose=verbose, position=position)
