"""The browser's way out and back: off to the identity provider, its response consumed, and back with a code.

What Twilio does between these addresses is not published; the addresses, parameters and answers are.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid
from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_body, not_found
from flexres.sandbox.formats import answer, base_url, read_form, read_json_object
from flexres.sandbox.sso.notes import Login, LoginError, LoginRequest, Notes, Seen, refusal_page
from flexres.sandbox.sso.response import Expected, Vouched, read_response
from flexres.sandbox.sso.service_provider import consumer_urls, enhanced_request, legacy_request, redirect_url
from flexres.sandbox.sso.settings import SsoSettings, address_problem, is_trusted, read_settings
from flexres.sandbox.sso.sign_in import sign_in
from flexres.sandbox.state import World, world_of

_LEGACY_HOST = "https://iam.twilio.com"
CALLBACK = "/v1/Flex/Authentication/Callback"

_PATIENCE = 600.0
_CODE_LIFE = 300.0
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in Base64 for URLs: Twilio's SDK names no method but means S256


async def _config(request: web.Request) -> web.Response:
    """The account's enhanced connection. The SDK sends all five parameters, those it does not know empty."""
    world, query = world_of(request), request.query
    identity = world.identity
    settings = read_settings(world, base_url(request))
    named = {
        "AccountSid": identity.account_sid,
        "FlexInstanceSid": identity.instance_sid,
        "RuntimeDomain": identity.runtime_domain,
        "SSOProfileSid": settings.connection if settings else "",
    }
    asked = {name: query[name] for name in named if query.get(name)}
    if not asked:
        raise WireError(400, "AccountSid, FlexInstanceSid, RuntimeDomain or SSOProfileSid is required", code=45004)
    ours = all(named[name] == value for name, value in asked.items())
    if settings is None or not ours:
        return answer({"config_list": []})
    connection = {
        "account_sid": identity.account_sid,
        "instance_sid": identity.instance_sid,
        "connection_name": settings.connection,
        "client_id": identity.client_id,
        "active": settings.active and settings.type == "enhanced",
        "app_type": query.get("AppType") or "SinglePageApp",
        "sso_profile_sid": settings.connection,
    }
    return answer({"config_list": [connection]})


async def _authorize(request: web.Request) -> web.StreamResponse:
    world, base = world_of(request), base_url(request)
    try:
        settings = _connection(request, world, base)
        wanted = _wanted(request, world, settings, base)
    except LoginError as refusal:
        return refusal_page(refusal, step="Before the identity provider")
    relay_state = secrets.token_urlsafe(24)
    Notes(world.store).keep("request", relay_state, wanted, until=time.time() + _PATIENCE)
    return _found(redirect_url(settings, enhanced_request(settings, wanted.request_id, base), relay_state))


def _connection(request: web.Request, world: World, base: str) -> SsoSettings:
    query = request.query
    if query.get("isConsoleLogin") == "true":
        raise LoginError("The sandbox has no Console, so no login through it.", fix="Sign in through SSO.")
    settings = read_settings(world, base)
    if settings is None or settings.type != "enhanced":
        raise LoginError("Enhanced SSO is not set up for this account.", fix="Set it up, then start again.")
    if query.get("ssoProfileSid") != settings.connection:
        raise LoginError(
            "This account has no such SSO connection.",
            detail=f"ssoProfileSid is {query.get('ssoProfileSid') or 'missing'}; expected {settings.connection}.",
        )
    if not settings.active:
        raise LoginError("The SSO connection is not active.", fix="Activate it in the SSO settings.")
    return settings


