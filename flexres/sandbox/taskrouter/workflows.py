"""The Workflows service: which filters lead a task to which queue, kept as the JSON text that was sent."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from flexres.sandbox.errors import invalid_parameter, not_found
from flexres.sandbox.formats import answer, loads, page_meta, page_request, read_form
from flexres.sandbox.identity import new_sid
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.named_table import Value, Workflow
from flexres.sandbox.taskrouter.task_queues import check_name
from flexres.sandbox.taskrouter.workers import check_workspace

MOST_WORKFLOWS = 1_000
LARGEST_CONFIGURATION = 1024 * 1024
_TOKEN = "PW"  # noqa: S105  how page tokens begin
_DEFAULT_TIMEOUT, _LONGEST_TIMEOUT = 120, 86_400


def workflow_object(workflow: Workflow, world: World, url: str) -> dict[str, object]:
    """A Workflow as the wire has it; `url` is the Workspace's."""
    own_url = f"{url}/Workflows/{workflow.sid}"
    return {
        "sid": workflow.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "friendly_name": workflow.friendly_name,
        "configuration": workflow.configuration,
        "document_content_type": "application/json",
        "assignment_callback_url": workflow.assignment_callback_url,
        "fallback_assignment_callback_url": workflow.fallback_assignment_callback_url,
        "task_reservation_timeout": workflow.task_reservation_timeout,
        "date_created": workflow.date_created,
        "date_updated": workflow.date_updated,
        "url": own_url,
        "links": {
            "statistics": f"{own_url}/Statistics",
            "real_time_statistics": f"{own_url}/RealTimeStatistics",
            "cumulative_statistics": f"{own_url}/CumulativeStatistics",
        },
    }


async def _list(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    table, page = world.store.workflows, page_request(request, world.switches, _TOKEN)
    workflows = table.page(page.after, page.size + 1, request.query.get("FriendlyName"))
    meta = page_meta(
        request,
        page,
        workflows,
        key="workflows",
        previous=lambda: table.before(page.after, page.size),
        prefix=_TOKEN,
    )
    items = [workflow_object(workflow, world, url) for workflow in workflows[: page.size]]
    return answer({"workflows": items, "meta": meta})


async def _create(request: web.Request) -> web.Response:
    check_workspace(request)
    world = world_of(request)
    values = _values(await read_form(request), world, None)
    for name, column in (("FriendlyName", "friendly_name"), ("Configuration", "configuration")):
        if column not in values:
            raise invalid_parameter(f"Missing required parameter {name} in the post body")
    if world.store.workflows.count() >= MOST_WORKFLOWS:
        raise invalid_parameter(f"A workspace has at most {MOST_WORKFLOWS:,} workflows")
    sid = new_sid("WW")
    with world.store.transaction():
        world.store.workflows.insert(sid, {"task_reservation_timeout": _DEFAULT_TIMEOUT, **values})
    return _single(request, sid, 201)


async def _fetch(request: web.Request) -> web.Response:
    return _single(request, _our_workflow(request).sid)


async def _update(request: web.Request) -> web.Response:
    form = await read_form(request)
    workflow, world = _our_workflow(request), world_of(request)
    values = _values(form, world, workflow.sid)
    if values:
        with world.store.transaction():
            world.store.workflows.update(workflow, values)
    return _single(request, workflow.sid)


async def _delete(request: web.Request) -> web.Response:
    workflow, store = _our_workflow(request), world_of(request).store
    with store.transaction():
        store.workflows.delete(workflow)
    return web.Response(status=204)


def _values(form: Mapping[str, str], world: World, owner: str | None) -> dict[str, Value]:
    """The columns that a form sets, checked."""
    values: dict[str, Value] = {}
    if "FriendlyName" in form:
        check_name(world, form["FriendlyName"], owner, kind="Workflow", find=world.store.workflows.by_name)
        values["friendly_name"] = form["FriendlyName"]
    if "Configuration" in form:
        _check_configuration(form["Configuration"])
        values["configuration"] = form["Configuration"]
    for name, column in (
        ("AssignmentCallbackUrl", "assignment_callback_url"),
        ("FallbackAssignmentCallbackUrl", "fallback_assignment_callback_url"),
    ):
        if name in form:
            values[column] = form[name] or None
    if "TaskReservationTimeout" in form:
        text = form["TaskReservationTimeout"]
        if not (text.isascii() and text.isdigit() and len(text) < 7 and 1 <= int(text) <= _LONGEST_TIMEOUT):
            raise invalid_parameter(f"TaskReservationTimeout must be a whole number from 1 to {_LONGEST_TIMEOUT}")
        values["task_reservation_timeout"] = int(text)
    return values


def _check_configuration(text: str) -> None:
    """Looks at the shape alone: queues that are gone and expressions that say nothing are people's business."""
    if len(text.encode()) > LARGEST_CONFIGURATION:
        raise invalid_parameter(f"Configuration must have at most {LARGEST_CONFIGURATION} bytes")
    try:
        configuration = loads(text)
    except (ValueError, RecursionError):
        configuration = None
    routing = configuration.get("task_routing") if isinstance(configuration, dict) else None
    if not isinstance(routing, dict) or not isinstance(routing.get("filters", []), list):
        raise invalid_parameter("Configuration must be a JSON object with task_routing")


def _our_workflow(request: web.Request) -> Workflow:
    check_workspace(request)
    workflow = world_of(request).store.workflows.by_sid(request.match_info["workflow"])
    if workflow is None:
        raise not_found(request.path)
    return workflow


def _single(request: web.Request, sid: str, status: int = 200) -> web.Response:
    world = world_of(request)
    workflow = world.store.workflows.by_sid(sid)
    assert workflow is not None
    return answer(workflow_object(workflow, world, check_workspace(request)), status)


_WORKFLOWS = "/v1/Workspaces/{workspace}/Workflows"
ROUTES = [
    web.get(_WORKFLOWS, _list, allow_head=False),
    web.post(_WORKFLOWS, _create),
    web.get(f"{_WORKFLOWS}/{{workflow}}", _fetch, allow_head=False),
    web.post(f"{_WORKFLOWS}/{{workflow}}", _update),
    web.delete(f"{_WORKFLOWS}/{{workflow}}", _delete),
]
OPEN: list[web.RouteDef] = []
