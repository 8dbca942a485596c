"""What a Flex token is good for: its validation, the SDK's session endpoint, and what its holder may read."""

from __future__ import annotations

import hashlib

from aiohttp import web

from flexres.sandbox.errors import WireError, not_found
from flexres.sandbox.flex.tokens import PERMISSIONS, holder
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.formats import answer, read_form
from flexres.sandbox.state import World, world_of

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
    web.post("/v1/Accounts/{account}/Tokens/Info", _info),
    web.get("/api/v1/Session", _session, allow_head=False),
]
