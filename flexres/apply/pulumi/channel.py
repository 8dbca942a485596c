"""What provider and program tell the engine's driver, JSON lines in a file; and what became of the plan by them.

Pulumi's own events say which resource was stepped, and have no place for what became of a change. So the driver names
a file in the environment, and whoever runs below the engine appends a line there for each outcome and for each failed
call. A `pulumi up` by hand names none, and loses nothing: what is written there is in the journal and on the terminal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.apply.pulumi.events import State, Steps
from flexres.errors import Exit, FlexresError, Problem, RefusedError, SetupError, UnreachableError
from flexres.reconcile.change import About, Change, Kind, UserChange
from flexres.reconcile.plan import Plan

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
    problem: Problem
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
        said = {"message": failure.problem.message, "hint": failure.problem.hint, "told": failure.told}
        self._send({"event": "failure", "stack": stack, **resource, "exit": int(failure.exit), **said})

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
                problem = Problem(line["message"], line["hint"])
                self.failures.append(
                    Failure(line["kind"], line["name"], Exit(line["exit"]), problem, told=line["told"])
                )


def _lines(text: bytes) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for line in text.splitlines() if line)


_ERRORS: Final[Mapping[Exit, type[FlexresError]]] = {
    Exit.SETUP: SetupError,
    Exit.REFUSED: RefusedError,
    Exit.UNREACHABLE: UnreachableError,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of the engine that has ended, or goes on: its steps, and what was told meanwhile."""

    steps: Steps
    received: Receiver

    @property
    def begun(self) -> bool:
        """Whether anything was begun with, so that there is something to tell of."""
        return bool(self.steps.users or self.steps.departures or self.received.outcomes)

    def failures(self) -> list[Failure]:
        """Why calls failed, each once: those of outcomes aside, and the engine's words where nobody else has any."""
        ours = [failure for failure in self.received.failures if not failure.told]
        explained = {(failure.kind, failure.name) for failure in self.received.failures}
        if any(failure.kind == PROGRAM for failure in ours):
            explained.add(("", ""))
        for complaint in self.steps.complaints:
            if (complaint.kind, complaint.name) not in explained:
                ours.append(Failure(complaint.kind, complaint.name, Exit.SETUP, Problem(complaint.text)))
        return list({one.problem: one for one in reversed(ours)}.values())[::-1]

    def error(self) -> FlexresError | None:
        """All failures as one error, None where there are none; the first says what the command exits with."""
        found = self.failures()
        if not found:
            return None
        hints = {failure.problem.hint: None for failure in found}
        kind = _ERRORS.get(found[0].exit, FlexresError)
        return kind("\n".join(failure.problem.message for failure in found), hint="; ".join(filter(None, hints)))

    def users(self, plan: Plan) -> list[UserOutcome]:
        """What became of each change of a user."""
        return [self.user(change) for change in plan.users]

    def user(self, change: UserChange) -> UserOutcome:
        """What became of one change: as it was told, or else as far as the engine got."""
        told = self._told(change)
        if told is not None:
            return told.of(change)
        if change.kind is Kind.BLOCKED:
            return Outcome(change, Result.BLOCKED, change.reason)
        step = self.steps.step_of(change)
        if step is None and not change.pending:
            return Outcome(change, Result.WAITING if change.kind is Kind.WAIT else Result.DONE)
        why = "; ".join(failure.problem.message for failure in self._failures_of(change))
        if step is None or step.state is State.PLANNED:
            return Outcome(change, Result.NOT_STARTED, why or "not started")
        if step.state is State.FAILED:
            return Outcome(change, Result.FAILED, why or "failed, and nobody said why")
        return Outcome(change, Result.DONE)

    def of(self, changes: Iterable[C]) -> list[Outcome[C]]:
        """What became of changes that are no users'; of what nobody says anything was not started."""
        nothing = Told(Result.NOT_STARTED, "not started")
        return [told.of(change) for change, told in ((one, self._told(one) or nothing) for one in changes)]

    def others(self, plan: Plan) -> list[Failure]:
        """The failures that are no user's of the plan."""
        users = {self._resource_of(change) for change in plan.users}
        return [failure for failure in self.failures() if (failure.kind, failure.name) not in users]

    def _told(self, change: Change) -> Told | None:
        return self.received.outcomes.get((change.about, change.name))

    def _failures_of(self, change: UserChange) -> Iterator[Failure]:
        resource = self._resource_of(change)
        return (failure for failure in self.failures() if (failure.kind, failure.name) == resource)

    def _resource_of(self, change: UserChange) -> tuple[str, str]:
        step = self.steps.step_of(change)
        return (step.kind, step.name) if step is not None else ("User", change.username)
