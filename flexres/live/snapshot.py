"""All of one Flex instance at one time: users, Workers and channels read by pages and joined, ready for `reconcile`.

Lists that others write to while they are read can show a thing twice or miss it. So a list proves presence only:
whatever it seems to lack is fetched by itself before it counts as gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from flexres.errors import NotFoundError, TwilioError
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.flex.users import FlexUsers
from flexres.live.http.retrying import each, together
from flexres.live.http.transport import Transport
from flexres.live.model import (
    FlexUser,
    Instance,
    LiveUser,
    RoutingSetup,
    Snapshot,
    Worker,
    WorkerChannel,
    not_looked_at,
)
from flexres.live.taskrouter.capacities import Settings, confirmed
from flexres.live.taskrouter.workers import Workers, routing_setup

Look: TypeAlias = "Callable[[Iterable[Worker]], None]"
AsSet: TypeAlias = "Callable[[Instance, Mapping[str, LiveUser]], Awaitable[Mapping[str, Settings]]]"
"""Gives of the users found those whose channels are as somebody set them last, unless they were changed since."""


async def read_snapshot(
    transport: Transport,
    *,
    account: str,
    instance: str,
    channels_for: Collection[str] = (),
    as_set: AsSet | None = None,
    only: Collection[str] | None = None,
    routing: bool = False,
    look: Look = lambda _: None,
) -> Snapshot:
    """Read the instance: everything by pages, or `only` these usernames one by one (then without orphans).

    The Workspace's task channels are read where one of these has none.
    Those that `as_set` gives are confirmed by a few requests together as far as that is possible, see `capacities`.
    `look` is shown each page of Workers as it arrives.
    `routing`: task queues and Workflows as well. What of them cannot be read is told in the snapshot.
    Channels are read for those of `channels_for` who have a Worker. A username that is absent from the result was
    not listed; before that counts as gone, ask `reread`.

    Raises:
        SetupError: the credentials are another account's.
        UnreachableError: no network, credentials refused, Flex not set up, or another instance.
        TwilioError: Twilio answered with an error, or with something that cannot be read.
    """
    started, sent = transport.timing.monotonic(), transport.sent
    found = await ConfigurationApi(transport, account=account, instance=instance).fetch()
    reading = _Reading(transport, found, look)
    setups: list[RoutingSetup] = []

    async def read_routing() -> None:
        if routing:
            setups.append(await routing_setup(transport, found.workspace))

    await together(reading.everything() if only is None else reading.these(only), read_routing())
    users = reading.joined()
    confirmed = await reading.confirmed(users, await as_set(found, users)) if as_set is not None else {}
    users = await reading.with_channels(users, set(channels_for) - confirmed.keys())
    users |= confirmed
    return Snapshot(
        instance=found,
        users=users,
        task_channels=await reading.task_channels(users, channels_for),
        orphans=reading.orphans() if only is None else (),
        requests=transport.sent - sent,
        seconds=transport.timing.monotonic() - started,
        routing=setups[0] if setups else None,
        as_set=sum(not_looked_at(live.channels) for live in confirmed.values()),
    )


async def reread(
    transport: Transport, snapshot: Snapshot, usernames: Collection[str], *, channels_for: Collection[str] = ()
) -> Snapshot:
    """The snapshot with these users read again one by one; who is not in it afterwards is really gone."""
    started, sent = transport.timing.monotonic(), transport.sent
    reading = _Reading(transport, snapshot.instance)
    await reading.these(usernames)
    fresh = await reading.with_channels(reading.joined(), channels_for)
    kept = {name: live for name, live in snapshot.users.items() if name not in set(usernames)}
    claimed = {live.worker.sid for live in fresh.values() if live.worker is not None}
    return replace(
        snapshot,
        users=kept | fresh,
        orphans=tuple(worker for worker in snapshot.orphans if worker.sid not in claimed),
        requests=snapshot.requests + transport.sent - sent,
        seconds=snapshot.seconds + transport.timing.monotonic() - started,
    )


class _Reading:
    """What was read so far: users and Workers by SID, so that what a list shows twice counts once."""

    def __init__(self, transport: Transport, instance: Instance, look: Look = lambda _: None) -> None:
        self._look = look
        self._users_api = FlexUsers(transport, instance.sid)
        self._workers_api = Workers(transport, instance.workspace)
        self._users: dict[str, FlexUser] = {}
        self._workers: dict[str, Worker] = {}
        self._unknown: set[str] = set()

    async def everything(self) -> None:
        """Both lists side by side, then whatever they leave open, one by one."""
        await together(self._list_users(), self._list_workers())
        named = {user.worker_sid for user in self._users.values() if user.worker_sid and not user.deactivated}
        await self._fetch_workers((self._unknown | named) - self._workers.keys())
        await each(self._settle, [user for user in self._users.values() if self._lacks_worker(user)])

    async def these(self, usernames: Iterable[str]) -> None:
        """These users one by one; the whole list of users only where the lookup shows no active one."""
        wanted = set(usernames)
        found = await each(self._users_api.by_username, sorted(wanted))
        users = [user for user in found if user is not None]
        # Nobody says whether the lookup finds deactivated users, or which of two personas with one name.
        missing = wanted - {user.username for user in users if not user.deactivated}
        if missing:
            await self._list_users()
            users += [user for user in self._users.values() if user.username in missing]
        self._users = {user.sid: user for user in users}
        await self._fetch_workers({user.worker_sid for user in users if user.worker_sid})
        await each(self._settle, [user for user in users if self._lacks_worker(user)])

    async def with_channels(self, users: dict[str, LiveUser], channels_for: Collection[str]) -> dict[str, LiveUser]:
        """The users, with their channels where wanted."""

        async def read(username: str) -> None:
            worker = users[username].worker
            if worker is not None:
                users[username] = replace(users[username], channels=await self._channels(worker))

        await each(read, sorted(users.keys() & set(channels_for)))
        return users

    async def confirmed(self, users: Mapping[str, LiveUser], as_set: Mapping[str, Settings]) -> dict[str, LiveUser]:
        """Those of whom TaskRouter lists that their channels are as they were set last, with these channels."""
        workers = {username: worker.sid for username in as_set if (worker := users[username].worker) is not None}
        found = await confirmed(self._workers_api, {sid: as_set[username] for username, sid in workers.items()})
        return {
            username: replace(users[username], channels=found[sid]) for username, sid in workers.items() if sid in found
        }

    async def task_channels(self, users: Mapping[str, LiveUser], wanted: Collection[str]) -> frozenset[str] | None:
        """The Workspace's task channels, where somebody whose channels are wanted has no Worker to read them of."""
        workerless = any(name not in users or users[name].worker is None for name in wanted)
        try:
            return await self._workers_api.task_channels() if workerless else None
        except TwilioError:  # a key that may not read them is no reason to plan nothing
            return None

    def joined(self) -> dict[str, LiveUser]:
        """By username. Where two have one name, the active one counts, then the one changed last."""
        users: dict[str, FlexUser] = {}
        for user in self._users.values():
            other = users.get(user.username)
            if other is None or _precedence(user) > _precedence(other):
                users[user.username] = user
        workers = self._workers
        return {
            username: LiveUser(user, workers.get(user.worker_sid) if user.worker_sid else None)
            for username, user in users.items()
        }

    def orphans(self) -> tuple[Worker, ...]:
        """Workers that no user has, by name."""
        claimed = {user.worker_sid for user in self._users.values()}
        orphans = (worker for sid, worker in self._workers.items() if sid not in claimed)
        return tuple(sorted(orphans, key=lambda worker: (worker.friendly_name, worker.sid)))

    async def _list_users(self) -> None:
        async for page in self._users_api.pages():
            self._users.update((user.sid, user) for user in page)

    async def _list_workers(self) -> None:
        async for page in self._workers_api.pages():
            self._workers.update((worker.sid, worker) for worker in page.workers)
            self._unknown.update(page.unknown)
            self._look(page.workers)

    def _lacks_worker(self, user: FlexUser) -> bool:
        return not user.deactivated and user.worker_sid not in self._workers

    async def _fetch_workers(self, sids: Iterable[str]) -> None:
        async def fetch(sid: str) -> None:
            try:
                self._workers[sid] = await self._workers_api.fetch(sid)
            except NotFoundError:
                self._workers.pop(sid, None)

        await each(fetch, sorted(sids))

    async def _settle(self, user: FlexUser) -> None:
        """An active user whose Worker is not there: read both again, for somebody may have just changed them."""
        try:
            fresh = await self._users_api.by_sid(user.sid)
        except NotFoundError:
            del self._users[user.sid]
            return
        self._users[user.sid] = fresh
        if fresh.worker_sid and fresh.worker_sid != user.worker_sid:
            await self._fetch_workers([fresh.worker_sid])

    async def _channels(self, worker: Worker) -> dict[str, WorkerChannel] | None:
        try:
            return await self._workers_api.channels(worker.sid)
        except NotFoundError:
            return None


def _precedence(user: FlexUser) -> tuple[bool, str, str]:
    return not user.deactivated, user.updated_date or user.created_date or "", user.sid
