"""Task queues and Workflows as TaskRouter lists them, and a key that has no right to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flexres.live.model import RoutingSetup, TaskQueue, Workflow
from flexres.live.taskrouter.workers import routing_setup

from .fake import WORKSPACE, answer, page, transport


def queue(number: int, **changes: Any) -> dict[str, Any]:
    return {"sid": f"WQ{number:032x}", "friendly_name": f"Queue {number}", "target_workers": "1==1", **changes}


def workflow(number: int, **changes: Any) -> dict[str, Any]:
    return {"sid": f"WW{number:032x}", "friendly_name": f"Workflow {number}", "configuration": "{}", **changes}


class Lists:
    """Answers both lists, each in the pages given; keeps the paths asked for."""

    def __init__(self, queues: Any, workflows: Any) -> None:
        self.answers = {"TaskQueues": list(queues), "Workflows": list(workflows)}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = request.url.path.rpartition("/")[2]
        self.asked.append(str(request.url.raw_path.decode()))
        found: httpx.Response = self.answers[key].pop(0)
        return found


async def read(queues: Any, workflows: Any) -> tuple[RoutingSetup, list[str]]:
    lists = Lists(queues, workflows)
    async with transport(lists) as opened:
        return await routing_setup(opened, WORKSPACE), lists.asked


async def test_a_page_each_is_read() -> None:
    queues = [answer(200, page("task_queues", [queue(1), queue(2, target_workers="")]))]
    found, asked = await read(queues, [answer(200, page("workflows", [workflow(1, configuration='{"a":1}')]))])
    assert found == RoutingSetup(
        (TaskQueue(queue(1)["sid"], "Queue 1", "1==1"), TaskQueue(queue(2)["sid"], "Queue 2", "")),
        (Workflow(workflow(1)["sid"], "Workflow 1", '{"a":1}'),),
    )
    assert sorted(path.rpartition("/")[2] for path in asked) == ["TaskQueues?PageSize=1000", "Workflows?PageSize=1000"]


async def test_what_two_pages_show_twice_counts_once() -> None:
    """Lists move while others write to them."""
    following = "https://elsewhere.example/x?PageToken=2"
    queues = [
        answer(200, page("task_queues", [queue(1)], following)),
        answer(200, page("task_queues", [queue(1, friendly_name="Renamed"), queue(2)])),
    ]
    found, _ = await read(queues, [answer(200, page("workflows", []))])
    assert [one.name for one in found.queues] == ["Renamed", "Queue 2"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_key_without_the_right_is_told_in_one_line(status: int) -> None:
    """The users do not depend on it, so nothing is raised."""
    refused = answer(status, {"code": 20003, "message": "Authorization denied"})
    found, _ = await read([refused], [refused])
    assert (found.queues, found.workflows) == ((), ())
    assert "Authorization denied" in found.unread
    assert "\n" not in found.unread


async def test_a_queue_without_expression_is_not_taken_for_an_empty_one() -> None:
    queues = [answer(200, page("task_queues", [queue(1, target_workers=None), queue(2, target_workers=3)]))]
    found, _ = await read(queues, [answer(200, page("workflows", [workflow(1, configuration=None)]))])
    assert [one.target_workers for one in found.queues] == [None, None]
    assert found.workflows[0].configuration == ""


@pytest.mark.parametrize("broken", [None, [], {}, queue(1, sid=None), queue(1, friendly_name=3)])
async def test_a_list_that_cannot_be_read_says_so(broken: Any) -> None:
    found, _ = await read([answer(200, page("task_queues", [broken]))], [answer(200, page("workflows", []))])
    assert "has a task queue that cannot be read" in found.unread
