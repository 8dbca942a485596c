"""`flexres approve`: shows what the guards refuse, and writes into flex.yaml that exactly this is approved."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.open_stack import Lifts, opened
from flexres.cli.output import busy, emit, note
from flexres.desired.edit.flex_file import with_approvals, without_approvals
from flexres.desired.load import CONFIG, load_config
from flexres.desired.model import DAYS_APPROVED, MOST_DAYS_APPROVED, ApprovedEntry
from flexres.desired.source import FolderSource
from flexres.errors import Exit, SetupError
from flexres.files import write_file
from flexres.reconcile.change import Block
from flexres.reconcile.guards.model import LIFTED_BY_NO_DIGEST, Rule
from flexres.reconcile.plan import Plan
from flexres.report.terms import STANDINGS
from flexres.report.wording import plural
from flexres.text import visible

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_MOST: Final = 200
"""More than so many are approved by the plan's one digest, which holds for all of them together."""


@app.command(
    epilog="""\
\b
Examples:
  flexres approve -s prod                        shows, asks, writes flex.yaml
  flexres approve -s prod --user ana@example.com     only what is about Ana
  flexres approve -s prod --days 3 --yes
  flexres approve -s prod --base origin/main     on a branch, as its plan is
  flexres approve -s prod --prune                take out what lifts nothing
\b
What it writes holds for exactly these changes, from the state in which they
are now, and ends by itself. Commit it, and have the commit reviewed.
\b
Exit codes: 0 written, or nothing to approve · 2 the YAML or the set-up is
wrong · 6 Twilio is unreachable or refused the credentials"""
)
def approve(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="USER", help="Approve only what is about this user; repeatable."),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            "--days", metavar="DAYS", min=1, max=MOST_DAYS_APPROVED, help="How many days it holds, counted from today."
        ),
    ] = DAYS_APPROVED,
    prune: Annotated[
        bool, typer.Option("--prune", help="Instead, take out the approvals that lift nothing any more.")
    ] = False,
    base: options.JudgedByBase = None,
    yes: options.Yes = False,
    allow_older: options.AllowOlder = False,
    log: options.Log = "none",
) -> int:
    """Approve what the guards refuse, in flex.yaml, for so many days.

    Shows each change that needs an approval and who it is about; on your word it is written into policy.approved.
    """
    if not yes and not sys.stdin.isatty():
        raise SetupError("nobody can be asked: standard input is not a terminal", hint="look first, then add --yes")

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=True, log=log, lifts=Lifts(older=allow_older), base=base) as it:
            with busy(f"Reading {it.stack.name} from Flex"):
                plan, _ = await it.plan()
        file = stacks / plan.stack / CONFIG
        if prune:
            return _pruned(plan, it.stack.config.policy.approved, file, yes=yes)
        entries = list(_needed(plan, user or (), plan.as_of.date() + timedelta(days=days)))
        if not entries:
            emit(f"{plan.stack}: nothing to approve{_left(plan)}")
            return Exit.DONE
        emit("\n".join(_shown(plan, entries)))
        count = sum(len(entry.digests) for entry in entries)
        if not yes and not typer.confirm(f"Approve {plural(count, 'change')}?", err=True):
            note("Nothing was written.")
            return Exit.DONE
        write_file(file, with_approvals(file.read_bytes(), str(file), entries))
        emit(f"wrote {file}; commit it and have it reviewed: git add {file}")
        return Exit.DONE

    return int(asyncio.run(run()))


def _pruned(plan: Plan, entries: Sequence[ApprovedEntry], file: Path, *, yes: bool) -> Exit:
    """Take out the entries that lift nothing of the plan, if somebody wants that."""
    idle = plan.idle_approvals
    if not idle:
        emit(f"{plan.stack}: each approval lifts something, or there is none")
        return Exit.DONE
    emit(
        "\n".join(
            f"  {STANDINGS[one.standing]:<7}  {visible(one.approval.purpose)} (until {one.approval.until})"
            for one in idle.values()
        )
    )
    if not yes and not typer.confirm(f"Take out {plural(len(idle), 'approval')}?", err=True):
        note("Nothing was written.")
        return Exit.DONE
    data = file.read_bytes()
    if load_config(FolderSource(file.parent, shown_as=str(file.parent))).policy.approved != entries:
        raise SetupError(f"the approvals in {file} changed meanwhile: nothing was written", hint="run it again")
    write_file(file, without_approvals(data, str(file), idle))
    emit(f"wrote {file}")
    return Exit.DONE


def _needed(plan: Plan, users: Collection[str], until: date) -> Iterator[ApprovedEntry]:
    """An entry for each change; one for all that a rule of counts refuses, and one for a plan that is too large."""
    refused = {violation.rule for violation in plan.violations} - LIFTED_BY_NO_DIGEST
    items = [item for item in plan.guarded if item.rule in refused and item.approval is None]
    chosen = [item for item in items if not users or item.username in users]
    if len(chosen) > _MOST and len(chosen) == len(items):
        yield ApprovedEntry({plan.digest: ""}, f"{len(items)} changes: {', '.join(sorted(refused))}", until)
    else:
        for rule, words in _COUNTED.items():
            counted = {item.digest: item.username for item in chosen if item.rule is rule}
            if counted:
                yield ApprovedEntry(counted, f"{len(counted)} {words} ({rule})", until)
        for item in chosen:
            if item.rule not in _COUNTED:
                rule_too = f" ({item.rule})" if item.rule is not Rule.GAINS_ADMIN else ""
                says = f"{visible(item.username)} {visible(item.detail)}{rule_too}"
                yield ApprovedEntry({item.digest: item.username}, says, until)
    for change in plan.users:
        if change.block is Block.DEACTIVATED and (not users or change.username in users):
            says = f"{visible(change.username)} comes back, though deactivated"
            yield ApprovedEntry({change.digest: change.username}, says, until)


_COUNTED: Final = {Rule.MAX_REMOVALS: "leave or lose admin or supervisor", Rule.MAX_CHANGES: "are adopted or changed"}
"""Rules of which no single change is refused, but how many there are."""


_OF_ONE: Final = {
    Rule.GAINS_ADMIN,
    Rule.PROTECTED,
    Rule.EMAIL_DOMAINS,
    Rule.LOSES_SKILLS,
    Rule.LOSES_CAPACITY,
    Rule.RENAME,
}
"""Rules by which each change is refused for itself."""


def _shown(plan: Plan, entries: Sequence[ApprovedEntry]) -> Iterator[str]:
    yield f"{plan.stack}: to be approved until {entries[0].until}"
    refused = plan.violations
    if any(digest != plan.digest for entry in entries for digest in entry.digests):
        # Each entry of a single person says who and what by itself.
        refused = tuple(one for one in refused if one.rule not in _OF_ONE)
    yield from (f"  refused: {visible(violation.message)}" for violation in refused)
    if refused:
        yield ""
    for entry in entries:
        yield f"  {entry.purpose}"
        if len(entry.digests) > 1:
            yield from (f"    {visible(username)}" for username in entry.digests.values())


def _left(plan: Plan) -> str:
    rules = sorted({violation.rule for violation in plan.violations} & LIFTED_BY_NO_DIGEST)
    return f"; no approval lifts {', '.join(rules)}" if rules else ""
