"""The HTML page in a real browser: searched, filtered, worked by keyboard, read on a phone, and examined by axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flexres.reconcile.drift.findings import drift_of
from flexres.report.html.content import Past
from flexres.report.html.rows import Person
from tests import browser
from tests.unit.report import samples
from tests.unit.report.rendering import applied_page, drift_page, plan_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(browser.missing() is not None, reason=browser.missing() or "")

PAST = [Past(f"2026-11-{day:02} 06:00 UTC", day % 3, day % 2) for day in range(1, 15)]
PHONE, DESK = (390, 844), (1280, 900)
SCHEMES = ("light", "dark")


def people(count: int) -> list[Person]:
    return [
        Person(f"user{n:05}@example.com", f"User {n}", ("agent",), f"stacks/prod/users/team{n % 40:02}.yaml")
        for n in range(count)
    ]


REPORTS: dict[str, Callable[[], str]] = {
    "plan": lambda: plan_page(samples.busy_plan(), position=samples.position, people=people(5), past=PAST),
    "outcome": lambda: applied_page(samples.applied(samples.approved_plan()), people=people(5)),
    "drift": lambda: drift_page(drift_of(samples.busy_plan()), people=people(5), past=PAST),
    "hostile": lambda: plan_page(samples.hostile_plan()),
    "large": lambda: plan_page(samples.large_plan(), people=people(10_000), past=PAST),
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as running:
        yield running


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page of a report from a file; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    pages: list[Page] = []

    def open_page(name: str, *, size: tuple[int, int] = DESK, scheme: str = "light") -> Page:
        path = tmp_path / f"{name}.html"
        path.write_text(REPORTS[name](), encoding="utf-8")
        width, height = size
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url == path.as_uri() else complaints.append(request.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def names(page: Page) -> list[str]:
    """Whom the list shows."""
    return page.locator("#rows .name").all_inner_texts()


LOOKS = [
    *((name, size, scheme) for name in ("plan", "outcome", "drift") for size in (PHONE, DESK) for scheme in SCHEMES),
    ("hostile", PHONE, "dark"),
]


@pytest.mark.parametrize(("name", "size", "scheme"), LOOKS, ids=[f"{one[0]}-{one[1][0]}-{one[2]}" for one in LOOKS])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    opened: Callable[..., Page], name: str, size: tuple[int, int], scheme: str
) -> None:
    """In both colour schemes, at both widths."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - absent where these tests are skipped

    page = opened(name, size=size, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    found = Axe().run(page)

    assert [f"{one['impact']}: {one['id']}" for one in found.response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_searching_finds_people_by_any_of_their_words(opened: Callable[..., Page]) -> None:
    """Name, role, field or value; several words narrow it down."""
    page = opened("plan")
    page.get_by_label("everybody").check()

    page.get_by_label("Search").fill("languages supervisor")
    assert names(page) == []
    assert page.get_by_role("status").inner_text().startswith("Nobody")

    page.get_by_label("Search").fill("LANGUAGES git")
    assert names(page) == ["bob@example.com"]


def test_filters_join(opened: Callable[..., Page]) -> None:
    """A team, a kind of change and a search hold together."""
    page = opened("plan")

    page.get_by_label("Team").select_option("ops")
    assert sorted(names(page)) == ["kim@example.com", "lee@example.com"]

    page.get_by_label("Search").fill("lee")
    assert names(page) == ["lee@example.com"]

    page.get_by_label("Search").fill("")
    page.get_by_label("Team").select_option("")
    page.get_by_label("leaving").check()
    assert sorted(names(page)) == ["fay@example.com", "max@example.com"]


def test_outcomes_can_be_filtered(opened: Callable[..., Page]) -> None:
    """After a run the question is who failed."""
    page = opened("outcome")
    page.get_by_label("Outcome").select_option("failed")
    assert len(names(page)) == 1


def test_the_keyboard_reaches_everything(opened: Callable[..., Page]) -> None:
    """The first stop skips to the list; kinds are chosen by arrow keys; more rows take the focus along."""
    page = opened("large")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the list"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#people"

    page.get_by_label("all changes").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "at risk"

    page.get_by_label("everybody").check()
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    assert len(names(page)) == 120
    assert "user" in page.evaluate("document.activeElement.textContent")


def test_a_large_list_is_rendered_in_parts(opened: Callable[..., Page]) -> None:
    """Ten thousand people cost no ten thousand elements."""
    page = opened("large", size=PHONE)
    page.get_by_label("everybody").check()
    assert len(names(page)) == 60
    assert "10,000 of 10,000" in page.get_by_role("status").inner_text()


def test_ten_thousand_users_stay_below_three_megabytes() -> None:
    """Two hundred of them with changes."""
    assert len(REPORTS["large"]().encode()) < 3_000_000


def test_hostile_names_are_text(opened: Callable[..., Page]) -> None:
    """They are shown as they are, and nothing of them runs: the fixture fails on a dialog, a request or an error."""
    page = opened("hostile")
    page.get_by_label("everybody").check()
    while page.get_by_role("button", name="Show").is_visible():
        page.get_by_role("button", name="Show").click()
    assert "<img src=x onerror=alert(1)>" in names(page)
    assert page.locator("#rows img, #rows script, #rows a, header b").count() == 0
