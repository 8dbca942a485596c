"""What is noted when a Worker changes: one Event for each of the kinds that Twilio documents."""

from __future__ import annotations

from collections.abc import Mapping

from flexres.sandbox.taskrouter.event_table import EventTable
from flexres.sandbox.taskrouter.fixed import Workspace
from flexres.sandbox.taskrouter.worker_rows import Channel, Worker


class WorkerEvents:
    """Notes changes of Workers and their channels, as differences of two rows. A new name alone has no kind."""

    def __init__(self, events: EventTable, workspace: Workspace) -> None:
        self._events, self._workspace = events, workspace

    def created(self, worker: Worker) -> None:
        """A Worker came to be."""
        self._note("worker.created", worker, "created")

    def deleted(self, worker: Worker) -> None:
        """A Worker went."""
        self._note("worker.deleted", worker, "deleted")

    def changed(self, before: Worker, after: Worker) -> None:
        """Attributes or the activity of a Worker became others."""
        if after.attributes != before.attributes:
            self._note("worker.attributes.update", after, "attributes updated")
        if after.activity_sid != before.activity_sid:
            activities = self._workspace.activities_by_sid
            previous = activities[before.activity_sid]
            data = {
                "worker_previous_activity_sid": previous.sid,
                "worker_previous_activity_name": previous.friendly_name,
            }
            name = activities[after.activity_sid].friendly_name
            self._note("worker.activity.update", after, f"updated to {name} Activity", data)

    def channel_changed(self, worker: Worker, before: Channel, after: Channel) -> None:
        """Capacity or availability of a Worker's channel became another."""
        data = {
            "task_channel_sid": self._workspace.task_channels[after.name].sid,
            "task_channel_unique_name": after.name,
            "worker_channel_sid": after.sid,
            "worker_channel_available": str(bool(after.available)).lower(),
            "worker_channel_capacity": str(after.capacity),
            "worker_channel_previous_capacity": str(before.capacity),
        }
        if after.capacity != before.capacity:
            self._note("worker.capacity.update", worker, f"capacity of {after.name} updated", data, after.name)
        if after.available != before.available:
            kind = "worker.channel.availability.update"
            self._note(kind, worker, f"availability of {after.name} updated", data, after.name)

    def _note(
        self,
        kind: str,
        worker: Worker,
        what: str,
        more: Mapping[str, str] | None = None,
        channel: str | None = None,
    ) -> None:
        activity = self._workspace.activities_by_sid[worker.activity_sid]
        data = {
            "worker_sid": worker.sid,
            "worker_name": worker.friendly_name,
            "worker_attributes": worker.attributes,
            "worker_version": str(worker.version),
            "worker_activity_sid": activity.sid,
            "worker_activity_name": activity.friendly_name,
            **(more or {}),
        }
        description = f"Worker {worker.friendly_name} {what}"
        self._events.add(kind, ("worker", worker.sid), description, data, task_channel=channel)
