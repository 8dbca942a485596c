"""`flexres plan`: the whole difference between the YAML and Flex, shown; sends nothing but GET."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.opening import Lifts, note_oddities, opened
from flexres.cli.output import busy, emit
from flexres.cli.reports import plan_report
from flexres.errors import Exit
from flexres.report.verdict import check_exit

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres plan                             the only stack, or FLEXRES_STACK
  flexres plan -s prod --check             exits 3 when something is pending
  flexres plan -s prod -f markdown         as a comment on a pull request
  flexres plan -s prod --approve 9f3c1a7b
\b
Exit codes: 0 shown, or with --check in sync · 2 the YAML or the set-up is
wrong · 6 Twilio is unreachable or refused the credentials; only with
--check: 3 changes are pending · 4 refused by a guard · 5 somebody is
blocked, or has waited too long"""
)
def plan(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    check: Annotated[bool, typer.Option("--check", help="Let the exit code say what was found.")] = False,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    verbose: options.Verbose = False,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Show what would change in Flex, why, and whether it is safe.

    Reads the YAML and all of Flex and shows the difference: first what needs care, such as who becomes admin and
    who leaves, then every change by team file. Nothing is written to Flex.
    """
    lifts = Lifts(approve or (), allow_admin or (), allow_older)

    async def show() -> Exit:
        async with opened(stack, stacks, read_only=True, log=log, lifts=lifts) as it:
            with busy(f"Reading {it.stack.name} from Flex"):
                found = await it.plan()
        emit(plan_report(found, report_format, out, position=it.position, verbose=verbose), out)
        note_oddities(found, it)
        return check_exit(found) if check else Exit.DONE

    return asyncio.run(show())
