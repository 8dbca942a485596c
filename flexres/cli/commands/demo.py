"""`flexres demo`: the whole story on a sandbox: plan, apply, and a second plan with nothing left to do."""

from __future__ import annotations

import asyncio
import os

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, carry_out
from flexres.cli.open_stack import Opened, opened
from flexres.cli.output import emit
from flexres.cli.reports import applied_as, plan_as
from flexres.errors import Exit, SetupError
from flexres.live.credentials import endpoint, is_loopback
from flexres.report.plan.model import PlanReport, applied_report_of, report_of

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Example:
  flexres sandbox run -- flexres demo --stack sandbox"""
)
def demo(stack: options.Stack = None, stacks: options.Stacks = options.STACKS_FOLDER) -> int:
    """Plan, apply and plan again: what `make up` shows.

    It does not ask before it applies, so it runs against a sandbox on this machine and nothing else.
    """

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=False, log="none") as it:
            _check_local(it)
            code = await _story(it)
            if code is Exit.DONE:
                emit(_closing(it))
            return code

    return asyncio.run(run())


def _check_local(it: Opened) -> None:
    where = endpoint(it.stack.config.endpoint, os.environ)
    if where is None or not is_loopback(where):
        raise SetupError(
            "the demo applies without asking, so it needs a sandbox on this machine",
            hint=f"flexres sandbox run -- flexres demo --stack {it.stack.name}",
        )


async def _story(it: Opened) -> Exit:
    """Plan and apply; then the plan that has to be empty, unless the first one was."""
    _type("plan", it)
    first = await _show(it)
    if first.plan.violations or not first.plan.pending:
        return first.exit
    _type("apply", it, "--yes")
    applied = await carry_out(first.plan, it, Manner(yes=True, journal=None))
    emit(applied_as(applied_report_of(applied, first.run, it.stack.line_of), it.stack))
    _type("plan", it)
    return (await _show(it)).exit or applied.exit


async def _show(it: Opened) -> PlanReport:
    plan, run = await it.plan()
    report = report_of(plan, run, it.stack.line_of)
    emit(plan_as(report, it.stack))
    return report


def _type(command: str, it: Opened, *options: str) -> None:
    line = " ".join(("flexres", command, "--stack", it.stack.name, *options))
    emit(f"\n$ {line}\n")


def _closing(it: Opened) -> str:
    team = next((file for file in it.stack.files if "/users/" in file), f"{it.revision.folder}/users/")
    return f"""
Nothing is left to do. Next: change somebody in {team}, then make up again;
or begin a stack for a Flex of your own: flexres init --help"""
