"""The engine's events: which resources it steps, and what it says itself; what became of a change is told elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from flexres.reconcile.change import Blocked, UserChange
from flexres.reconcile.plan import Plan

if TYPE_CHECKING:
    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata

_MODULE: Final = "pulumi-python:dynamic/flexres:"
_ACTS: Final = frozenset({"create", "update", "delete"})
_MARKUP: Final = re.compile(r"<\{%[^%]*%\}>")
_PREFIX: Final = re.compile(r"^error: ")


class State(Enum):
    """How far the engine got with one resource."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Step:
    """What the engine does with one resource: `op` is create, update or delete."""

    op: str
    state: State = State.PLANNED


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error in the engine's words: about a resource of ours (`kind` and `name`), or about none."""

    kind: str
    name: str
    text: str


class Steps:
    """All steps of one preview or up, gathered from its events in whatever order they come."""

    def __init__(self, begun: Callable[[str], None] | None = None, ended: Callable[[str], None] | None = None) -> None:
        """`begun` and `ended` are told the username of each user's step."""
        self.users: dict[str, Step] = {}
        self.departures: Step | None = None
        self.leaving: frozenset[str] = frozenset()
        self.complaints: list[Complaint] = []
        self._begun, self._ended = begun, ended

    def take(self, event: EngineEvent) -> None:
        """Take one event in."""
        if event.resource_pre_event is not None:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event is not None:
            self._end(event.res_outputs_event.metadata, State.DONE)
        elif event.res_op_failed_event is not None:
            self._end(event.res_op_failed_event.metadata, State.FAILED)
        elif event.diagnostic_event is not None and event.diagnostic_event.severity == "error":
            self._complain(event.diagnostic_event)

    def step_of(self, change: UserChange) -> Step | None:
        """The step that carries out a change: the user's own, or that of those without a resource."""
        step = self.users.get(change.username)
        if step is None and change.username in self.leaving:
            return self.departures
        return step

    def _complain(self, said: DiagnosticEvent) -> None:
        text = plain_error(said.message)
        complaint = Complaint(*_named(said.urn or ""), text)
        if text and complaint not in self.complaints:
            self.complaints.append(complaint)

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


def plain_error(message: str) -> str:
    """An error of the engine in its own words, without colours, and without what merely follows from it."""
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
    """A resource's kind and name where it is one of ours, else nothing."""
    parts = urn.split("::", 3)
    kind = parts[2].rpartition("$")[2] if len(parts) == 4 else ""
    return (kind.removeprefix(_MODULE), parts[3]) if kind.startswith(_MODULE) else ("", "")


def _username(metadata: StepEventMetadata) -> str:
    state = metadata.new or metadata.old
    inputs: Any = state.inputs if state else None
    return str((inputs or {}).get("username") or "")


def _unplanned(change: UserChange) -> Blocked:
    reason = "the pulumi engine plans nothing here: plan again"
    return Blocked(change.username, desired=change.desired, live=change.live, marker=change.marker, reason=reason)


def seen_by_engine(plan: Plan, steps: Steps) -> tuple[Plan, int]:
    """The plan as far as the engine would carry it out, and how many users only its state takes note of.

    What the engine does not plan is blocked: Flex moved between the two readings, or the state is not as it seems.
    """
    changes = tuple(
        change if not change.pending or steps.step_of(change) is not None else _unplanned(change)
        for change in plan.users
    )
    touched = {change.username for change in plan.users}
    touched |= {change.old.username for change in plan.users if change.old}
    return plan.with_users(changes), len(steps.users.keys() - touched)
