"""The client of TaskRouter: a Workspace's Workers with ETags and channels, its activities, queues and Workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flexres.errors import FlexresError
from flexres.live.http.answers import Response
from flexres.live.http.retrying import together
from flexres.live.http.transport import Transport, pages, path
from flexres.live.model import History, RoutingSetup, TaskQueue, Worker, WorkerChannel, Workflow
from flexres.live.taskrouter.events import history_of


@dataclass(frozen=True, slots=True)
class WorkerPage:
    """One page of the list: `workers` as read, and the SIDs whose attributes it keeps back, so: fetch those."""

    workers: tuple[Worker, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """What a Worker can be doing; `available` says whether tasks reach them meanwhile."""

    sid: str
    name: str
    available: bool


class Workers:
    """The Workers of one TaskRouter Workspace."""

    def __init__(self, transport: Transport, workspace: str) -> None:
        self._transport = transport
        self._workspace = workspace

    async def pages(self) -> AsyncIterator[WorkerPage]:
        """All Workers, in pages of at most 1,000, without ETags.

        Twilio's specification has attributes null outside a single fetch, while its sample of the list shows
        `{}`: so neither says that there are none.
        """
        async for response, items in pages(self._transport, "taskrouter", self._path("Workers"), key="workers"):
            read: list[Worker] = []
            unknown: list[str] = []
            for item in items:
                worker = _worker(item, response)
                if worker.text in NOT_SAID:
                    unknown.append(worker.sid)
                else:
                    read.append(worker)
            yield WorkerPage(tuple(read), tuple(unknown))

    async def matching(self, expression: str) -> frozenset[str]:
        """The SIDs of those for whom an expression holds; such requests are limited to three a second.

        Raises:
            TwilioError: the expression is refused.
        """
        query = [("TargetWorkersExpression", expression)]
        listing = pages(self._transport, "taskrouter", self._path("Workers"), key="workers", query=query)
        return frozenset([str(item.get("sid")) async for _, items in listing for item in items])

    async def fetch(self, sid: str) -> Worker:
        """One Worker, with its ETag where Twilio sent one.

        Raises:
            NotFoundError: there is none.
        """
        response = await self._transport.request("GET", "taskrouter", self._path("Workers", sid))
        return _worker(response.object(), response, response.etag)

    async def update(self, sid: str, attributes: str, *, if_match: str | None) -> Worker:
        """Replace the attributes by this JSON text, if the Worker still has the ETag `if_match`.

        Without an ETag the last write wins, so read and merge just before.

        Raises:
            PreconditionError: somebody else wrote in between.
            LostAnswerError: it may have taken effect.
        """
        response = await self._transport.request(
            "POST",
            "taskrouter",
            self._path("Workers", sid),
            form={"Attributes": attributes},
            headers={"If-Match": if_match} if if_match is not None else None,
        )
        return _worker(response.object(), response, response.etag)

    async def channels(self, sid: str) -> dict[str, WorkerChannel]:
        """The Worker's channels by the name of their task channel (voice, chat, …).

        Raises:
            NotFoundError: there is no such Worker.
        """
        found: dict[str, WorkerChannel] = {}
        listing = self._path("Workers", sid, "Channels")
        async for response, items in pages(self._transport, "taskrouter", listing, key="channels"):
            for item in items:
                channel = _channel(item, response)
                found[channel.name] = channel
        return found

    async def update_channel(
        self, sid: str, channel: str, *, available: bool | None = None, capacity: int | None = None
    ) -> WorkerChannel:
        """Set what the Worker takes on one of their channels (by its SID); None leaves a value as it is."""
        form: dict[str, str] = {}
        if available is not None:
            form["Available"] = "true" if available else "false"
        if capacity is not None:
            form["Capacity"] = str(capacity)
        response = await self._transport.request(
            "POST", "taskrouter", self._path("Workers", sid, "Channels", channel), form=form, idempotent=True
        )
        return _channel(response.object(), response)

    async def history(self, sid: str, *, until: datetime) -> History:
        """What changed the Worker in the days before `until`, as far as Twilio tells."""
        return await history_of(self._transport, self._workspace, sid, until=until)

    async def task_channels(self) -> frozenset[str]:
        """The unique names of the Workspace's task channels: each Worker has a channel of each."""
        listing = pages(self._transport, "taskrouter", self._path("TaskChannels"), key="channels")
        return frozenset([_unique_name(item, response) async for response, items in listing for item in items])

    async def activities(self) -> tuple[Activity, ...]:
        """The Workspace's activities."""
        found: list[Activity] = []
        async for response, items in pages(self._transport, "taskrouter", self._path("Activities"), key="activities"):
            found += (_activity(item, response) for item in items)
        return tuple(found)

    def _path(self, *parts: str) -> str:
        return path("v1", "Workspaces", self._workspace, *parts)


