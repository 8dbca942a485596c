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
    ├── UnavailableError      6  429 or 5xx, however often it was asked
    └── LostAnswerError       1  the request may or may not have taken effect
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Literal

from flexres.text import lines_visible

_MOST_TOLD: Final = 100


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
    """A place in a file: `file` as the user would type it, `line` and `column` from 1.

    `length` is the number of characters at fault, for the underline; it tells no place from another.
    """

    file: str
    line: int
    column: int
    length: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def within(self, start: Position) -> Position:
        """This place inside a value, as the place in the file where that value begins at `start`."""
        column = self.column + (start.column - 1 if self.line == 1 else 0)
        return Position(start.file, start.line + self.line - 1, column, self.length)


@dataclass(frozen=True, slots=True)
class KeyPath:
    """A place in a YAML file before anybody looked where in its text that is: the value at `path`, or its key."""

    file: str
    path: tuple[str | int, ...]
    at_key: bool = False


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, what to do about it, and where it is as far as that is known yet.

    `note` says what would happen otherwise (Flex's own answer, for example); `hint` says what to write instead.
    `quoted`: what to write is the value itself in quotes, as the file has it: 012 is read as 10, and "012" was meant.
    """

    message: str
    hint: str = ""
    note: str = ""
    severity: Severity = "error"
    place: Position | KeyPath | None = None
    quoted: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if isinstance(self.place, Position) else self.message

    @property
    def position(self) -> Position:
        """Where it is, of a problem that was located."""
        assert isinstance(self.place, Position)
        return self.place

    def at(self, place: Position | KeyPath) -> Problem:
        """The same problem, there."""
        return replace(self, place=place)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Located problems by file, line and column."""
    return tuple(sorted(problems, key=lambda problem: (problem.position, problem.message, problem.hint)))


def few(problems: Sequence[Problem]) -> Sequence[Problem]:
    """At most 100 of them, which is more than anybody reads; the last one then says how many more there are."""
    if len(problems) <= _MOST_TOLD:
        return problems
    shown, left = problems[: _MOST_TOLD - 1], len(problems) - _MOST_TOLD + 1
    more = Problem(
        f"and {left:,} more problems from here on", "mend those above first", place=problems[len(shown)].place
    )
    return (*shown, more)


class ProblemError(ValueError):
    """A value that cannot be taken: `problem` says why. Caught where the value's place is known."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class FlexresError(Exception):
    """The root: `hint` says what to do, `exit` what the command exits with."""

    exit: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        # What a file, a server or the command line says stands in it, and a terminal obeys control characters.
        self.message = lines_visible(message)
        self.hint = lines_visible(hint)
        super().__init__(self.message)


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


class UnavailableError(TwilioError):
    """Twilio answers, but does nothing for us now (429 or 5xx, after all repetitions)."""

    exit = Exit.UNREACHABLE


class LostAnswerError(TwilioError):
    """The request was sent and no answer came: it may have taken effect, so read before repeating it."""


NOBODY_GETS_THROUGH: Final = (UnreachableError, UnavailableError)
"""What would meet the next user as it met this one."""
