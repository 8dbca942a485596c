"""The task queues and Workflows of a Workspace, all that leads work to people: two pages as a rule."""

from __future__ import annotations

from typing import Any

from flexres.errors import FlexresError
from flexres.live.http.answers import Response
from flexres.live.http.concurrently import together
from flexres.live.http.paging import pages
from flexres.live.http.transport import Transport, path
from flexres.live.model import RoutingSetup, TaskQueue, Workflow


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
