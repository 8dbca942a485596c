"""What the provider and the program tell the engine's driver: JSON lines in a file that the driver names.

Pulumi's own events say which resource was stepped, and have no place for what became of a change. So the driver names
a file in the environment, and whoever runs below the engine appends a line there for each outcome and for each failed
call. A `pulumi up` by hand names none, and loses nothing: what is written there is in the journal and on the terminal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from flexres.apply.outcome import Outcome, Result
from flexres.errors import Exit
from flexres.reconcile.change import About, Change

C = TypeVar("C", bound=Change)

VARIABLE: Final = "FLEXRES_OUTCOMES"
"""The environment variable that names the file."""

PROGRAM: Final = "program"
"""The kind under which the program tells its own failures, which the engine shows as those of no resource."""

Subject: TypeAlias = tuple[About, str]
"""What a change is about, and its name: the same in the driver's plan and in the provider's."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one change, as the process says that made it."""

    result: Result
    message: str = ""
    request_id: str | None = None
    not_taken: tuple[str, ...] = ()

    def of(self, change: C) -> Outcome[C]:
        """The outcome of that change."""
        return Outcome(change, self.result, self.message, self.not_taken, self.request_id)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed: for which resource (`kind` and `name`), and what the command is to exit with.

    `told`: the failure is that of outcomes, which have lines of their own.
    """

    kind: str
    name: str
    exit: Exit
    message: str
    hint: str = ""
    told: bool = False


class Sender:
    """Appends lines for the driver; does nothing where nobody drives."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get(VARIABLE)
        self._path = Path(path) if path else None

    def outcome(self, stack: str, outcome: Outcome[Change]) -> None:
        """What became of one change."""
        about = {"about": outcome.change.about, "name": outcome.change.name}
        said = {"result": outcome.result, "message": outcome.message, "request_id": outcome.request_id}
        self._send({"event": "outcome", "stack": stack, **about, **said, "not_taken": outcome.not_taken})

    def failure(self, stack: str, failure: Failure) -> None:
        """One call failed."""
        resource = {"kind": failure.kind, "name": failure.name}
        said = {"exit": int(failure.exit), "message": failure.message, "hint": failure.hint, "told": failure.told}
        self._send({"event": "failure", "stack": stack, **resource, **said})

    def requests(self, stack: str, count: int) -> None:
        """How many requests this process has sent so far for a stack."""
        self._send({"event": "requests", "stack": stack, "process": os.getpid(), "count": count})

    def _send(self, line: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        data = (json.dumps(line) + "\n").encode()
        # Whoever drives is there before us; one who is gone needs nothing, and the engine's own words are left.
        with suppress(OSError):
            # One write of one line: processes and threads that share the file never mix within a line.
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(file, data)
            finally:
                os.close(file)


@dataclass(slots=True)
class Receiver:
    """Reads what was sent about one stack, as often as it is asked to."""

    path: Path
    stack: str
    outcomes: dict[Subject, Told] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    _requests: dict[tuple[str, int], int] = field(default_factory=dict)
    _read: int = 0

    @property
    def requests(self) -> int:
        """How many requests all processes below the engine have sent."""
        return sum(self._requests.values())

    def receive(self) -> None:
        """Take in what came since the last time; a line that is still being written waits for the next."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        for line in _lines(whole):
            self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "requests":
                self._requests[line["stack"], line["process"]] = line["count"]
            case "outcome" if line["stack"] == self.stack:
                told = Told(Result(line["result"]), line["message"], line["request_id"], tuple(line["not_taken"]))
                self.outcomes[About(line["about"]), line["name"]] = told
            case "failure":
                said = {name: line[name] for name in ("kind", "name", "message", "hint", "told")}
                self.failures.append(Failure(exit=Exit(line["exit"]), **said))


def _lines(text: bytes) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for line in text.splitlines() if line)
