"""The engine's events: which resources it steps, and what it says itself; what became of a change is told elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from flexres.reconcile.change import Blocked, UserChange
from flexres.reconcile.plan import Plan

if TYPE_CHECKING:
    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata, StepEventStateMetadata

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
    """What the engine does with one resource, of a `kind` and `name` of ours: `op` is create, update or delete."""

    op: str
    kind: str
    name: str
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
        """`begun` and `ended` are told the username of each user's step, or of all in the step of a team.

        `users` are those whose properties a step changes, be it their own or their team's; `members` are by username
        the steps of teams, whomever those change.
        """
        self.users: dict[str, Step] = {}
        self.members: dict[str, Step] = {}
        self.departures: Step | None = None
        self.leaving: frozenset[str] = frozenset()
        self.complaints: list[Complaint] = []
        self._begun, self._ended = begun or _nobody, ended or _nobody

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
        """The step that carries out a change: the user's own or their team's, or that of those without a resource."""
        if change.username in self.leaving:
            return self.departures
        return self._step_of(change.username)

    def _complain(self, said: DiagnosticEvent) -> None:
        text = plain_error(said.message)
        complaint = Complaint(*_named(said.urn or ""), text)
        if text and complaint not in self.complaints:
            self.complaints.append(complaint)

    def _begin(self, metadata: StepEventMetadata) -> None:
        kind, name = _resource(metadata)
        if str(metadata.op.value) not in _ACTS:
            return
        step = Step(str(metadata.op.value), kind, name)
        if kind == "User":
            self.users[name] = step
        elif kind == "Team":
            before, after = _members(metadata.old), _members(metadata.new)
            self.members |= dict.fromkeys(after, step)
            for username in {*before, *after}:
                if before.get(username) != after.get(username):
                    # Whoever leaves a team may have a step of their own, or another team's.
                    self.users.setdefault(username, step)
        elif kind == "Departures":
            self.departures = step
            self.leaving = frozenset(_inputs(metadata.new).get("leaving", ()))
        for username in _usernames(metadata):
            self._begun(username)

    def _end(self, metadata: StepEventMetadata, state: State) -> None:
        if str(metadata.op.value) not in _ACTS:
            return
        usernames = _usernames(metadata)
        for step in (self.departures, *map(self._step_of, usernames)):
            if step is not None and (step.kind, step.name) == _resource(metadata) and step.state is not State.FAILED:
                step.state = state
        for username in usernames:
            self._ended(username)

    def _step_of(self, username: str) -> Step | None:
        return self.members.get(username) or self.users.get(username)


def _nobody(_username: str) -> None:
    """For when nobody is to be told."""


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


def _resource(metadata: StepEventMetadata) -> tuple[str, str]:
    """The kind and name of a resource of ours; a user's is the username, whatever a hand has made of it."""
    kind, name = _named(metadata.urn)
    return kind, str(_inputs(metadata.new or metadata.old).get("username") or name) if kind == "User" else name


def _usernames(metadata: StepEventMetadata) -> list[str]:
    """Whom a step is about, where it is a user's or a team's."""
    kind, name = _resource(metadata)
    if kind == "User":
        return [name]
    return list({**_members(metadata.old), **_members(metadata.new)}) if kind == "Team" else []


def _members(state: StepEventStateMetadata | None) -> Mapping[str, Any]:
    """The users of a team's resource."""
    users = _inputs(state).get("users")
    return users if isinstance(users, Mapping) else {}


def _inputs(state: StepEventStateMetadata | None) -> Mapping[str, Any]:
    inputs: Any = state.inputs if state else None
    return inputs if isinstance(inputs, Mapping) else {}


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
