"""Puts foreign text into GitHub Markdown so that it stays text: no mention, reference, link or tag of its own."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import quote

from flexres.report.visible import shorten, visible

_LONGEST: Final = 160
_BACKTICKS = re.compile("`+")
_BEFORE_PIPE = re.compile(r"\\+(?=\|)")
_HARMLESS = re.compile(r"[A-Za-z0-9→–…][A-Za-z0-9 ,;():%.…→–_-]*")
_STILL_READ = re.compile(
    r"www\.|gh-\d|\b[0-9a-f]{7,40}\b|(?<![a-z0-9])_|_(?![a-z0-9])|:\w+:|\d\.(?= |$)", re.IGNORECASE
)


def code(text: str, limit: int = _LONGEST) -> str:
    r"""Foreign text as a code span, in which GitHub reads neither Markdown, mentions, references nor addresses.

    A table is cut into cells before code spans are read, so pipes are escaped; parsers differ on a backslash
    before such a pipe, so it is shown as \x5c. The fence is longer than any run of backticks within.
    """
    shown = shorten(visible(text), limit)
    if not shown.strip():
        return "`(empty)`" if not shown else "`(blank)`"
    if "|" in shown:
        shown = _BEFORE_PIPE.sub(lambda found: r"\x5c" * len(found[0]), shown).replace("|", r"\|")
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(shown)), default=0)) if "`" in shown else "`"
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str, limit: int = _LONGEST) -> str:
    """Our own words, which may hold foreign ones: plain where nothing in them can be read as Markdown, else code."""
    shown = shorten(visible(text), limit)
    return shown if not shown or (_HARMLESS.fullmatch(shown) and not _STILL_READ.search(shown)) else code(text, limit)


def summary_tag(name: str, rest: str) -> str:
    """The folded heading of a section: `name` may be foreign, `rest` is our own."""
    return f"<summary><code>{html.escape(visible(name))}</code>: {html.escape(rest)}</summary>"


def hidden_line(report: str, stack: str) -> str:
    """The comment by which a bot finds the one it wrote before; nothing in a name can end it."""
    quoted = quote(stack, safe="", errors="surrogatepass")
    name = quoted.replace("-", "%2D") if "--" in stack else quoted
    return f"<!-- flexres:{report}:{name.rstrip('-') or '%2D'} -->"
