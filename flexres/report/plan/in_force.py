"""What stands on top of a report: by what the plan was judged, what the change does to that, and its approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import InForce, JudgedBy
from flexres.reconcile.guards.approvals import Approval, Standing
from flexres.reconcile.plan import Plan
from flexres.reconcile.stricter import Effect
from flexres.report.next_step import prune_command
from flexres.report.run import PlanRun
from flexres.text import visible


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
        says = f"judged by its own policy alone: {visible(found.why)}"
        yield TopLine("not compared", says, care=found.lost, grave=found.lost)
    elif found is not None and found.why:
        yield TopLine("judged by", f"{_where(plan)}: {visible(found.why)}", care=True)


def _changed(plan: Plan) -> Iterator[TopLine]:
    where = _where(plan)
    for change in sorted(plan.stack_changes, key=lambda change: _ORDER[change.effect]):
        says = f"{change.key}: {visible(change.before)} → {visible(change.after)}"
        loosened = change.effect is Effect.LOOSENED
        later = f"; this plan is still judged by {where}" if loosened else ""
        yield TopLine(str(change.effect), says + later, change.effect is not Effect.TIGHTENED, loosened)


def judged_too(found: InForce | None) -> str:
    """By whose policy a plan is judged besides its own, in words; empty where by none."""
    return _NAMES[found.by].format(name=visible(found.name)) if found is not None and found.name else ""


def _where(plan: Plan) -> str:
    return judged_too(plan.judged_by) or "what was before"


_ORDER: Final = {Effect.LOOSENED: 0, Effect.CHANGED: 1, Effect.TIGHTENED: 2}
_NAMES: Final = {
    JudgedBy.BASE: "{name}",
    JudgedBy.FIRST_PARENT: "the commit before ({name})",
    JudgedBy.HEAD: "HEAD ({name})",
    JudgedBy.NOTHING: "",
}


def _approvals(plan: Plan) -> Iterator[TopLine]:
    """One line for each standing that somebody has to know of; of old ones that lift nothing, how many."""
    used = _standing(plan, Standing.USED, added=True)
    if used:
        yield TopLine("approves itself", f"added by this very change: {_listed(used)}", care=True, grave=True)
    early = (*_standing(plan, Standing.SPENT, added=True), *_standing(plan, Standing.UNUSED, added=True))
    if early:
        says = f"added by this very change, and approves nothing that is refused: {_listed(early)}"
        yield TopLine("approves nothing", says, care=True)
    changed = _standing(plan, Standing.UNUSED, added=False)
    if changed:
        yield TopLine("approvals unused", f"what they were given for has changed since: {_listed(changed)}")
    over = [len(_standing(plan, standing, added=False)) for standing in (Standing.SPENT, Standing.EXPIRED)]
    said = [f"{count:,} {word}" for count, word in zip(over, ("used up", "ended"), strict=True) if count]
    if said:
        yield TopLine("old approvals", f"{', '.join(said)}; {prune_command(plan)} takes them out")


def _standing(plan: Plan, standing: Standing, *, added: bool) -> tuple[Approval, ...]:
    """An approval of each entry that has this standing, added by this change or not.

    One that has ended was there before, whatever this change does.
    """
    found = (one.approval for one in plan.approvals if one.standing is standing)
    kept = (one for one in found if one.added is added or standing is Standing.EXPIRED)
    return tuple({(one.place, one.purpose, one.until): one for one in kept}.values())


def _listed(entries: Sequence[Approval]) -> str:
    shown = "; ".join(f"{visible(one.purpose)} (until {one.until})" for one in entries[:_NAMED])
    return f"{shown}; and {len(entries) - _NAMED} more" if len(entries) > _NAMED else shown


_NAMED: Final = 3
