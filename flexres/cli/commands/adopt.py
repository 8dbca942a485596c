"""`flexres adopt`: takes over the declared users who are in Flex without our marker, and changes nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, check_engine, check_manner, show_and_apply
from flexres.cli.open_stack import Lifts, Opened, opened
from flexres.cli.output import busy, emit
from flexres.errors import Exit, FlexresError
from flexres.reconcile.change import Kind
from flexres.reconcile.guards.model import Rule, Violation
from flexres.reconcile.plan import Plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres adopt -s prod                           shows who, and asks
  flexres adopt -s prod --user ana@example.com --user bob@example.com
  flexres adopt -s prod --yes --approve DIGEST
\b
The guards are those of flexres plan, and so is the digest that lifts them.
\b
Exit codes: 0 done, or nobody to adopt · 1 a named user is not to be adopted
2 the set-up is wrong · 4 refused by a guard · 5 adopted in part
6 Twilio is unreachable or refused the credentials"""
)
def adopt(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    user: Annotated[
        list[str] | None, typer.Option("--user", metavar="USER", help="Adopt only this user; repeatable.")
    ] = None,
    yes: options.Yes = False,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    allow_dirty: options.AllowDirty = False,
    switch_engine: options.SwitchEngine = False,
    journal: options.Journal = None,
    verbose: options.Verbose = False,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Take over declared users who are in Flex already, and nobody else.

    Whoever the YAML declares and Flex has without our marker is made as declared and marked as ours. What nobody
    declares about them stays as it is.
    """
    manner = Manner(yes, journal, report_format, out, log, verbose, allow_dirty=allow_dirty)
    lifts = Lifts(approve or (), allow_admin or (), allow_older)
    check_manner(manner)

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=False, log=log, lifts=lifts) as it:
            check_engine(it, switch=switch_engine)
            with busy(f"Reading {it.stack.name} from Flex"):
                plan, run = await it.plan()
            chosen = _chosen(plan, it, user or ())
            if not chosen:
                emit(f"{plan.stack}: nobody to adopt; everyone declared who is in Flex is managed already")
                return Exit.DONE
            people = "this user" if len(chosen) == 1 else f"these {len(chosen)} users"
            question = f"Adopt {people} into {plan.stack}?"
            return (await show_and_apply(only_adoptions(plan, chosen), run, it, manner, question=question)).exit

    return asyncio.run(run())


def _chosen(plan: Plan, it: Opened, named: Collection[str]) -> frozenset[str]:
    adoptable = frozenset(change.username for change in plan.of_kind(Kind.ADOPT))
    for username in named:
        if username not in adoptable:
            declared = (
                "is declared, but not in Flex without our marker" if username in it.stack.users else "is not declared"
            )
            raise FlexresError(f"{username} {declared}: nothing to adopt", hint="flexres plan shows what is to do")
    return frozenset(named) or adoptable


def only_adoptions(plan: Plan, usernames: frozenset[str]) -> Plan:
    """The plan with these adoptions alone, and of the guards' refusals those that these adoptions meet.

    The digest stays the whole plan's, so that one approval serves this and the apply that follows.
    """
    changes = tuple(change for change in plan.users if change.kind is Kind.ADOPT and change.username in usernames)
    guarded = tuple(item for item in plan.guarded if item.username in usernames)
    violations = tuple(found for found in plan.violations if _still_refuses(plan, found, usernames))
    return replace(
        plan,
        changes=changes,
        unmanaged=(),
        orphans=(),
        personas={},
        settings=(),
        idp=None,
        guarded=guarded,
        violations=violations,
        digest=plan.digest if violations else "",
    )


def _still_refuses(plan: Plan, found: Violation, usernames: frozenset[str]) -> bool:
    mine = [name for name in found.usernames if name in usernames]
    if found.rule is Rule.MAX_CHANGES:
        return not plan.policy.max_changes.allows(len(mine), plan.declared, least=1)
    return bool(mine)
