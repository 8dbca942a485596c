"""Which engine a command goes through: the stack's own, or another where somebody says so; Pulumi is one of them."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flexres.apply.pulumi.project import Chosen, choose, find_pulumi, install, project_of, required
from flexres.cli.open_stack import Opened
from flexres.cli.output import note
from flexres.errors import SetupError
from flexres.files import folder_above
from flexres.reconcile.plan import Plan

if TYPE_CHECKING:
    from flexres.apply.pulumi.engine import Engine

_OTHER: dict[Chosen, Chosen] = {"direct": "pulumi", "pulumi": "direct"}


def looking_through(it: Opened, stacks: Path, asked: Chosen | None) -> Engine | None:
    """The pulumi engine, to look at a plan through, where it is asked for; reading commands need none otherwise."""
    return _pulumi(it, stacks) if asked == "pulumi" else None


def applying_through(
    it: Opened, stacks: Path, asked: Chosen | None, *, switch: bool, journal: Path | None
) -> Engine | None:
    """The pulumi engine, or None for the direct one.

    Raises:
        SetupError: another engine than the stack's own is asked for, and nobody wants to switch; or Pulumi lacks.
    """
    committed = it.stack.config.engine
    if committed == "auto":
        chosen = _automatic(stacks, asked)
    else:
        chosen = asked or (_OTHER[committed] if switch else committed)
        if chosen != committed and not switch:
            place = it.stack.position("engine")
            raise SetupError(
                f"the engine of {it.stack.name} is {committed} ({place.file}:{place.line}), not {chosen}",
                hint=f"add --switch-engine to apply through {chosen} this once, or change the line for good",
            )
    if chosen == "direct":
        return None
    try:
        return _pulumi(it, stacks, journal)
    except SetupError as error:
        place = it.stack.position("engine")
        message = f"the engine of {it.stack.name} is {committed} ({place.file}:{place.line}): {error.message}"
        raise SetupError(message, hint=error.hint) from None


async def seen_through(engine: Engine | None, plan: Plan) -> Plan:
    """The plan as far as the engine would carry it out; as it is where none is to be asked, or a guard refuses it."""
    if engine is None or plan.violations:
        return plan
    from flexres.apply.pulumi.events import seen_by_engine  # noqa: PLC0415 - as below

    steps = await engine.preview(plan.stack)
    if steps is None:
        note(f"note: Pulumi has no state of {plan.stack} yet; the first apply makes it, from what is in Flex")
        return plan
    seen, noted = seen_by_engine(plan, steps)
    if noted:
        note(f"note: Pulumi's state takes note of {noted} users; nothing is sent to Flex for them")
    return seen


def _automatic(stacks: Path, asked: Chosen | None) -> Chosen:
    """For `engine: auto`: Pulumi where it is installed, or gets installed now; else one line, and the direct engine."""
    project = folder_above(stacks)
    found = find_pulumi(project, os.environ)
    chosen = choose("auto", asked, found)
    if asked is not None or found is not None:
        return chosen
    if sys.stdin.isatty() and typer.confirm("Pulumi is not installed. Install it into .tools/pulumi?", err=True):
        note(f"installed {install(project)}")
        return "pulumi"
    note("note: pulumi is not installed, so this goes on with the direct engine")
    return "direct"


def _pulumi(it: Opened, stacks: Path, journal: Path | None = None) -> Engine:
    from flexres.apply.pulumi.engine import Engine  # noqa: PLC0415 - the direct engine does without

    if find_spec("pulumi") is None:
        raise ModuleNotFoundError(name="pulumi")
    project = project_of(stacks)
    told = {
        "FLEXRES_STACKS": str(stacks.absolute()),
        "FLEXRES_SWITCH_ENGINE": it.stack.name,
        "FLEXRES_APPROVE": ",".join(it.lifts.digests),
        "FLEXRES_ALLOW_ADMIN": ",".join(it.lifts.admins),
        "FLEXRES_ALLOW_OLDER": "1" if it.lifts.older else "",
        # Asked by the command line before it gets here.
        "FLEXRES_ALLOW_DIRTY": "1",
        "FLEXRES_BASE": it.judged_by,
    }
    if journal is not None:
        told["FLEXRES_JOURNAL"] = str(journal.absolute())
    return Engine(required(find_pulumi(project, os.environ)), project, dict(os.environ), told)
