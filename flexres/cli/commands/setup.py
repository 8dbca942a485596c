"""`flexres setup check`: whether the repository guards its stacks as the workflows expect, as far as an API tells."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.output import emit, look_of
from flexres.cli.set_up import Finding, Standing, of_files, of_platform, stacks_of
from flexres.desired.revision import remote
from flexres.errors import Exit, SetupError
from flexres.files import folder_above
from flexres.live.credentials import setting
from flexres.live.http.hosting import (
    GITHUB_API,
    GITLAB_API,
    Hosting,
    HostingApi,
    Platform,
    may_have_token,
    pipeline_hosting,
)
from flexres.report.layout import Page, Row
from flexres.text import visible

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def setup() -> None:
    """How the repository guards its stacks: reviews, owners, pins."""


@app.command(
    "check",
    epilog="""\
\b
Examples:
  GITHUB_TOKEN=$(gh auth token) flexres setup check
  FLEXRES_GITLAB_TOKEN=… flexres setup check --repository group/flex
\b
The token only reads; on GitHub it needs the repository's administration to
tell all. What it may not read is said to be unknown.
\b
Exit codes: 0 nothing is wrong, though something may be unknown
2 something is wrong""",
)
def check_setup(
    *,
    repository: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="The repository, where the remote origin does not name it.")
    ] = "",
    stacks: options.Stacks = options.STACKS_FOLDER,
) -> int:
    """Check what guards the stacks: reviews, owners, environments.

    Looks at the files here, and asks GitHub or GitLab how the repository is protected. Nothing is changed.
    """
    project, names = folder_above(stacks), stacks_of(stacks)
    hosting, unknown = _hosting(os.environ, remote(project), repository)
    platform: Platform = hosting.platform if hosting is not None else _platform(remote(project), os.environ)
    found = list(of_files(project, platform, names))
    if hosting is None:
        found.append(Finding(Standing.UNKNOWN, f"the repository on {platform}", unknown))
    else:
        found += asyncio.run(_asked(hosting, names))
    emit(_told(found))
    return Exit.SETUP if any(one.standing is Standing.WRONG for one in found) else Exit.DONE


async def _asked(hosting: Hosting, stacks: list[str]) -> list[Finding]:
    async with HostingApi(hosting) as api:
        return await of_platform(api, stacks)


def _platform(origin: str, environ: Mapping[str, str]) -> Platform:
    return "GitLab" if "gitlab" in origin or setting(environ, "FLEXRES_GITLAB_TOKEN") else "GitHub"


def _hosting(environ: Mapping[str, str], origin: str, named: str) -> tuple[Hosting | None, str]:
    """Where to ask with which token, or why nobody can be asked; the API is the platform's or the environment's own."""
    if not named and (found := pipeline_hosting(environ)) is not None:
        return found, ""
    platform = _platform(origin, environ)
    match = re.match(r"(?:(?:https?|ssh)://(?:[^/@]+@)?|[\w.-]+@)([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?/?$", origin)
    host, path = (match[1], named or match[2]) if match else ("", named)
    names, public, api = _ASKED[platform]
    token = next(filter(None, (setting(environ, name) for name in names)), "")
    url = setting(environ, api[0]) or (api[1] if host in ("", public) else "")
    if not path:
        return None, "its remote origin names no repository: name it with --repository"
    if not token:
        return None, f"{names[0]} is not set"
    if not may_have_token(url):
        return None, f"{api[0]} does not name the API of {host} by https"
    place = f"repos/{path}" if platform == "GitHub" else f"projects/{path.replace('/', '%2F')}"
    if not re.fullmatch(r"[\w.%/-]+", place):
        raise SetupError(f"{path} names no repository", hint="write OWNER/NAME")
    return Hosting(platform, url, place, token), ""


_ASKED: Final[Mapping[Platform, tuple[tuple[str, ...], str, tuple[str, str]]]] = {
    "GitHub": (("GITHUB_TOKEN", "GH_TOKEN"), "github.com", ("GITHUB_API_URL", GITHUB_API)),
    "GitLab": (("FLEXRES_GITLAB_TOKEN",), "gitlab.com", ("CI_API_V4_URL", GITLAB_API)),
}
"""The variables of the token, the public host, and the variable of the API with what it is there."""

_SIGNS: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.WRONG: ("✗", "bold red"),
    Standing.UNKNOWN: ("?", "yellow"),
    Standing.RIGHT: ("✓", "green"),
}


def _told(found: list[Finding]) -> str:
    look = look_of(sys.stdout)
    page = Page(look.width, look.colour)
    rows: list[Row] = []
    for standing, sign in _SIGNS.items():
        rows += [
            (sign, (visible(one.what), ""), (visible(one.says), "dim")) for one in found if one.standing is standing
        ]
    page.table(rows)
    counted = Counter(one.standing for one in found)
    page.write((", ".join(f"{counted[standing]} {standing}" for standing in _SIGNS), "bold"))
    return page.text()
