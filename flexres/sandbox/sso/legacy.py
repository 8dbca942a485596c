"""Legacy SSO's front door: where a login would begin. The rest of that chain is gone, as its deadline has passed."""

from __future__ import annotations

import uuid

from aiohttp import web

from flexres.sandbox.errors import WireError, invalid_body, not_found
from flexres.sandbox.sso.addresses import address_problem
from flexres.sandbox.sso.service_provider import legacy_request, redirect_url
from flexres.sandbox.sso.settings import is_trusted, read_settings
from flexres.sandbox.state import world_of
from flexres.sandbox.wire import answer, base_url, read_json_object

_TWILIO = "https://iam.twilio.com"


async def _authenticate(request: web.Request) -> web.Response:
    """Codes and messages are those that real clients have seen."""
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
    saml = legacy_request(settings, f"ONELOGIN_{uuid.uuid4()}", f"{_TWILIO}/v1/Accounts/{identity.account_sid}")
    return answer({"location": redirect_url(settings, saml, resource)})


ROUTES: list[web.RouteDef] = []
OPEN = [
    web.post("/v1/Accounts/{account}/authenticate", _authenticate),
    web.post("/iam/Accounts/{account}/authenticate", _authenticate),
]
