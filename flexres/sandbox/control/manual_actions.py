"""What people do by hand that no part of the wire emulated here does: take tasks, change activity.

Used by the control endpoints and by the sandbox that tests run in their own process.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.formats import now
from flexres.sandbox.identity import new_sid
from flexres.sandbox.state import World
from flexres.sandbox.taskrouter.event_table import Actor, in_console
from flexres.sandbox.taskrouter.named_table import TaskQueue, Value
from flexres.sandbox.taskrouter.worker_rows import Worker

_AGENT_ADDRESS = "198.51.100.23"


def find_worker(world: World, sid_or_name: str) -> Worker:
    """The Worker with this SID or friendly name.

    Raises:
        SandboxError: there is none.
    """
    workers = world.store.workers
    worker = workers.by_sid(sid_or_name) or workers.by_name(sid_or_name)
    if worker is None:
        raise SandboxError(f"no Worker has the SID or the friendly name {sid_or_name!r}")
    return worker


def make_busy(world: World, worker: Worker, *, tasks: int, channel: str) -> None:
    """Gives a Worker `tasks` accepted reservations on a channel, no more and no fewer; 0 makes it free.

    Raises:
        SandboxError: the number is negative, or the Workspace has no such channel.
    """
    if tasks < 0:
        raise SandboxError("tasks is the number of tasks that the Worker holds: 0 or more")
    if channel not in world.workspace.task_channels:
        raise SandboxError(f"channel {channel!r} is none of {', '.join(world.workspace.task_channels)}")
    with world.store.transaction():
        world.store.workers.set_reservations(worker.sid, channel, tasks)


def set_activity(world: World, worker: Worker, activity: str) -> None:
    """Moves a Worker to the activity of this name.

    Raises:
        SandboxError: the Workspace has no such activity.
    """
    found = world.workspace.activities.get(activity)
    if found is None:
        raise SandboxError(f"activity {activity!r} is none of {', '.join(world.workspace.activities)}")
    if worker.activity_sid != found.sid:
        world.store.workers.update(worker.sid, activity_sid=found.sid, date_status_changed=now())


def edit_attributes(world: World, worker: Worker, changes: Mapping[str, object], remove: Iterable[str]) -> None:
    """Changes and removes attributes of a Worker; the others stay."""
    gone = set(remove)
    attributes = {name: value for name, value in {**worker.attribute_values, **changes}.items() if name not in gone}
    world.store.workers.update(worker.sid, attributes=json.dumps(attributes, ensure_ascii=False))


def limits(world: World) -> dict[str, object]:
    """The limits in force, in requests a second, who was refused how often, and what the neighbour has spent."""
    neighbour = world.neighbour
    return {
        "limits": world.rates.kind,
        "per_second": dict(world.rates.limits),
        "refused": dict(world.rates.refused),
        "neighbour": None
        if neighbour is None
        else {"share": neighbour.share, "sent": neighbour.sent, "refused": dict(neighbour.refused)},
    }


def find_queue(world: World, name: str) -> TaskQueue:
    """The task queue of this name.

    Raises:
        SandboxError: there is none.
    """
    queue = world.store.task_queues.by_name(name)
    if queue is None:
        raise SandboxError(f"no task queue is called {name!r}")
    return queue


def put_queue(world: World, name: str, expression: str) -> str:
    """Makes a task queue, or gives the one of that name another expression, and gives its SID. Nothing is checked."""
    queues = world.store.task_queues
    with world.store.transaction():
        queue = queues.by_name(name)
        if queue is not None:
            queues.update(queue, {"target_workers": expression})
            return queue.sid
        sid = new_sid("WQ")
        values: dict[str, Value] = {
            "friendly_name": name,
            "target_workers": expression,
            "task_order": "FIFO",
            "max_reserved_workers": 1,
        }
        queues.insert(sid, values)
        return sid


def rename_queue(world: World, name: str, new_name: str) -> None:
    """Gives a task queue another name."""
    with world.store.transaction():
        world.store.task_queues.update(find_queue(world, name), {"friendly_name": new_name})


def put_workflow(world: World, name: str, configuration: str) -> str:
    """Makes a Workflow, or gives the one of that name another configuration, and gives its SID. Nothing is checked."""
    workflows = world.store.workflows
    with world.store.transaction():
        workflow = workflows.by_name(name)
        if workflow is not None:
            workflows.update(workflow, {"configuration": configuration})
            return workflow.sid
        sid = new_sid("WW")
        values: dict[str, Value] = {"configuration": configuration, "task_reservation_timeout": 120}
        workflows.insert(sid, {"friendly_name": name, **values})
        return sid


def actor(world: World, who: str | None) -> Actor:
    """Who acts by hand: `worker:NAME` for a Worker with a token of their own, `flex:NAME` for a Flex user in Flex,
    any other name, or none, for a person in Console.

    Raises:
        SandboxError: there is no such Worker or user.
    """
    if who is None:
        return in_console()
    kind, _, name = who.partition(":")
    if kind == "worker":
        return Actor(find_worker(world, name).sid, "worker", "worker", _AGENT_ADDRESS)
    if kind == "flex":
        user = world.store.users.by_username(name, case_sensitive=True)
        if user is None:
            raise SandboxError(f"no user is called {name!r}")
        return Actor(user.sid, "user", "flex", _AGENT_ADDRESS)
    return in_console(who)


def state(world: World) -> dict[str, object]:
    """What the sandbox holds, counted, and the rules in force."""
    users, deactivated = world.store.users.counts()
    return {
        "users": users,
        "deactivated": deactivated,
        "workers": world.store.workers.count(),
        "task_queues": world.store.task_queues.count(),
        "workflows": world.store.workflows.count(),
        "requests": world.log.total,
        "in_flight": world.in_flight,
        "latency_ms": world.latency * 1000,
        "faults": [rule.text for rule in world.faults.rules],
    }
