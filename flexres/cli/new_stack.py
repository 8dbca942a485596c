"""What the commands that begin a stack share: the SIDs that they are given, and where its schemas are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import typer

from flexres.desired.edit.template import FLEX_SCHEMA, USERS_SCHEMA


def checked_sid(prefix: str, value: str) -> str:
    """The SID that an option gives. Raises typer.BadParameter for what can be none of this prefix."""
    if not re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value):
        raise typer.BadParameter(f"{value} is not {prefix} and 32 digits of 0-9 and a-f")
    return value


def schemas_beside(folder: Path) -> str | None:
    """The way from the stack's folder to the project's JSON Schemas, where it has them."""
    schemas = folder.parent.parent / "docs" / "schema"
    if not all((schemas / name).is_file() for name in (FLEX_SCHEMA, USERS_SCHEMA)):
        return None
    return Path(os.path.relpath(schemas, folder)).as_posix()
