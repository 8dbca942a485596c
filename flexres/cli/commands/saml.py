"""`flexres saml lint`: takes a captured SAML response apart and says what Flex would make of it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.output import emit, look_of, note
from flexres.cli.stacks import StackFolder, choose_stack, load
from flexres.desired.stack import Stack
from flexres.errors import Exit, SetupError
from flexres.files import read_file
from flexres.idp.findings import Report
from flexres.idp.safe_xml import LARGEST
from flexres.idp.saml.lint import lint as lint_response
from flexres.live.credentials import endpoint
from flexres.report.idp.findings import saml_json, saml_markdown, saml_text
from flexres.sso.checklist import service_provider

_STDIN: Final = Path("-")

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def saml() -> None:
    """Look into what the identity provider sends to Flex."""


@app.command(
    short_help="Explain a captured SAML response.",
    epilog="""\
\b
Examples:
  flexres saml lint response.xml -s prod
  flexres saml lint session.har -s prod        a HAR or SAML-tracer export
  pbpaste | flexres saml lint - -s prod        Base64, as the browser posts it
\b
Exit codes: 0 Flex would accept it · 1 Flex would refuse it, or that cannot be
known · 2 the file holds no SAML response, or the YAML is wrong""",
)
def lint(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="XML, Base64, a form body, HAR or SAML-tracer; - is stdin.")
    ],
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
) -> int:
    """Explain a captured SAML response: what Flex would make of it, and what the Worker would get.

    Held against the stack's sso: (signature, issuer, audience, recipient) and its users. Nothing is sent, and
    nothing of the file is run or fetched. Without a stack it is explained as far as it goes.
    """
    data = _read(file)
    against = _stack(stack, stacks)
    config = against.config if against is not None else None
    found = lint_response(
        data,
        sso=config.sso if config is not None else None,
        users=against.users if against is not None else None,
        now=datetime.now(UTC),
        flex=service_provider(config, login=endpoint(config.endpoint, os.environ)) if config is not None else None,
    )
    emit(_told(found, report_format, out), out)
    if not found.readable:
        return Exit.SETUP
    return Exit.DONE if found.verdict == "accepted" else Exit.FAILED


def _stack(name: str | None, stacks: Path) -> Stack | None:
    """The stack to hold it against: named, or the only one; None, and said so, where it is not clear which."""
    chosen: StackFolder
    if name is not None:
        return load(choose_stack(name, stacks))
    try:
        chosen = choose_stack(None, stacks)
    except SetupError as error:
        note(f"note: held against no stack: {error.message}")
        return None
    return load(chosen)


def _read(file: Path) -> bytes:
    if file == _STDIN:
        # One byte more than the linter takes at most: more are not needed to refuse them.
        return sys.stdin.buffer.read(LARGEST + 1)
    return read_file(file, LARGEST, hint="save the response alone into a file, or pipe it in: … | flexres saml lint -")


def _told(found: Report, report_format: options.ReportFormat, out: Path | None) -> str:
    if report_format == "json":
        return saml_json(found)
    if report_format == "markdown":
        return saml_markdown(found)
    look = look_of(sys.stdout, out)
    return saml_text(found, width=look.width, colour=look.colour)
