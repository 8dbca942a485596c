"""The task queues of a Workspace, of which TaskRouter allows 5,000: a page as a rule."""

from __future__ import annotations

from typing import Any

from flexres.live.http.answers import Response
from flexres.live.http.paging import pages
from flexres.live.http.transport import Transport, path
from flexres.live.model import TaskQueue


async def task_queues(transport: Transport, workspace: str) -> tuple[TaskQueue, ...]:
    """All task queues, each once although others may write meanwhile.

    Raises:
        UnreachableError: the key has no right to read them.
        TwilioError: Twilio answered with an error, or with something that cannot be read.
    """
    found: dict[str, TaskQueue] = {}
    listing = path("v1", "Workspaces", workspace, "TaskQueues")
    async for response, items in pages(transport, "taskrouter", listing, key="task_queues"):
        for item in items:
            queue = _queue(item, response)
            found[queue.sid] = queue
    return tuple(found.values())


def _queue(item: Any, response: Response) -> TaskQueue:
    try:
        sid, name, expression = item["sid"], item["friendly_name"], item.get("target_workers")
        if type(sid) is not str or type(name) is not str:
            raise TypeError
    except (KeyError, TypeError, AttributeError):
        raise response.unexpected("has a task queue that cannot be read") from None
    return TaskQueue(sid, name, expression if isinstance(expression, str) else None)
