"""The TaskQueues service: queues with the expression that says whose work they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_parameter, not_found
from flexres.sandbox.formats import answer, loads, page_meta, page_request, read_form
from flexres.sandbox.identity import new_sid
from flexres.sandbox.state import World, world_of
from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter.expressions import ExpressionError, parse
from flexres.sandbox.taskrouter.matching import Subject, check, matches, of_attributes, subject_of
from flexres.sandbox.taskrouter.named_table import TaskQueue, Value
from flexres.sandbox.taskrouter.workers import check_workspace

MOST_QUEUES = 5_000
NAME_LENGTH = 64
_TOKEN = "PQ"  # noqa: S105  how page tokens begin
_EVERYBODY = "1==1"
_MOST_RESERVED = 50


def queue_object(queue: TaskQueue, world: World, url: str) -> dict[str, object]:
    """A task queue as the wire has it; `url` is the Workspace's."""
    own_url, names = f"{url}/TaskQueues/{queue.sid}", world.workspace.activities_by_sid
    reservation = names.get(queue.reservation_activity_sid or "")
    assignment = names.get(queue.assignment_activity_sid or "")
    return {
        "sid": queue.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "friendly_name": queue.friendly_name,
        "target_workers": queue.target_workers,
        "task_order": queue.task_order,
        "max_reserved_workers": queue.max_reserved_workers,
        "reservation_activity_sid": queue.reservation_activity_sid,
        "reservation_activity_name": reservation.friendly_name if reservation else None,
        "assignment_activity_sid": queue.assignment_activity_sid,
        "assignment_activity_name": assignment.friendly_name if assignment else None,
        "date_created": queue.date_created,
        "date_updated": queue.date_updated,
        "url": own_url,
        "links": {
            "workspace": url,
            "statistics": f"{own_url}/Statistics",
            "real_time_statistics": f"{own_url}/RealTimeStatistics",
            "cumulative_statistics": f"{own_url}/CumulativeStatistics",
            "list_statistics": f"{url}/TaskQueues/Statistics",
        },
    }


def holds(queue: TaskQueue, subject: Subject, switches: Switches) -> bool:
    """Whether somebody is eligible for the queue's work; nobody is, where a switch made its expression unreadable."""
    try:
        expression = parse(queue.target_workers, switches.expression_precedence, switches.expression_escapes)
    except ExpressionError:
        return False
    return matches(expression, subject, switches)


def check_name(world: World, name: str, owner: str | None, *, kind: str, find: Callable[[str], object]) -> None:
    """Refuses a name that is too long, or another's whatever its case.

    Raises:
        WireError: 400/20001.
    """
    if not 1 <= len(name) <= NAME_LENGTH:
        raise invalid_parameter(f"FriendlyName must have 1 to {NAME_LENGTH} characters")
    found = find(name)
    if found is not None and getattr(found, "sid", None) != owner:
        raise invalid_parameter(
            f"{kind} with friendly name '{name}' already exists for workspace {world.workspace.sid}"
            f" for account {world.identity.account_sid}"
        )


