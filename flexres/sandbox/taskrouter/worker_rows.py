"""Rows of Workers and of what belongs to them, and the Workspace with its fixed activities and task channels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flexres.sandbox.identity import Identity


class Worker(NamedTuple):
    """A Worker, as stored. `attributes` is the exact JSON text that was sent; `version` is its ETag."""

    seq: int
    sid: str
    friendly_name: str
    activity_sid: str
    attributes: str
    version: int
    date_created: str
    date_updated: str
    date_status_changed: str

    @property
    def attribute_values(self) -> dict[str, object]:
        """The attributes, parsed; none where a test has put text in place that is no JSON object."""
        try:
            values = json.loads(self.attributes)
        except (ValueError, RecursionError):
            return {}
        return values if isinstance(values, dict) else {}


class NewWorker(NamedTuple):
    """A row to insert, in the order of the statement below."""

    sid: str
    friendly_name: str
    activity_sid: str
    attributes: str
    date_created: str
    date_updated: str
    date_status_changed: str
    name_key: str


class Channel(NamedTuple):
    """A Worker's settings for one task channel."""

    sid: str
    worker_sid: str
    name: str
    capacity: int
    available: int
    assigned_tasks: int
    date_created: str
    date_updated: str

    @property
    def free_percentage(self) -> int:
        """How much of the configured capacity is free, in per cent; 0 where none is configured."""
        return max(0, self.capacity - self.assigned_tasks) * 100 // self.capacity if self.capacity else 0


class NewChannel(NamedTuple):
    """A row to insert, in the order of the statement below."""

    sid: str
    worker_sid: str
    name: str
    capacity: int
    available: bool
    date_created: str
    date_updated: str


class Reservation(NamedTuple):
    """A task that a Worker holds."""

    sid: str
    worker_sid: str
    task_sid: str
    channel: str
    status: str
    date_created: str


_ACTIVITIES = (("Offline", False), ("Available", True), ("Unavailable", False), ("Break", False))
_TASK_CHANNELS = ("default", "voice", "chat", "sms", "email", "video")


@dataclass(frozen=True, slots=True)
class Activity:
    """What a Worker can be doing; `available` is whether tasks reach it then."""

    sid: str
    friendly_name: str
    available: bool


@dataclass(frozen=True, slots=True)
class TaskChannel:
    """A kind of work."""

    sid: str
    unique_name: str
    friendly_name: str


class Workspace:
    """Activities and task channels of an identity's Workspace, with SIDs that are the same in every run."""

    def __init__(self, identity: Identity) -> None:
        self.sid, self._identity = identity.workspace_sid, identity
        self.activities: Mapping[str, Activity] = {
            name: Activity(identity.derived_sid("WA", name), name, available) for name, available in _ACTIVITIES
        }
        self.activities_by_sid: Mapping[str, Activity] = {
            activity.sid: activity for activity in self.activities.values()
        }
        self.task_channels: dict[str, TaskChannel] = {}
        for name in _TASK_CHANNELS:
            self.add_task_channel(name, name.capitalize())

    def add_task_channel(self, unique_name: str, friendly_name: str) -> TaskChannel:
        """One more kind of work, whose SID follows from its name."""
        channel = TaskChannel(self._identity.derived_sid("TC", unique_name), unique_name, friendly_name)
        self.task_channels[unique_name] = channel
        return channel

    @property
    def offline(self) -> Activity:
        """Where a Worker is when it is new or signed out."""
        return self.activities["Offline"]
