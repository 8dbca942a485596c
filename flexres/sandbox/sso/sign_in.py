"""Claims of a login carried over into Flex: a Flex user and a Worker, made just in time or brought up to date."""

from __future__ import annotations

from flexres.sandbox.errors import WireError, invalid_attribute_format
from flexres.sandbox.flex.claims import ClaimError, type_claims
from flexres.sandbox.flex.provisioning import LOGIN, Wanted, provision
from flexres.sandbox.flex.user_table import User
from flexres.sandbox.sso.notes import Claims
from flexres.sandbox.state import World

_ROLES = ("agent", "supervisor", "admin")


def sign_in(world: World, name_id: str, claims: Claims) -> User:
    """The Flex user of this NameID, as the claims want it. The identity provider wins; what it does not send stays.

    Raises:
        WireError: 400/45050, full_name, email or roles are missing or wrong (Twilio's error of that number);
            400/45004, a claim is not of its type, or the Worker cannot be made. Nothing was changed.
    """
    try:
        typed = type_claims(claims, task_channels=world.workspace.task_channels, json_values="refuse")
    except ClaimError as error:
        raise invalid_attribute_format() from error
    full_name, email, roles = (typed.attributes.get(name) for name in ("full_name", "email", "roles"))
    if not isinstance(full_name, str) or not full_name.strip():
        raise _missing("full_name")
    if not isinstance(email, str) or not email.strip():
        raise _missing("email")
    if not isinstance(roles, list) or not roles:
        raise _missing("roles")
    for role in roles:
        if role not in _ROLES and not str(role).startswith("wfo."):
            raise _missing("roles", f": {role!r} is none of {', '.join(_ROLES)}")
    user, _ = provision(world, Wanted(name_id, full_name, email, tuple(map(str, roles)), typed), LOGIN)
    return user


def _missing(name: str, what: str = "") -> WireError:
    return WireError(400, f"Missing or invalid user attribute {name}{what}", code=45050)
