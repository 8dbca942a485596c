"""`flexres sso`: how single sign-on stands, what a person enters in Console, and what they say they entered."""

from __future__ import annotations

import sys

import typer

from flexres.cli import options
from flexres.cli.commands.sso_appconfig import appconfig
from flexres.cli.commands.sso_attest import attest
from flexres.cli.commands.sso_migrate import migrate
from flexres.cli.output import emit, look_of
from flexres.cli.sso_options import Seen, look
from flexres.report.sso import status as sign_on_status
from flexres.sso.checklist import checklist as steps_of
from flexres.sso.checklist import service_provider

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def sso() -> None:
    """Single sign-on: how it stands, and what to enter in Console.

    Twilio has no API for these settings, so a person enters them; flexres says what, looks from outside whether
    it is so, and keeps in git what was entered.
    """


@app.command(
    short_help="How it stands: declared beside seen.",
    epilog="""\
\b
Examples:
  flexres sso status -s prod
  flexres sso status -s prod -f json
\b
Nothing is sent but what a browser sends before it signs in; credentials are
needed only where sso.writer is api.
\b
Exit codes: 0 shown, whatever was seen · 2 the YAML or the set-up is wrong
6 an API is unreachable or refused the credentials""",
)
def status(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> None:
    """Show what is declared beside what can be seen, field by field, and how each was seen."""
    found = look(stack, stacks, log=log)
    state = _status(found)
    if report_format == "json":
        emit(sign_on_status.status_json(state), out)
    elif report_format == "markdown":
        emit(sign_on_status.status_markdown(state), out)
    else:
        how = look_of(sys.stdout, out)
        emit(sign_on_status.status_text(state, width=how.width, colour=how.colour), out)


def _status(found: Seen) -> sign_on_status.Status:
    return sign_on_status.Status(
        stack=found.stack.name,
        kind=found.sso.type,
        writer="a person in Console" if found.sso.writer == "console" else "an API",
        settings=found.settings,
        seen=found.sign_on,
        flex=service_provider(found.stack.config, login=found.login),
    )


@app.command(
    short_help="What to enter in Console, to be copied.",
    epilog="""\
\b
Examples:
  flexres sso checklist -s prod
  flexres sso checklist -s prod -f markdown     as a comment, to be ticked off
\b
Exit codes: 0 shown · 2 the YAML or the set-up is wrong""",
)
def checklist(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> None:
    """Say what to enter in Console, in the order of its page, each value ready to be copied."""
    found = look(stack, stacks, log=log)
    if found.sso.writer == "api":
        emit(f"{found.stack.name}: nothing to enter, flexres apply writes it (sso.writer is api)", out)
        return
    steps = steps_of(found.stack.config, found.settings)
    if report_format == "json":
        emit(sign_on_status.checklist_json(found.stack.name, steps), out)
    elif report_format == "markdown":
        emit(sign_on_status.checklist_markdown(found.stack.name, steps), out)
    else:
        how = look_of(sys.stdout, out)
        emit(sign_on_status.checklist_text(found.stack.name, steps, width=how.width, colour=how.colour), out)


app.command(
    short_help="Record what was entered in Console.",
    epilog="""\
\b
Examples:
  flexres sso attest certificate issuer -s prod
  flexres sso attest https://flex.example.com -s prod
  flexres sso attest --all -s prod            everything on the checklist
\b
Commit flex.yaml afterwards: the digests tell what was entered, so that a
later change of a field shows that it has to be entered again.
\b
Exit codes: 0 recorded · 2 no such field, or the set-up is wrong""",
)(attest)
app.command(
    short_help="appconfig.js of a self-hosted Flex UI.",
    epilog="""\
\b
Examples:
  flexres sso appconfig -s prod -o public/appconfig.js
  flexres sso appconfig -s prod --check public/appconfig.js
\b
Exit codes: 0 written, or with --check in order · 1 a browser would fail with
it · 2 the YAML or the set-up is wrong, or the file cannot be read""",
)(appconfig)
app.command(
    short_help="The way from legacy to enhanced SSO.",
    epilog="""\
\b
Example:
  flexres sso migrate -s prod
\b
Exit codes: 0 shown · 2 the YAML or the set-up is wrong""",
)(migrate)
