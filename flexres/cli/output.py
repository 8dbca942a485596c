"""Where reports go: standard output or a file, as wide and as colourful as what reads them can show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import typer

from flexres.errors import Problem
from flexres.files import write_file

_FILE_WIDTH: Final = 120
_MOST_WIDTH: Final = 160


@dataclass(frozen=True, slots=True)
class Look:
    """How a text is to be laid out: `width` in columns, and whether it may be coloured."""

    width: int
    colour: bool


def look_of(stream: TextIO, out: Path | None = None) -> Look:
    """The look for what reads `stream`, or for the file `out`."""
    if out is not None or not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isascii() and columns.isdigit() and int(columns) else _FILE_WIDTH
        return Look(width, out is None and _forced())
    width = min(shutil.get_terminal_size().columns, _MOST_WIDTH)
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Look(width, not plain)


def _forced() -> bool:
    """Whether colour is asked for although nobody looks at a terminal (https://force-color.org)."""
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def emit(text: str, out: Path | None = None, *, private: bool = False) -> None:
    """Prints a report, or writes it to a file, which is the owner's alone where `private`; it ends with one line break.

    Raises:
        SetupError: the file cannot be written.
    """
    text = text.rstrip("\n") + "\n"
    if out is None:
        # typer.echo would take colours away wherever it sees no terminal, asked for or not.
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_file(out, text, private=private, hint="name another file with --out")


def note(text: str) -> None:
    """One line beside the report, on stderr."""
    typer.echo(text, err=True)


def problems_text(problems: Sequence[Problem], *, files: int | None, stream: TextIO) -> str:
    """The problems of one or more stacks as a person reads them, with the lines at fault."""
    from flexres.desired.yaml.render_problems import render_text  # noqa: PLC0415 - most runs have no problem to tell

    return render_text(problems, _AsShown(problems), files=files, color=look_of(stream).colour)


class _AsShown:
    """The files at fault, of all stacks, under the very paths that messages call them by."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._names = sorted({problem.position.file for problem in problems})

    def files(self) -> Sequence[str]:
        """Their paths."""
        return self._names

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises UnreadableFile."""
        from flexres.desired.source import FolderSource  # noqa: PLC0415 - as above

        path = Path(name)
        return FolderSource(path.parent).read(path.name)

    def shown(self, name: str) -> str:
        """The path itself."""
        return name


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Shows on a terminal that something is under way; anywhere else, nothing."""
    if not sys.stderr.isatty() or not look_of(sys.stderr).colour:
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    with Console(stderr=True).status(text):
        yield
