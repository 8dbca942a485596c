"""What a report was made of, the same in every format: its two sides, the commits, and who let the run go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flexres.reconcile.plan import Plan
from flexres.report.next_step import PlanRun
from flexres.text import visible

JUDGED: Final = "judged by the policy of"
_HEX: Final = re.compile(r"[0-9a-f]{7,40}")


def is_commit(revision: str) -> bool:
    """Whether a revision is named by the digits of a commit."""
    return _HEX.fullmatch(revision) is not None


def short_revision(revision: str) -> str:
    """A commit by its first digits, any other name as it is."""
    return revision[:7] if is_commit(revision) else visible(revision)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a report was made of: what it is, its names, the commit that it was, and more about it.

    Names and commits are foreign: each format shows them in its own way.
    """

    what: str
    names: tuple[str, ...]
    at: str = ""
    more: str = ""

    def value(self, show: Callable[[str], str] = short_revision) -> str:
        """The names and what is said of them; `show` makes a name, or a revision, fit to be seen."""
        at = f" at {show(self.at)}" if self.at else ""
        return " ".join(filter(None, (", ".join(map(show, self.names)) + at, self.more)))


def origin_of(plan: Plan, run: PlanRun) -> tuple[Fact, ...]:
    """Everything that is known of it, in the order of telling."""
    judged = plan.judged_by.name if plan.judged_by is not None else ""
    facts = (
        Fact("compared with", _known(run.base), run.base_commit),
        Fact(JUDGED, _known(judged if judged != run.base else ""), more=", too"),
        Fact("head commit", _known(run.head)),
        Fact("run approved by", run.reviewed_by),
        Fact("commit", _known(plan.commit or ""), more="and uncommitted changes" if plan.dirty else ""),
    )
    return tuple(fact for fact in facts if fact.names)


def _known(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def sides_of(run: PlanRun, show: Callable[[str], str] = visible) -> str:
    """Which side of a difference is which: `Flex → YAML`."""
    return f"{show(run.base) if run.offline else 'Flex'} → YAML"
