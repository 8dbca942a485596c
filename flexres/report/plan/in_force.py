"""What stands on top of a report: by what the plan was judged, what the change does to that, and its approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import JudgedBy
from flexres.reconcile.guards.approvals import Approval, Standing
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
    added = [one.approval for one in plan.approvals if one.approval.added and one.standing is Standing.USED]
    if added:
        yield TopLine("approves itself", f"added by this very change: {_listed(added)}", care=True)
    ended = [one.approval for one in plan.approvals if one.standing is Standing.EXPIRED]
    if ended:
        yield TopLine("approvals ended", f"take them out: {_listed(ended)}")
    unused = [one.approval for one in plan.approvals if one.standing is Standing.UNUSED]
    if unused:
        new = any(approval.added for approval in unused)
        yield TopLine("approvals unused", f"done, or changed since: {_listed(unused)}", care=new)


def _listed(approvals: Sequence[Approval]) -> str:
    shown = "; ".join(f"{visible(one.purpose)} (until {one.until})" for one in approvals[:_NAMED])
    return f"{shown}; and {len(approvals) - _NAMED} more" if len(approvals) > _NAMED else shown


_NAMED: Final = 3
