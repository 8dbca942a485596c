"""What Flex checks of a response before it reads any claim: its envelope, who issued it, and whose sign-in it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flexres.desired.model import Sso
from flexres.idp.findings import Finding
from flexres.idp.saml.parse import Assertion, Response
from flexres.idp.service_provider import ServiceProvider

_AUTH0_ID = re.compile(r"[a-z0-9-]+\|.+")
_OPAQUE_ID = re.compile(r"_?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|_?[0-9a-f]{24,}|[A-Za-z0-9+/_-]{40,}=*")
_LONGEST_USERNAME = 256
_LONGEST_WORKER_NAME = 64


@dataclass(frozen=True, slots=True)
class Expected:
    """What a response is held against. `arrived` is when Flex got it, `known` whether the file said so."""

    sso: Sso | None
    flex: ServiceProvider | None
    arrived: datetime
    known: bool
    skew: timedelta


def check_version(assertion: Assertion) -> Iterator[Finding]:
    """The version that the assertion itself has."""
    if assertion.version != "2.0":
        shown = assertion.version or "none"
        fix = "set the application up as SAML 2.0"
        yield Finding("error", f"The assertion's version is {shown[:20]}, not 2.0", "", fix)


def check_envelope(response: Response, expected: Expected) -> Iterator[Finding]:
    """Version, destination, and whether Flex or the identity provider began the sign-in."""
    if response.version != "2.0":
        shown = response.version or "none"
        yield Finding("error", f"The SAML version is {shown}, not 2.0", "", "set the application up as SAML 2.0")
    if expected.flex is not None and response.destination is not None:
        yield from address("Destination", response.destination, expected.flex.acs)
    if response.in_response_to:
        yield Finding("ok", "The sign-in was begun by Flex (InResponseTo is present)")
        return
    detail = "Flex then sends the user to the default redirect URL."
    sso = expected.sso
    if sso is not None and sso.default_redirect_url is None:
        fix = "set sso.default_redirect_url, or begin at Flex"
        yield Finding("warning", "The identity provider began this sign-in, and there is nowhere to go", detail, fix)
    else:
        yield Finding("note", "The identity provider began this sign-in (no InResponseTo)", detail)
    if "accounts.google.com" in (response.issuer or ""):
        yield Finding(
            "error",
            "Google Workspace cannot begin a sign-in to Flex",
            "Flex supports that for every identity provider but Google.",
            "begin at the Flex URL",
        )


def check_issuer(response: Response, assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether response and assertion come from the declared identity provider: the assertion has to say so."""
    declared = expected.sso.issuer if expected.sso is not None else None
    if response.issuer is not None and response.issuer != assertion.issuer:
        yield Finding(
            "error",
            "Response and assertion name different issuers",
            f"{response.issuer or 'None'} and {assertion.issuer or 'none'}.",
            "check the identity provider: both have to be its own entity ID",
        )
    found = assertion.issuer
    if not found:
        yield Finding("error", "The assertion names no issuer", "SAML requires one.", "check the identity provider")
    elif declared is None:
        yield Finding("unknown", f"The issuer is {found}", "No issuer is declared to compare it with.")
    elif found == declared:
        yield Finding("ok", f"The issuer is the declared one: {found}")
    else:
        near = found.rstrip("/").lower() == declared.rstrip("/").lower()
        yield Finding(
            "error",
            f"The issuer is {found}, and {declared} is declared",
            "Flex compares them letter by letter and shows a user name and password dialog instead."
            + (" They differ only in case or in a slash at the end." if near else ""),
            f"set sso.issuer to {found} here and in Console, if this is the right identity provider",
        )


def address(what: str, found: str, acs: str) -> Iterator[Finding]:
    """Whether an address in the response is Flex's ACS, and which mistake it looks like."""
    if found == acs:
        yield Finding("ok", f"{what} is Flex's ACS")
        return
    connection = re.search(r"connection=([^&]+)", found)
    wanted = re.search(r"connection=([^&]+)", acs)
    detail = f"Flex accepts only {acs}."
    if connection and wanted and connection[1] != wanted[1]:
        detail = f"It is for the connection {connection[1]}, and {wanted[1]} is declared."
    elif wanted and not connection and found.split("?", maxsplit=1)[0] == acs.split("?", maxsplit=1)[0]:
        detail = "The part ?connection=… is missing."
    elif "/saml2" in found and "iam.twilio.com" in found:
        detail = "That is the ACS of legacy SSO."
    yield Finding("error", f"{what} is {found or 'missing'}", detail, f"set the ACS of the application to {acs}")


def check_name_id(assertion: Assertion) -> Iterator[Finding]:
    """Whether NameID makes a sound user name: it becomes the Flex user and the Worker's name."""
    name_id = assertion.name_id
    stable = "send the user's address or login name, which never changes"
    if name_id is None or not name_id.value.strip():
        yield Finding("error", "There is no NameID", "Flex has no user name to sign in.", stable)
        return
    value = name_id.value
    if name_id.format == "transient":
        yield Finding(
            "error",
            "NameID is transient",
            "Every sign-in would make, and bill, another user.",
            f"{stable}: unspecified",
        )
    elif name_id.format not in (None, "unspecified", "emailAddress"):
        fix = "set the format to unspecified or emailAddress"
        yield Finding("warning", f"NameID has the format {name_id.format}", "Flex asks for another one.", fix)
    if value != value.strip():
        yield Finding("warning", "NameID has white space around it", "It would be part of the user name.", "trim it")
    if len(value) > _LONGEST_USERNAME:
        yield Finding("error", f"NameID has {len(value)} characters", "A user name has 256 at most.", stable)
    elif _AUTH0_ID.fullmatch(value.strip()):
        yield Finding(
            "warning",
            f"NameID is Auth0's own id: {value.strip()[:80]}",
            "Flex would make a user and a Worker of that name, and bill it, beside the one that people know.",
            "set nameIdentifierProbes of the SAML2 add-on to the e-mail address",
        )
    elif _OPAQUE_ID.fullmatch(value.strip()):
        yield Finding("warning", f"NameID is an id that nobody can read: {value.strip()[:80]}", "", stable)
    elif len(value) > _LONGEST_WORKER_NAME:
        yield Finding("warning", f"NameID has {len(value)} characters", "A Worker's name has 64 at most.", stable)
    else:
        yield Finding("ok", f"NameID is {value.strip()}", "It is the user's name in Flex.")
