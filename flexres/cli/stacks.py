"""Which stack a command is about: named, or the only one there is; and its YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flexres.desired.load import Stack, load_stack
from flexres.desired.source import FolderSource
from flexres.errors import SetupError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class StackFolder:
    """A stack's name and its folder, `folder` spelled as the user would type it."""

    name: str
    folder: Path


def all_stacks(stacks: Path) -> list[StackFolder]:
    """Every folder in `stacks` that holds a flex.yaml, by name.

    Raises:
        SetupError: there is none.
    """
    try:
        found = sorted(path.parent for path in stacks.glob("*/flex.yaml"))
    except OSError as error:
        raise SetupError(f"{stacks} cannot be read: {error.strerror}") from error
    if not found:
        there = "has no stack in it" if stacks.is_dir() else "is not there"
        raise SetupError(
            f"the folder {stacks} {there}",
            hint="go to the project's folder, name another with --stacks, or begin one: flexres init NAME --help",
        )
    return [StackFolder(folder.name, folder) for folder in found]


def choose_stack(name: str | None, stacks: Path) -> StackFolder:
    """The stack of this name, or the only one.

    Raises:
        SetupError: nothing was named and there are several or none, or the name cannot be a stack's.
    """
    if name is not None:
        return StackFolder(name, stacks / checked_name(name))
    there = all_stacks(stacks)
    if len(there) > 1:
        names = ", ".join(stack.name for stack in there)
        raise SetupError(f"which stack? There are {names}", hint="name one with --stack, or in FLEXRES_STACK")
    return there[0]


def checked_name(name: str) -> str:
    """The name, if it can be that of a stack's folder.

    Raises:
        SetupError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} cannot be the name of a stack",
            hint="use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit",
        )
    return name


def load(chosen: StackFolder) -> Stack:
    """The stack's YAML, checked. Raises InvalidStack or SetupError."""
    source = FolderSource(chosen.folder, shown_as=str(chosen.folder))
    return load_stack(source, name=chosen.name, as_of=datetime.now(UTC).date())
