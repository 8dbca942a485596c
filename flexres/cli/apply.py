"""`flexres apply`: plans, asks, and makes Flex as the YAML says, by the direct engine."""

from __future__ import annotations

import asyncio

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, check_can_ask, check_engine, show_and_apply
from flexres.cli.opening import Lifts, opened
from flexres.cli.output import busy
from flexres.errors import Exit

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres apply -s prod                    shows the plan and asks
  flexres apply -s prod --yes              in CI, after a reviewed plan
  flexres apply -s prod --yes --approve 9f3c1a7b
  flexres apply -s prod --yes -f json -o applied.json
\b
Ctrl-C finishes what is in flight, tells what was done and exits 5. To run it
again is always safe: it goes on where it stopped.
\b
Exit codes: 0 done or in sync · 2 the YAML or the set-up is wrong · 4 refused
by a guard, nothing was sent · 5 applied in part · 6 Twilio is unreachable
or refused the credentials"""
)
def apply(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    yes: options.Yes = False,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    switch_engine: options.SwitchEngine = False,
    journal: options.Journal = None,
    verbose: options.Verbose = False,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Make Flex as the YAML says: plan, ask, apply, tell the outcome.

    Users are added and changed first and retired last. One who fails does not stop the others.
    """
    manner = Manner(yes, journal, report_format, out, log, verbose)
    lifts = Lifts(approve or (), allow_admin or (), allow_older)
    check_can_ask(manner)

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=False, log=log, lifts=lifts) as it:
            check_engine(it, switch=switch_engine)
            with busy(f"Reading {it.stack.name} from Flex"):
                plan = await it.plan()
            pending = sum(change.pending for change in plan.changes)
            question = f"Apply {'this change' if pending == 1 else f'these {pending} changes'} to {plan.stack}?"
            return await show_and_apply(plan, it, manner, question=question)

    return asyncio.run(run())
