"""The Workflows of a Workspace, and with its task queues all that leads work to people: two pages as a rule."""

from __future__ import annotations

from typing import Any

from flexres.errors import FlexresError
from flexres.live.http.answers import Response
from flexres.live.http.concurrently import together
from flexres.live.http.paging import pages
from flexres.live.http.transport import Transport, path
from flexres.live.model import RoutingSetup, TaskQueue, Workflow
from flexres.live.taskrouter.queues import task_queues


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


async def workflows(transport: Transport, workspace: str) -> tuple[Workflow, ...]:
    """All Workflows, each once.

    Raises:
        UnreachableError: the key has no right to read them.
        TwilioError: Twilio answered with an error, or with something that cannot be read.
    """
    found: dict[str, Workflow] = {}
    listing = path("v1", "Workspaces", workspace, "Workflows")
    async for response, items in pages(transport, "taskrouter", listing, key="workflows"):
        for item in items:
            workflow = _workflow(item, response)
            found[workflow.sid] = workflow
    return tuple(found.values())


def _workflow(item: Any, response: Response) -> Workflow:
    try:
        sid, name, configuration = item["sid"], item["friendly_name"], item.get("configuration")
        if type(sid) is not str or type(name) is not str:
            raise TypeError
    except (KeyError, TypeError, AttributeError):
        raise response.unexpected("has a Workflow that cannot be read") from None
    return Workflow(sid, name, configuration if isinstance(configuration, str) else "")
