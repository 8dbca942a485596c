"""`flexres sso migrate`: the way from legacy to enhanced SSO, from where the account stands now."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from flexres.cli import options
from flexres.cli.open_stack import opened
from flexres.cli.output import busy, emit, look_of
from flexres.cli.sso_options import with_sso
from flexres.desired.stack import Stack
from flexres.errors import FlexresError
from flexres.live.credentials import endpoint
from flexres.live.flex.configuration import ConfigurationApi
from flexres.report.idp.findings import findings_in_text, findings_json, findings_markdown
from flexres.report.layout import Page
from flexres.sso.migration import Migration, Standing, migration
from flexres.sso.observe import standing
from flexres.text import json_text


def migrate(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
) -> None:
    """Show where the account stands on the way to enhanced SSO, what is next, and what would break.

    Credentials in the environment are used only to look up the version of Flex UI.
    """
    loaded, _ = with_sso(stack, stacks, unfinished=True)
    with busy(f"Looking where {loaded.name} stands"):
        found = asyncio.run(_standing(loaded, stacks))
    way = migration(loaded.config, found)
    if report_format == "json":
        emit(_json(loaded.name, way), out)
    elif report_format == "markdown":
        emit(_markdown(loaded.name, way), out)
    else:
        look = look_of(sys.stdout, out)
        emit(_text(loaded.name, way, Page(look.width, look.colour)), out)


async def _standing(stack: Stack, stacks: Path) -> Standing:
    connection, legacy_url = await standing(stack.config, endpoint(stack.config.endpoint, os.environ))
    return Standing(connection, legacy_url, await _ui_version(stack, stacks))


async def _ui_version(stack: Stack, stacks: Path) -> str | None:
    try:
        async with opened(stack.name, stacks, read_only=True, log="none") as it:
            config = stack.config
            api = ConfigurationApi(it.session.transport, account=config.account, instance=config.instance)
            return (await api.fetch()).ui_version
    except FlexresError:
        # Without credentials it is one thing less that is known, and nothing more.
        return None


def _text(name: str, way: Migration, page: Page) -> str:
    page.write((name, "bold"), ("  from legacy to enhanced SSO", "dim"))
    for title, findings in (
        ("Where it stands", way.stands),
        ("What is next", way.steps),
        ("What would break, unless minded", way.breaks),
    ):
        if findings:
            page.heading(title)
            findings_in_text(page, findings)
    if not way.steps:
        page.blank()
        page.write(("Nothing is left to migrate.", "green"))
    return page.text()


def _markdown(name: str, way: Migration) -> str:
    lines = [f"### From legacy to enhanced SSO: {name}", ""]
    for title, findings in (("stands", way.stands), ("next", way.steps), ("would break", way.breaks)):
        if findings:
            lines += [f"**{title}**", "", *findings_markdown(findings)]
    return "\n".join(lines)


def _json(name: str, way: Migration) -> str:
    said = {
        "format": 1,
        "report": "sso migrate",
        "stack": name,
        "stands": findings_json(way.stands),
        "steps": findings_json(way.steps),
        "breaks": findings_json(way.breaks),
    }
    return json_text(said)
