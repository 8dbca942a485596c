"""Where reports go: standard output or a file, looked at before Flex is written, and told in spite of all after."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from flexres.cli.options import LogFormat
from flexres.errors import FlexresError, Problem, SetupError
from flexres.files import check_writable, write_file

_COLUMNS: Final = re.compile(r"[0-9]{1,4}")
_FILE_WIDTH: Final = 120
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_OTHER_FILE: Final = "name another file with --out"
_STREAM_ERRORS: Final = frozenset({errno.EPIPE, errno.EBADF, errno.ENOSPC, errno.EIO})
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
        width = (int(columns) if _COLUMNS.fullmatch(columns) else 0) or _FILE_WIDTH
        return Look(width, out is None and _forced())
    width = min(shutil.get_terminal_size().columns, _MOST_WIDTH)
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Look(width, not plain)


def _forced() -> bool:
    """Whether colour is asked for although nobody looks at a terminal (https://force-color.org)."""
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def emit(
    text: str, out: Path | None = None, *, private: bool = False, public: bool = False, needed: bool = False
) -> None:
    """Prints a report, or writes it to a file; it ends with one line break.

    Reports name people, so a new file is its owner's alone unless it is `public`; `private`: one that was there, too.

    A reader who has closed the pipe has seen enough, unless the report is `needed` for what comes next.

    Raises:
        SetupError: it cannot be written there.
    """
    text = text.rstrip("\n") + "\n"
    if out is not None:
        write_file(out, text, private=private, personal=not public, hint=_OTHER_FILE)
        if not private:
            note(f"wrote {out}")
        return
    try:
        # typer.echo would take colours away wherever it sees no terminal, asked for or not.
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        if needed or not isinstance(error, BrokenPipeError):
            message = f"standard output cannot be written: {error.strerror}"
            raise SetupError(message, hint="name a file for the report with --out") from error


class _StandardError(io.StringIO):
    """Standard error as long as somebody takes it; then what is said there is lost, and nothing else is."""

    def write(self, text: str) -> int:
        try:
            sys.stderr.write(text)
        except OSError:
            _discard(sys.stderr)
        return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)


STANDARD_ERROR: Final = _StandardError()


def note(text: str) -> None:
    """One line beside the report, on stderr."""
    STANDARD_ERROR.write(f"{text}\n")
    STANDARD_ERROR.flush()


def check_destinations(*files: Path | None) -> None:
    """Raises SetupError for a file that a report cannot be written to; None stands for standard output."""
    for file in files:
        if file is not None:
            check_writable(file, hint=_OTHER_FILE)


@contextmanager
def after_writes(done: Callable[[], str]) -> Iterator[None]:
    """Whatever befalls the telling of what was written is a note, which says in one line what was `done`.

    So neither Ctrl-C nor a full disk changes what the command exits with.
    """
    kept = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        note(f"\nstopped while the report was written, after everything else: {done()}")
    except FlexresError as error:
        note(f"warning: {error.message}: {done()}")
    except Exception as error:
        # Flex is written by now: that has to be told, and to be the exit code, even where the report has a bug.
        note(f"warning: the report failed ({type(error).__name__}: {error}): {done()}")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def deliver(text: str, out: Path | None) -> None:
    """Writes what became of a run to where it was to go, or else wherever it can be."""
    try:
        emit(text, out, needed=True)
        return
    except SetupError as error:
        note(f"warning: {error.message}; what was done:")
    if out is not None:
        try:
            emit(text, needed=True)
            return
        except SetupError:
            pass
    note(text.rstrip("\n"))


def open_closed_streams() -> None:
    """Puts something in the place of standard streams that the caller closed, so that no file takes their number.

    Standard input is empty then, standard output refuses what is written, and standard error forgets it.
    """
    for number, name, how in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, how)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def is_of_a_stream(error: OSError) -> bool:
    """Whether an error is that nobody takes what is printed."""
    return error.filename is None and error.errno in _STREAM_ERRORS


def discard_output() -> None:
    """What is still to be printed goes nowhere, so that the interpreter does not fail over it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _discard(stream)


def _discard(stream: TextIO) -> None:
    """What the stream still holds, and all that follows, goes nowhere."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return  # it stands on no file


def problems_text(problems: Sequence[Problem], *, files: int | None, stream: TextIO) -> str:
    """The problems of one or more stacks as a person reads them, with the lines at fault."""
    from flexres.desired.yaml.problems import render_text  # noqa: PLC0415 - most runs have no problem to tell

    return render_text(problems, _AsShown(problems), files=files, color=look_of(stream).colour)


class _AsShown:
    """The files at fault, of all stacks, under the very paths that messages call them by."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._names = sorted({problem.position.file for problem in problems})

    def files(self) -> Sequence[str]:
        """Their paths."""
        return self._names

    def problems(self) -> Sequence[Problem]:
        """None besides those that are told."""
        return ()

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


def configure_logs(log: LogFormat) -> None:
    """With `json`, every event of this process goes to stderr as one line; standard output is the report's alone."""
    if log == "none":
        return
    import structlog  # noqa: PLC0415 - only who asks pays for it

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(STANDARD_ERROR),
    )
