"""Chromium for tests: found where the machine has it, never installed from here; and what is needed of Node.

A test that wants a browser takes a page of `chromium()`, and is skipped with the reason where there is none.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The variable comes first, so that a machine with several can say which.
_VARIABLE = "CHROMIUM"
_NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The path of a Chromium, None where there is none."""
    named = os.environ.get(_VARIABLE)
    candidates = [named] if named else list(_NAMES)
    return next((path for name in candidates if (path := shutil.which(name))), None)


def missing() -> str | None:
    """Why no browser test can run here; None where they can."""
    if find_chromium() is None:
        return f"no Chromium on PATH ({', '.join(_NAMES)}), and {_VARIABLE} names none"
    if importlib.util.find_spec("playwright") is None:
        return "the package playwright is not installed"
    return None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of the machine, without anything that would call home."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  absent where these tests are skipped

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
