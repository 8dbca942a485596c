"""Codes and refresh tokens exchanged for Flex tokens, as Twilio's browser SDK asks; and what one is good for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_body, not_found
from flexres.sandbox.flex.tokens import PERMISSIONS, holder, mint
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.formats import answer, base_url, now, read_form, read_json_object
from flexres.sandbox.sso.notes import Login, Notes, Session
from flexres.sandbox.sso.settings import read_settings
from flexres.sandbox.sso.sign_in import sign_in
from flexres.sandbox.state import World, world_of

_TOKEN_LIFE = 3600.0
_REFRESH_LIFE = 12 * 3600.0


async def _tokens(request: web.Request) -> web.Response:
    world, body = world_of(request), await read_json_object(request)
    if body.get("is_console_login"):
        raise WireError(403, "Console login is not available", code=45003)
    settings = read_settings(world, base_url(request))
    if settings is None or settings.type != "enhanced" or _text(body, "sso_profile_sid") != settings.connection:
        raise WireError(403, "Unknown or inactive SSO profile", code=45003)
    grant = _text(body, "grant_type")
    if grant == "AuthorizationCode":
        return _granted(world, *_exchange(world, body))
    if grant == "RefreshToken":
        return _granted(world, *_refresh(world, body))
    raise invalid_body("grant_type must be AuthorizationCode or RefreshToken")


def _exchange(world: World, body: dict[str, object]) -> tuple[User, str, Session]:
    """Signs a person in. Whatever comes of it, the code is used up."""
    code, verifier, nonce = (_text(body, name) for name in ("code", "code_verifier", "nonce"))
    login = Notes(world.store).take_login("code", code)
    if login is None or login.request is None:
        raise _refused("The code is unknown, was used already, or has expired")
    if not hmac.compare_digest(_challenge(verifier).encode(), login.request.code_challenge.encode()):
        raise _refused("code_verifier does not belong to the codeChallenge of this login")
    if not hmac.compare_digest(nonce.encode(), login.request.nonce.encode()):
        raise _refused("nonce is not the one of this login")
    user = _user(world, login)
    return user, secrets.token_urlsafe(32), Session(user.sid, login.connection, login.session_end)


def _user(world: World, login: Login) -> User:
    if not login.applied:
        return sign_in(world, login.name_id, login.claims)
    user = world.store.users.by_username(login.name_id, case_sensitive=world.switches.username_case_sensitive)
    if user is None or user.deactivated:
        raise _refused("The user is deactivated")
    return user


def _refresh(world: World, body: dict[str, object]) -> tuple[User, str, Session]:
    token = _text(body, "refresh_token")
    session = Notes(world.store).session(token)
    user = world.store.users.by_sid(session.flex_user_sid) if session else None
    if session is None or user is None or user.deactivated:
        raise _refused("The refresh token is unknown or has expired, or its user is deactivated")
    return user, token, session


def _granted(world: World, user: User, refresh_token: str, session: Session) -> web.Response:
    """Tokens that end no later than the identity provider's session: an expiration that stays tells the client so."""
    at = time.time()
    ahead, refresh_ahead = _TOKEN_LIFE, _REFRESH_LIFE
    if session.session_end is not None:
        # Half a second, so that cutting it to whole seconds gives the same instant each time.
        left = session.session_end + 0.5 - at
        ahead, refresh_ahead = min(ahead, left), min(refresh_ahead, left)
    if ahead < 1:
        raise _refused("The identity provider's session has ended")
    Notes(world.store).keep("refresh", refresh_token, session, until=at + refresh_ahead)
    token, info = mint(world, user, ahead)
    return answer(
        {
            "access_token": token,
            "refresh_token": refresh_token,
            "token_info": info,
            "access_token_expires_at": info["expiration"],
            "refresh_token_expires_at": now(ahead=refresh_ahead),
        }
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid_body(f"{name} is required")
    return value


def _refused(message: str) -> WireError:
    """401/45002. The number is Twilio's for authentication; the status that goes with it is not published."""
    return WireError(401, message, code=45002)


TOKEN_USER = "token"  # noqa: S105  the user name that goes with a token in Basic authentication


async def _info(request: web.Request) -> web.Response:
    """The token is proof enough: the SDK sends it twice, in the form and as credentials."""
    world = world_of(request)
    identity = world.identity
    if request.match_info["account"] != identity.account_sid:
        raise not_found(request.path)
    token = (await read_form(request)).get("Token", "")
    found = holder(world, token)
    if found is None:
        raise WireError(401, "Invalid Access Token", code=20101)
    user, expiration = found
    digest = hashlib.sha256(f"{identity.realm_sid}/{user.sid}".encode()).hexdigest()
    return answer(
        {
            "account_sid": identity.account_sid,
            "expiration": expiration,
            "flex_instance_sid": identity.instance_sid,
            "flex_user_sid": user.sid,
            "identity": user.username,
            "name_id": user.username,
            "permissions": PERMISSIONS,
            "realm_user_id": digest[:32],
            "roles": user.role_names,
            "worker_sid": user.worker_sid,
        }
    )


async def _session(request: web.Request) -> web.Response:
    """What createClient asks beside the Configuration; without features its telemetry stays off."""
    if holder(world_of(request), request.headers.get("x-flex-jwe", "")) is None:
        raise WireError(401, "Invalid Access Token", code=20101)
    return answer({"features": []})


def may_read(world: World, user: User, method: str, path: str) -> bool:
    """Whether a token opens a path that otherwise needs the account's credentials: one's own Worker and the
    Configuration, to read."""
    own = f"/v1/Workspaces/{world.workspace.sid}/Workers/{user.worker_sid}"
    return method == "GET" and (path in ("/v1/Configuration", own) or path.startswith(f"{own}/"))


ROUTES: list[web.RouteDef] = []
OPEN = [
    web.post("/v1/Flex/OAuth/Tokens", _tokens),
    web.post("/v1/Accounts/{account}/Tokens/Info", _info),
    web.get("/api/v1/Session", _session, allow_head=False),
]
