"""What Flex has, read once for a whole provider process: by pages, or one by one for the few users of a target."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final, Generic, TypeVar

from flexres.collector import without_collector
from flexres.errors import NOBODY_GETS_THROUGH, FlexresError
from flexres.live.http.retrying import each
from flexres.live.model import LiveUser, Snapshot
from flexres.live.snapshot import read_snapshot, reread
from flexres.session import Session

CROWD: Final = 4
"""So many users asked for at once are not a few: it is the number of calls that the engine has under way."""

PATIENCE: Final = 0.1
"""Seconds that the first to ask wait for the others."""

_FEW: Final = 8


class Reading:
    """The live users, each as last read or written by this process. Its methods run on one event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._whole = Once(self._read_all)
        self._reads_one = asyncio.Lock()
        self._all: Snapshot | None = None
        self._users: dict[str, LiveUser | None] = {}
        self._asking = 0
        self._crowd = asyncio.Event()
        self._unreachable: FlexresError | None = None

    async def snapshot(self) -> Snapshot:
        """The whole instance, as it was when it was first asked for. Raises the same for all where that failed."""
        return await self._whole.get()

    async def user(self, username: str) -> LiveUser | None:
        """One live user, None where Flex has none of that name, or only a deactivated one.

        Raises the same for all once Flex was unreachable.
        """
        if self._unreachable is not None:
            raise self._unreachable
        try:
            found = await self._looked_up(username)
        except NOBODY_GETS_THROUGH as error:
            self._unreachable = error
            raise
        return None if found is None or found.user.deactivated else found

    async def users(self, usernames: Collection[str]) -> dict[str, LiveUser]:
        """These live users, without whom `user` gives none. Raises as that does."""
        if len(usernames) >= CROWD:
            self._crowd.set()
            await self.snapshot()
        found = zip(usernames, await each(self.user, usernames), strict=True)
        return {username: live for username, live in found if live is not None}

    async def again(self, usernames: Collection[str]) -> None:
        """Read these anew, one by one. Where that fails, they stay as they were known."""
        snapshot = await self.snapshot()
        channels_for = [name for username in usernames for name in self._with_channels(username)]
        with suppress(FlexresError):
            fresh = await reread(self._session.transport, snapshot, usernames, channels_for=channels_for)
            self._users |= {username: fresh.users.get(username) for username in usernames}

    def known(self, username: str, live: LiveUser) -> None:
        """Take over how a write has left a user."""
        self._users[username] = live

    async def _read_all(self) -> Snapshot:
        with without_collector():
            self._all = await self._session.snapshot(routing=True, every_channel=False)
        self._users = {**self._all.users}
        return self._all

    async def _looked_up(self, username: str) -> LiveUser | None:
        if self._all is None and await self._is_one_of_few():
            async with self._reads_one:
                if self._unreachable is not None:
                    raise self._unreachable
                if username not in self._users:
                    self._users[username] = await self._fetched(username)
        else:
            await self.snapshot()
        if username not in self._users:
            self._users[username] = await self._missed(username)
        return self._users[username]

    async def _is_one_of_few(self) -> bool:
        self._asking += 1
        if self._asking >= CROWD:
            self._crowd.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._crowd.wait(), PATIENCE)
        self._asking -= 1
        return not self._crowd.is_set() and len(self._users) < _FEW

    async def _fetched(self, username: str) -> LiveUser | None:
        config = self._session.stack.config
        snapshot = await read_snapshot(
            self._session.transport,
            account=config.account,
            instance=config.instance,
            channels_for=self._with_channels(username),
            only=[username],
        )
        return snapshot.users.get(username)

    async def _missed(self, username: str) -> LiveUser | None:
        """A user whom the list lacks: lists can miss what others change meanwhile, so this is looked up."""
        snapshot = await self.snapshot()
        if await self._session.users.by_username(username) is None:
            return None
        channels_for = self._with_channels(username)
        fresh = await reread(self._session.transport, snapshot, [username], channels_for=channels_for)
        return fresh.users.get(username)

    def _with_channels(self, username: str) -> list[str]:
        desired = self._session.wanted.users.get(username)
        return [username] if desired is not None and desired.channels else []


T = TypeVar("T")


class Once(Generic[T]):
    """Begun when it is first asked for; on one event loop.

    A failure holds for all, too: sixty resources that ask an unreachable Twilio would each wait as long as the first.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._done: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """The result. Raises what the work raised."""
        if self._done is None:
            self._done = asyncio.ensure_future(self._work())
        # Whoever stops waiting does not stop the work for the others.
        return await asyncio.shield(self._done)
