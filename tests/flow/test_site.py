"""The site: built without a network, every link right, nothing fetched from elsewhere, and readable on a phone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flexres.cli.main import COMMANDS
from tests import browser
from tests.flow.wheel import ROOT

FETCHED = re.compile(
    r"""<(?:script|img|iframe|link(?![^>]*rel="(?:canonical|next|prev)"))[^>]*?(?:src|href)="?(https?:)?//"""
)
PHONE, DESK = 390, 1280
PAGES = ("index", "tutorial", "stack", "reference/commands")
"""One of each kind: an overview, code and output, tables, what is generated."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds; --strict makes an error of every link that leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    program = str(Path(sys.executable).with_name("mkdocs"))
    command = [program, "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "http_proxy": NOWHERE, "https_proxy": NOWHERE}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


NOWHERE = "http://127.0.0.1:9"


def test_the_site_is_whole_and_fetches_nothing(site: Path) -> None:
    """Every page of docs/, every command, and no script, style, font or picture of somebody else's."""
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    docs = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert docs - pages - {"examples/pull-request.html"} == set()
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert [name for name, entry in COMMANDS.items() if not entry.hidden and f">flexres {name}<" not in commands] == []
    for path in site.rglob("*.html"):
        assert FETCHED.findall(path.read_text(encoding="utf-8")) == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")), path


@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
def test_no_page_is_wider_than_a_phone(site: Path) -> None:
    """Tables and reports scroll by themselves; the page does not, and asks nobody else for anything."""
    wide, asked = [], []
    with browser.chromium() as chromium:
        for width in (PHONE, DESK):
            page = chromium.new_page(viewport={"width": width, "height": 800})
            page.on("request", lambda request: asked.append(request.url))
            for name in PAGES:
                page.goto((site / f"{name}.html").as_uri())
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wide.append((name, width))
    assert wide == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
