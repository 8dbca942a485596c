"""The TaskRouter service: the Workspace, its activities and task channels, and its Workers."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_parameter, not_found, precondition_failed
from flexres.sandbox.formats import answer, base_url, loads, now, page_meta, page_request, read_form
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.matching import WorkerQuery
from flexres.sandbox.taskrouter.new_workers import LARGEST_ATTRIBUTES, MOST_WORKERS, NAME_LENGTH, insert_worker
from flexres.sandbox.taskrouter.worker_rows import Worker

_TOKEN = "PA"  # noqa: S105  how page tokens begin


def check_workspace(request: web.Request) -> str:
    """The URL of the request's Workspace.

    Raises:
        WireError: 404, it is not ours.
    """
    workspace = world_of(request).workspace.sid
    if request.match_info["workspace"] != workspace:
        raise not_found(request.path)
    return f"{base_url(request)}/v1/Workspaces/{workspace}"


def our_worker(request: web.Request) -> Worker:
    """The Worker in the request's path.

    Raises:
        WireError: 404, there is none.
    """
    check_workspace(request)
    worker = world_of(request).store.workers.by_sid(request.match_info["worker"])
    if worker is None:
        raise not_found(request.path)
    return worker


def worker_object(worker: Worker, world: World, url: str, attributes: str | None) -> dict[str, object]:
    """A Worker as the wire has it; `url` is the Workspace's."""
    activity = world.workspace.activities_by_sid[worker.activity_sid]
    own_url = f"{url}/Workers/{worker.sid}"
    return {
        "sid": worker.sid,
        "account_sid": world.identity.account_sid,
        "workspace_sid": world.workspace.sid,
        "friendly_name": worker.friendly_name,
        "activity_sid": activity.sid,
        "activity_name": activity.friendly_name,
        "available": activity.available,
        "attributes": attributes,
        "date_created": worker.date_created,
        "date_updated": worker.date_updated,
        "date_status_changed": worker.date_status_changed,
        "url": own_url,
        "links": {
            "workspace": url,
            "activity": f"{url}/Activities/{activity.sid}",
            "channels": f"{own_url}/Channels",
            "reservations": f"{own_url}/Reservations",
        },
    }


async def _list(request: web.Request) -> web.Response:
    url = check_workspace(request)
    world = world_of(request)
    page = page_request(request, world.switches, _TOKEN)
    wanted = WorkerQuery(request.query, world)
    workers = wanted.page(page.after, page.size + 1)
    meta = page_meta(
        request, page, workers, key="workers", previous=lambda: wanted.before(page.after, page.size), prefix=_TOKEN
    )
    shown = world.switches.list_attributes
    items = [
        worker_object(worker, world, url, worker.attributes if shown == "text" else _hidden(shown))
        for worker in workers[: page.size]
    ]
    return answer({"workers": items, "meta": meta})


def _hidden(shown: str) -> str | None:
    return "{}" if shown == "empty" else None


async def _create(request: web.Request) -> web.Response:
    check_workspace(request)
    world = world_of(request)
    form = await read_form(request)
    if "FriendlyName" not in form:
        raise invalid_parameter("Missing required parameter FriendlyName in the post body")
    _check_name(world, form["FriendlyName"], None)
    attributes, activity = _attributes(form) or "{}", _activity(form, world)
    if world.store.workers.count() >= MOST_WORKERS:
        raise invalid_parameter(f"A workspace has at most {MOST_WORKERS:,} workers")
    with world.store.transaction():
        sid = insert_worker(world, form["FriendlyName"], attributes, {}, activity)
    return _single(request, sid, 201)


async def _fetch(request: web.Request) -> web.Response:
    return _single(request, our_worker(request).sid)


async def _update(request: web.Request) -> web.Response:
    form = await read_form(request)
    worker, world = our_worker(request), world_of(request)
    _check_match(request, worker)
    changes: dict[str, str] = {}
    if "FriendlyName" in form:
        _check_name(world, form["FriendlyName"], worker.sid)
        changes |= {"friendly_name": form["FriendlyName"], "name_key": form["FriendlyName"].casefold()}
    if (attributes := _attributes(form)) is not None:
        changes["attributes"] = attributes
    activity = _activity(form, world)
    if activity is not None and activity != worker.activity_sid:
        changes |= {"activity_sid": activity, "date_status_changed": now()}
    if changes:
        world.store.workers.update(worker.sid, **changes)
    return _single(request, worker.sid)


async def _delete(request: web.Request) -> web.Response:
    worker, store = our_worker(request), world_of(request).store
    _check_match(request, worker)
    if store.workers.reservations(worker.sid):
        # Twilio refuses this with 400, and publishes no code for it.
        raise WireError(400, f"Worker {worker.sid} has active reservations and cannot be deleted")
    with store.transaction():
        store.workers.delete(worker.sid)
    return web.Response(status=204)


def _single(request: web.Request, sid: str, status: int = 200) -> web.Response:
    world = world_of(request)
    worker = world.store.workers.by_sid(sid)
    assert worker is not None
    style = world.switches.worker_etag
    headers = {}
    if style != "absent":
        etag = f'"{worker.version}"' if style == "quoted" else str(worker.version)
        headers = {"ETag": etag, "Access-Control-Expose-Headers": "ETag"}
    return answer(worker_object(worker, world, check_workspace(request), worker.attributes), status, headers)


def _check_match(request: web.Request, worker: Worker) -> None:
    """Without If-Match the last write wins."""
    header = request.headers.get("If-Match")
    if header is None or world_of(request).switches.worker_etag == "absent":
        return
    tags = [tag.strip().strip('"') for tag in header.split(",")]
    if "*" not in tags and str(worker.version) not in tags:
        raise precondition_failed()


def _check_name(world: World, name: str, owner: str | None) -> None:
    if not 1 <= len(name) <= NAME_LENGTH:
        raise invalid_parameter(f"FriendlyName must have 1 to {NAME_LENGTH} characters")
    found = world.store.workers.by_name(name)
    if found is not None and found.sid != owner:
        raise invalid_parameter(
            f"Worker with friendly name '{name}' already exists for workspace {world.workspace.sid}"
            f" for account {world.identity.account_sid}"
        )


def _attributes(form: Mapping[str, str]) -> str | None:
    text = form.get("Attributes")
    if text is None:
        return None
    try:
        valid = isinstance(loads(text), dict)
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        raise invalid_parameter("Attributes must be a JSON object")
    if len(text) > LARGEST_ATTRIBUTES:
        raise invalid_parameter(f"Attributes must have at most {LARGEST_ATTRIBUTES} characters")
    return text


def _activity(form: Mapping[str, str], world: World) -> str | None:
    sid = form.get("ActivitySid")
    if sid is not None and sid not in world.workspace.activities_by_sid:
        raise invalid_parameter(f"ActivitySid {sid} does not exist in workspace {world.workspace.sid}")
    return sid


_WORKERS = "/v1/Workspaces/{workspace}/Workers"
ROUTES = [
    web.get(_WORKERS, _list, allow_head=False),
    web.post(_WORKERS, _create),
    web.get(f"{_WORKERS}/{{worker}}", _fetch, allow_head=False),
    web.post(f"{_WORKERS}/{{worker}}", _update),
    web.delete(f"{_WORKERS}/{{worker}}", _delete),
]
OPEN: list[web.RouteDef] = []
