"""The SSO settings and trusted entries of the account, stored: what the login chain asks and the contract changes.

A fresh state is signed in through the sandbox's own identity provider, so that a login works before anything is set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.saml.key import ISSUER, identity_provider_key
from flexres.sandbox.sso.addresses import origin_of, pattern_covers, url_covers
from flexres.sandbox.state import World

SsoType = Literal["enhanced", "legacy"]

_SETTING = "sso"
_INACTIVE = "inactive"
BEGINNINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"active": "", "inactive": json.dumps(_INACTIVE), "none": json.dumps(None)}
)
"""How SSO can begin in a fresh state, and what is stored for it: nothing, for the usual one."""

_TWILIO_HOSTED = "https://flex.twilio.com"


@dataclass(frozen=True, slots=True)
class SsoSettings:
    """What Console's SSO page holds, apart from trusted URLs. `certificate` is PEM; `connection` a SID (JQ…)."""

    type: SsoType
    connection: str
    issuer: str
    sso_url: str
    certificate: str
    default_redirect_url: str | None = None
    active: bool = True

    @property
    def entity_id(self) -> str:
        """Flex's name towards the identity provider, and the audience of its assertions."""
        return f"urn:flex:{self.connection}"


class Trusted(NamedTuple):
    """A trusted entry: a full URL under enhanced SSO, a domain pattern under legacy SSO."""

    id: str
    url: str


def read_settings(world: World, base: str) -> SsoSettings | None:
    """The settings in force, None where SSO is not set up. `base` is the sandbox's own URL."""
    stored = _stored(world)
    if stored is None:
        return None
    if isinstance(stored, dict):
        return SsoSettings(**stored)
    own = SsoSettings(
        type="enhanced",
        connection=world.identity.connection_sid,
        issuer=ISSUER,
        sso_url=f"{base}/idp/sso",
        certificate=identity_provider_key(world.store).certificate_pem,
        default_redirect_url=hosted_flex(base),
    )
    return replace(own, active=stored != _INACTIVE)


def write_settings(world: World, settings: SsoSettings | None) -> None:
    """Puts settings in force; None is none."""
    world.store.set_setting(_SETTING, json.dumps(None if settings is None else asdict(settings)))


def begin_with(world: World, beginning: str) -> None:
    """Settles how a state begins that nobody has set up: with the own identity provider, active or not, or with none.

    Raises:
        SandboxError: there is no such beginning.
    """
    _check_beginning(beginning)
    if BEGINNINGS[beginning] and world.store.setting(_SETTING) is None:
        world.store.set_setting(_SETTING, BEGINNINGS[beginning])


def _check_beginning(beginning: str) -> None:
    if beginning not in BEGINNINGS:
        raise SandboxError(f"sso {beginning!r} is none of {', '.join(BEGINNINGS)}")


def start_over(world: World, beginning: str) -> None:
    """Forgets settings and trusted entries, then begins like this.

    Raises:
        SandboxError: there is no such beginning; nothing was forgotten.
    """
    _check_beginning(beginning)
    world.store.connection.execute("DELETE FROM settings WHERE name = ?", (_SETTING,))
    world.store.connection.execute("DELETE FROM sso_trusted")
    begin_with(world, beginning)


def trusted_entries(world: World) -> list[Trusted]:
    """All trusted entries, in the order they were added."""
    rows = world.store.connection.execute("SELECT id, url FROM sso_trusted ORDER BY seq")
    return [Trusted._make(row) for row in rows]


def put_trusted(world: World, entry: Trusted) -> None:
    """Adds an entry, or changes the one with its id. Its URL must not be another's."""
    world.store.connection.execute(
        "INSERT INTO sso_trusted (id, url) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET url = excluded.url", entry
    )


def remove_trusted(world: World, entry_id: str) -> None:
    """Removes an entry."""
    world.store.connection.execute("DELETE FROM sso_trusted WHERE id = ?", (entry_id,))


def replace_trusted(world: World, urls: Sequence[str]) -> None:
    """Makes these the trusted entries, and no others."""
    with world.store.transaction():
        world.store.connection.execute("DELETE FROM sso_trusted")
        for number, url in enumerate(dict.fromkeys(urls), 1):
            put_trusted(world, Trusted(f"entry-{number}", url))


def hosted_flex(base: str) -> str:
    """The sandbox's stand-in for Flex at Twilio's own address, which nobody has to trust."""
    return f"{base}/demo/app"


def is_trusted(world: World, url: str, *, sso_type: SsoType, base: str) -> bool:
    """Whether a login may end at this URL."""
    match = world.switches.trusted_url_match
    if any(url_covers(own, url, "prefix") for own in (hosted_flex(base), _TWILIO_HOSTED)):
        return True
    entries = trusted_entries(world)
    if sso_type == "legacy":
        return any(pattern_covers(entry.url, url) for entry in entries)
    return any(url_covers(entry.url, url, match) for entry in entries)


def trusted_origins(world: World) -> set[str]:
    """The origins of the trusted URLs: pages from there may call Twilio's services."""
    return {origin_of(entry.url) for entry in trusted_entries(world) if "://" in entry.url}


def _stored(world: World) -> dict[str, Any] | str | None:
    """What was set: an object, a beginning (empty for the usual one), or None for no SSO."""
    text = world.store.setting(_SETTING)
    stored: dict[str, Any] | str | None = "" if text is None else json.loads(text)
    return stored
