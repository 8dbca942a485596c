"""`flexres init`: the first files of a stack, commented, with an identity of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from flexres.cli import options
from flexres.cli.exporting import checked_sid, schemas_beside
from flexres.cli.init_from_live import commit_to_name, numbered, write_around
from flexres.cli.output import emit
from flexres.cli.stacks import checked_name
from flexres.cli.workflows import Host
from flexres.desired.edit.flex_file import FLEX_SCHEMA, USERS_SCHEMA, flex_template, mint_id, team_template
from flexres.errors import SetupError
from flexres.files import folder_above, write_file

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres init prod --account AC… --instance GO…
  flexres init staging --instance GO…        the account of TWILIO_ACCOUNT_SID
  flexres init prod --from-live              everybody who is in Flex already
  flexres init prod --instance GO… --engine pulumi    with a Pulumi project
\b
Both SIDs are in Twilio Console: the account's on its first page, the Flex
instance's under Flex, Overview."""
)
def init(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the stack, and its folder.")],
    account: Annotated[
        str,
        typer.Option(
            metavar="AC…",
            envvar="TWILIO_ACCOUNT_SID",
            help="The SID of the account.",
            callback=lambda value: checked_sid("AC", value),
        ),
    ],
    instance: Annotated[
        str | None,
        typer.Option(
            metavar="GO…",
            help="The SID of the Flex instance; with --from-live it is found.",
            callback=lambda value: value and checked_sid("GO", value),
        ),
    ] = None,
    from_live: Annotated[
        bool,
        typer.Option("--from-live", help="Begin with everybody who is in Flex."),
    ] = False,
    by: Annotated[
        str, typer.Option(metavar="ATTRIBUTE", help="With --from-live: one team file for each value of it.")
    ] = "team",
    engine: Annotated[
        options.EngineName,
        typer.Option(metavar="direct|pulumi", help="What applies the stack; pulumi: its project is written, too."),
    ] = "direct",
    ci: Annotated[
        Literal["github", "gitlab", "none"],
        typer.Option(metavar="github|gitlab|none", help="Where the repository is: its pipelines and CODEOWNERS, too."),
    ] = "github",
    stacks: options.Stacks = options.STACKS_FOLDER,
) -> None:
    """Start a stack: write a commented flex.yaml and a first team file.

    Where the repository lacks them, the pipelines that plan, deploy and look for drift are written, and who reviews
    what. Nothing is sent, and a stack that is there already is left alone. With --from-live Flex is read, everybody in
    it becomes YAML, and the plan of it is shown.
    """
    folder = stacks / checked_name(name)
    if folder.exists() or folder.is_symlink():
        raise SetupError(
            f"{folder} is there already, and was left alone", hint="choose another name, or remove it first"
        )
    host: Host | None = None if ci == "none" else ci
    if from_live:
        from flexres.cli.init_from_live import begin_from_live  # noqa: PLC0415 - the other way needs nothing of it

        begin_from_live(name, stacks, account=account, instance=instance, by=by, engine=engine, ci=host)
        return
    if instance is None:
        raise SetupError("which Flex instance?", hint="name it with --instance, or let --from-live find it")
    schemas = schemas_beside(folder)
    files = {
        folder / "flex.yaml": flex_template(
            id=mint_id(),
            account=account,
            instance=instance,
            schema=schemas and f"{schemas}/{FLEX_SCHEMA}",
            engine=engine,
        ),
        folder / "users" / "team.yaml": team_template(schema=schemas and f"../{schemas}/{USERS_SCHEMA}"),
    }
    for path, text in files.items():
        write_file(path, text)
    around = write_around(folder_above(stacks), engine=engine, ci=host)
    steps = [
        *_first_steps(name, folder),
        *commit_to_name(around),
        *(_pulumi_steps(name) if engine == "pulumi" else []),
        *([_SET_UP[host]] if host is not None else []),
    ]
    emit("\n".join([*(f"wrote {path}" for path in (*files, *around)), "", numbered(*steps)]))


_SET_UP: Final[Mapping[Host, str]] = {
    "github": "put your teams into .github/CODEOWNERS, and set the environments up: docs/gitops.md",
    "gitlab": "put your teams into .gitlab/CODEOWNERS, and set the environments up: docs/gitlab.md",
}


def _pulumi_steps(name: str) -> list[str]:
    return [
        "pulumi install                          makes .venv, where that is not there yet",
        f"flexres apply --stack {name}, or pulumi stack init {name} and pulumi up",
    ]


def _first_steps(name: str, folder: Path) -> list[str]:
    return [
        f"name your users in {folder}/users/, one file a team; rename team.yaml as you like",
        f"flexres validate --stack {name}",
        "set TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET (or TWILIO_AUTH_TOKEN)",
        f"flexres plan --stack {name}",
    ]
