"""The reports measured: Markdown and the HTML page of 10,000 users with 200 changes, the page in a real Chromium."""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data import equal_flex, write_stack
from bench.harness import ACCESS, Figure, Report, child, sandbox_process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def _edited(folder: Path, changes: int) -> None:
    """So many of the users, in all files alike, get another level than they have in Flex."""
    files = sorted((folder / "users").glob("*.yaml"))
    for path in files:
        text = re.sub("badge: .*", "badge: changed", path.read_text(), count=changes // len(files))
        path.write_text(text)


def reports(report: Report, work: Path, users: int, changes: int) -> Path:
    """What telling a plan costs beside making it. Gives the page."""
    folder, state, page = work / "stack", work / "flex.db", work / "plan.html"
    write_stack(folder, users, min(users, 40))
    equal_flex(folder, state)
    _edited(folder, changes)
    with sandbox_process(state) as url:
        told: dict[str, Any] = child("reports", str(folder), str(page), environ={**ACCESS, "FLEXRES_ENDPOINT": url})
    assert told["changes"] == changes, told
    share = 100 * told["markdown"] / told["plan"]
    note = f"{told['markdown'] * 1000:.0f} ms beside {told['plan']:.2f} s"
    report.add(Figure(f"Markdown of {changes} changes among {users:,} / plan", share, "%", 10, note=note))
    size = page.stat().st_size / 1_000_000
    note = f"made in {told['page'] * 1000:.0f} ms"
    report.add(Figure(f"HTML page of {users:,} users", size, "MB", 3, note=note))
    return page


def in_chromium(report: Report, path: Path, users: int) -> None:
    """Opening the page and filtering it; without a Chromium nothing is measured."""
    chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if chromium is None:
        print("no Chromium here: opening and filtering the page are not measured")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this part needs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = statistics.median(_opening(browser, path) for _ in range(report.runs))
        report.add(Figure(f"HTML page of {users:,} users: opens", opened * 1000, "ms", 1000))
        page = browser.new_page()
        page.goto(path.as_uri())
        slowest = max(statistics.median(_filtering(page, script) for _ in range(report.runs)) for script in _FILTERS)
        report.add(
            Figure(f"HTML page of {users:,} users: slowest filter", slowest, "ms", 100, note="of three, laid out")
        )
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


def run(report: Report, users: int = 10_000, changes: int = 200) -> None:
    """All figures of the reports."""
    with tempfile.TemporaryDirectory() as name:
        in_chromium(report, reports(report, Path(name), users, changes), users)