async def _list(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    if "Ordering" in request.query:
        raise WireError(501, "The sandbox does not know Ordering: it would have to ignore it")
    table, page = world.store.task_queues, page_request(request, world.switches, _TOKEN)
    subject = _asked_for(request.query, world)
    name = request.query.get("FriendlyName")
    if subject is None:
        queues = table.page(page.after, page.size + 1, name)
        previous = lambda: table.before(page.after, page.size)  # noqa: E731
    else:
        held = [queue for queue in table.page(0, -1, name) if holds(queue, subject, world.switches)]
        queues = [queue for queue in held if queue.seq > page.after][: page.size + 1]
        earlier = [queue.seq for queue in held if queue.seq <= page.after]
        previous = lambda: earlier[-page.size - 1] if len(earlier) > page.size else 0  # noqa: E731
    meta = page_meta(request, page, queues, key="task_queues", previous=previous, prefix=_TOKEN)
    return answer({"task_queues": [queue_object(queue, world, url) for queue in queues[: page.size]], "meta": meta})


def _asked_for(query: Mapping[str, str], world: World) -> Subject | None:
    """For whom queues are asked: a Worker, or somebody with these attributes."""
    if "WorkerSid" in query:
        worker = world.store.workers.by_sid(query["WorkerSid"])
        if worker is None:
            raise invalid_parameter(f"Worker {query['WorkerSid']} does not exist in workspace {world.workspace.sid}")
        return subject_of(worker, world.workspace, lambda: world.store.workers.channels(worker.sid))
    if "EvaluateWorkerAttributes" not in query:
        return None
    try:
        attributes = loads(query["EvaluateWorkerAttributes"])
    except (ValueError, RecursionError):
        attributes = None
    if not isinstance(attributes, dict):
        raise invalid_parameter("EvaluateWorkerAttributes must be a JSON object")
    return of_attributes(attributes)


async def _create(request: web.Request) -> web.Response:
    check_workspace(request)
    world = world_of(request)
    values = _values(await read_form(request), world, None)
    if "friendly_name" not in values:
        raise invalid_parameter("Missing required parameter FriendlyName in the post body")
    if world.store.task_queues.count() >= MOST_QUEUES:
        raise invalid_parameter(f"A workspace has at most {MOST_QUEUES:,} task queues")
    sid = new_sid("WQ")
    defaults: dict[str, Value] = {"target_workers": _EVERYBODY, "task_order": "FIFO", "max_reserved_workers": 1}
    with world.store.transaction():
        world.store.task_queues.insert(sid, {**defaults, **values})
    return _single(request, sid, 201)


async def _fetch(request: web.Request) -> web.Response:
    return _single(request, _our_queue(request).sid)


async def _update(request: web.Request) -> web.Response:
    form = await read_form(request)
    queue, world = _our_queue(request), world_of(request)
    values = _values(form, world, queue.sid)
    if values:
        with world.store.transaction():
            world.store.task_queues.update(queue, values)
    return _single(request, queue.sid)


async def _delete(request: web.Request) -> web.Response:
    queue, store = _our_queue(request), world_of(request).store
    with store.transaction():
        store.task_queues.delete(queue)
    return web.Response(status=204)


def _values(form: Mapping[str, str], world: World, owner: str | None) -> dict[str, Value]:
    """The columns that a form sets, checked."""
    values: dict[str, Value] = {}
    if "FriendlyName" in form:
        check_name(world, form["FriendlyName"], owner, kind="TaskQueue", find=world.store.task_queues.by_name)
        values["friendly_name"] = form["FriendlyName"]
    if "TargetWorkers" in form:
        values["target_workers"] = form["TargetWorkers"].strip() or _EVERYBODY
        check(str(values["target_workers"]), world.switches)
    if "TaskOrder" in form:
        if form["TaskOrder"] not in ("FIFO", "LIFO"):
            raise invalid_parameter("TaskOrder must be FIFO or LIFO")
        values["task_order"] = form["TaskOrder"]
    if "MaxReservedWorkers" in form:
        text = form["MaxReservedWorkers"]
        if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= _MOST_RESERVED):
            raise invalid_parameter(f"MaxReservedWorkers must be a whole number from 1 to {_MOST_RESERVED}")
        values["max_reserved_workers"] = int(text)
    for name, column in (
        ("ReservationActivitySid", "reservation_activity_sid"),
        ("AssignmentActivitySid", "assignment_activity_sid"),
    ):
        if name in form:
            if form[name] and form[name] not in world.workspace.activities_by_sid:
                raise invalid_parameter(f"{name} {form[name]} does not exist in workspace {world.workspace.sid}")
            values[column] = form[name] or None
    return values


def _our_queue(request: web.Request) -> TaskQueue:
    check_workspace(request)
    queue = world_of(request).store.task_queues.by_sid(request.match_info["queue"])
    if queue is None:
        raise not_found(request.path)
    return queue


def _single(request: web.Request, sid: str, status: int = 200) -> web.Response:
    world = world_of(request)
    queue = world.store.task_queues.by_sid(sid)
    assert queue is not None
    return answer(queue_object(queue, world, check_workspace(request)), status)


_QUEUES = "/v1/Workspaces/{workspace}/TaskQueues"
ROUTES = [
    web.get(_QUEUES, _list, allow_head=False),
    web.post(_QUEUES, _create),
    web.get(f"{_QUEUES}/{{queue}}", _fetch, allow_head=False),
    web.post(f"{_QUEUES}/{{queue}}", _update),
    web.delete(f"{_QUEUES}/{{queue}}", _delete),
]
OPEN: list[web.RouteDef] = []
