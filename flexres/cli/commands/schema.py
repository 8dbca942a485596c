"""`flexres schema`: the JSON Schema that editors check and complete a stack's files with."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from flexres.cli import options
from flexres.cli.output import emit
from flexres.desired.schema.json_schema import json_schema
from flexres.text import json_text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres schema users
  flexres schema flex -o docs/schema/flex.schema.json
\b
An editor with a YAML language server finds it by a first line such as
  # yaml-language-server: $schema=../../docs/schema/flex.schema.json"""
)
def schema(
    kind: Annotated[
        Literal["flex", "users"], typer.Argument(metavar="flex|users", help="Of flex.yaml, or of a team file.")
    ],
    out: options.Out = None,
) -> None:
    """Print the JSON Schema of flex.yaml or of team files, for editors."""
    emit(json_text(json_schema(kind)), out, public=True)
