"""`flexres idp settings`: exactly what to enter at an identity provider, as text, Markdown, or files to import."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.output import emit, note
from flexres.cli.stacks import choose_stack
from flexres.desired.schema.sso_checks import SignOnFacts, sign_on_facts
from flexres.desired.source import FolderSource
from flexres.errors import SetupError
from flexres.files import write_file
from flexres.idp.service_provider import ServiceProvider, enhanced, legacy
from flexres.idp.settings import ProviderName, Settings, as_markdown, as_text
from flexres.idp.settings import settings as settings_for
from flexres.live.credentials import endpoint


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
        return json.dumps(asdict(found), indent=2, ensure_ascii=False)
    return as_markdown(found) if report_format == "markdown" else as_text(found)


def _written(found: Settings, folder: Path) -> list[Path]:
    """The files that the provider imports. Raises SetupError where they cannot be written."""
    paths = [folder / file.name for file in found.files]
    for path, file in zip(paths, found.files, strict=True):
        write_file(path, file.content, hint="name another --files")
    return paths
