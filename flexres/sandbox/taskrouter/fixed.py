"""The fixed furniture of the sandbox's Workspace: activities, task channels, and what new Workers start with."""

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


class Workspace:
    """Activities and task channels of an identity's Workspace, with SIDs that are the same in every run."""

    def __init__(self, identity: Identity) -> None:
        self.sid = identity.workspace_sid
        self.activities: Mapping[str, Activity] = {
            name: Activity(identity.derived_sid("WA", name), name, available) for name, available in _ACTIVITIES
        }
        self.activities_by_sid: Mapping[str, Activity] = {
            activity.sid: activity for activity in self.activities.values()
        }
        self.task_channels: Mapping[str, TaskChannel] = {
            name: TaskChannel(identity.derived_sid("TC", name), name) for name in _TASK_CHANNELS
        }

    @property
    def offline(self) -> Activity:
        """Where a Worker is when it is new or signed out."""
        return self.activities["Offline"]
