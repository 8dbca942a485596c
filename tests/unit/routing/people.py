"""Workers to route work to, made of their attributes alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flexres.live.model import Worker, WorkerChannel
from flexres.routing.queues import Person


def person(name: str = "ana", /, *, text: str | None = None, capacity: int | None = None, **attributes: Any) -> Person:
    """Somebody with these attributes, and a chat channel where `capacity` is given."""
    content = json.dumps(attributes) if text is None else text
    worker = Worker(f"WK{name}", name, "WAoffline", "Offline", False, content)
    channels = None if capacity is None else {"chat": WorkerChannel("WC1", "chat", True, capacity)}
    return Person(name, worker, channels, ("agent",))


def skilled(name: str, /, *, also: Mapping[str, Any] | None = None, **levels: int | bool) -> Person:
    """Somebody with Flex skills: an int is a level, True a skill without levels."""
    numbers = {skill: level for skill, level in levels.items() if level is not True}
    return person(name, routing={"skills": list(levels), "levels": numbers}, **(also or {}))
