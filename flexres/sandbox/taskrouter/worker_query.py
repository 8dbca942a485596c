"""Which Workers a list is to hold: by name, by activity, by a queue or by an expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from flexres.sandbox.errors import WireError, invalid_parameter
from flexres.sandbox.state import World
from flexres.sandbox.taskrouter.expressions import Expression
from flexres.sandbox.taskrouter.matching import check, matches, subject_of
from flexres.sandbox.taskrouter.worker_rows import Channel, Worker

_BATCH = 500


class WorkerQuery:
    """The filters of one request. Names and activities are the database's to find, expressions ours.

    Raises:
        WireError: 400, an expression cannot be read; 501, a filter is not emulated.
    """

    def __init__(self, query: Mapping[str, str], world: World) -> None:
        if "Ordering" in query:
            raise WireError(501, "The sandbox does not know Ordering: it would have to ignore it")
        self._world, self._table = world, world.store.workers
        self._filters = _filters(query, world)
        self._expressions = _expressions(query, world)

    def page(self, after: int, limit: int) -> list[Worker]:
        """Up to `limit` Workers in order of creation, from behind row `after`."""
        if not self._expressions:
            return self._table.page(after, limit, self._filters)
        found: list[Worker] = []
        for worker in self._matching(after):
            found.append(worker)
            if len(found) == limit:
                break
        return found

    def before(self, after: int, size: int) -> int:
        """Where the page that ends with row `after` begins."""
        if not self._expressions:
            return self._table.before(after, size, self._filters)
        found = islice(self._matching_backwards(after), size, size + 1)
        return next((worker.seq for worker in found), 0)

    def _matching(self, after: int) -> Iterator[Worker]:
        while batch := self._table.page(after, _BATCH, self._filters):
            yield from self._those_of(batch)
            after = batch[-1].seq

    def _matching_backwards(self, until: int) -> Iterator[Worker]:
        while batch := self._table.backwards(until, _BATCH, self._filters):
            yield from self._those_of(batch)
            until = batch[-1].seq - 1

    def _those_of(self, batch: Sequence[Worker]) -> Iterator[Worker]:
        """Those for whom every expression holds; channels are read where one asks for them, a batch at a time."""
        channels: dict[str, list[Channel]] = {}

        def channels_of(sid: str) -> list[Channel]:
            if not channels:
                channels.update(self._table.channels_of([worker.sid for worker in batch]))
            return channels[sid]

        for worker in batch:
            subject = subject_of(worker, self._world.workspace, partial(channels_of, worker.sid))
            if all(matches(expression, subject, self._world.switches) for expression in self._expressions):
                yield worker


def _filters(query: Mapping[str, str], world: World) -> dict[str, tuple[str, ...]]:
    filters: dict[str, tuple[str, ...]] = {}
    if "FriendlyName" in query:
        filters["name_key"] = (query["FriendlyName"].casefold(),)
    activities = list(world.workspace.activities.values())
    if "ActivityName" in query:
        activities = [activity for activity in activities if activity.friendly_name == query["ActivityName"]]
    if "ActivitySid" in query:
        activities = [activity for activity in activities if activity.sid == query["ActivitySid"]]
    if "Available" in query:
        wanted = query["Available"].lower() in ("true", "1")
        activities = [activity for activity in activities if activity.available == wanted]
    if len(activities) < len(world.workspace.activities):
        filters["activity_sid"] = tuple(activity.sid for activity in activities)
    return filters


def _expressions(query: Mapping[str, str], world: World) -> list[Expression]:
    texts: list[str] = []
    queues = world.store.task_queues
    for name, find in (("TaskQueueSid", queues.by_sid), ("TaskQueueName", queues.by_name)):
        if name in query:
            queue = find(query[name])
            if queue is None:
                raise invalid_parameter(f"{name} {query[name]} does not exist in workspace {world.workspace.sid}")
            texts.append(queue.target_workers)
    if "TargetWorkersExpression" in query:
        texts.append(query["TargetWorkersExpression"])
    return [check(text, world.switches) for text in texts]