# The attributes of a Worker whose answer has none: no JSON object, so never mistaken for an empty one.
NO_TEXT: Final = "null"

NOT_SAID: Final = frozenset({NO_TEXT, "{}", ""})


def _worker(item: Any, response: Response, etag: str | None = None) -> Worker:
    """One Worker of an answer; ten thousand pass here, so the fields are read by hand."""
    try:
        get = item.get
        sid, name, text = item["sid"], item["friendly_name"], get("attributes")
        activity_sid, activity_name = get("activity_sid") or "", get("activity_name") or ""
        available = get("available")
        if text is None:
            text = NO_TEXT
        updated = get("date_updated")
        for value in (sid, name, text, activity_sid, activity_name, updated or ""):
            if type(value) is not str:
                raise TypeError
        if not sid.isalnum():
            raise TypeError
        return Worker(sid, name, activity_sid, activity_name, available is True, text, etag, updated)
    except (KeyError, TypeError, AttributeError):
        raise _unreadable("Worker", item, response) from None


def _channel(item: Any, response: Response) -> WorkerChannel:
    try:
        sid, name = item["sid"], item["task_channel_unique_name"]
        available, capacity = item["available"], item["configured_capacity"]
        assigned = item.get("assigned_tasks") or 0
        if type(sid) is not str or not sid.isalnum() or type(name) is not str or type(available) is not bool:
            raise TypeError
        if type(capacity) is not int or type(assigned) is not int:
            raise TypeError
        return WorkerChannel(sid, name, available, capacity, assigned)
    except (KeyError, TypeError, AttributeError):
        raise _unreadable("Worker channel", item, response) from None


def _activity(item: Any, response: Response) -> Activity:
    try:
        sid, name, available = item["sid"], item["friendly_name"], item["available"]
        if type(sid) is not str or type(name) is not str or type(available) is not bool:
            raise TypeError
        return Activity(sid, name, available)
    except (KeyError, TypeError, AttributeError):
        raise _unreadable("activity", item, response) from None


def _unreadable(what: str, item: Any, response: Response) -> Exception:
    sid = item.get("sid") if isinstance(item, dict) else None
    return response.unexpected(f"has a {what} that cannot be read ({sid or 'without a SID'})")


def _unique_name(item: Any, response: Response) -> str:
    name = item.get("unique_name") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise response.unexpected("has a task channel without a name")
    return name


async def routing_setup(transport: Transport, workspace: str) -> RoutingSetup:
    """Queues and Workflows side by side. What cannot be read is told in the value: users do not depend on it."""
    queues: list[TaskQueue] = []
    found: list[Workflow] = []

    async def read_queues() -> None:
        queues.extend(await task_queues(transport, workspace))

    async def read_workflows() -> None:
        found.extend(await workflows(transport, workspace))

    try:
        await together(read_queues(), read_workflows())
    except FlexresError as error:
        return RoutingSetup(unread=error.message)
    return RoutingSetup(tuple(queues), tuple(found))


async def task_queues(transport: Transport, workspace: str) -> tuple[TaskQueue, ...]:
    """All task queues, each once although others may write meanwhile; TaskRouter allows 5,000.

    Raises:
        UnreachableError: the key has no right to read them.
        TwilioError: Twilio answered with an error, or with something that cannot be read.
    """
    listed = await _listed(
        transport, workspace, collection="TaskQueues", key="task_queues", member="target_workers", what="a task queue"
    )
    return tuple(TaskQueue(sid, name, expression) for sid, (name, expression) in listed.items())


async def workflows(transport: Transport, workspace: str) -> tuple[Workflow, ...]:
    """All Workflows, each once. Raises as `task_queues` does."""
    listed = await _listed(
        transport, workspace, collection="Workflows", key="workflows", member="configuration", what="a Workflow"
    )
    return tuple(Workflow(sid, name, configuration or "") for sid, (name, configuration) in listed.items())


async def _listed(
    transport: Transport, workspace: str, *, collection: str, key: str, member: str, what: str
) -> dict[str, tuple[str, str | None]]:
    """The things of one kind by SID: the name of each, and the text of its `member`, None where that is no text."""
    found: dict[str, tuple[str, str | None]] = {}
    async for response, items in pages(
        transport, "taskrouter", path("v1", "Workspaces", workspace, collection), key=key
    ):
        for item in items:
            sid, name, text = _read(item, member, what, response)
            found[sid] = name, text
    return found


def _read(item: Any, member: str, what: str, response: Response) -> tuple[str, str, str | None]:
    try:
        sid, name, text = item["sid"], item["friendly_name"], item.get(member)
        if type(sid) is not str or type(name) is not str:
            raise TypeError
    except (KeyError, TypeError, AttributeError):
        raise response.unexpected(f"has {what} that cannot be read") from None
    return sid, name, text if isinstance(text, str) else None
