"""Rows of Workers and of what belongs to them, as the database has them."""

from __future__ import annotations

import json
from typing import NamedTuple


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
