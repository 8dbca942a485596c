"""A plan, an outcome or drift in the format that was asked for; the formats themselves are those of `report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from flexres.apply.outcome import Applied, Result
from flexres.cli.options import DriftFormat, PageFormat, PlanFormat
from flexres.cli.output import look_of, note
from flexres.desired.stack import Stack
from flexres.desired.yaml.problems import render_github
from flexres.errors import Position, Problem, SetupError
from flexres.files import read_file
from flexres.report import ci
from flexres.report.ci import sarif
from flexres.report.drift.json import drift_json, drift_junit, drift_suite
from flexres.report.drift.model import DriftReport
from flexres.report.drift.text import drift_markdown, drift_text
from flexres.report.html.content import Past
from flexres.report.html.rows import Person
from flexres.report.markdown import LIMIT
from flexres.report.plan.json import FORMAT, Report, applied_json, plan_json
from flexres.report.plan.markdown import applied_markdown, plan_markdown
from flexres.report.plan.model import AppliedReport, PlanReport
from flexres.report.plan.text import applied_text, plan_text
from flexres.report.terms import KINDS
from flexres.report.wording import names_of, plural, when
from flexres.text import MEGABYTE, json_text


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
            return json_text(plan_json(report))
        case "markdown":
            return plan_markdown(report, limit=limit)
        case "html":
            return page_of(report, stack, reports)
        case "github":
            return plan_annotations(report, stack)
        case "sarif":
            return json_text(sarif(_on_lines(report, stack, most=None), "plan"))
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
            return json_text(applied_json(report))
        case "markdown":
            return applied_markdown(report)
        case "html":
            return page_of(report, stack, reports)
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
            return json_text(drift_json(report))
        case "markdown":
            return drift_markdown(report, limit=limit)
        case "html":
            return page_of(report, stack, reports)
        case "junit":
            return drift_junit([drift_suite(report)])
        case "text":
            look = look_of(sys.stdout, out)
            return drift_text(report, width=look.width, colour=look.colour, verbose=verbose)


def page_of(report: PlanReport | AppliedReport | DriftReport, stack: Stack, reports: Path | None) -> str:
    """A report as a page, with everybody whom the stack declares; `reports` are earlier ones.

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


LARGEST_REPORT: Final = 64 * MEGABYTE


def past_of(folder: Path | None, stack_id: str) -> tuple[Past, ...]:
    """What the reports in the folder found, the oldest first; files that are no report of this stack are skipped.

    Raises:
        SetupError: the folder cannot be read.
    """
    there = list_reports(folder)
    files = [path for path in there if path.name.endswith(".json") and path.is_file()]
    strange = [path.name for path in there if path not in files]
    found: dict[datetime, Past] = {}
    for path in files:
        report = _report(path, stack_id)
        if report is None:
            strange.append(path.name)
        else:
            moment = datetime.fromisoformat(report["as_of"])
            found[moment] = Past(when(moment), *_differences(report))
    if strange:
        skipped = plural(len(strange), "file") + (" that is" if len(strange) == 1 else " that are")
        note(f"note: skipped {skipped} no report of this stack in {folder}: {names_of(sorted(strange))}")
    return tuple(found[moment] for moment in sorted(found))


def list_reports(folder: Path | None) -> list[Path]:
    """What is in the folder, by name; nothing where there is no folder. Raises SetupError where it cannot be read."""
    try:
        return sorted(folder.iterdir()) if folder is not None else []
    except OSError as error:
        raise SetupError(
            f"the folder of reports {folder} cannot be read: {error.strerror}",
            hint="keep reports in it: flexres plan --format json --out FOLDER/NAME.json",
        ) from error


def _report(path: Path, stack_id: str) -> Report | None:
    """A report of the stack in the JSON shape, None for anything else."""
    try:
        value = json.loads(read_file(path, LARGEST_REPORT))
        report = value.get("plan", value)
        ours = (value["format"], report["stack_id"]) == (FORMAT, stack_id)
        if not ours or datetime.fromisoformat(report["as_of"]).tzinfo is None:
            return None
        _differences(report)
    except (SetupError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    return dict(report)


def _differences(report: Any) -> tuple[int, int]:
    """How many differences others than git made, and how many there were besides."""
    if report["report"] == "drift":
        found = [finding for finding in report["findings"] if finding["drift"]]
    else:
        found = report["changes"]
    by_others = sum(any(field["cause"] != "git" for field in one.get("fields", ())) for one in found)
    return by_others, len(found) - by_others
