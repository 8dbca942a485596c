"""A group that knows its commands by name and summary and imports one only when it is called: help stays quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: the module that holds it as `app`, and the line that the list of commands shows."""

    module: str
    summary: str
    hidden: bool = False

    def load(self, name: str) -> Any:
        """The command itself, ready to be called."""
        command = typer.main.get_command(import_module(self.module).app)
        command.name = name
        return command


def group_of(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """A group class of these commands, listed in their order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, entry in entries.items():
                self.add_command(TyperCommand(name, short_help=entry.summary, hidden=entry.hidden))

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            return name, entries[name].load(name) if name else command, rest

    return LazyGroup
