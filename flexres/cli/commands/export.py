"""`flexres export`: what Flex says, as YAML; begins a stack from an existing account, or brings one up to date."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from flexres.cli import options
from flexres.cli.export_report import export_report
from flexres.cli.exporting import Choice, checked_sid, destination, exported, write_files
from flexres.cli.output import busy, configure_logs, emit
from flexres.errors import Exit
from flexres.reconcile.export.undeployed import Prefer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres export -s prod --account AC… --instance GO… --by team
  flexres export -s prod --dry-run       what a re-export would change
  flexres export -s prod --prune         also take out who left Flex
\b
A re-export changes values in place: comments, order and files stay, and a
file in which nothing changed is not touched. What defaults: say is not
repeated on users. Passwords and secrets are in no export.
\b
Of users whom a run has managed, what the YAML says and nobody has applied
yet is kept, and told; of all others Flex's values are taken, and told where
the YAML said otherwise. --prefer decides for one side, of every
user and every field.
\b
Exit codes: 0 done · 2 the set-up or the YAML is wrong · 6 Twilio is
unreachable or refused the credentials"""
)
def export(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="AC…",
            help="The SID of the account, for a stack that is new.",
            callback=lambda value: value and checked_sid("AC", value),
        ),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            metavar="GO…",
            help="The SID of the Flex instance, for a stack that is new.",
            callback=lambda value: value and checked_sid("GO", value),
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="ATTRIBUTE", help="One file for each value of it, for new users: team, location or any attribute."
        ),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The stack's folder, instead of the one in stacks.")
    ] = None,
    channels: Annotated[
        bool, typer.Option("--channels", help="Export everybody's channels: costs a request for each user.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out users who left Flex; who is yet to come stays.")
    ] = False,
    prefer: Annotated[
        Prefer | None,
        typer.Option(
            "--prefer",
            metavar="yaml|flex",
            help="Which side wins, of every user, where the YAML says what nobody has applied yet.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would change.")] = False,
    verbose: options.Verbose = False,
    report_format: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", metavar="text|json", help="How the report is written.")
    ] = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Write what Flex says as YAML: begin a stack, or update one.

    Only reads from Flex. A plan right afterwards adopts these users and changes nothing else. What YAML cannot say is
    left out and named.
    """
    configure_logs(log)
    choice = Choice(by={"team": "team_name"}.get(by or "", by), channels=channels, prune=prune, prefer=prefer)

    async def run() -> Exit:
        target = destination(stack, stacks, into=into, account=account, instance=instance)
        with busy("Reading Flex"):
            result = await exported(target, choice)
        if not dry_run:
            write_files(target, result.files)
        emit(export_report(target, result, report_format, dry_run=dry_run, verbose=verbose), out)
        return Exit.DONE

    return asyncio.run(run())
