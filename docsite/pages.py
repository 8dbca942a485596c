"""Hooks of the site: pages that the navigation does not name get a place in it, and links into the repository work."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parent.parent
_LINK: Final = re.compile(r"(?<=\]\()(?P<target>\.\.?/[^)\s#]+|[A-Z]+\.md)(?P<anchor>#[^)\s]*)?(?=\))")
_CHANGELOG: Final = "changelog.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the changelog, and whatever page of docs/ the navigation forgot."""
    files.append(File.generated(config, _CHANGELOG, abs_src_path=str(ROOT / "CHANGELOG.md")))
    nav: list[Any] = config.nav or []
    named = set(_named(nav))
    pages = [file.src_uri for file in files.documentation_pages() if file.src_uri not in named]
    decisions = sorted(page for page in pages if page.startswith("decisions/"))
    others = sorted(page for page in pages if page not in decisions)
    nav.append({"Decisions": decisions})
    if others:
        nav.append({"More": others})
    config.nav = nav
    return files


def _named(nav: Any) -> Iterator[str]:
    """The pages of a navigation, however deep."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from _named(value)
    elif isinstance(nav, list):
        for item in nav:
            yield from _named(item)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links that lead out of docs/ go to the repository's page of that file; links to docs/ from outside come back."""
    folder = posixpath.dirname("CHANGELOG.md" if page.file.src_uri == _CHANGELOG else f"docs/{page.file.src_uri}")

    def led(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found["target"]))
        if target.startswith("docs/") or not (ROOT / target).exists():
            return found[0]
        kind = "tree" if (ROOT / target).is_dir() else "blob"
        return f"{config.extra['repository']}/{kind}/main/{target}{found['anchor'] or ''}"

    return _LINK.sub(led, markdown)
