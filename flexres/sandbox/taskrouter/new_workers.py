"""How a Worker begins: its row, its channels, its activity, its contact URI. Used by TaskRouter and by provisioning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flexres.sandbox.formats import now
from flexres.sandbox.identity import new_sid
from flexres.sandbox.state import World
from flexres.sandbox.taskrouter.worker_rows import NewChannel, NewWorker

NAME_LENGTH = 64
LARGEST_ATTRIBUTES = 4_096
"""Characters of JSON, white space included."""
LARGEST_CAPACITY = 50
MOST_WORKERS = 15_000
MOST_TASK_CHANNELS = 15
_ESCAPED = re.compile(r"[^a-zA-Z0-9]")


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What a Worker can take on one task channel; a capacity of 0 is nothing."""

    capacity: int = 1
    available: bool = True


def insert_worker(
    world: World,
    friendly_name: str,
    attributes: str,
    channels: Mapping[str, ChannelSettings],
    activity_sid: str | None = None,
) -> str:
    """Adds a Worker with a channel for each task channel of the Workspace, and gives its SID.

    The name must be free; `attributes` is stored as it is.
    """
    sid, date = new_sid("WK"), now()
    worker = NewWorker(
        sid=sid,
        friendly_name=friendly_name,
        activity_sid=activity_sid or world.workspace.offline.sid,
        attributes=attributes,
        date_created=date,
        date_updated=date,
        date_status_changed=date,
        name_key=friendly_name.casefold(),
    )
    plain = ChannelSettings()
    rows = [
        NewChannel(new_sid("WC"), sid, name, settings.capacity, settings.available, date, date)
        for name in world.workspace.task_channels
        for settings in (channels.get(name, plain),)
    ]
    world.store.workers.create(worker, rows)
    return sid


def escaped_identity(name: str) -> str:
    """A name as client identities have it: whatever is not alphanumeric becomes `_` and two hexadecimal digits a byte.

    `a@b.org` is `a_40b_2Eorg`, as real clients have seen it.
    """
    return _ESCAPED.sub(lambda match: "".join(f"_{byte:02X}" for byte in match[0].encode()), name)
