"""The assertion consumer service: takes the identity provider's response from the browser, and sends it on."""

from __future__ import annotations

import secrets
import time
from urllib.parse import urlencode

from aiohttp import web

from flexres.sandbox.formats import base_url, read_form
from flexres.sandbox.sso.authorize import CALLBACK, failed
from flexres.sandbox.sso.notes import Login, LoginError, LoginRequest, Notes, Seen
from flexres.sandbox.sso.response import Expected, Vouched, read_response
from flexres.sandbox.sso.service_provider import consumer_urls
from flexres.sandbox.sso.settings import read_settings
from flexres.sandbox.state import World, world_of

_STEP_LIFE = 60.0


async def _consume(request: web.Request) -> web.StreamResponse:
    world = world_of(request)
    notes = Notes(world.store)
    form = await read_form(request)
    relay_state = form.get("RelayState", "")
    wanted = notes.request(relay_state)
    try:
        vouched = _vouched(request, world, form, wanted)
    except LoginError as refusal:
        return failed(world, wanted, refusal, step="The identity provider's response")
    notes.drop("request", relay_state)
    notes.keep("assertion", vouched.assertion_id, Seen(), until=vouched.expires)
    ticket = secrets.token_urlsafe(24)
    login = Login(
        name_id=vouched.name_id,
        claims=vouched.claims,
        session_end=vouched.session_end,
        request=wanted,
        connection=request.query["connection"],
    )
    notes.keep("login", ticket, login, until=time.time() + _STEP_LIFE)
    # Relative, as real clients have seen it: the next step is on the host that was posted to.
    return web.Response(
        status=302, headers={"Location": f"{CALLBACK}?{urlencode({'code': ticket})}", "Cache-Control": "no-store"}
    )


def _vouched(request: web.Request, world: World, form: dict[str, str], wanted: LoginRequest | None) -> Vouched:
    base = base_url(request)
    settings = read_settings(world, base)
    if settings is None or settings.type != "enhanced" or not settings.active:
        raise LoginError("Enhanced SSO is not active for this account.", fix="Set it up, then start again.")
    if request.query.get("connection") != settings.connection:
        raise LoginError(
            "This account has no such SSO connection.",
            detail=f"connection is {request.query.get('connection') or 'missing'}; expected {settings.connection}.",
        )
    expected = Expected(
        issuer=settings.issuer,
        certificate=settings.certificate,
        audience=settings.entity_id,
        consumers=consumer_urls(base, settings.connection),
        request_id=wanted.request_id if wanted else None,
    )
    vouched = read_response(form.get("SAMLResponse", ""), expected, time.time())
    if not vouched.assertion_id or Notes(world.store).seen(vouched.assertion_id):
        raise LoginError("This assertion was used before.", fix="Start the login again.", status=403)
    return vouched


ROUTES: list[web.RouteDef] = []
OPEN = [web.post("/login/callback", _consume)]
