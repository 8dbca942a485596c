"""The Flex users service: v1 list, v4 by name and by SID, Provision and Deprovision, v2 get and update, Teams."""

from __future__ import annotations

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_body, not_found
from flexres.sandbox.flex.provisioning import deprovision, parse_provision, provision
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.formats import answer, base_url, page_meta, page_request, read_form, read_json_object
from flexres.sandbox.state import World, world_of

_EMAIL_LENGTH = 256


def user_object(user: User, world: World) -> dict[str, object]:
    """A user as v1 and v4 show it, flat, with its Worker."""
    identity = world.identity
    return {
        "flex_user_sid": user.sid,
        "account_sid": identity.account_sid,
        "instance_sid": identity.instance_sid,
        "flex_team_sid": identity.team_sid,
        "username": user.username,
        "full_name": user.full_name,
        "email": user.email,
        "locale": user.locale,
        "roles": user.role_names,
        "created_date": user.created_date,
        "updated_date": user.updated_date,
        "version": user.version,
        "deactivated": user.deactivated,
        "deactivated_date": user.deactivated_date,
        "worker_sid": user.worker_sid,
        "workspace_sid": identity.workspace_sid,
    }


def our_user(request: web.Request) -> User:
    """The user in the request's path, active or not.

    Raises:
        WireError: 404, the instance is not ours or has no such user.
    """
    _check_instance(request)
    user = world_of(request).store.users.by_sid(request.match_info["user"])
    if user is None:
        raise not_found(request.path)
    return user


async def _list(request: web.Request) -> web.Response:
    _check_instance(request)
    world = world_of(request)
    table = world.store.users
    page = page_request(request, world.switches)
    users = table.page(page.after, page.size + 1)
    meta = page_meta(request, page, users, key="users", previous=lambda: table.before(page.after, page.size))
    return answer({"users": [user_object(user, world) for user in users[: page.size]], "meta": meta})


async def _by_username(request: web.Request) -> web.Response:
    _check_instance(request)
    world = world_of(request)
    username = request.query.get("Username")
    if not username:
        raise invalid_body("Username is required")
    user = world.store.users.by_username(username, case_sensitive=world.switches.username_case_sensitive)
    if user is not None and user.deactivated and not world.switches.v4_finds_deactivated:
        user = None
    newer = world.switches.v4_item_shape == "newer"
    return answer(
        {
            "account_sid": world.identity.account_sid,
            "instance_sid": world.identity.instance_sid,
            "users": [] if user is None else [_list_item(user, world)],
            "meta": {
                "direct_token": True,
                "list_key": "users",
                "next_token": None,
                "page_size": 50 if newer else 1,
                "previous_token": None,
            },
        }
    )


def _list_item(user: User, world: World) -> dict[str, object]:
    """The v4 list leaves the Worker out; older samples of it leave deactivation out as well."""
    item = user_object(user, world)
    del item["worker_sid"]
    if world.switches.v4_item_shape == "older":
        del item["deactivated"], item["deactivated_date"]
        item["user_sid"] = user.user_sid
    return item


async def _by_sid(request: web.Request) -> web.Response:
    world = world_of(request)
    user = our_user(request)
    if user.deactivated and world.switches.deprovisioned_get == 404:
        raise not_found(request.path)
    return answer(user_object(user, world))


async def _provision(request: web.Request) -> web.Response:
    _check_instance(request)
    world = world_of(request)
    wanted = parse_provision(await read_json_object(request), world)
    user, created = provision(world, wanted)
    body = user_object(user, world)
    if world.switches.provision_body_shape == "nested":
        body["worker"] = {"worker_sid": body.pop("worker_sid"), "workspace_sid": body.pop("workspace_sid")}
        body["teams"] = {"team_member": None, "team_owner": None}
    return answer(body, 201 if created else world.switches.provision_update_status)


async def _deprovision(request: web.Request) -> web.Response:
    _check_instance(request)
    world = world_of(request)
    sid = (await read_json_object(request)).get("flex_user_sid")
    if not isinstance(sid, str):
        raise invalid_body("flex_user_sid is required")
    user = world.store.users.by_sid(sid)
    if user is None or (user.deactivated and world.switches.deprovision_repeat == 404):
        raise not_found(request.path)
    deprovision(world, user)
    return web.Response(status=204)


async def _v2_get(request: web.Request) -> web.Response:
    return _v2_answer(request, our_user(request))


async def _v2_update(request: web.Request) -> web.Response:
    user = our_user(request)
    form = await read_form(request)
    if not 1 <= len(form.get("Email", user.email)) <= _EMAIL_LENGTH:
        raise WireError(400, "Email must have 1 to 256 characters", code=45004)
    columns = {"email": "Email", "locale": "Locale", "user_sid": "UserSid"}
    changes = {column: form[field] for column, field in columns.items() if field in form}
    if changes:
        world_of(request).store.users.update(user.sid, **changes)
    return _v2_answer(request, our_user(request))


def _v2_answer(request: web.Request, user: User) -> web.Response:
    body = user_object(user, world_of(request))
    for name in ("full_name", "deactivated", "deactivated_date"):
        del body[name]
    return answer(body | {"user_sid": user.user_sid, "url": f"{base_url(request)}{request.path}"})


async def _team(request: web.Request) -> web.Response:
    _check_instance(request)
    identity = world_of(request).identity
    if request.match_info["team"] != identity.team_sid:
        raise not_found(request.path)
    return answer(
        {
            "flex_team_sid": identity.team_sid,
            "account_sid": identity.account_sid,
            "instance_sid": identity.instance_sid,
            "friendly_name": "default",
        }
    )


def _check_instance(request: web.Request) -> None:
    if request.match_info["instance"] != world_of(request).identity.instance_sid:
        raise not_found(request.path)


_V1 = "/v1/Instances/{instance}"
_V2_USER = "/v2/Instances/{instance}/Users/{user}"
_V4_USERS = "/v4/Instances/{instance}/Users"
ROUTES = [
    web.get(f"{_V1}/Users", _list, allow_head=False),
    web.get(f"{_V1}/Teams/{{team}}", _team, allow_head=False),
    web.get(_V2_USER, _v2_get, allow_head=False),
    web.post(_V2_USER, _v2_update),
    web.post(f"{_V4_USERS}/Provision", _provision),
    web.post(f"{_V4_USERS}/Deprovision", _deprovision),
    web.get(_V4_USERS, _by_username, allow_head=False),
    web.get(f"{_V4_USERS}/{{user}}", _by_sid, allow_head=False),
]
OPEN: list[web.RouteDef] = []
