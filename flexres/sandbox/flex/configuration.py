"""The Flex Configuration service: one JSON object for the account, part of it public."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from flexres.sandbox.errors import invalid_body
from flexres.sandbox.formats import answer, base_url, now, read_json_object
from flexres.sandbox.state import World, world_of
from flexres.sandbox.taskrouter.new_workers import ChannelSettings

_SETTING = "configuration"
_FOUNDED = "2024-01-01T00:00:00Z"
_READ_ONLY = frozenset(
    (
        "account_sid",
        "chat_service_instance_sid",
        "date_created",
        "date_updated",
        "flex_instance_sid",
        "flex_service_instance_sid",
        "messaging_service_instance_sid",
        "runtime_domain",
        "service_version",
        "status",
        "taskrouter_offline_activity_sid",
        "taskrouter_workspace_sid",
        "url",
    )
)
_NEW_WORKER_CHANNELS = {"default": 1, "voice": 1, "chat": 1, "sms": 1, "email": 1, "video": 1}


@dataclass(frozen=True, slots=True)
class WorkerDefaults:
    """What the Configuration gives to a new Worker."""

    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    attributes: Mapping[str, object] = field(default_factory=dict)


def worker_defaults(world: World, roles: Sequence[str]) -> WorkerDefaults:
    """The defaults of the first role that the Configuration knows, else those called `default`."""
    stored = _stored(world)
    channels = _of_role(stored.get("taskrouter_worker_channels"), roles)
    attributes = _of_role(stored.get("taskrouter_worker_attributes"), roles)
    return WorkerDefaults(
        dict(_channel_settings(channels if isinstance(channels, list) else [])),
        attributes if isinstance(attributes, dict) else {},
    )


def _channel_settings(entries: Sequence[object]) -> Iterator[tuple[str, ChannelSettings]]:
    """The entries that have the documented shape; a client may have stored anything."""
    for entry in entries:
        match entry:
            case {"name": str(name), "capacity": int(capacity), "availability": bool(available)}:
                yield name, ChannelSettings(capacity, available)


def _of_role(by_role: object, roles: Sequence[str]) -> object:
    if not isinstance(by_role, dict):
        return None
    return next((by_role[role] for role in (*roles, "default") if role in by_role), None)


def _stored(world: World) -> dict[str, object]:
    text = world.store.setting(_SETTING)
    if text is not None:
        stored: dict[str, object] = json.loads(text)
        return stored
    return {
        "attributes": {},
        "call_recording_enabled": False,
        "crm_enabled": False,
        "date_updated": _FOUNDED,
        "flex_url": None,
        "plugin_service_enabled": True,
        "public_attributes": {},
        "taskrouter_skills": [],
        "taskrouter_worker_attributes": {"default": {}},
        "taskrouter_worker_channels": {
            "default": [
                {"name": name, "availability": True, "capacity": capacity}
                for name, capacity in _NEW_WORKER_CHANNELS.items()
            ]
        },
        "ui_attributes": {},
        "ui_language": "en",
        "ui_version": "~2.17.0",
    }


def configuration_object(world: World, base: str) -> dict[str, object]:
    """The whole Configuration."""
    identity = world.identity
    body = _stored(world) | {
        "account_sid": identity.account_sid,
        "chat_service_instance_sid": identity.service_sid,
        "date_created": _FOUNDED,
        "flex_instance_sid": identity.instance_sid,
        "flex_service_instance_sid": identity.service_sid,
        "messaging_service_instance_sid": None,
        "runtime_domain": identity.runtime_domain,
        "service_version": "1.0",
        "status": "ok",
        "taskrouter_offline_activity_sid": world.workspace.offline.sid,
        "taskrouter_workspace_sid": identity.workspace_sid,
        "url": f"{base}/v1/Configuration",
    }
    if not world.switches.configuration_names_instance:
        del body["flex_instance_sid"]
    return body


def login_popup(world: World) -> bool:
    """Whether Flex UI signs in through a window of its own: it reads `loginPopup` of the public attributes."""
    attributes = _stored(world)["public_attributes"]
    return isinstance(attributes, dict) and attributes.get("loginPopup") is True


def set_login_popup(world: World, wanted: bool) -> None:
    """Sets it, beside whatever else the public attributes hold."""
    stored = _stored(world)
    attributes = stored["public_attributes"]
    kept = attributes if isinstance(attributes, dict) else {}
    if kept.get("loginPopup", False) is not wanted:
        stored |= {"public_attributes": kept | {"loginPopup": wanted}, "date_updated": now()}
        world.store.set_setting(_SETTING, json.dumps(stored))


async def _get(request: web.Request) -> web.Response:
    return answer(configuration_object(world_of(request), base_url(request)))


async def _update(request: web.Request) -> web.Response:
    """Replaces the properties that are named, each of them whole."""
    world = world_of(request)
    changes = await read_json_object(request)
    if changes.pop("account_sid", None) != world.identity.account_sid:
        raise invalid_body("account_sid is required and must be the account's")
    for name in changes:
        if name in _READ_ONLY:
            raise invalid_body(f"You are not allowed to modify property for [{name}].")
    stored = _stored(world) | changes | {"date_updated": now()}
    world.store.set_setting(_SETTING, json.dumps(stored))
    return answer(configuration_object(world, base_url(request)))


async def _public(request: web.Request) -> web.Response:
    """What a browser may know before anybody has signed in."""
    world = world_of(request)
    identity, query = world.identity, request.query
    ours = query.get("AccountSid") == identity.account_sid or query.get("RuntimeDomain") == identity.runtime_domain
    configuration = {
        "account_sid": identity.account_sid,
        "runtime_domain": identity.runtime_domain,
        "public_attributes": _stored(world).get("public_attributes"),
    }
    return answer({"configurations": [configuration] if ours else []})


ROUTES = [
    web.get("/v1/Configuration", _get, allow_head=False),
    web.post("/v1/Configuration", _update),
]
OPEN = [web.get("/v1/Configuration/Public", _public, allow_head=False)]
