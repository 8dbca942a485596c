"""One thing wrong inside a value of the YAML, before anybody knows which file the value stands in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flexres.errors import Position, Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, what to do, and where: `line` and `column` count from 1 inside the value itself."""

    message: str
    hint: str = ""
    note: str = ""
    severity: Literal["error", "warning"] = "error"
    line: int = 1
    column: int = 1
    length: int = 1

    def at(self, position: Position) -> Problem:
        """The finding as a problem of a file: `position` is where the value begins."""
        column = self.column + (position.column - 1 if self.line == 1 else 0)
        place = Position(position.file, position.line + self.line - 1, column)
        return Problem(place, self.message, self.hint, self.note, self.length, self.severity)
