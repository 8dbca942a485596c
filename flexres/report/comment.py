"""A GitHub comment under way: Markdown in pieces within a limit, and at its end what had to be left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from flexres.reconcile.plan import Plan
from flexres.report.markdown_escape import code
from flexres.report.run import PlanRun
from flexres.report.wording import when

LIMIT: Final = 65_536
"""GitHub refuses a comment of more characters."""

LEAST_LIMIT: Final = 4_096
_RESERVED: Final = 1_000
"""Characters kept for what is said at the end."""
_HEX = re.compile(r"[0-9a-f]{7,40}")


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
    commit = plan.commit or ""
    said = [f"digest `{plan.digest}`"] if plan.digest else []
    said.append(f"plan of {when(plan.as_of)}")
    if run.base:
        said.append(f"compared with {code(run.base)}")
    too = plan.judged_by.name if plan.judged_by is not None else ""
    if too and too != run.base:
        said.append(f"judged by the policy of {commit_name(too)}, too")
    if run.head:
        said.append(f"head commit {commit_name(run.head)}")
    if commit:
        name = commit_name(commit)
        said.append(f"commit {name} and uncommitted changes" if plan.dirty else f"commit {name}")
    return f"<sub>{' · '.join(said)}</sub>"


def commit_name(revision: str) -> str:
    """A commit by its first digits, any other revision as it was named."""
    return revision[:7] if _HEX.fullmatch(revision) else code(revision)
