"""The engine's events as what became of each user: the direct engine's plans and outcomes come from them, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan

if TYPE_CHECKING:
    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata

REQUESTS: Final = "flexres requests: "
"""How the provider's count of its requests begins, among the engine's debug events."""

_MODULE: Final = "pulumi-python:dynamic/flexres:"
_ACTS: Final = frozenset({"create", "update", "delete"})
_MARKUP: Final = re.compile(r"<\{%[^%]*%\}>")
_PREFIX: Final = re.compile(r"^(error: )?(Failed: |[\w.:/-]+ resource '[^']*' has a problem: )?")


class State(Enum):
    """How far the engine got with one resource."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Step:
    """What the engine does with one resource: `op` is create, update or delete, `message` why it failed."""

    op: str
    state: State = State.PLANNED
    message: str = ""


class Steps:
    """All steps of one preview or up, gathered from its events in whatever order they come."""

    def __init__(self, begun: Callable[[str], None] | None = None, ended: Callable[[str], None] | None = None) -> None:
        """`begun` and `ended` are told the username of each user's step."""
        self.users: dict[str, Step] = {}
        self.departures: Step | None = None
        self.leaving: frozenset[str] = frozenset()
        self.errors: list[str] = []
        self.requests = 0
        self._begun, self._ended = begun, ended

    def take(self, event: EngineEvent) -> None:
        """Take one event in."""
        if event.resource_pre_event is not None:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event is not None:
            self._end(event.res_outputs_event.metadata, State.DONE)
        elif event.res_op_failed_event is not None:
            self._end(event.res_op_failed_event.metadata, State.FAILED)
        elif event.diagnostic_event is not None:
            self._diagnose(event.diagnostic_event)

    def step_of(self, change: UserChange) -> Step | None:
        """The step that carries out a change: the user's own, or that of those without a resource."""
        step = self.users.get(change.username)
        if step is None and change.username in self.leaving:
            return self.departures
        return step

    def _diagnose(self, said: DiagnosticEvent) -> None:
        if said.severity == "error":
            self._fail(said.urn or "", said.message)
        elif REQUESTS in said.message:
            count = re.search(r"\d+", said.message.partition(REQUESTS)[2])
            self.requests = max(self.requests, int(count[0]) if count else 0)

    def _begin(self, metadata: StepEventMetadata) -> None:
        kind, name = _named(metadata.urn)
        if str(metadata.op.value) not in _ACTS:
            return
        step = Step(str(metadata.op.value))
        if kind == "User":
            username = _username(metadata) or name
            self.users[username] = step
            if self._begun:
                self._begun(username)
        elif kind == "Departures":
            self.departures = step
            inputs: Any = metadata.new.inputs if metadata.new else None
            self.leaving = frozenset((inputs or {}).get("leaving", ()))

    def _end(self, metadata: StepEventMetadata, state: State) -> None:
        kind, name = _named(metadata.urn)
        username = _username(metadata) or name
        step = self.departures if kind == "Departures" else self.users.get(username) if kind == "User" else None
        if step is None or str(metadata.op.value) not in _ACTS:
            return
        if step.state is not State.FAILED:
            step.state = state
        if kind == "User" and self._ended:
            self._ended(username)

    def _fail(self, urn: str, message: str) -> None:
        text = plain_error(message)
        kind, name = _named(urn)
        step = self.departures if kind == "Departures" else self.users.get(name) if kind == "User" else None
        if step is not None and text:
            step.state, step.message = State.FAILED, text
        elif text and text not in self.errors:
            self.errors.append(text)


def plain_error(message: str) -> str:
    """An error of the engine in its own words, without colours, prefixes and what follows from it."""
    lines = [line.strip() for line in _MARKUP.sub("", message).splitlines() if line.strip()]
    kept = [_PREFIX.sub("", line) for line in lines]
    return "\n".join(line for line in kept if not line.startswith(_CONSEQUENCES))


_CONSEQUENCES: Final = (
    "update failed",
    "preview failed",
    "an unhandled error occurred: program exited",
    "resource monitor shut down",
)


def _named(urn: str) -> tuple[str, str]:
    """A resource's kind and name where it is one of ours."""
    parts = urn.split("::", 3)
    if len(parts) < 4:
        return "", ""
    kind = parts[2].rpartition("$")[2]
    return (kind.removeprefix(_MODULE), parts[3]) if kind.startswith(_MODULE) else ("", parts[3])


def _username(metadata: StepEventMetadata) -> str:
    state = metadata.new or metadata.old
    inputs: Any = state.inputs if state else None
    return str((inputs or {}).get("username") or "")


def seen_by_engine(plan: Plan, steps: Steps) -> tuple[Plan, int]:
    """The plan as far as the engine would carry it out, and how many users only its state takes note of.

    What the engine does not plan is blocked: Flex moved between the two readings, or the state is not as it seems.
    """
    changes = tuple(
        change
        if not change.pending or steps.step_of(change) is not None
        else replace(change, kind=Kind.BLOCKED, reason="the pulumi engine plans nothing here: plan again")
        for change in plan.users
    )
    touched = {change.username for change in plan.users}
    touched |= {change.old.username for change in plan.users if change.old}
    return plan.with_users(changes), len(steps.users.keys() - touched)


def outcomes(plan: Plan, steps: Steps) -> list[UserOutcome]:
    """What became of each change of the plan."""
    return [_outcome(change, steps.step_of(change)) for change in plan.users]


def _outcome(change: UserChange, step: Step | None) -> UserOutcome:
    if change.kind is Kind.BLOCKED:
        return Outcome(change, Result.BLOCKED, change.reason)
    if not change.pending and step is None:
        return Outcome(change, Result.WAITING if change.kind is Kind.WAIT else Result.DONE)
    if step is None or step.state is State.PLANNED:
        return Outcome(change, Result.NOT_STARTED, "not started")
    if step.state is State.DONE or not _is_about(step.message, change):
        return Outcome(change, Result.DONE)
    return Outcome(change, Result.FAILED, step.message.removeprefix(f"{change.username}: "))


def _is_about(message: str, change: UserChange) -> bool:
    """Whether a failure is this user's: the step of those without a resource names each who failed."""
    return not change.leaves or ": " not in message or f"{change.username}: " in message


def after_run(outcomes: Iterable[UserOutcome], again: Plan) -> list[UserOutcome]:
    """The outcomes, with those who are still to leave as waiting: `again` is a plan made after the run."""
    waiting = {change.username: change for change in again.of_kind(Kind.WAIT)}
    return [_still_there(outcome, waiting) for outcome in outcomes]


def _still_there(outcome: UserOutcome, waiting: dict[str, UserChange]) -> UserOutcome:
    change = outcome.change
    name = change.old.username if change.old else change.username
    if outcome.result is not Result.DONE or name not in waiting:
        return outcome
    message = "in an activity or with tasks; retires when offline"
    return Outcome(change, Result.WAITING, f"{name}: {message}" if change.old else message)
