"""What people do by hand that no part of the wire emulated here does: take tasks, change activity.

Used by the control endpoints and by the sandbox that tests run in their own process.
"""

from __future__ import annotations

from flexres.sandbox.clock import now
from flexres.sandbox.errors import SandboxError
from flexres.sandbox.state import World
from flexres.sandbox.taskrouter.worker_table import Worker


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


def state(world: World) -> dict[str, object]:
    """What the sandbox holds, counted, and the rules in force."""
    users, deactivated = world.store.users.counts()
    return {
        "users": users,
        "deactivated": deactivated,
        "workers": world.store.workers.count(),
        "requests": world.log.total,
        "in_flight": world.in_flight,
        "latency_ms": world.latency * 1000,
        "faults": [rule.text for rule in world.faults.rules],
    }
