"""Which Workers an expression is about, and which a list is to hold: by name, activity, queue or expression."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from flexres.sandbox.errors import WireError, invalid_parameter
from flexres.sandbox.state import World
from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter.expressions import Comparison, Expression, ExpressionError, Key, Operand, parse
from flexres.sandbox.taskrouter.worker_rows import Channel, Worker, Workspace

Value = object
"""What a key or a constant stands for; None is NULL, for a key that is not there."""

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What an expression is evaluated on: attributes, and what TaskRouter itself knows of the Worker."""

    attributes: Mapping[str, object]
    properties: Mapping[str, object]
    channels: Callable[[], Mapping[str, object]]

    def find(self, steps: tuple[str | int, ...], *, any_case: bool) -> Value:
        """The value behind a key, with or without `worker.` before it."""
        if steps[0] == "worker" and "worker" not in self.attributes:
            steps = steps[1:]
            if not steps:
                return None
        if steps[0] == "channel" and "channel" not in self.attributes:
            return _descend(self.channels(), steps[1:], any_case)
        found = _descend(self.attributes, steps, any_case)
        return _descend(self.properties, steps, any_case) if found is None else found


def subject_of(worker: Worker, workspace: Workspace, channels: Callable[[], Iterable[Channel]]) -> Subject:
    """A Worker as expressions see it; `channels` is called only where one asks for them."""
    properties = {
        "sid": worker.sid,
        "friendly_name": worker.friendly_name,
        "activity_sid": worker.activity_sid,
        "activity_name": workspace.activities_by_sid[worker.activity_sid].friendly_name,
    }
    return Subject(worker.attribute_values, properties, lambda: {one.name: _channel_values(one) for one in channels()})


def of_attributes(attributes: Mapping[str, object]) -> Subject:
    """Somebody who is no Worker yet and has nothing but attributes."""
    return Subject(attributes, {}, dict)


def _channel_values(channel: Channel) -> Mapping[str, object]:
    return {
        "configured_capacity": channel.capacity,
        "assigned_tasks": channel.assigned_tasks,
        "available_capacity_percentage": channel.free_percentage,
        "available": bool(channel.available),
    }


def check(text: str, switches: Switches) -> Expression:
    """The expression that a request sent.

    Raises:
        WireError: 400, it cannot be read.
    """
    try:
        return parse(text, switches.expression_precedence, switches.expression_escapes)
    except ExpressionError as error:
        raise invalid_parameter(f"Invalid expression: {error}") from error


def matches(expression: Expression, subject: Subject, switches: Switches) -> bool:
    """Whether the expression holds; the switches decide what the documents leave open."""
    if isinstance(expression, Comparison):
        return _compare(expression, subject, switches)
    decide = all if expression.kind == "AND" else any
    return decide(matches(part, subject, switches) for part in expression.parts)


def _compare(comparison: Comparison, subject: Subject, switches: Switches) -> bool:
    left = _value(comparison.left, subject, switches)
    right = _value(comparison.right, subject, switches)
    sign, converts = comparison.operator, switches.expression_types == "convert"
    if sign == "HAS":
        return isinstance(left, list) and _is_scalar(right) and _among(right, left, converts)
    if sign in ("IN", "NOT IN"):
        return _is_in(left, right, switches) == (sign == "IN")
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return False
    if left is None or right is None:
        known = switches.expression_null == "value" and sign in ("==", "!=")
        return known and (left is right) == (sign == "==")
    return _compare_scalars(left, sign, right, converts)


def _is_in(left: object, right: object, switches: Switches) -> bool | None:
    """None, which is neither in nor not in, for what cannot be asked."""
    if not isinstance(right, list) or isinstance(left, list | dict):
        return None
    if left is None:
        return False if switches.expression_null == "value" else None
    return _among(left, right, switches.expression_types == "convert")


def _compare_scalars(left: object, sign: str, right: object, converts: bool) -> bool:
    if sign == "==":
        return _equal(left, right, converts)
    if sign == "!=":
        return not _equal(left, right, converts)
    if sign == "CONTAINS":
        if converts:
            left, right = _as_text(left), _as_text(right)
        return isinstance(left, str) and isinstance(right, str) and right in left
    left, right = _alike(left, right) if converts else (left, right)
    return _kind(left) == _kind(right) and _ORDERS[sign](left, right)


def _among(value: object, values: list[object], converts: bool) -> bool:
    return any(_equal(value, one, converts) for one in values if _is_scalar(one))


def _equal(left: object, right: object, converts: bool) -> bool:
    if converts:
        left, right = _alike(left, right)
    return _kind(left) == _kind(right) and left == right


def _alike(left: object, right: object) -> tuple[object, object]:
    """Both as numbers where both can be read so, else both as text."""
    if _kind(left) == _kind(right):
        return left, right
    try:
        return float(_as_text(left)), float(_as_text(right))
    except ValueError:
        return _as_text(left), _as_text(right)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: object) -> type:
    """Whole and fractional numbers are of one kind, booleans of another."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _is_scalar(value: object) -> bool:
    return value is not None and not isinstance(value, list | dict)


def _value(operand: Operand, subject: Subject, switches: Switches) -> Value:
    if isinstance(operand, Key):
        return subject.find(operand.steps, any_case=switches.expression_key_case == "any")
    return list(operand.value) if isinstance(operand.value, tuple) else operand.value


def _descend(value: Value, steps: Iterable[str | int], any_case: bool) -> Value:
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, Mapping):
            value = _member(value, step, any_case)
        else:
            return None
    return value


def _member(value: Mapping[str, object], name: str, any_case: bool) -> Value:
    if name in value or not any_case:
        return value.get(name)
    return next((found for key, found in value.items() if key.casefold() == name.casefold()), None)


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
