"""The one boundary that turns errors into messages on stderr and exit codes; below it nothing catches to print."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import typer

from flexres.cli.output import discard_output, is_of_a_stream, note, open_closed_streams, problems_text
from flexres.errors import Exit, FlexresError, InvalidStack, TwilioError
from flexres.sandbox.errors import SandboxError
from flexres.text import lines_visible

INTERRUPTED: Final = 130
EXTRAS: Final = {
    "pulumi": "pulumi",
    "aiohttp": "sandbox",
    "quickjs": "sandbox",
    "re2": "sandbox",
    "signxml": "sso",
    "tree_sitter": "sso",
    "tree_sitter_javascript": "sso",
}
"""The extra of flexres that brings a package which only some commands need."""


def guarded(command: Any, arguments: Sequence[str]) -> int:
    """Runs a command line and returns what to exit with; every error has become a message by then."""
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show "→" is no reason to fail.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text streams on files
    try:
        code = command.main(list(arguments), prog_name="flexres", standalone_mode=False)
        if code == INTERRUPTED:
            _say("stopped. Nothing was changed.")
        return int(code or Exit.DONE)
    except Exception as error:
        return int(_told(_innermost(error)))
    finally:
        discard_output()


def _innermost(error: Exception) -> Exception:
    """The first error of a group: tasks that ran side by side fail together, mostly for one reason."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(error: Exception) -> int:
    """The exit code of an error, which has been said on stderr."""
    match error:
        case InvalidStack():
            note(problems_text(error.problems, files=error.files, stream=sys.stderr).rstrip("\n"))
            return error.exit
        case FlexresError():
            _say(f"error: {error if isinstance(error, TwilioError) else error.message}", hint=error.hint)
            return error.exit
        case typer.TyperException():
            return _told_usage(error)
    return _told_strange(error)


def _told_strange(error: Exception) -> int:
    """What is no error of ours: of the sandbox, of a person at the keyboard, of the machine, or a bug."""
    match error:
        case ModuleNotFoundError() if extra := EXTRAS.get((error.name or "").partition(".")[0]):
            _say(
                f"error: this needs {error.name}, which flexres[{extra}] brings", hint=f"pip install 'flexres[{extra}]'"
            )
            return Exit.SETUP
        case SandboxError():
            _say(f"error: {error}")
            return Exit.SETUP
        case typer.Abort() if not isinstance(error.__cause__, EOFError):
            _say("stopped. Nothing was changed.")
            return INTERRUPTED
        case OSError() if is_of_a_stream(error):
            _say(f"error: standard output cannot be written: {error.strerror}")
            return Exit.FAILED
        case OSError() if error.filename is not None:
            _say(f"error: {error.filename}: {error.strerror}")
            return Exit.FAILED
    # Typer makes an Abort of an end of file that a command did not catch; Ctrl-D at a question has no such cause.
    return _told_bug(error.__cause__ if isinstance(error.__cause__, EOFError) else error)


def _told_usage(error: typer.TyperException) -> int:
    message, context = error.format_message(), getattr(error, "ctx", None)
    if message.startswith("Usage:"):
        # Nothing was typed behind a group's name, and the message is its help.
        note(message)
    else:
        # "Value error, " is what pydantic, beneath typer, puts before the sentence.
        # It puts choices on lines of their own.
        said = " ".join(message.replace("Value error, ", "", 1).split()).rstrip(".")
        _say(f"error: {said}", hint=f"see {context.command_path if context else 'flexres'} --help")
    return Exit.SETUP


def _told_bug(error: Exception) -> int:
    if os.environ.get("FLEXRES_DEBUG"):
        note("".join(traceback.format_exception(error)).rstrip("\n"))
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {Path(last[0].filename).name}:{last[0].lineno}" if last else ""
    _say(
        f"error: flexres itself failed: {type(error).__name__}: {error}{where}",
        hint="this is a bug: please report this line, and what the same command says with FLEXRES_DEBUG=1",
    )
    return Exit.FAILED


def _say(message: str, *, hint: str = "") -> None:
    note(lines_visible(message))
    if hint:
        note(f"  {lines_visible(hint)}")
