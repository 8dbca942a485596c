"""`flexres sso appconfig`: writes the appconfig.js of a self-hosted Flex UI, or says what a browser makes of one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.output import busy, emit, look_of, note
from flexres.cli.sso_options import with_sso
from flexres.desired.model import Sso, StackConfig
from flexres.desired.schema.trusted import check_redirect
from flexres.errors import Exit, SetupError
from flexres.files import read_file
from flexres.idp.findings import Finding, Verdict, verdict
from flexres.live.credentials import endpoint
from flexres.report.idp.findings import (
    VERDICT_ICONS,
    VERDICT_STYLES,
    findings_in_text,
    findings_json,
    findings_markdown,
)
from flexres.report.layout import Page
from flexres.sso import appconfig as scripts
from flexres.sso.appconfig import Active
from flexres.sso.observe import active_connection
from flexres.text import json_text

_VERDICTS: Final[Mapping[Verdict, str]] = {
    "accepted": "Flex UI would sign in with it",
    "refused": "Flex UI would not sign in with it",
    "cannot know": "cannot know whether Flex UI would sign in with it",
}


def appconfig(
    *,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Say what a browser makes of this file instead.")
    ] = None,
    redirect_url: Annotated[
        str | None,
        typer.Option("--redirect-url", metavar="URL", help="Where the login returns to, if not default_redirect_url."),
    ] = None,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
) -> int:
    """Write the appconfig.js of a self-hosted Flex UI, or check an existing one.

    Its oauth object is written only once the declared connection is seen active, because Flex UI signs in through
    enhanced SSO as soon as it is there.
    """
    loaded, sso = with_sso(stack, stacks)
    _check_redirect(redirect_url, sso)
    source = _read(check) if check else ""
    with busy("Looking which connection is active"):
        active = asyncio.run(_active(loaded.config))
    if check is not None:
        findings = scripts.check_appconfig(source, loaded.config, active)
        emit(_report(check, findings, report_format, out), out)
        return Exit.DONE if verdict(findings) == "accepted" else Exit.FAILED
    emit(scripts.appconfig(loaded.config, active, redirect_url), out, public=True)
    reason = scripts.why_without_oauth(loaded.config, active, redirect_url)
    if reason:
        note(f"note: without oauth, since {reason}")
    return Exit.DONE


async def _active(config: StackConfig) -> Active:
    found, client_id = await active_connection(config, endpoint(config.endpoint, os.environ))
    return Active(None if found.value is None else str(found.value), client_id, found.why)


def _check_redirect(url: str | None, sso: Sso) -> None:
    wrong = check_redirect(url, sso.trusted, sso.type) if url is not None else None
    if wrong is not None and wrong.severity == "error":
        raise SetupError(f"--redirect-url: {wrong.message}", hint=wrong.hint)


def _read(file: Path) -> str:
    try:
        return read_file(file, scripts.LARGEST, hint="name the appconfig.js").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetupError(f"{file} is no UTF-8 text", hint="save it again with the encoding UTF-8") from error


def _report(file: Path, findings: Sequence[Finding], report_format: options.ReportFormat, out: Path | None) -> str:
    found = verdict(findings)
    said = _VERDICTS[found]
    if report_format == "json":
        head = {"format": 1, "report": "sso appconfig", "file": str(file), "verdict": found}
        return json_text({**head, "findings": findings_json(findings)})
    if report_format == "markdown":
        return "\n".join([f"### {VERDICT_ICONS[found]} appconfig.js: {said}", "", *findings_markdown(findings)])
    look = look_of(sys.stdout, out)
    page = Page(look.width, look.colour)
    page.write((str(file), "bold"), (f"  {said}", VERDICT_STYLES[found]))
    page.blank()
    findings_in_text(page, findings)
    return page.text()
