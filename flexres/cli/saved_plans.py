"""Saved plans as files: written by `plan --save`, and held against Flex as it is now by `apply --plan`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from flexres.cli.open_stack import Opened
from flexres.cli.output import emit, note
from flexres.errors import RefusedError, SetupError
from flexres.files import read_file
from flexres.reconcile.plan import Plan
from flexres.reconcile.saved_plan import Moved, SavedPlan, came_up, check_belongs, moved, read_saved, saved_json
from flexres.report.next_step import PlanRun
from flexres.report.wording import field_label, value_text
from flexres.text import MEGABYTE, json_text, visible

_LARGEST: Final = 64 * MEGABYTE
_WRITE_IT: Final = "write one with flexres plan --save"
_FEW = 10


def save(plan: Plan, it: Opened, path: Path) -> None:
    """Writes the plan to a file. Raises SetupError where that is not possible."""
    emit(json_text(saved_json(plan, it.session.wanted), indent=1), path, private=True)
    note(f"saved to {path}: flexres apply --stack {visible(plan.stack)} --plan {path}")


def read(path: Path) -> SavedPlan:
    """The saved plan in a file. Raises SetupError for a file that is none."""
    try:
        return read_saved(read_file(path, _LARGEST, hint=_WRITE_IT).decode(), str(path))
    except UnicodeDecodeError:
        raise SetupError(f"{path} is no saved plan: it is no text", hint=_WRITE_IT) from None


async def plan_as_saved(saved: SavedPlan, it: Opened, shown: Path, *, whole: bool) -> tuple[Plan, PlanRun]:
    """The plan of now, of exactly what was saved; `whole` where the engine can apply nothing but everything.

    Raises:
        SetupError: the saved plan is another stack's, or of other YAML.
        RefusedError: Flex moved in what the saved plan rests on; the message shows what moved.
    """
    check_belongs(saved, it.session.wanted, str(shown))
    everything, run = await it.plan()
    found = moved(saved, everything)
    if whole:
        found = (*found, *came_up(saved, everything))
    if found:
        raise RefusedError(
            f"Flex is not as {shown} assumes; nothing was sent\n{_told(found)}",
            hint="plan again with --save, and have that reviewed",
        )
    plan = everything if whole else everything.narrowed(saved.holds)
    seen_to = len(saved.changes) - sum(map(saved.holds, plan.changes))
    if seen_to:
        note(f"note: {seen_to} of {len(saved.changes)} changes are as planned already")
    return plan, replace(run, apply=("apply", "--plan", str(shown)))


def _told(found: tuple[Moved, ...]) -> str:
    lines = []
    for one in found[:_FEW]:
        now = [f"{field_label(field.key)} is {value_text(field.before)} in Flex now" for field in one.fields]
        lines.append(f"  {visible(one.name)} {one.what}{': ' if now else ''}{', '.join(now)}")
    if len(found) > _FEW:
        lines.append(f"  … and {len(found) - _FEW:,} more")
    return "\n".join(lines)
