"""The reports measured: Markdown and the HTML page of 10,000 users with 200 changes, the page in a real Chromium."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data import equal_flex, write_stack
from bench.harness import Figure, Report, child, sandbox_process
from flexres.sandbox.identity import DEFAULT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_ENVIRON = {
    "TWILIO_ACCOUNT_SID": DEFAULT.account_sid,
    "TWILIO_API_KEY": DEFAULT.api_key,
    "TWILIO_API_SECRET": DEFAULT.api_secret,
}
_RUNS = 7

_REPORTS = """
import asyncio, os, statistics, sys, time
from datetime import UTC, datetime
from pathlib import Path
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.report.html.page import page_html
from flexres.report.html.rows import Person
from flexres.report.plan.json import plan_json
from flexres.report.plan.markdown import plan_markdown
from flexres.report.plan.model import report_of
from flexres.session import open_session

def timed(make):
    make()
    def once():
        started = time.perf_counter()
        make()
        return time.perf_counter() - started
    return statistics.median(once() for _ in range(5))

async def main():
    started = time.perf_counter()
    stack = load_stack(FolderSource(Path(sys.argv[1])), name="bench")
    async with open_session(stack, environ=os.environ, revision=None, read_only=True) as session:
        plan = await session.plan(as_of=datetime.now(UTC))
    planned = time.perf_counter() - started
    people = [Person(user.username, user.full_name, user.roles, user.file) for user in stack.users.values()]
    page = lambda: page_html(plan_json(report_of(plan, position=stack.line_of)), people=people)
    Path(sys.argv[2]).write_text(page(), encoding="utf-8")
    return {
        "changes": len(plan.changes),
        "plan": planned,
        "markdown": timed(lambda: plan_markdown(report_of(plan, position=stack.line_of))),
        "page": timed(page),
    }

result = asyncio.run(main())
"""


def _edited(folder: Path, changes: int) -> None:
    """So many of the users, in all files alike, get another level than they have in Flex."""
    files = sorted((folder / "users").glob("*.yaml"))
    for path in files:
        parts = path.read_text().split("      badge:")
        each = changes // len(files)
        path.write_text(
            "      badge: changed # ".join(parts[: each + 1]) + "      badge:" + "      badge:".join(parts[each + 1 :])
        )


def reports(report: Report, work: Path) -> Path:
    """What telling a plan costs beside making it. Gives the page."""
    folder, state, page = work / "stack", work / "flex.db", work / "plan.html"
    write_stack(folder, 10_000, 40)
    equal_flex(folder, state)
    _edited(folder, 200)
    with sandbox_process(state) as url:
        told: dict[str, Any] = child(_REPORTS, str(folder), str(page), environ={**_ENVIRON, "FLEXRES_ENDPOINT": url})
    assert told["changes"] == 200, told
    share = 100 * told["markdown"] / told["plan"]
    note = f"{told['markdown'] * 1000:.0f} ms beside {told['plan']:.2f} s"
    report.add(Figure("Markdown of 200 changes among 10,000 / plan", share, "%", 10, note=note))
    size = page.stat().st_size / 1_000_000
    note = f"made in {told['page'] * 1000:.0f} ms"
    report.add(Figure("HTML page of 10,000 users", size, "MB", 3, note=note))
    return page


def in_chromium(report: Report, path: Path) -> None:
    """Opening the page and filtering it; without a Chromium nothing is measured."""
    chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if chromium is None:
        print("no Chromium here: opening and filtering the page are not measured")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this part needs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = statistics.median(_opening(browser, path) for _ in range(_RUNS))
        report.add(Figure("HTML page of 10,000 users: opens", opened * 1000, "ms", 1000))
        page = browser.new_page()
        page.goto(path.as_uri())
        slowest = max(statistics.median(_filtering(page, script) for _ in range(_RUNS)) for script in _FILTERS)
        report.add(Figure("HTML page of 10,000 users: slowest filter", slowest, "ms", 100, note="of three, laid out"))
        browser.close()


def _opening(browser: Browser, path: Path) -> float:
    """Seconds from asking for the page until its list is there."""
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(path.as_uri())
    page.locator("#rows li").first.wait_for()
    seconds = time.perf_counter() - started
    page.close()
    return seconds


_FILTERS = (
    "document.querySelector('#kinds input[value=everybody]').click()",
    "document.getElementById('query').value = 'agent0' + Math.floor(Math.random() * 9)",
    "document.getElementById('team').selectedIndex = 1 + Math.floor(Math.random() * 30)",
)


def _filtering(page: Page, script: str) -> float:
    """Milliseconds from a change of a filter until the list is laid out anew."""
    measure: Callable[..., float] = page.evaluate
    return measure(
        f"""() => {{
            document.querySelector('#kinds input').click();
            const started = performance.now();
            {script};
            document.getElementById('filters').dispatchEvent(new Event('input'));
            document.getElementById('rows').getBoundingClientRect();
            return performance.now() - started;
        }}"""
    )


def run(report: Report) -> None:
    """All figures of the reports."""
    with tempfile.TemporaryDirectory() as name:
        in_chromium(report, reports(report, Path(name)))
