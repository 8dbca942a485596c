"""What reports tell only with the whole stack at hand: the HTML page with everybody on it, and annotations."""

from __future__ import annotations

from pathlib import Path

from flexres.cli.earlier_reports import past_of
from flexres.desired.stack import Stack
from flexres.desired.yaml.render_problems import render_github
from flexres.errors import Position
from flexres.report import ci
from flexres.report.html.rows import Person
from flexres.report.plan.json import Report
from flexres.report.plan.model import PlanReport


def page_of(report: Report, stack: Stack, reports: Path | None) -> str:
    """A report in its JSON shape as a page, with everybody whom the stack declares; `reports` are earlier ones.

    Raises SetupError where the folder of earlier reports cannot be read.
    """
    from flexres.report.html.page import page_html  # noqa: PLC0415 - most runs make no page

    people = [Person(user.username, user.full_name, user.roles, user.file) for user in stack.users.values()]
    return page_html(report, people=people, past=past_of(reports, stack.config.id))


def plan_annotations(report: PlanReport, stack: Stack) -> str:
    """What stands in the plan's way as GitHub's workflow commands, one a line; empty where nothing does."""

    def user(username: str) -> Position | None:
        return stack.position_of(username) if username in stack.users else None

    return render_github(ci.on_lines(report, user=user, policy=stack.position))
