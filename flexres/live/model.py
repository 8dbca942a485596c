"""What Flex says, as values: users, Workers and channels joined by person, ready for `reconcile`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flexres.live.exact_json import refuse_constant
from flexres.values import Json

# Kinds of Events of Workers.
ATTRIBUTES: Final = "worker.attributes.update"
CREATED: Final = "worker.created"
DELETED: Final = "worker.deleted"
CAPACITY: Final = "worker.capacity.update"
AVAILABILITY: Final = "worker.channel.availability.update"

_DEEPEST: Final = 100
_DECODER: Final = json.JSONDecoder(parse_constant=refuse_constant)


@dataclass(frozen=True, slots=True)
class FlexUser:
    """A Flex user (flex-api: v1 list, v4 fetch). Dates are ISO 8601 UTC texts as Twilio sends them."""

    sid: str
    username: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    worker_sid: str | None
    deactivated: bool = False
    deactivated_date: str | None = None
    created_date: str | None = None
    updated_date: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """A TaskRouter Worker. `text` is the attributes' JSON exactly as Twilio keeps it; `etag` only after a fetch."""

    sid: str
    friendly_name: str
    activity_sid: str
    activity_name: str
    available: bool
    text: str
    etag: str | None = None
    date_updated: str | None = None

    def attributes(self) -> dict[str, Json] | None:
        """The attributes, decoded at each call; None when the text is no JSON object, or one nested absurdly deep."""
        try:
            value = _DECODER.decode(self.text)
        except (ValueError, RecursionError):
            return None
        brackets = self.text.count("[") + self.text.count("{")
        if not isinstance(value, dict) or (brackets > _DEEPEST and _depth(self.text) > _DEEPEST):
            return None
        return value

    def top_text(self, name: str) -> str | None:
        """An attribute that is a text, read without taking apart those beside it, which may nest too deep for that."""
        found = None
        depth, key, before = 0, "", ""
        for piece in _PIECE.findall(self.text):
            depth += (piece in _OPENING) - (piece in _CLOSING)
            if piece == ":" and depth == 1:
                key = before
            elif piece[0] == '"' and before == ":" and depth == 1 and _unquoted(key) == name:
                found = _unquoted(piece)
            before = piece
        return found


_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]')
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")


def _unquoted(piece: str) -> str | None:
    try:
        value = _DECODER.decode(piece)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _depth(text: str) -> int:
    """How deep the brackets of a JSON text nest; those within strings are text."""
    depth = deepest = 0
    for piece in _PIECE.findall(text):
        depth += (piece in _OPENING) - (piece in _CLOSING)
        deepest = max(deepest, depth)
    return deepest


def nests_too_deep(value: object) -> bool:
    """Whether a JSON value nests absurdly deep: whoever walks it by recursion would be stopped half-way."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


@dataclass(frozen=True, slots=True)
class WorkerChannel:
    """What a Worker can take on one task channel. `capacity` counts tasks (0: none).

    Without a SID nobody looked at the channel itself: its capacity is known by an expression, whether it is available
    is what was set last, and either is None where nobody ever set it.
    """

    sid: str
    name: str
    available: bool | None
    capacity: int | None
    assigned_tasks: int = 0


def not_looked_at(channels: Mapping[str, WorkerChannel] | None) -> bool:
    """Whether these are channels of which the capacity alone is known."""
    return any(not channel.sid for channel in (channels or {}).values())


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What somebody set on one task channel of a Worker; None: nothing."""

    available: bool | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class LiveUser:
    """One person in Flex: the Flex user, the Worker unless deactivated, and the channels where they were read."""

    user: FlexUser
    worker: Worker | None = None
    channels: Mapping[str, WorkerChannel] | None = None

    @property
    def username(self) -> str:
        return self.user.username


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """A TaskRouter task queue. `target_workers` is its expression as Twilio keeps it; None: Twilio did not say."""

    sid: str
    name: str
    target_workers: str | None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A TaskRouter Workflow. `configuration` is its JSON exactly as Twilio keeps it, up to 1 MB."""

    sid: str
    name: str
    configuration: str


@dataclass(frozen=True, slots=True)
class RoutingSetup:
    """Which queues there are and what leads into them; `unread` says why it is not known, empty where it is."""

    queues: tuple[TaskQueue, ...] = ()
    workflows: tuple[Workflow, ...] = field(default=(), repr=False)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """One change of a Worker. `attributes` is their JSON after it, `available` and `capacity` are those of `channel`.

    `actor` is the SID of who did it, empty where Twilio does not tell; which values `actor_type` and `source` can
    have is unpublished. `address` is an IP address.
    """

    sid: str
    type: str
    at: datetime
    worker: str
    actor: str = ""
    actor_type: str = ""
    source: str = ""
    address: str = ""
    attributes: str | None = None
    channel: str = ""
    available: bool | None = None
    capacity: int | None = None
    previous_capacity: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a Worker's changes, the latest first. `unread` says why nothing is, empty where something is."""

    events: tuple[WorkerEvent, ...] = ()
    unread: str = ""


@dataclass(frozen=True, slots=True)
class CatalogueSkill:
    """A skill that supervisors can pick in Flex; its levels go from `minimum` to `maximum`, None: no bound."""

    name: str
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """The Flex instance that was read, from the Flex Configuration API."""

    account: str
    sid: str
    workspace: str
    offline_activity: str | None
    status: str = "ok"
    skills: tuple[CatalogueSkill, ...] = ()
    task_channels: tuple[str, ...] = ()
    public_attributes: Mapping[str, Json] = field(default_factory=dict)
    runtime_domain: str | None = None
    ui_version: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of one Flex instance at one time.

    `users` is by username, exactly as Flex spells it, active users before deactivated ones of the same name;
    `orphans` are Workers that belong to no Flex user (made directly in TaskRouter, never tied to one later).
    `requests` counts what the reading cost, `seconds` how long it took. `routing` is what leads work to the Workers;
    None: nobody looked. `task_channels` are the Workspace's, by unique name; None: nobody looked. Of `as_set` users the
    capacities are known, and whether their channels are available is what was set last.
    """

    instance: Instance
    # asyncio.run shows what its coroutine returned to the signal module, at length: a tenth of a second here.
    users: Mapping[str, LiveUser] = field(repr=False)
    orphans: tuple[Worker, ...] = field(default=(), repr=False)
    requests: int = 0
    seconds: float = 0.0
    routing: RoutingSetup | None = field(default=None, repr=False)
    task_channels: frozenset[str] | None = None
    as_set: int = 0

    def personas(self) -> dict[str, tuple[str, ...]]:
        """E-mail address (lower case) → usernames, where more than one active user has it (each is billed)."""
        first: dict[str, str] = {}
        shared: dict[str, set[str]] = {}
        for username, live in self.users.items():
            if live.user.deactivated or not live.user.email:
                continue
            email = live.user.email.lower()
            other = first.setdefault(email, username)
            if other != username:
                shared.setdefault(email, {other}).add(username)
        return {email: tuple(sorted(names)) for email, names in sorted(shared.items())}
