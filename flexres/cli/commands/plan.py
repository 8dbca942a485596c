"""`flexres plan`: the whole difference between the YAML and Flex, shown; sends nothing but GET."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.each_stack import Told, each_stack, share_of
from flexres.cli.extra_outputs import ExtraOutputs, telling_failure
from flexres.cli.open_stack import Lifts, looking_through, note_oddities, opened, seen_through
from flexres.cli.output import busy, configure_logs
from flexres.cli.reports import plan_as, plan_line
from flexres.cli.saved_plans import save
from flexres.cli.stacks import StackFolder, base_of, choose_stacks, is_deleted, load, moved_to, recorded, refuse_clashes
from flexres.desired.model import StackConfig
from flexres.desired.revision import read_revision
from flexres.desired.stack import Stack
from flexres.errors import Exit, InvalidStack, SetupError
from flexres.reconcile.base import Base, deleted_plan, offline_plan
from flexres.report.next_step import PlanRun
from flexres.report.plan.model import PlanReport, report_of
from flexres.session import committed_approvals, wanted_of

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres plan                             the only stack, or FLEXRES_STACK
  flexres plan -s prod --check             exits 3 when something is pending
  flexres plan -s prod -f markdown         as a comment on a pull request
  flexres plan -s prod -f html -o plan.html    a page to look at and search
  flexres plan -s prod --base origin/main  marks what it does not cause
  flexres plan -s prod --base origin/main --offline   no credentials needed
  flexres plan -s prod --save plan.json    for flexres apply --plan plan.json
  flexres plan -s all                      every stack; or a pattern: 'eu-*'
  flexres plan -s prod --approve DIGEST
  flexres plan -s prod --engine pulumi     what pulumi preview makes of it
\b
Exit codes: 0 shown, or with --check in sync · 2 the YAML or the set-up is
wrong · 6 Twilio is unreachable or refused the credentials; only with
--check: 3 changes are pending · 4 refused by a guard · 5 somebody is
blocked, or has waited too long"""
)
def plan(
    *,
    stack: options.Several = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    engine: options.Engine = None,
    check: Annotated[bool, typer.Option("--check", help="Let the exit code say what was found.")] = False,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REV", help="Compare with the YAML of this revision, and mark what is not from this change."
        ),
    ] = None,
    head: Annotated[
        str,
        typer.Option(
            metavar="COMMIT", help="Name in the report the commit that proposes the YAML, where another is checked out."
        ),
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not look at Flex: compare with the YAML of --base alone.")
    ] = False,
    save_to: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Keep the plan, so that exactly it can be applied later."),
    ] = None,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    verbose: options.Verbose = False,
    report_format: options.FormatOfPlan = "text",
    out: options.Out = None,
    also: options.Also = None,
    reports: options.Reports = None,
    ci: options.Ci = "none",
    log: options.Log = "none",
) -> int:
    """Show what would change in Flex, why, and whether it is safe.

    Reads the YAML and all of Flex and shows the difference: first what needs care, such as who becomes admin and
    who leaves, then every change by team file. Nothing is written to Flex.
    """
    lifts = Lifts(approve or (), allow_admin or (), allow_older)
    asked = _Asked(engine, base, head, offline, save_to, lifts, log)
    chosen = choose_stacks(stack, stacks)
    extra = ExtraOutputs(tuple(also or ()), reports, ci)
    extra.check(chosen, report_format, out)
    _check(asked, chosen)

    async def show(one: StackFolder) -> Told:
        with telling_failure(one, report_format, out, extra, head=head):
            report, loaded = await _plan_of(one, stacks, asked)
        limit = share_of(len(chosen))
        text = plan_as(report, loaded, report_format, out, verbose=verbose, limit=limit, reports=reports)
        extra.tell_plan(report, loaded)
        return Told(text, plan_line(report), report.exit if check else Exit.DONE)

    return asyncio.run(each_stack(chosen, show, report="plan", report_format=report_format, out=out))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for, besides which stacks and how the report is written."""

    engine: options.EngineName | None
    base: str | None
    head: str
    offline: bool
    save: Path | None
    lifts: Lifts
    log: options.LogFormat


def _check(asked: _Asked, chosen: Sequence[StackFolder]) -> None:
    """Raises SetupError for options that do not go together."""
    if asked.offline and asked.base is None:
        raise SetupError("--offline needs something to compare with", hint="name a revision: --base origin/main")
    if asked.offline and asked.save:
        raise SetupError("a plan that has not looked at Flex cannot be applied later", hint="leave out --offline")
    if asked.offline and asked.engine == "pulumi":
        raise SetupError("Pulumi looks at Flex, and --offline does not", hint="leave out --engine or --offline")
    if asked.save and len(chosen) > 1:
        raise SetupError("a saved plan is of one stack", hint="name one with --stack")


async def _plan_of(one: StackFolder, stacks: Path, asked: _Asked) -> tuple[PlanReport, Stack]:
    if asked.base is not None and is_deleted(one):
        return _deleted(one, stacks, asked.base, asked.head)
    return await (_without_flex(one, asked) if asked.offline else _planned(one, stacks, asked))


def _deleted(one: StackFolder, stacks: Path, revision: str, head: str) -> tuple[PlanReport, Stack]:
    """What this change leaves behind by deleting the stack: nobody is asked but git."""
    base, stack = recorded(one, revision)
    goes_on = moved_to(stacks, base.wanted.config)
    found = deleted_plan(base, as_of=datetime.now(UTC), moved_to=str(goes_on.folder) if goes_on is not None else "")
    return report_of(
        found, PlanRun(base=base.name, base_commit=base.wanted.commit or "", head=head, offline=True)
    ), stack


async def _planned(one: StackFolder, stacks: Path, asked: _Asked) -> tuple[PlanReport, Stack]:
    async with opened(one.name, stacks, read_only=True, log=asked.log, lifts=asked.lifts, base=asked.base) as it:
        base, wrong = _base(one, asked.base, it.stack.config)
        with busy(f"Reading {it.stack.name} from Flex"):
            plan, run = await it.plan(base=base)
            run = replace(run, base=base.name if base is not None else asked.base or "", not_compared=wrong)
            run = replace(run, base_commit=(base.wanted.commit or "") if base is not None else "", head=asked.head)
            found = await seen_through(looking_through(it, stacks, asked.engine), plan)
    if asked.save:
        save(found, it, asked.save)
    note_oddities(found, it)
    return report_of(found, run, it.stack.line_of), it.stack


def _base(one: StackFolder, revision: str | None, now: StackConfig) -> tuple[Base | None, str]:
    """The stack as a revision has it; None where none is named, or where its YAML is wrong there, and then why.

    What mends the YAML has to be planned, too. Raises SetupError where there is no such revision.
    """
    if revision is None:
        return None, ""
    try:
        return base_of(one, revision, now), ""
    except InvalidStack as error:
        return None, f"the YAML of {revision} is wrong itself: {error.problems[0]}"


async def _without_flex(one: StackFolder, asked: _Asked) -> tuple[PlanReport, Stack]:
    """The plan against the base's YAML alone: nothing here opens a connection or asks for credentials."""
    configure_logs(asked.log)
    stack = load(one)
    refuse_clashes(stack, one)
    base, wrong = _base(one, asked.base, stack.config)
    if base is None:
        raise SetupError(f"nothing can be compared: {wrong}", hint="name a revision that validates, or drop --offline")
    revision = read_revision(one.folder)
    approvals = committed_approvals(stack, revision)
    found = offline_plan(
        wanted_of(stack, revision),
        base,
        as_of=datetime.now(UTC),
        approvals=approvals,
        allow_admin=asked.lifts.admins,
    )
    run = PlanRun(base=base.name, base_commit=base.wanted.commit or "", head=asked.head, offline=True)
    return report_of(found, run, stack.line_of), stack
