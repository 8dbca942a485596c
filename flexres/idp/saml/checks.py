"""What Flex checks of a response before it reads any claim: issuer, audience, where it goes, when, and for whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flexres.desired.model import Sso
from flexres.idp.findings import Finding
from flexres.idp.saml.parse import Assertion, Moment, Response
from flexres.idp.service_provider import ServiceProvider

_SHORTEST_SESSION = timedelta(hours=1)
_SHIFT = timedelta(hours=8)
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


def check_envelope(response: Response, expected: Expected) -> Iterator[Finding]:
    """Version, destination, and whether Flex or the identity provider began the sign-in."""
    if response.version != "2.0":
        shown = response.version or "none"
        yield Finding("error", f"The SAML version is {shown}, not 2.0", "", "set the application up as SAML 2.0")
    if expected.flex is not None and response.destination is not None:
        yield from _address("Destination", response.destination, expected.flex.acs)
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
    """Whether the response comes from the declared identity provider."""
    declared = expected.sso.issuer if expected.sso is not None else None
    found = assertion.issuer or response.issuer
    if response.issuer and assertion.issuer and response.issuer != assertion.issuer:
        yield Finding(
            "warning", "Response and assertion name different issuers", f"{response.issuer} and {assertion.issuer}."
        )
    if not found:
        yield Finding("error", "The assertion names no issuer", "", "check the identity provider")
    elif declared is None:
        yield Finding("note", f"The issuer is {found}", "No issuer is declared to compare it with.")
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


def check_audience(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether the assertion was made for this Flex: audience and recipient."""
    if expected.flex is None:
        audiences = ", ".join(assertion.audiences) or "nobody"
        yield Finding("note", f"The audience is {audiences}", "No connection is declared to compare it with.")
        return
    wanted = expected.flex.entity_id
    if wanted in assertion.audiences:
        yield Finding("ok", f"The audience is Flex: {wanted}")
    else:
        found = ", ".join(assertion.audiences)
        yield Finding(
            "error",
            f"The audience is {found}" if found else "The assertion names no audience",
            f"Flex accepts only {wanted}.",
            f"set the audience (entity ID) of the application to {wanted}",
        )
    bearers = [each for each in assertion.confirmations if each.method == "bearer"]
    if not bearers:
        yield Finding("error", "There is no bearer confirmation", "Flex cannot tell whom it is for.", "use Web SSO")
    for each in bearers[:1]:
        yield from _address("Recipient", each.recipient or "", expected.flex.acs)


def _address(what: str, found: str, acs: str) -> Iterator[Finding]:
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


def check_times(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether the assertion was valid when it arrived, give or take the clock skew; and how long the session may be."""
    confirmed = [each.not_on_or_after for each in assertion.confirmations]
    ends = [moment for moment in (assertion.not_on_or_after, *confirmed) if moment is not None]
    for moment in (assertion.not_before, assertion.session_not_on_or_after, assertion.issued, *ends):
        if moment is not None and moment.at is None:
            yield Finding("error", f'"{moment.text[:60]}" is no time', "", "write times as 2026-11-21T09:14:00Z")
    start = assertion.not_before.at if assertion.not_before else None
    end = min((moment.at for moment in ends if moment.at), default=None)
    arrived, skew = expected.arrived, expected.skew
    if start is not None and end is not None and end <= start:
        yield Finding("error", "The assertion ends before it begins", f"{start} to {end}.", "check its lifetime")
    elif start is not None and arrived + skew < start:
        yield Finding(
            "error",
            f"The assertion is valid only from {_shown(start)}, {_span(start - arrived)} later",
            "The identity provider's clock is ahead.",
            "synchronise its clock (NTP), or let it set NotBefore a minute back",
        )
    elif end is not None and arrived - skew >= end:
        yield _expired(end, expected)
    elif end is not None:
        yield Finding("ok", f"The time is right: valid until {_shown(end)}")
    yield from _session(assertion, expected)


def _expired(end: datetime, expected: Expected) -> Finding:
    late = _span(expected.arrived - end)
    if expected.known:
        return Finding(
            "error",
            f"The assertion had expired {late} before it arrived",
            f"It was valid until {_shown(end)}.",
            "synchronise the identity provider's clock (NTP), or lengthen the assertion's lifetime to minutes",
        )
    return Finding(
        "warning",
        f"The assertion expired {late} ago, at {_shown(end)}",
        "That is usual for one that was captured earlier; Flex would refuse it if it arrived now.",
        "if it expired at once, synchronise the identity provider's clock (NTP)",
    )


def _session(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    if not assertion.authenticated:
        yield Finding(
            "warning",
            "There is no AuthnStatement",
            "It says that the user signed in, and Web SSO requires one.",
            "use the identity provider's Web SSO profile",
        )
    limit = assertion.session_not_on_or_after
    begin: Moment | None = assertion.issued
    if limit is None or limit.at is None:
        return
    span = limit.at - (begin.at if begin is not None and begin.at is not None else expected.arrived)
    detail = f"SessionNotOnOrAfter ends it {_span(span)} after sign-in; Flex renews its token every hour until then."
    if span <= _SHORTEST_SESSION:
        fix = "leave SessionNotOnOrAfter out, or set it above a shift: 10 hours"
        yield Finding("error", "The session ends within an hour", detail, fix)
    elif span < _SHIFT:
        fix = "leave SessionNotOnOrAfter out, or set it above a shift: 10 hours"
        yield Finding("warning", "The session ends within a shift", detail, fix)
    else:
        yield Finding("note", f"The session ends {_span(span)} after sign-in")
    declared = expected.sso.session_not_on_or_after if expected.sso is not None else None
    if declared is not None and abs(span - declared) > expected.skew:
        yield Finding("warning", f"The YAML declares a session of {_span(declared)}, not {_span(span)}")


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


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(span: timedelta) -> str:
    seconds = abs(int(span.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
