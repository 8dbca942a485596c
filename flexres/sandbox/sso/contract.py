"""The settings contract: SSO settings and trusted URLs over HTTP, each body checked as Console would check it.

It is the sandbox's own, described in docs/openapi/settings.yaml. Twilio has nothing like it: there, a person enters
all of this in Console.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from cryptography import x509

from flexres.sandbox.errors import invalid_body, not_found, precondition_failed
from flexres.sandbox.flex.configuration import login_popup, set_login_popup
from flexres.sandbox.formats import answer, base_url, read_json_object
from flexres.sandbox.identity import new_sid
from flexres.sandbox.sso.service_provider import consumer_url
from flexres.sandbox.sso.settings import (
    SsoSettings,
    SsoType,
    Trusted,
    address_problem,
    pattern_problem,
    put_trusted,
    read_settings,
    remove_trusted,
    trusted_entries,
    write_settings,
)
from flexres.sandbox.state import world_of

Body = dict[str, object]

_MOST_TRUSTED = 100


async def _get_settings(request: web.Request) -> web.Response:
    _check_account(request)
    return _tagged(_settings_body(request, _settings_of(request)))


async def _put_settings(request: web.Request) -> web.Response:
    _check_account(request)
    world = world_of(request)
    before = read_settings(world, base_url(request))
    put = parse_settings(await read_json_object(request), before)
    _check_match(request, None if before is None else _settings_body(request, before))
    with world.store.transaction():
        write_settings(world, put.settings)
        set_login_popup(world, put.login_popup)
    return _tagged(_settings_body(request, put.settings), 201 if before is None else 200)


async def _delete_settings(request: web.Request) -> web.Response:
    _check_account(request)
    _check_match(request, _settings_body(request, _settings_of(request)))
    write_settings(world_of(request), None)
    return web.Response(status=204)


async def _list_trusted(request: web.Request) -> web.Response:
    _check_account(request)
    entries = trusted_entries(world_of(request))
    return answer({"trusted_urls": [_entry_body(request, entry) for entry in entries]})


async def _get_trusted(request: web.Request) -> web.Response:
    return _tagged(_entry_body(request, _entry_of(request)))


async def _put_trusted(request: web.Request) -> web.Response:
    _check_account(request)
    world, entry_id = world_of(request), request.match_info["entry"]
    settings = read_settings(world, base_url(request))
    url = parse_trusted(entry_id, await read_json_object(request), settings.type if settings else "enhanced")
    entries = {entry.id: entry for entry in trusted_entries(world)}
    before = entries.get(entry_id)
    _check_match(request, None if before is None else _entry_body(request, before))
    for other in entries.values():
        if other.url == url and other.id != entry_id:
            raise invalid_body(f"url is trusted already, as {other.id}")
    if before is None and len(entries) >= _MOST_TRUSTED:
        raise invalid_body(f"no more than {_MOST_TRUSTED} URLs can be trusted")
    put_trusted(world, Trusted(entry_id, url))
    return _tagged(_entry_body(request, Trusted(entry_id, url)), 201 if before is None else 200)


async def _delete_trusted(request: web.Request) -> web.Response:
    entry = _entry_of(request)
    _check_match(request, _entry_body(request, entry))
    remove_trusted(world_of(request), entry.id)
    return web.Response(status=204)


def _settings_of(request: web.Request) -> SsoSettings:
    settings = read_settings(world_of(request), base_url(request))
    if settings is None:
        raise not_found(request.path)
    return settings


def _entry_of(request: web.Request) -> Trusted:
    _check_account(request)
    entry_id = request.match_info["entry"]
    for entry in trusted_entries(world_of(request)):
        if entry.id == entry_id:
            return entry
    raise not_found(request.path)


def _settings_body(request: web.Request, settings: SsoSettings) -> Body:
    world, base = world_of(request), base_url(request)
    return {
        "account_sid": world.identity.account_sid,
        "type": settings.type,
        "active": settings.active,
        "connection": settings.connection,
        "entity_id": settings.entity_id,
        "acs_url": consumer_url(base, settings.connection),
        "issuer": settings.issuer,
        "sso_url": settings.sso_url,
        "certificate": settings.certificate,
        "default_redirect_url": settings.default_redirect_url,
        "login_popup": login_popup(world),
        "url": f"{base}/v1/Flex/Settings/{world.identity.account_sid}/Sso",
    }


def _entry_body(request: web.Request, entry: Trusted) -> Body:
    return {"account_sid": world_of(request).identity.account_sid, "id": entry.id, "url": entry.url}


def _tagged(body: Body, status: int = 200) -> web.Response:
    return answer(body, status, {"ETag": _tag(body)})


def _tag(body: Body) -> str:
    return f'"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]}"'


def _check_match(request: web.Request, before: Body | None) -> None:
    wanted = request.headers.get("If-Match")
    if wanted is not None and (before is None or wanted not in ("*", _tag(before))):
        raise precondition_failed()


def _check_account(request: web.Request) -> None:
    if request.match_info["account"] != world_of(request).identity.account_sid:
        raise not_found(request.path)


_ACCOUNT = "/v1/Flex/Settings/{account}"
_ENTRY = f"{_ACCOUNT}/TrustedUrls/{{entry}}"
ROUTES = [
    web.get(f"{_ACCOUNT}/Sso", _get_settings, allow_head=False),
    web.put(f"{_ACCOUNT}/Sso", _put_settings),
    web.delete(f"{_ACCOUNT}/Sso", _delete_settings),
    web.get(f"{_ACCOUNT}/TrustedUrls", _list_trusted, allow_head=False),
    web.get(_ENTRY, _get_trusted, allow_head=False),
    web.put(_ENTRY, _put_trusted),
    web.delete(_ENTRY, _delete_trusted),
]
OPEN: list[web.RouteDef] = []


_FIELDS = (
    "type", "connection", "issuer", "sso_url", "certificate", "default_redirect_url", "login_popup", "active",
)  # fmt: skip
_CONNECTION = re.compile(r"JQ[0-9a-fA-F]{32}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 2048
_LONGEST_CERTIFICATE = 20_000


@dataclass(frozen=True, slots=True)
class Put:
    """Settings that were put, and `login_popup`, which lives in the Flex Configuration."""

    settings: SsoSettings
    login_popup: bool


def parse_settings(body: Mapping[str, object], before: SsoSettings | None) -> Put:
    """A body of the contract, checked. Without a connection it keeps the one there is, or gets a new one.

    Raises:
        WireError: 400/45004 that names the field.
    """
    for name in body:
        if name not in _FIELDS:
            raise invalid_body(f"{name} is no SSO setting; there are {', '.join(_FIELDS)}")
    settings = SsoSettings(
        type=_type(body),
        connection=_connection(body, before),
        issuer=_text(body, "issuer"),
        sso_url=_address(body, "sso_url"),
        certificate=_certificate(body),
        default_redirect_url=_address(body, "default_redirect_url") if body.get("default_redirect_url") else None,
        active=_flag(body, "active", default=True),
    )
    return Put(settings, _flag(body, "login_popup", default=False))


def parse_trusted(entry_id: str, body: Mapping[str, object], sso_type: SsoType) -> str:
    """The URL, or under legacy SSO the domain pattern, of an entry that is put.

    Raises:
        WireError: 400/45004, the id, the body or the entry is wrong.
    """
    if not _ENTRY_ID.fullmatch(entry_id):
        raise invalid_body(
            "id must have 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"
        )
    if set(body) - {"url", "id"} or body.get("id", entry_id) != entry_id:
        raise invalid_body("the body must be an object with url, and no id but the path's")
    url = _text(body, "url")
    problem = address_problem(url) if sso_type == "enhanced" else pattern_problem(url)
    if problem:
        raise invalid_body(f"url {problem}")
    return url


def _type(body: Mapping[str, object]) -> SsoType:
    value = body.get("type")
    if value == "enhanced":
        return "enhanced"
    if value == "legacy":
        return "legacy"
    raise invalid_body("type is required and must be enhanced or legacy")


def _connection(body: Mapping[str, object], before: SsoSettings | None) -> str:
    value = body.get("connection")
    if value is None:
        return before.connection if before else new_sid("JQ")
    if not isinstance(value, str) or not _CONNECTION.fullmatch(value):
        raise invalid_body("connection must be JQ and 32 hexadecimal digits")
    return value


def _text(body: Mapping[str, object], name: str, longest: int = _LONGEST) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or value != value.strip():
        raise invalid_body(f"{name} is required: 1 to {longest} characters, without space around them")
    return value


def _address(body: Mapping[str, object], name: str) -> str:
    value = _text(body, name)
    problem = address_problem(value)
    if problem:
        raise invalid_body(f"{name} {problem}")
    return value


def _certificate(body: Mapping[str, object]) -> str:
    value = body.get("certificate")
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_CERTIFICATE:
        raise invalid_body(f"certificate is required: PEM text of at most {_LONGEST_CERTIFICATE} characters")
    if "PRIVATE KEY" in value:
        raise invalid_body("certificate contains a private key: enter the certificate alone, and replace that key")
    try:
        certificates = x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        raise invalid_body("certificate is not a valid X.509 certificate in PEM format") from None
    if len(certificates) != 1:
        raise invalid_body(f"certificate must be one certificate, not {len(certificates)}")
    return value.strip() + "\n"


def _flag(body: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise invalid_body(f"{name} must be true or false")
    return value
