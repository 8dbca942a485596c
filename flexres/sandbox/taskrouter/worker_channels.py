"""What belongs to a Worker in TaskRouter: its channels, which can be changed, and its reservations."""

from __future__ import annotations

from aiohttp import web

from flexres.sandbox.errors import invalid_parameter, not_found
from flexres.sandbox.formats import answer, read_form, whole_meta
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.new_workers import LARGEST_CAPACITY
from flexres.sandbox.taskrouter.worker_rows import Channel, Reservation, Worker
from flexres.sandbox.taskrouter.workers import check_workspace, our_worker


def channel_object(channel: Channel, world: World, url: str) -> dict[str, object]:
    """A Worker's channel as the wire has it; `url` is the Workspace's."""
    return {
        "sid": channel.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "worker_sid": channel.worker_sid,
        "task_channel_sid": world.workspace.task_channels[channel.name].sid,
        "task_channel_unique_name": channel.name,
        "assigned_tasks": channel.assigned_tasks,
        "available": bool(channel.available),
        "available_capacity_percentage": channel.free_percentage,
        "configured_capacity": channel.capacity,
        "date_created": channel.date_created,
        "date_updated": channel.date_updated,
        "url": f"{url}/Workers/{channel.worker_sid}/Channels/{channel.sid}",
    }


async def _list(request: web.Request) -> web.Response:
    worker, world, url = our_worker(request), world_of(request), check_workspace(request)
    channels = [channel_object(channel, world, url) for channel in world.store.workers.channels(worker.sid)]
    return answer({"channels": channels, "meta": whole_meta(request, "channels")})


async def _fetch(request: web.Request) -> web.Response:
    return _single(request, _our_channel(request))


async def _update(request: web.Request) -> web.Response:
    form = await read_form(request)
    channel = _our_channel(request)
    capacity, available = form.get("Capacity"), form.get("Available")
    if capacity is not None and not (
        capacity.isascii() and capacity.isdigit() and len(capacity) <= 9 and int(capacity) <= LARGEST_CAPACITY
    ):
        raise invalid_parameter(f"Capacity must be a whole number from 0 to {LARGEST_CAPACITY}")
    if available is not None and available.lower() not in ("true", "false"):
        raise invalid_parameter("Available must be true or false")
    world_of(request).store.workers.update_channel(
        channel.worker_sid,
        channel.name,
        capacity=None if capacity is None else int(capacity),
        available=None if available is None else available.lower() == "true",
    )
    return _single(request, _our_channel(request))


async def _reservations(request: web.Request) -> web.Response:
    worker, world, url = our_worker(request), world_of(request), check_workspace(request)
    reservations = world.store.workers.reservations(worker.sid)
    status = request.query.get("ReservationStatus")
    items = [
        _reservation_object(reservation, worker, world, url)
        for reservation in reservations
        if status in (None, reservation.status)
    ]
    return answer({"reservations": items, "meta": whole_meta(request, "reservations")})


def _our_channel(request: web.Request) -> Channel:
    worker = our_worker(request)
    channel = world_of(request).store.workers.channel(worker.sid, request.match_info["channel"])
    if channel is None:
        raise not_found(request.path)
    return channel


def _single(request: web.Request, channel: Channel) -> web.Response:
    return answer(channel_object(channel, world_of(request), check_workspace(request)))


def _reservation_object(reservation: Reservation, worker: Worker, world: World, url: str) -> dict[str, object]:
    return {
        "sid": reservation.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "worker_sid": worker.sid,
        "worker_name": worker.friendly_name,
        "task_sid": reservation.task_sid,
        "reservation_status": reservation.status,
        "date_created": reservation.date_created,
        "date_updated": reservation.date_created,
        "url": f"{url}/Workers/{worker.sid}/Reservations/{reservation.sid}",
        "links": {"worker": f"{url}/Workers/{worker.sid}"},
    }


_WORKER = "/v1/Workspaces/{workspace}/Workers/{worker}"
ROUTES = [
    web.get(f"{_WORKER}/Channels", _list, allow_head=False),
    web.get(f"{_WORKER}/Channels/{{channel}}", _fetch, allow_head=False),
    web.post(f"{_WORKER}/Channels/{{channel}}", _update),
    web.get(f"{_WORKER}/Reservations", _reservations, allow_head=False),
]
OPEN: list[web.RouteDef] = []
