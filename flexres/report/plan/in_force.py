"""What stands on top of a report: by what the plan was judged, what the change does to that, and its approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import InForce, JudgedBy
from flexres.reconcile.guards.approvals import Approval, Standing
from flexres.reconcile.plan import Plan
from flexres.reconcile.stricter import Effect
from flexres.report.run import PlanRun
from flexres.report.visible import visible


@dataclass(frozen=True, slots=True)
class TopLine:
    """One line on top: a few words, the rest, and whether somebody has to look.

    `grave`: it takes something away from what judges plans, so it is told in red.
    """

    what: str
    says: str
    care: bool = False
    grave: bool = False


def top_lines(plan: Plan, run: PlanRun) -> tuple[TopLine, ...]:
    """What to say before anything else; empty where nothing differs and all was compared."""
    return (*_judged(plan, run), *_changed(plan), *_approvals(plan))


def _judged(plan: Plan, run: PlanRun) -> Iterator[TopLine]:
    found = plan.judged_by
    if run.not_compared:
        yield TopLine("not compared", f"with {visible(run.base)}: {visible(run.not_compared)}", care=True)
    if found is not None and found.by is JudgedBy.NOTHING:
        yield TopLine("not compared", f"judged by its own policy alone: {visible(found.why)}")
    elif found is not None and found.why:
        yield TopLine("judged by", f"{_where(plan)}: {visible(found.why)}", care=True)


def _changed(plan: Plan) -> Iterator[TopLine]:
    where = _where(plan)
    for change in plan.stack_changes:
        says = f"{change.key}: {visible(change.before)} → {visible(change.after)}"
        loosened = change.effect is Effect.LOOSENED
        later = f"; this plan is still judged by {where}" if loosened else ""
        yield TopLine(str(change.effect), says + later, change.effect is not Effect.TIGHTENED, loosened)


def judged_too(found: InForce | None) -> str:
    """By whose policy a plan is judged besides its own, in words; empty where by none."""
    return _NAMES[found.by].format(name=visible(found.name)) if found is not None and found.name else ""


def _where(plan: Plan) -> str:
    return judged_too(plan.judged_by) or "what was before"


_NAMES: Final = {
    JudgedBy.BASE: "{name}",
    JudgedBy.FIRST_PARENT: "the commit before ({name})",
    JudgedBy.HEAD: "HEAD ({name})",
    JudgedBy.NOTHING: "",
}


def _approvals(plan: Plan) -> Iterator[TopLine]:
    added = [one.approval for one in plan.approvals if one.approval.added and one.standing is Standing.USED]
    if added:
        yield TopLine("approves itself", f"added by this very change: {_listed(added)}", care=True, grave=True)
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
