"""`flexres apply`: plans, asks, and makes Flex as the YAML says, by the stack's engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, StoppedError, check_manner, show_and_apply
from flexres.cli.each_stack import Told, each_stack
from flexres.cli.extra_outputs import ExtraOutputs
from flexres.cli.open_stack import Lifts, applying_through, opened
from flexres.cli.output import busy, note
from flexres.cli.saved_plans import plan_as_saved, read
from flexres.cli.stacks import StackFolder, choose_stacks
from flexres.errors import SetupError
from flexres.reconcile.plan import due
from flexres.report.terms import EXITS

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres apply -s prod                    shows the plan and asks
  flexres apply -s prod --yes              in CI, after a reviewed plan
  flexres apply -s prod --yes --approve DIGEST
  flexres apply -s prod --yes -f json -o applied.json
  flexres apply -s prod --yes --plan plan.json     exactly what was reviewed
  flexres apply -s prod --yes --due        on a schedule: who leaves by now
  flexres apply -s prod --yes --base deployed      judged by the policy there
  flexres apply -s all --yes               one stack after another
  flexres apply -s prod --engine direct --switch-engine
\b
Ctrl-C finishes what is in flight, tells what was done and exits 5. To run it
again is always safe: it goes on where it stopped.
\b
Exit codes: 0 done or in sync · 2 the YAML or the set-up is wrong · 4 refused
by a guard or as Flex moved since --plan, nothing sent · 5 applied in part
6 Twilio is unreachable or refused the credentials"""
)
def apply(
    *,
    stack: options.Several = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    yes: options.Yes = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Apply what plan --save kept, and nothing else."),
    ] = None,
    due_only: Annotated[
        bool, typer.Option("--due", help="Only those whose last day has passed, and leavers who had to wait.")
    ] = False,
    base: options.JudgedByBase = None,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    allow_dirty: options.AllowDirty = False,
    engine: options.Engine = None,
    switch_engine: options.SwitchEngine = False,
    journal: options.Journal = None,
    verbose: options.Verbose = False,
    report_format: options.FormatWithPage = "text",
    out: options.Out = None,
    also: options.Also = None,
    reports: options.Reports = None,
    ci: options.Ci = "none",
    log: options.Log = "none",
) -> int:
    """Make Flex as the YAML says: plan, ask, apply, tell the outcome.

    Users are added and changed first and retired last. One who fails does not stop the others.
    """
    extra = ExtraOutputs(tuple(also or ()), reports, ci)
    manner = Manner(yes, journal, report_format, out, log, verbose, extra=extra, allow_dirty=allow_dirty)
    lifts = Lifts(approve or (), allow_admin or (), allow_older)
    check_manner(manner)
    chosen = choose_stacks(stack, stacks)
    extra.check(chosen, report_format, out)
    if plan_file is not None and len(chosen) > 1:
        raise SetupError("a saved plan is of one stack", hint="name it with --stack")
    if plan_file is not None and due_only:
        raise SetupError("--due is not of a saved plan", hint="leave out --plan or --due")
    saved = read(plan_file) if plan_file is not None else None

    async def one(folder: StackFolder) -> Told:
        texts: list[str] = []
        collected = len(chosen) > 1 and (report_format != "text" or out is not None)
        told = replace(manner, tell=lambda text, _: texts.append(text)) if collected else manner
        async with opened(folder.name, stacks, read_only=False, log=log, lifts=lifts, base=base) as it:
            through = applying_through(it, stacks, engine, switch=switch_engine, journal=journal)
            if due_only and through is not None:
                raise SetupError(
                    "Pulumi applies everything, and --due only some", hint="add --engine direct --switch-engine"
                )
            with busy(f"Reading {it.stack.name} from Flex"):
                if saved is not None and plan_file is not None:
                    plan, run = await plan_as_saved(saved, it, plan_file, whole=through is not None)
                else:
                    plan, run = await it.plan()
                    if due_only:
                        plan, run = plan.narrowed(due), replace(run, apply=("apply", "--due"))
            if base is not None:
                run = replace(run, apply=(*run.apply, "--base", base))
            run = replace(run, reviewed_by=it.reviewed.who)
            if it.reviewed.unknown:
                note(f"note: who approved this run is not known: {it.reviewed.unknown}")
            pending = len(plan.pending)
            question = f"Apply {'this change' if pending == 1 else f'these {pending} changes'} to {plan.stack}?"
            ended = await show_and_apply(plan, run, it, told, question=question, through=through)
        return Told("".join(texts), f"exit {int(ended.exit)}: {EXITS[ended.exit]}", ended.exit, ended.interrupted)

    async def one_of_several(folder: StackFolder) -> Told:
        try:
            return await one(folder)
        except (asyncio.CancelledError, typer.Abort):
            if folder is chosen[0]:
                raise
            # Stopped while this one was read or asked about: but others before it may well be changed.
            raise StoppedError(f"stopped: nothing was changed in {folder.name}") from None

    return asyncio.run(
        each_stack(chosen, one_of_several, report="apply", report_format=report_format, out=out, writes=True)
    )
