"""Flex tokens: minted for a user, opaque, remembered only as a digest so that a service can recognise them."""

from __future__ import annotations

import hashlib
import secrets

from aiohttp import web

from flexres.sandbox.errors import invalid_body
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.flex.users import our_user
from flexres.sandbox.formats import answer, now, read_json_object
from flexres.sandbox.state import World, world_of

_DEFAULT_TTL = 3600
PERMISSIONS = ["FPN9999", "FPN0000"]


def mint(world: World, user: User, ttl: float) -> tuple[str, dict[str, object]]:
    """A token that lives for `ttl` seconds, and what is known about it."""
    token = f"sandbox.{secrets.token_urlsafe(48)}"
    expiration = now(ahead=ttl)
    digest = hashlib.sha256(token.encode()).hexdigest()
    world.store.connection.execute("INSERT INTO tokens VALUES (?, ?, ?)", (digest, user.sid, expiration))
    return token, {
        "account_sid": world.identity.account_sid,
        "expiration": expiration,
        "flex_instance_sid": world.identity.instance_sid,
        "flex_user_sid": user.sid,
        "identity": user.username,
        "permissions": PERMISSIONS,
        "roles": user.role_names,
        "username": user.username,
    }


def holder(world: World, token: str) -> tuple[User, str] | None:
    """Whose token it is and when it expires; None for one that is unknown, expired, or of a deactivated user."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    row = world.store.connection.execute(
        "SELECT flex_user_sid, expiration FROM tokens WHERE digest = ? AND expiration > ?", (digest, now())
    ).fetchone()
    user = world.store.users.by_sid(row[0]) if row else None
    return (user, str(row[1])) if user is not None and not user.deactivated else None


async def _mint(request: web.Request) -> web.Response:
    world = world_of(request)
    user = our_user(request)
    if user.deactivated:
        raise invalid_body(f"User {user.sid} is deactivated")
    ttl = (await read_json_object(request)).get("ttl", _DEFAULT_TTL)
    longest = world.switches.tokens_max_ttl
    if type(ttl) is not int or ttl < 1 or (longest and ttl > longest):
        raise invalid_body(f"ttl must be a number of seconds{f', at most {longest}' if longest else ''}")
    token, info = mint(world, user, ttl)
    return answer({"access_token": token, "token_info": info}, world.switches.tokens_status)


ROUTES = [web.post("/v4/Instances/{instance}/Users/{user}/Tokens", _mint)]
OPEN: list[web.RouteDef] = []
