"""What a stack's YAML wants of Auth0: the application, the add-on and the action of Twilio's guide for this stack.

https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/auth0 is what it follows.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

from flexres.desired.model import Idp, Sso, StackConfig
from flexres.desired.schema.attributes import TYPES
from flexres.idp.service_provider import enhanced, legacy
from flexres.reconcile.idp.model import IdpWanted
from flexres.values import ABSENT, Value

BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_WRITTEN_BY_US: Final = re.compile(r"\A// Written by flexres for stack id ([a-z0-9]{6,12})\.")


def wanted_of(config: StackConfig, idp: Idp, sso: Sso, *, login: str | None = None) -> IdpWanted:
    """The YAML's side. `login` is where a local Flex takes responses; None: Twilio's own host."""
    claims = {_bare(claim): claim for claim in sso.claims}
    addon: dict[str, Value] = {"binding": BINDING, "signResponse": True, "audience": ABSENT}
    if sso.type == "enhanced":
        assert sso.connection is not None
        flex = enhanced(sso.connection, login=login) if login else enhanced(sso.connection)
        addon["audience"] = flex.entity_id
        callbacks: tuple[str, ...] = (flex.acs,)
    else:
        flex = legacy(config.account)
        callbacks = (flex.acs, flex.entity_id)
    return IdpWanted(
        provider="Auth0",
        tenant=idp.domain,
        owner=config.id,
        application=idp.application,
        client_id=idp.client_id,
        acs=flex.acs,
        callbacks=callbacks,
        addon=addon,
        action=idp.action,
        code=action_code(config.id, idp.connection, claims),
        connection=idp.connection,
        missing=idp.missing,
        claims=claims,
        issuer=sso.issuer,
        sso_url=sso.sso_url,
        fingerprint=sso.fingerprint,
    )


def action_code(stack_id: str, connection: str, claims: dict[str, str]) -> str:
    """The Post Login action of one stack for one connection.

    `claims` are keys of app_metadata.flex and the names they are sent under.
    """
    return (
        _template()
        .replace("__STACK_ID__", stack_id)
        .replace("__STACK__", json.dumps(stack_id))
        .replace("__CONNECTION__", json.dumps(connection))
        .replace("__CLAIMS__", json.dumps(list(map(list, claims.items()))))
    )


def author_of(code: str) -> str | None:
    """The id of the stack whose action this is, None where flexres did not write it."""
    found = _WRITTEN_BY_US.match(code)
    return found[1] if found else None


@lru_cache(maxsize=1)
def _template() -> str:
    return files("flexres.idp.auth0").joinpath("action.js").read_text(encoding="utf-8")


def _bare(claim: str) -> str:
    name, _, kind = claim.rpartition(".")
    return name if kind in TYPES else claim
