"""The Workspace and its activities, which can only be read here, and its task channels, to which some can be added."""

from __future__ import annotations

from aiohttp import web

from flexres.sandbox.errors import invalid_parameter, not_found
from flexres.sandbox.formats import answer, read_form, whole_meta
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.event_table import WORKSPACE_NAME
from flexres.sandbox.taskrouter.new_workers import MOST_TASK_CHANNELS, NAME_LENGTH
from flexres.sandbox.taskrouter.worker_rows import Activity, TaskChannel
from flexres.sandbox.taskrouter.workers import check_workspace

_FOUNDED = "2024-01-01T00:00:00Z"


async def _workspace(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    offline = world.workspace.offline
    return answer(
        {
            "sid": world.workspace.sid,
            "account_sid": world.identity.account_sid,
            "friendly_name": WORKSPACE_NAME,
            "default_activity_name": offline.friendly_name,
            "default_activity_sid": offline.sid,
            "timeout_activity_name": offline.friendly_name,
            "timeout_activity_sid": offline.sid,
            "event_callback_url": None,
            "events_filter": None,
            "multi_task_enabled": True,
            "prioritize_queue_order": "FIFO",
            "date_created": _FOUNDED,
            "date_updated": _FOUNDED,
            "url": url,
            "links": {name: f"{url}/{path}" for name, path in _LINKS.items()},
        }
    )


async def _activities(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    activities = [_activity_object(activity, world, url) for activity in world.workspace.activities.values()]
    return answer({"activities": activities, "meta": whole_meta(request, "activities")})


async def _activity(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    activity = world.workspace.activities_by_sid.get(request.match_info["activity"])
    if activity is None:
        raise not_found(request.path)
    return answer(_activity_object(activity, world, url))


async def _task_channels(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    channels = [_task_channel_object(channel, world, url) for channel in world.workspace.task_channels.values()]
    return answer({"channels": channels, "meta": whole_meta(request, "channels")})


async def _task_channel(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    wanted = request.match_info["channel"]
    for channel in world.workspace.task_channels.values():
        if wanted in (channel.sid, channel.unique_name):
            return answer(_task_channel_object(channel, world, url))
    raise not_found(request.path)


async def _add_task_channel(request: web.Request) -> web.Response:
    url, world = check_workspace(request), world_of(request)
    form = await read_form(request)
    for name in ("FriendlyName", "UniqueName"):
        if not 1 <= len(form.get(name, "")) <= NAME_LENGTH:
            raise invalid_parameter(f"{name} is required and must have 1 to {NAME_LENGTH} characters")
    channels = world.workspace.task_channels
    if form["UniqueName"].casefold() in (name.casefold() for name in channels):
        raise invalid_parameter(f"TaskChannel with unique name '{form['UniqueName']}' already exists")
    if len(channels) >= MOST_TASK_CHANNELS:
        raise invalid_parameter(f"A workspace has at most {MOST_TASK_CHANNELS} task channels")
    channel = world.store.add_task_channel(form["UniqueName"], form["FriendlyName"])
    return answer(_task_channel_object(channel, world, url), 201)


def _activity_object(activity: Activity, world: World, url: str) -> dict[str, object]:
    return {
        "sid": activity.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "friendly_name": activity.friendly_name,
        "available": activity.available,
        "date_created": _FOUNDED,
        "date_updated": _FOUNDED,
        "url": f"{url}/Activities/{activity.sid}",
        "links": {"workspace": url},
    }


def _task_channel_object(channel: TaskChannel, world: World, url: str) -> dict[str, object]:
    return {
        "sid": channel.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "friendly_name": channel.friendly_name,
        "unique_name": channel.unique_name,
        "channel_optimized_routing": False,
        "date_created": _FOUNDED,
        "date_updated": _FOUNDED,
        "url": f"{url}/TaskChannels/{channel.sid}",
        "links": {"workspace": url},
    }


_LINKS = {
    "activities": "Activities",
    "events": "Events",
    "task_channels": "TaskChannels",
    "task_queues": "TaskQueues",
    "workers": "Workers",
    "workflows": "Workflows",
}
_WORKSPACE = "/v1/Workspaces/{workspace}"
ROUTES = [
    web.get(_WORKSPACE, _workspace, allow_head=False),
    web.get(f"{_WORKSPACE}/Activities", _activities, allow_head=False),
    web.get(f"{_WORKSPACE}/Activities/{{activity}}", _activity, allow_head=False),
    web.get(f"{_WORKSPACE}/TaskChannels", _task_channels, allow_head=False),
    web.post(f"{_WORKSPACE}/TaskChannels", _add_task_channel),
    web.get(f"{_WORKSPACE}/TaskChannels/{{channel}}", _task_channel, allow_head=False),
]
OPEN: list[web.RouteDef] = []
