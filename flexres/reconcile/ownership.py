"""Whose a Worker is, by the marker among its attributes: asked here by plan, operations, export and refresh alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from flexres.live.model import Worker
from flexres.reconcile.fields import attribute_keys
from flexres.reconcile.marker import ATTRIBUTE, Marker, UnreadableMarker, parse

CLOCK_SKEW: Final = 86_400
"""Seconds that a commit may be ahead of us: its time is that of the machine where it was made."""


class Owner(Enum):
    """Whose a Worker is."""

    OURS = "ours"
    FOREIGN = "foreign"
    """Another stack's."""
    UNREADABLE = "unreadable"
    """The attribute is there, and we did not write it."""
    UNMARKED = "unmarked"


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose a Worker is. `marker` is what its attribute says, where that can be read."""

    owner: Owner
    marker: Marker | None = None

    @property
    def ours(self) -> Marker | None:
        """The marker, where it is this stack's."""
        return self.marker if self.owner is Owner.OURS else None


_UNMARKED: Final = Ownership(Owner.UNMARKED)
_UNREADABLE: Final = Ownership(Owner.UNREADABLE)


def ownership(attributes: Mapping[str, Any], stack_id: str, *, as_of: datetime | None = None) -> Ownership:
    """Whose the Worker with these attributes is, for the stack of this id.

    Agents can edit their own marker: with `as_of`, one of ours that names a commit of the future is none that we wrote.
    """
    if ATTRIBUTE not in attributes:
        return _UNMARKED
    try:
        marker = parse(attributes[ATTRIBUTE], lambda: attribute_keys(attributes))
    except UnreadableMarker:
        return _UNREADABLE
    if marker.stack_id != stack_id:
        return Ownership(Owner.FOREIGN, marker)
    if as_of is not None and marker.at > as_of.timestamp() + CLOCK_SKEW:
        return _UNREADABLE
    return Ownership(Owner.OURS, marker)


def owner_of(worker: Worker | None, stack_id: str, *, as_of: datetime | None = None) -> Ownership:
    """Whose a Worker is, also where its attributes nest too deep to be read: nobody holds on to Flex by that."""
    attributes: Mapping[str, Any] | None = worker.attributes() if worker is not None else {}
    if attributes is None:
        text = worker.top_text(ATTRIBUTE) if worker is not None else None
        attributes = {} if text is None else {ATTRIBUTE: text}
    return ownership(attributes, stack_id, as_of=as_of)
