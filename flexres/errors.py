"""The errors that a person can cause or meet; the command line turns each into a message and an exit code.

FlexresError                  1  failed, nothing more specific
├── SetupError                2  the command line, the YAML or the set-up is wrong; nothing was sent
│   └── InvalidStack          2  ... with every problem of every file
├── RefusedError              4  a guard refused; nothing was sent
├── UnreachableError          6  Twilio cannot be reached, or refused the credentials
└── TwilioError               1  Twilio answered one request with an error
    ├── FormatError           1  400 "Error invalid attribute format" and other refusals of what was sent
    ├── NotFoundError         1  404
    ├── PreconditionError     1  412: somebody else wrote in between
    └── LostAnswerError       1  the request may or may not have taken effect
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1
    SETUP = 2
    PENDING = 3
    REFUSED = 4
    PARTIAL = 5
    UNREACHABLE = 6


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file: `file` as the user would type it, `line` and `column` from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    `length` is the number of characters at fault, for the underline; `note` says what would happen otherwise
    (Flex's own answer, for example); `hint` says what to write instead.
    """

    position: Position
    message: str
    hint: str = ""
    note: str = ""
    length: int = 1
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.position}: {self.message}"


class FlexresError(Exception):
    """The root: `hint` says what to do, `exit` what the command exits with."""

    exit: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SetupError(FlexresError):
    """The command line, the environment or the set-up is wrong; nothing was sent."""

    exit = Exit.SETUP


class InvalidStack(SetupError):  # noqa: N818 - it names what was found, as in "invalid stack"
    """The YAML is wrong: `problems` holds all of them, in the order of the files; `files` how many were read."""

    def __init__(self, problems: tuple[Problem, ...], *, files: int) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''}")
        self.problems = problems
        self.files = files


class RefusedError(FlexresError):
    """A guard refused the whole plan, or the state changed under a saved one; nothing was sent."""

    exit = Exit.REFUSED


class UnreachableError(FlexresError):
    """Twilio cannot be reached, refused the credentials, or does not know the account's Flex."""

    exit = Exit.UNREACHABLE


class TwilioError(FlexresError):
    """Twilio answered one request with an error.

    `status` is the HTTP status (0 when there was no answer), `code` Twilio's own error code if it gave one,
    `request` the method and path, `request_id` the value of the Twilio-Request-Id header if there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str,
        status: int = 0,
        code: int | None = None,
        request_id: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.request = request
        self.status = status
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        answer = f"{self.status}" + (f"/{self.code}" if self.code else "") if self.status else "no answer"
        named = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} ({answer} to {self.request}{named})"


class FormatError(TwilioError):
    """Twilio refused what was sent (400)."""


class NotFoundError(TwilioError):
    """Twilio does not know the thing (404)."""


class PreconditionError(TwilioError):
    """Somebody else wrote in between (412): read again, work out the difference again."""


class LostAnswerError(TwilioError):
    """The request was sent and no answer came: it may have taken effect, so read before repeating it."""
