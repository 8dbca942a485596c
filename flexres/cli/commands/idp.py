"""`flexres idp`: the identity provider's side: what to enter there, what it offers, and Auth0 kept as declared."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, check_manner, show_and_apply
from flexres.cli.commands.idp_import_metadata import import_metadata
from flexres.cli.open_stack import Lifts, Opened, note_oddities, opened
from flexres.cli.output import busy, emit, note
from flexres.cli.reports import plan_as
from flexres.cli.stacks import choose_stack
from flexres.desired.schema.sso_checks import SignOnFacts, sign_on_facts
from flexres.desired.source import FolderSource
from flexres.errors import Exit, SetupError
from flexres.files import write_file
from flexres.idp.service_provider import ServiceProvider, enhanced, legacy
from flexres.idp.settings import ProviderName, Settings, as_markdown, as_text
from flexres.idp.settings import settings as settings_for
from flexres.live.credentials import endpoint
from flexres.reconcile.plan import Plan
from flexres.report.next_step import PlanRun
from flexres.report.plan.model import report_of
from flexres.text import json_text


def settings(
    *,
    idp: Annotated[
        ProviderName,
        typer.Option("--idp", metavar="NAME", help="okta, entra, google, adfs, keycloak, auth0 or generic."),
    ],
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    files: Annotated[
        Path | None, typer.Option("--files", metavar="DIR", help="Write what the provider imports into this folder.")
    ] = None,
    report_format: options.Format = "text",
    out: options.Out = None,
) -> None:
    """Say what to enter at an identity provider, by its own pages and labels, and what it cannot do."""
    chosen = choose_stack(stack, stacks)
    facts = sign_on_facts(FolderSource(chosen.folder, shown_as=str(chosen.folder)))
    found = settings_for(idp, _flex(facts, chosen.name), facts.claims)
    for path in _written(found, files) if files is not None else ():
        note(f"written: {path}")
    emit(_shown(found, report_format), out)


def _flex(facts: SignOnFacts, stack: str) -> ServiceProvider:
    if facts.type == "legacy":
        return legacy(facts.account)
    if facts.connection is None:
        raise SetupError(
            f"sso: of {stack} has no connection:, which is part of what the provider is told",
            hint="add the SID (JQ…) from Console's Single sign-on page",
        )
    login = endpoint(None, os.environ)
    return enhanced(facts.connection, login=login) if login else enhanced(facts.connection)


def _shown(found: Settings, report_format: options.ReportFormat) -> str:
    if report_format == "json":
        return json_text(asdict(found))
    return as_markdown(found) if report_format == "markdown" else as_text(found)


def _written(found: Settings, folder: Path) -> list[Path]:
    """The files that the provider imports. Raises SetupError where they cannot be written."""
    paths = [folder / file.name for file in found.files]
    for path, file in zip(paths, found.files, strict=True):
        write_file(path, file.content, hint="name another --files")
    return paths


app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def idp() -> None:
    """The identity provider: settings to enter, Auth0 kept as declared.

    At every login Flex takes roles, name and claims from the identity provider. So it has to agree with the YAML.
    """


app.command(
    "settings",
    short_help="What to enter there, by its own labels.",
    epilog="""\
\b
Examples:
  flexres idp settings --idp okta -s prod
  flexres idp settings --idp keycloak -s prod --files idp/
  flexres idp settings --idp entra -s prod -f markdown -o entra.md
\b
Nothing is sent. The stack needs account: and the beginning of sso: only.
\b
Exit codes: 0 shown · 2 the YAML or the set-up is wrong""",
)(settings)
app.command(
    "import-metadata",
    short_help="Fill sso: in from its metadata.",
    epilog="""\
\b
Examples:
  flexres idp import-metadata metadata.xml -s prod
  flexres idp import-metadata https://idp.example.com/metadata -s prod
  flexres idp import-metadata -s prod        from Auth0, where idp: names it
\b
Writes issuer, sso_url and certificate into flex.yaml, comments kept, and the
certificate into certs/. Look at the difference, and commit it.
\b
Exit codes: 0 written, or as it was · 2 no metadata, or the set-up is wrong
6 nobody answers there""",
)(import_metadata)


@app.command(
    "plan",
    short_help="What would change there alone.",
    epilog="""\
\b
Examples:
  flexres idp plan -s prod
  flexres idp plan -s prod --check
\b
Reads Flex too, for what was set before. Credentials: those of Twilio, and
AUTH0_DOMAIN with AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET or AUTH0_MGMT_TOKEN.
\b
Exit codes: as those of flexres plan""",
)
def plan_command(
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
    """Show what would change at the identity provider, and leave Flex out."""
    lifts = Lifts(approve or (), allow_admin or (), allow_older)

    async def show() -> Exit:
        async with opened(stack, stacks, read_only=True, log=log, lifts=lifts) as it:
            found, run = await _plan(it)
        report = report_of(found, run, it.stack.line_of)
        emit(plan_as(report, it.stack, report_format, out, verbose=verbose), out)
        note_oddities(found, it)
        return report.exit if check else Exit.DONE

    return asyncio.run(show())


@app.command(
    "apply",
    short_help="Make it as declared, and nothing else.",
    epilog="""\
\b
Example:
  flexres idp apply -s prod
\b
flexres apply does the same and writes Flex too, one user after the other.
\b
Exit codes: as those of flexres apply""",
)
def apply_command(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    yes: options.Yes = False,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_older: options.AllowOlder = False,
    allow_dirty: options.AllowDirty = False,
    journal: options.Journal = None,
    verbose: options.Verbose = False,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Make the identity provider as the YAML says, and leave Flex as it is."""
    manner = Manner(yes, journal, report_format, out, log, verbose, allow_dirty=allow_dirty)
    lifts = Lifts(approve or (), allow_admin or (), allow_older)
    check_manner(manner)

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=False, log=log, lifts=lifts) as it:
            plan, run = await _plan(it)
            question = f"Apply this to {it.stack.config.idp.domain if it.stack.config.idp else ''}?"
            return (await show_and_apply(plan, run, it, manner, question=question)).exit

    return asyncio.run(run())


async def _plan(it: Opened) -> tuple[Plan, PlanRun]:
    if it.stack.config.idp is None:
        place = f"{it.stack.position('idp').file}"
        raise SetupError(
            f"{it.stack.name} manages no identity provider: {place} has no idp: section",
            hint="flexres idp settings says what to enter at one by hand",
        )
    with busy(f"Reading {it.stack.config.idp.domain}"):
        return await it.plan(idp_alone=True)
