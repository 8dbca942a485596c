"""The Events service: what changed in the Workspace lately, filtered by time, kind and resource."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from flexres.sandbox.errors import invalid_parameter, not_found
from flexres.sandbox.formats import answer, at, page_meta, page_request
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.event_table import Event, Period
from flexres.sandbox.taskrouter.workers import check_workspace

_TOKEN = "PE"  # noqa: S105  how page tokens begin
_DEFAULT_MINUTES = 15
_RESOURCES = ("WorkerSid", "TaskQueueSid", "WorkflowSid", "TaskSid", "ReservationSid")
_PATHS = {"worker": "Workers", "task-queue": "TaskQueues", "workflow": "Workflows"}


def event_object(event: Event, world: World, url: str) -> dict[str, object]:
    """An Event as the wire has it; `url` is the Workspace's."""
    actors = world.switches.event_actors
    whole = actors != "workspace"
    return {
        "sid": event.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "event_type": event.event_type,
        "event_date": at(event.at_ms / 1000),
        "event_date_ms": event.at_ms,
        "event_data": event.values,
        "description": event.description,
        "resource_type": event.resource_type,
        "resource_sid": event.resource_sid,
        "resource_url": f"{url}/{_PATHS[event.resource_type]}/{event.resource_sid}",
        "actor_sid": {"full": event.actor_sid, "unnamed": None}.get(actors, world.workspace.sid),
        "actor_type": event.actor_type if whole else "workspace",
        "actor_url": None if whole else url,
        "source": event.source,
        "source_ip_address": event.source_ip_address,
        "url": f"{url}/Events/{event.sid}",
    }


async def _list(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    forget_old(world)
    page, period, filters = (
        page_request(request, world.switches, _TOKEN),
        _period(request.query),
        _filters(request, world),
    )
    table, newest = world.store.events, world.switches.event_order == "newest"
    events = table.page(page.after, page.size + 1, period, filters, newest=newest)

    def previous() -> int:
        start = page.after - 1 if newest else page.after + 1
        behind = table.page(start, page.size + 1, period, filters, newest=not newest)
        return behind[page.size].seq if len(behind) > page.size else 0

    meta = page_meta(request, page, events, key="events", previous=previous, prefix=_TOKEN)
    return answer({"events": [event_object(event, world, url) for event in events[: page.size]], "meta": meta})


async def _fetch(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    forget_old(world)
    event = world.store.events.by_sid(request.match_info["event"])
    if event is None:
        raise not_found(request.path)
    return answer(event_object(event, world, url))


def forget_old(world: World) -> None:
    """Removes the Events that are older than they are kept."""
    days = world.switches.event_days
    if days:
        world.store.events.forget(int((time.time() - days * 86_400) * 1000))


def _period(query: Mapping[str, str]) -> Period:
    """What of StartDate, EndDate and Minutes was sent; of none of them, the last quarter of an hour."""
    now = int(time.time() * 1000)
    start, end = _moment(query, "StartDate"), _moment(query, "EndDate")
    minutes = query.get("Minutes")
    if minutes is not None and not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 9):
        raise invalid_parameter("Minutes must be a whole number")
    if minutes is not None or (start is None and end is None):
        start = max(start or 0, now - int(minutes or _DEFAULT_MINUTES) * 60_000)
    # An end in whole seconds includes that second.
    return Period(start or 0, now if end is None else end + 999)


def _moment(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[name])
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise invalid_parameter(f"{name} must be a date and time of ISO 8601") from error


def _filters(request: web.Request, world: World) -> dict[str, str]:
    query = request.query
    filters = {column: query[name] for name, column in (("EventType", "event_type"), ("Sid", "sid")) if name in query}
    resources = [query[name] for name in _RESOURCES if name in query]
    if len(set(resources)) > 1:
        filters["resource_type"] = ""  # an Event is about one resource
    elif resources:
        filters["resource_sid"] = resources[0]
    if "TaskChannel" in query:
        wanted = query["TaskChannel"]
        channels = world.workspace.task_channels.values()
        filters["task_channel"] = next((one.unique_name for one in channels if one.sid == wanted), wanted)
    return filters


_EVENTS = "/v1/Workspaces/{workspace}/Events"
ROUTES = [
    web.get(_EVENTS, _list, allow_head=False),
    web.get(f"{_EVENTS}/{{event}}", _fetch, allow_head=False),
]
OPEN: list[web.RouteDef] = []
