"""Task queues ready to be asked who is in them, the filters of Workflows that lead to them, and who can get work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flexres.live.model import LiveUser, RoutingSetup, Snapshot, TaskQueue, Worker, WorkerChannel, Workflow
from flexres.routing.language.model import Expression, text_of
from flexres.routing.language.parse import ExpressionError, parse
from flexres.values import Json, fold_case


@dataclass(frozen=True, slots=True)
class Route:
    """One target of a Workflow's filter: tasks that pass the filter wait in the queue.

    `filter` is empty for the default filter. `expression` is what the target asks of Workers besides the queue,
    as it is written.
    """

    workflow: str
    filter: str
    queue: str
    expression: str = ""

    @property
    def name(self) -> str:
        """The route as reports call it."""
        return f"{self.workflow}: {self.filter or 'default'}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A task queue. `expression` is None where `problem` says why nobody can tell who is in it, or it is empty.

    An empty expression matches nobody: tasks wait until somebody moves them (Twilio's docs of the resource).
    `target` is what a target of a Workflow asks besides: then this is the queue as far as tasks reach its people that
    way, and `name` says so.
    """

    sid: str
    name: str
    text: str
    expression: Expression | None = None
    problem: str = ""
    routes: tuple[Route, ...] = ()
    target: Expression | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other, and the ways into one queue from each other."""
        return self.sid, text_of(self.target) if self.target is not None else ""

    @property
    def is_told(self) -> bool:
        """Whether it can be told who is in it."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class RoutingMap:
    """All queues, by name, and what about the Workflows cannot be told.

    `ways` are queues again, as far as a target of a Workflow that asks for more of the Worker leads to them.
    """

    queues: tuple[Queue, ...]
    ways: tuple[Queue, ...] = ()
    problems: tuple[str, ...] = ()
    unread: str = ""

    def named(self, name: str) -> tuple[Queue, ...]:
        """The queues of this name or SID: TaskRouter's names are unique, a file's spelling of case is not its."""
        exact = tuple(queue for queue in self.queues if name in {queue.name, queue.sid})
        folded = fold_case(name)
        return exact or tuple(queue for queue in self.queues if fold_case(queue.name) == folded)


def routing_map(setup: RoutingSetup) -> RoutingMap:
    """The queues with parsed expressions, each with what leads there; what cannot be read is said where it belongs."""
    routes: dict[str, list[Route]] = {}
    problems: list[str] = []
    for workflow in setup.workflows:
        try:
            for route in _routes(workflow):
                routes.setdefault(route.queue, []).append(route)
        except (ValueError, RecursionError):
            problems.append(f"Workflow {workflow.name}: its configuration cannot be read, so not where it leads")
    queues = sorted(
        (_queue(queue, tuple(routes.get(queue.sid, ()))) for queue in setup.queues),
        key=lambda queue: (fold_case(queue.name), queue.sid),
    )
    ways = [way for queue in queues if queue.expression is not None for way in _ways(queue, problems)]
    return RoutingMap(tuple(queues), tuple(ways), tuple(problems), setup.unread)


def _ways(queue: Queue, problems: list[str]) -> Iterator[Queue]:
    """The queue by each target that asks for more of the Worker; of what cannot be read, a line is added."""
    targets: dict[str, list[Route]] = {}
    for route in queue.routes:
        if route.expression.strip():
            targets.setdefault(route.expression, []).append(route)
    for text, routes in targets.items():
        try:
            target = parse(text)
        except ExpressionError as error:
            problems.append(f"{routes[0].name}: what its target asks of Workers cannot be read: {error}")
            continue
        name = f"{queue.name}, by {routes[0].name}"
        yield replace(queue, name=name, text=text, routes=tuple(routes), target=target)


def _queue(queue: TaskQueue, routes: tuple[Route, ...]) -> Queue:
    text = queue.target_workers
    if text is None:
        return Queue(queue.sid, queue.name, "", problem="Twilio does not tell its expression", routes=routes)
    if not text.strip():
        return Queue(queue.sid, queue.name, text, routes=routes)
    try:
        return Queue(queue.sid, queue.name, text, parse(text), routes=routes)
    except ExpressionError as error:
        return Queue(queue.sid, queue.name, text, problem=str(error), routes=routes)


def _routes(workflow: Workflow) -> Iterator[Route]:
    """The targets of the Workflow's filters, the default's last.

    Raises ValueError or RecursionError for a configuration that is none.
    """
    routing = _member(json.loads(workflow.configuration), "task_routing")
    filters = routing.get("filters")
    for found in filters if isinstance(filters, list) else ():
        if not isinstance(found, dict):
            continue
        # Twilio's own samples have both spellings.
        name = found.get("filter_friendly_name") or found.get("friendly_name") or found.get("expression")
        targets = found.get("targets")
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, dict) and isinstance(target.get("queue"), str):
                yield Route(workflow.name, _text(name) or "unnamed", target["queue"], _text(target.get("expression")))
    default = routing.get("default_filter")
    if isinstance(default, dict) and isinstance(default.get("queue"), str):
        yield Route(workflow.name, "", default["queue"])


def _member(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise ValueError(name)  # noqa: TRY004 - as json's own error of what is no JSON
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Person:
    """One Worker under the name that reports use; `roles` is empty for a Worker that belongs to no Flex user."""

    name: str
    worker: Worker
    channels: Mapping[str, WorkerChannel] | None = None
    roles: tuple[str, ...] = ()

    def attributes(self) -> dict[str, Json] | None:
        """The Worker's attributes, decoded; None: they cannot be read."""
        return self.worker.attributes()


def person_of(live: LiveUser) -> Person | None:
    """The user as somebody who can get work; None for who has no Worker."""
    if live.worker is None or live.user.deactivated:
        return None
    return Person(live.username, live.worker, live.channels, live.user.roles)


def people_of(snapshot: Snapshot) -> dict[str, Person]:
    """Everybody with a Worker, by name: users by username, the others by their Worker's name."""
    found: dict[str, Person] = {}
    for username, live in snapshot.users.items():
        person = person_of(live)
        if person is not None:
            found[username] = person
    for worker in snapshot.orphans:
        found.setdefault(worker.friendly_name, Person(worker.friendly_name, worker))
    return found
