"""The SSO settings and trusted entries of the account, stored; what is a web address, and what a trusted one covers.

A fresh state is signed in through the sandbox's own identity provider, so that a login works before anything is set.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.saml_xml import ISSUER, identity_provider_key
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


Match = Literal["prefix", "origin", "exact"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.I)
_VISIBLE = re.compile(r"[!-~]+")


def address_problem(text: str) -> str | None:
    """Why this is no full web address, as a predicate; None for one that is.

    Full means http or https (http on this machine only), a host, no credentials, no fragment, no wildcard.
    """
    if not _VISIBLE.fullmatch(text):
        return "must be an address without spaces, control characters or letters beyond ASCII"
    try:
        parts = urlsplit(text)
        rules = _address_rules(text, parts, parts.port)
    except ValueError as error:
        return f"is no address: {error}"
    return next((problem for wrong, problem in rules if wrong), None)


def _address_rules(text: str, parts: SplitResult, port: int | None) -> list[tuple[bool, str]]:
    """Each rule as whether it is broken, and how to say so."""
    host = parts.hostname or ""
    return [
        (parts.scheme not in _DEFAULT_PORTS or not host, "must be a full URL that begins with https://"),
        ("*" in text, "must not contain a wildcard: enhanced SSO takes full URLs"),
        (parts.username is not None or parts.password is not None, "must not contain credentials"),
        ("#" in text, "must not contain a fragment"),
        (port == 0, "must not name port 0"),
        (not (_is_ip(host) or _DOMAIN.fullmatch(host)), f"names a host that cannot exist: {host}"),
        (parts.scheme == "http" and not is_loopback(host), "must use https: http is for this machine only"),
    ]


def pattern_problem(text: str) -> str | None:
    """Why this is no domain pattern of legacy SSO, as a predicate; None for one that is. (Twilio's SSO FAQ.)"""
    if "://" in text or "/" in text:
        return "must be a domain without scheme or path: legacy SSO takes domains"
    domain = text.removeprefix("*.")
    if "*" in domain:
        return "may have * only as its whole first label, such as *.example.com"
    if text != domain and ("." not in domain or _is_ip(domain)):
        return "needs a domain with a dot behind *."
    return None if _is_ip(domain) or _DOMAIN.fullmatch(domain) else "is no domain"


def url_covers(entry: str, url: str, match: Match) -> bool:
    """Whether a trusted URL of enhanced SSO covers a redirect URL."""
    if address_problem(entry) or address_problem(url):
        return False
    trusted, wanted = urlsplit(entry), urlsplit(url)
    if origin_of(entry) != origin_of(url):
        return False
    if match == "origin":
        return True
    if match == "exact":
        return (trusted.path or "/", trusted.query) == (wanted.path or "/", wanted.query)
    below = trusted.path.rstrip("/")
    # A browser resolves dots itself, so a path that has them is not where it seems to be.
    return (wanted.path == below or wanted.path.startswith(f"{below}/")) and not _has_dots(wanted)


def pattern_covers(pattern: str, url: str) -> bool:
    """Whether a domain pattern of legacy SSO covers the host of a URL; `*.` stands for exactly one label."""
    if pattern_problem(pattern) or address_problem(url):
        return False
    host = urlsplit(url).hostname or ""
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return host == pattern


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, spelled as browsers spell origins."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme) else "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host.lower() == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_dots(parts: SplitResult) -> bool:
    segments = parts.path.lower().replace("%2e", ".").replace("\\", "/").split("/")
    return "." in segments or ".." in segments
