"""From legacy to enhanced SSO: where an account stands, what is next, and what would break on the way.

Source: https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/migration-guide
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import Sso, StackConfig
from flexres.idp.findings import Finding
from flexres.idp.service_provider import enhanced, legacy
from flexres.sso.difference import Sighting

_FIRST_UI: Final = (2, 7)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was seen: the active connection of enhanced SSO (an empty text: none), and where a legacy login leads.

    `ui_version` is the Flex UI's, None where nobody could ask.
    """

    connection: Sighting
    legacy_url: Sighting
    ui_version: str | None = None


@dataclass(frozen=True, slots=True)
class Migration:
    """`stands` says where the account is, `steps` what is left in order, `breaks` what stops working unless minded."""

    stands: tuple[Finding, ...]
    steps: tuple[Finding, ...]
    breaks: tuple[Finding, ...]


def migration(config: StackConfig, standing: Standing) -> Migration:
    """The way of one stack to enhanced SSO."""
    sso = config.sso
    assert sso is not None
    active = standing.connection.value
    done = sso.type == "enhanced" and bool(active) and active == sso.connection
    stands = tuple(_stands(sso, standing))
    if done:
        return Migration(stands, tuple(_left(sso)), ())
    return Migration(stands, tuple(_steps(config, sso, standing)), tuple(_breaks(config, sso)))


def _stands(sso: Sso, standing: Standing) -> Iterator[Finding]:
    yield Finding("note", f"The YAML declares {sso.type} SSO")
    found = standing.connection
    if found.value is None:
        yield Finding("warning", "It is not known whether enhanced SSO is active", f"{found.why}.", "run this again")
    elif not found.value:
        yield Finding("note", "No connection of enhanced SSO is active", f"Seen by {found.how}.")
    elif sso.connection and found.value != sso.connection:
        title = f"The connection {found.value} is active, and {sso.connection} is declared"
        yield Finding("warning", title, f"Seen by {found.how}.", "find out which of the two is right")
    else:
        yield Finding("ok", f"The connection {found.value} of enhanced SSO is active", f"Seen by {found.how}.")
    if standing.legacy_url.value:
        yield Finding("note", f"Legacy SSO still begins a login, at {standing.legacy_url.value}")
    elif standing.legacy_url.value is None:
        yield Finding("note", "Legacy SSO begins no login that could be seen", f"{standing.legacy_url.why}.")
    yield _ui_version(standing.ui_version)


def _ui_version(version: str | None) -> Finding:
    if version is None:
        detail = "Enhanced SSO needs 2.7 or later; with credentials in the environment this would be looked up."
        return Finding("note", "The version of Flex UI is not known", detail)
    found = re.search(r"(\d{1,4})\.(\d{1,4})", version)
    if found is None:
        return Finding("note", f"Flex UI is {version}", "Enhanced SSO needs 2.7 or later.")
    if (int(found[1]), int(found[2])) < _FIRST_UI:
        return Finding("error", f"Flex UI is {version}", "Enhanced SSO needs 2.7 or later.", "upgrade Flex UI first")
    return Finding("ok", f"Flex UI is {version}: new enough for enhanced SSO")


def _steps(config: StackConfig, sso: Sso, standing: Standing) -> Iterator[Finding]:
    connection = standing.connection.value or sso.connection
    if not connection:
        detail = "Console > Flex > Users and access > Single sign-on offers it, and shows a connection (JQ…)."
        yield Finding("note", "Start the setup of enhanced SSO in Console", detail, "write its SID as sso.connection")
    new = enhanced(str(connection or "JQ…"))
    old = legacy(config.account)
    detail = f"Entity ID (audience) {new.entity_id}, ACS {new.acs}; now they are {old.entity_id} and {old.acs}."
    fix = "a second application at the provider keeps the old way open meanwhile"
    yield Finding("note", "Give the identity provider the new entity ID and ACS", detail, fix)
    if sso.type == "legacy":
        fix = "write type: enhanced, connection: and trusted: as full URLs"
        yield Finding("note", "Declare enhanced SSO in flex.yaml", "Issuer, URL and certificate stay as they are.", fix)
    yield Finding(
        "note", "Enter the values in Console", "In the order of its page.", "flexres sso checklist, then attest"
    )
    if not standing.connection.value:
        detail = "Try a login before everybody depends on it, as Twilio's guide has it."
        yield Finding("note", "Validate the connection and activate it", detail, "flexres sso status sees it active")
    yield from _left(sso)


def _left(sso: Sso) -> Iterator[Finding]:
    if sso.self_hosted or sso.default_redirect_url:
        detail = "oauth belongs into it only once the connection is active: Flex UI uses it at once."
        yield Finding("note", "Write appconfig.js anew for a self-hosted Flex UI", detail, "flexres sso appconfig")


def _breaks(config: StackConfig, sso: Sso) -> Iterator[Finding]:
    for entry in sso.trusted:
        if "*" in entry:
            detail = "Enhanced SSO trusts full URLs alone, without wildcards."
            fix = f"list every URL behind it, such as {_as_url(entry.replace('*.', 'agents.'))}"
            yield Finding("error", f"{entry} has no enhanced form", detail, fix)
        elif "://" not in entry:
            fix = f"write {_as_url(entry)}, with its port if it has one"
            yield Finding("warning", f"{entry} has to become a full URL", "", fix)
    if sso.default_redirect_url is None:
        detail = "A self-hosted Flex UI needs one, and so does a login that starts at the identity provider."
        yield Finding("warning", "There is no default redirect URL", detail, "write default_redirect_url:")
    old = legacy(config.account)
    detail = (
        f"Whatever sends responses to {old.acs}, or for {old.entity_id}, is refused by the new connection; "
        "the issuer stays, and is compared letter by letter."
    )
    yield Finding("warning", "Entity ID and ACS change at the identity provider", detail, "change both at one time")
    detail = "Another name in NameID makes another user of Flex, who is billed beside the old one."
    yield Finding("warning", "NameID has to stay what it is", detail, "keep its source and format in a new application")
    if sso.login_popup:
        detail = "The window returns to the redirect URL, so that has to be trusted as a full URL."
        yield Finding("note", "The login in a window of its own goes on working", detail)


def _as_url(host: str) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}" if host in ("localhost", "127.0.0.1", "[::1]") else f"https://{host}"
