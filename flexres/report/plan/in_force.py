"""What stands on top of a report: by what the plan was judged, what the change does to that, and its approvals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import JudgedBy
from flexres.reconcile.guards.approvals import Standing
from flexres.reconcile.plan import Plan
from flexres.reconcile.stricter import Effect
from flexres.report.visible import visible


@dataclass(frozen=True, slots=True)
class TopLine:
    """One line on top: a few words, the rest, and whether somebody has to look."""

    what: str
    says: str
    care: bool = False


def top_lines(plan: Plan) -> tuple[TopLine, ...]:
    """What to say before anything else; empty where nothing differs and all was compared."""
    return (*_judged(plan), *_changed(plan), *_approvals(plan))


def needs_care(plan: Plan) -> bool:
    """Whether something on top has to be decided about."""
    return any(line.care for line in top_lines(plan))


def _judged(plan: Plan) -> Iterator[TopLine]:
    found = plan.judged_by
    if found is not None and found.by is JudgedBy.NOTHING:
        yield TopLine("not compared", f"judged by its own policy alone: {visible(found.why)}")


def _changed(plan: Plan) -> Iterator[TopLine]:
    where = _where(plan)
    for change in plan.stack_changes:
        says = f"{change.key}: {visible(change.before)} → {visible(change.after)}"
        loosened = change.effect is Effect.LOOSENED
        later = f"; this plan is still judged by {where}" if loosened else ""
        yield TopLine(str(change.effect), says + later, change.effect is not Effect.TIGHTENED)


def _where(plan: Plan) -> str:
    found = plan.judged_by
    if found is None:
        return "what was before"
    return _NAMES[found.by].format(name=visible(found.name))


_NAMES: Final = {
    JudgedBy.BASE: "{name}",
    JudgedBy.FIRST_PARENT: "the commit before ({name})",
    JudgedBy.HEAD: "HEAD ({name})",
    JudgedBy.NOTHING: "its own policy",
}


def _approvals(plan: Plan) -> Iterator[TopLine]:
    for one in plan.approvals:
        approval = one.approval
        what = f"{visible(approval.purpose)} ({approval.digest})"
        if one.standing is Standing.EXPIRED:
            yield TopLine("approval ended", f"{what} on {approval.until}; take it out")
        elif one.standing is Standing.USED and approval.added:
            yield TopLine("approves itself", f"{what} is added by this very change", care=True)
        elif one.standing is Standing.UNUSED:
            yield TopLine("approval unused", f"{what}: that was done, or has changed since", care=approval.added)