def _wanted(request: web.Request, world: World, settings: SsoSettings, base: str) -> LoginRequest:
    query = request.query
    target = query.get("redirectUrl", "")
    problem = address_problem(target)
    if problem:
        raise LoginError("redirectUrl cannot be used.", detail=f"It {problem}.")
    if not is_trusted(world, target, sso_type="enhanced", base=base):
        raise LoginError(
            "The redirect URL is not trusted.",
            detail=f"{target} is covered by no trusted URL of this account.",
            fix="Add it to the trusted URLs of the SSO settings, in full and without wildcards.",
            status=403,
        )
    challenge, nonce = query.get("codeChallenge", ""), query.get("nonce", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise LoginError("codeChallenge is missing or no SHA-256 in Base64 for URLs (S256).")
    if not nonce:
        raise LoginError("nonce is missing.")
    return LoginRequest(
        redirect_url=target,
        nonce=nonce,
        code_challenge=challenge,
        connection=settings.connection,
        state=query.get("state"),
        request_id=f"_{secrets.token_hex(16)}",
    )


async def _callback(request: web.Request) -> web.StreamResponse:
    """The last step of the way back: to the page that asked, with a code, or to the default redirect URL."""
    world, base = world_of(request), base_url(request)
    notes = Notes(world.store)
    login = notes.take_login("login", request.query.get("code", ""))
    try:
        if login is None:
            raise LoginError("This step of a login was taken already, or too late.", fix="Start the login again.")
        if login.request is None:
            return _found(_default_redirect(world, base, login))
        if world.switches.login_claims_applied == "callback":
            _apply(world, login)
            login = replace(login, applied=True)
    except LoginError as refusal:
        return failed(world, login.request if login else None, refusal, step="On the way back")
    code = secrets.token_urlsafe(32)
    notes.keep("code", code, login, until=time.time() + _CODE_LIFE)
    assert login.request is not None
    return _found(_with_query(login.request, {"code": code}))


def _default_redirect(world: World, base: str, login: Login) -> str:
    """Where a login goes that began at the identity provider: no code follows it, so its claims are applied here."""
    settings = read_settings(world, base)
    target = settings.default_redirect_url if settings else None
    if not target:
        raise LoginError(
            "This login began at the identity provider, and there is no default redirect URL to take it to.",
            fix="Set the default redirect URL in the SSO settings, or start at the page of your Flex.",
        )
    if not is_trusted(world, target, sso_type="enhanced", base=base):
        raise LoginError(
            "The default redirect URL is not trusted.", detail=target, fix="Add it to the trusted URLs.", status=403
        )
    _apply(world, login)
    return target


def _apply(world: World, login: Login) -> None:
    try:
        sign_in(world, login.name_id, login.claims)
    except WireError as error:
        reason = f"{error.status} {error.message}" + (f" ({error.code})" if error.code else "")
        raise LoginError(reason, detail=f"Nothing was changed for {login.name_id}.", status=error.status) from error


def failed(world: World, wanted: LoginRequest | None, refusal: LoginError, *, step: str) -> web.StreamResponse:
    """How a login ends that went wrong in the browser: on a page, or, as switched, at the redirect URL."""
    if wanted is None or world.switches.login_failure == "page":
        return refusal_page(refusal, step=step)
    return _found(_with_query(wanted, {"error": "access_denied", "error_description": refusal.reason}))


def _with_query(wanted: LoginRequest, added: dict[str, str]) -> str:
    """The redirect URL with more in its query; `state` goes back exactly as it came."""
    parts = urlsplit(wanted.redirect_url)
    state = {} if wanted.state is None else {"state": wanted.state}
    query = "&".join(piece for piece in (parts.query, urlencode({**added, **state})) if piece)
    return urlunsplit(parts._replace(query=query))


def _found(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


async def _legacy(request: web.Request) -> web.Response:
    """Where a login of legacy SSO would begin; codes and messages are those that real clients have seen.

    The rest of that chain is gone, as its deadline has passed.
    """
    world, base = world_of(request), base_url(request)
    identity = world.identity
    if request.match_info["account"] != identity.account_sid:
        raise not_found(request.path)
    body = await read_json_object(request)
    resource = body.get("resource")
    if body.get("products") != ["flex"] or not isinstance(resource, str) or address_problem(resource):
        raise invalid_body('products must be ["flex"] and resource a full URL')
    settings = read_settings(world, base)
    if settings is None or settings.type != "legacy" or not settings.active:
        message = f"no valid certificate for identity realm {identity.realm_sid}"
        raise WireError(403, message, code=70251)
    if not is_trusted(world, resource, sso_type="legacy", base=base):
        raise WireError(400, "The resource's domain is not trusted", code=70002)
    saml = legacy_request(settings, f"ONELOGIN_{uuid.uuid4()}", f"{_LEGACY_HOST}/v1/Accounts/{identity.account_sid}")
    return answer({"location": redirect_url(settings, saml, resource)})


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
OPEN = [
    web.get("/v1/Flex/Authentication/Config", _config, allow_head=False),
    web.get("/v1/Flex/Authorize", _authorize, allow_head=False),
    web.get(CALLBACK, _callback, allow_head=False),
    web.post("/v1/Accounts/{account}/authenticate", _legacy),
    web.post("/iam/Accounts/{account}/authenticate", _legacy),
    web.post("/login/callback", _consume),
]
