"""The sandbox's Workspace: its fixed activities, and its task channels, to which some can be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flexres.sandbox.identity import Identity

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
