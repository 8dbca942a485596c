"""GitHub Markdown: foreign text that stays text, a comment within its limit, and what is said without a plan."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

from flexres.errors import FlexresError, InvalidStack, Position
from flexres.reconcile.plan import Plan
from flexres.report.layout import shorten
from flexres.report.next_step import PlanRun
from flexres.report.origin import is_commit, origin_of, short_revision
from flexres.report.wording import plural, when
from flexres.text import visible

LIMIT: Final = 65_536
"""GitHub refuses a comment of more characters."""

LEAST_LIMIT: Final = 4_096
_RESERVED: Final = 1_000
"""Characters kept for what is said at the end."""


@dataclass
class Comment:
    """Markdown within a limit: what does not fit is counted, and said at the end."""

    limit: int
    parts: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    used: int = 0

    def add(self, text: str) -> None:
        """A piece that is always wanted."""
        self.parts.append(text)
        self.used += len(text) + 1

    def room(self, wanted: int) -> bool:
        """Whether so many more characters fit."""
        return self.used + wanted + 1 <= self.limit - _RESERVED

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], what: str, *, around: tuple[str, str]) -> None:
        """A table between two pieces, with as many rows as there is room for; nothing where not even one fits."""
        lines = [f"| {' | '.join(row)} |" for row in rows]
        start = "\n".join([around[0], f"| {' | '.join(head)} |", "|" + " --- |" * len(head)])
        size, fits = len(start) + len(around[1]) + 2, 0
        for line in lines:
            size += len(line) + 1
            if not self.room(size):
                break
            fits += 1
        if fits:
            self.add("\n".join([start, *lines[:fits], around[1]]))
        if fits < len(lines):
            self.left_out[what] += len(lines) - fits

    def tell_left_out(self, hint: str) -> None:
        """What did not fit, said at the end; `hint` is where all of it is to be had."""
        if self.left_out:
            said = ", ".join(f"{count:,} {what}" for what, count in self.left_out.items())
            self.add(f"**Left out, because a comment may not be longer:** {said}{hint}.\n")

    def text(self) -> str:
        """All of it."""
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.parts)).rstrip("\n") + "\n"


def footer(plan: Plan, run: PlanRun) -> str:
    """The last line: the digest, and what the plan is of."""
    said = [f"digest `{plan.digest}`"] if plan.digest else []
    said.append(f"plan of {when(plan.as_of)}")
    said += [f"{fact.what} {fact.value(commit_name)}" for fact in origin_of(plan, run)]
    return f"<sub>{' · '.join(said)}</sub>"


def commit_name(revision: str) -> str:
    """A commit by its first digits, any other revision as it was named."""
    return short_revision(revision) if is_commit(revision) else code(revision)


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


_SAYS: Final = "No plan was made, so nothing is known of what this change would do in Flex."


def failure_markdown(stack: str, error: FlexresError, *, as_of: datetime, head: str = "") -> str:
    """One comment that takes the place of the plan's; `head` is the commit that proposes the YAML."""
    comment = Comment(LIMIT)
    comment.add(hidden_line("plan", stack))
    comment.add(f"### ⛔ flexres · {code(stack)} · not planned\n")
    if isinstance(error, InvalidStack):
        comment.add(f"**{plural(len(error.problems), 'problem')} in the YAML.** {_SAYS}\n")
    else:
        comment.add(f"**It failed.** {_SAYS}\n")
    comment.table(("where", "what", "what to do"), _rows(error), "problems", around=("", ""))
    comment.tell_left_out("; flexres validate shows all")
    said = [f"head commit {commit_name(head)}"] if head else []
    comment.add(f"<sub>{' · '.join([*said, f'tried at {when(as_of)}'])}</sub>")
    return comment.text()


def _rows(error: FlexresError) -> Iterator[Sequence[str]]:
    if not isinstance(error, InvalidStack):
        yield "", prose(error.message, 400), prose(error.hint, 400)
        return
    for problem in error.problems:
        place = problem.place
        where = code(f"{place.file}:{place.line}") if isinstance(place, Position) else ""
        yield where, prose(problem.message, 400), prose(problem.hint, 400)
