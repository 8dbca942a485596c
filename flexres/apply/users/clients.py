"""What the operations need of Twilio's clients: a few methods each, so that a fake of them is short."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flexres.live.model import FlexUser, History, Worker, WorkerChannel
from flexres.values import Json


class Users(Protocol):
    """The Flex users of one instance, as `live.flex.users` reads and writes them."""

    def pages(self) -> AsyncIterator[list[FlexUser]]:
        """All users, deactivated ones too."""

    async def by_username(self, username: str) -> FlexUser | None:
        """The active user of this name."""

    async def by_sid(self, sid: str) -> FlexUser:
        """One user. Raises NotFoundError."""

    async def provision(
        self,
        *,
        username: str,
        full_name: str,
        email: str,
        roles: Sequence[str],
        attributes: Mapping[str, Json] | None = None,
    ) -> FlexUser:
        """Make or change a user. Raises FormatError, and LostAnswerError where it may have taken effect."""

    async def deprovision(self, sid: str) -> None:
        """Take Flex away from a user. Raises FormatError, and LostAnswerError where it may have taken effect."""


class Workers(Protocol):
    """The Workers of one Workspace, as `live.taskrouter.workers` reads and writes them."""

    async def fetch(self, sid: str) -> Worker:
        """One Worker with its ETag. Raises NotFoundError."""

    async def update(self, sid: str, attributes: str, *, if_match: str | None) -> Worker:
        """Write its attributes. Raises PreconditionError, and LostAnswerError where it may have taken effect."""

    async def channels(self, sid: str) -> dict[str, WorkerChannel]:
        """Its channels by name. Raises NotFoundError."""

    async def history(self, sid: str, *, until: datetime) -> History:
        """What changed it in the days before `until`, as far as Twilio tells."""

    async def update_channel(
        self, sid: str, channel: str, *, available: bool | None = None, capacity: int | None = None
    ) -> WorkerChannel:
        """Change one of its channels."""
