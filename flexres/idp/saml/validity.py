"""For whom, how and until when an assertion may be used: its conditions, its confirmations, and the session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from flexres.idp.findings import Finding, verdict
from flexres.idp.saml.envelope import Expected, address
from flexres.idp.saml.parse import Assertion, Confirmation, Moment, Response

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_KNOWN_CONDITIONS: Final = frozenset({"AudienceRestriction", "OneTimeUse", "ProxyRestriction"})
_SHORTEST_SESSION: Final = timedelta(hours=1)
_SHIFT: Final = timedelta(hours=8)


def check_conditions(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether the assertion was made for this Flex and this time. Every restriction has to name Flex, not just one."""
    for name in dict.fromkeys(assertion.conditions):
        if name not in _KNOWN_CONDITIONS:
            yield Finding(
                "error",
                f"There is a condition that nobody here knows: {name[:120]}",
                "SAML says: what has a condition that is not understood is not to be relied on.",
                "take the condition out of what the identity provider sends",
            )
    yield from _audience(assertion, expected)
    yield from _window("The assertion", assertion.not_before, assertion.not_on_or_after, expected)


def _audience(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    named = [", ".join(each) or "nobody" for each in assertion.audiences]
    if not named:
        detail = "Flex accepts only what is made for it."
        yield Finding("error", "The assertion names no audience", detail, "set the audience (entity ID) to Flex's own")
        return
    if expected.flex is None:
        detail = "No connection is declared to compare it with."
        yield Finding("unknown", f"The audience is {' and '.join(named)}", detail)
        return
    wanted = expected.flex.entity_id
    others = [shown for shown, each in zip(named, assertion.audiences, strict=True) if wanted not in each]
    if not others:
        yield Finding("ok", f"The audience is Flex: {wanted}")
        return
    yield Finding(
        "error",
        f"The audience is {others[0]}",
        f"Flex accepts only {wanted}{', in every restriction' if len(named) > 1 else ''}.",
        f"set the audience (entity ID) of the application to {wanted}",
    )


def check_confirmations(response: Response, assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether the user's browser may hand the assertion over: one bearer confirmation has to hold as a whole."""
    bearers = [each for each in assertion.confirmations if each.method == BEARER]
    if not bearers:
        others = ", ".join(each.method[:80] or "none" for each in assertion.confirmations)
        detail = f"Its method is {others}." if others else "Flex cannot tell whom it is for."
        yield Finding("error", "There is no bearer confirmation", detail, "use the Web SSO profile")
        return
    told = [list(_confirmation(response, each, expected)) for each in bearers]
    yield from next((each for each in told if verdict(each) != "refused"), told[0])


def _confirmation(response: Response, found: Confirmation, expected: Expected) -> Iterator[Finding]:
    if not found.has_data:
        yield Finding("error", "The confirmation has no SubjectConfirmationData", "", "use the Web SSO profile")
        return
    if expected.flex is not None:
        yield from address("Recipient", found.recipient or "", expected.flex.acs)
    if found.in_response_to is not None and found.in_response_to != response.in_response_to:
        asked = f"answers {response.in_response_to[:80]}" if response.in_response_to else "answers no request"
        yield Finding(
            "error",
            f"The confirmation answers the request {found.in_response_to[:80]}, and the response {asked}",
            "So one of the two was made for another sign-in.",
            "check where this response came from: no identity provider mixes them",
        )
    if found.not_on_or_after is None:
        fix = "let the identity provider limit it to minutes"
        yield Finding("error", "The confirmation has no NotOnOrAfter", "It could be handed over for ever.", fix)
    if found.not_before is not None:
        detail = "SAML wants none there."
        yield Finding("warning", "The confirmation has a NotBefore", detail, "leave it to the conditions")
    yield from _window("The confirmation", found.not_before, found.not_on_or_after, expected)


def _window(what: str, begins: Moment | None, ends: Moment | None, expected: Expected) -> Iterator[Finding]:
    """Whether something was valid when it arrived, give or take the clock skew."""
    yield from _readable(begins, ends)
    start, end = begins.at if begins else None, ends.at if ends else None
    arrived, skew = expected.arrived, expected.skew
    if start is not None and end is not None and end <= start:
        yield Finding("error", f"{what} ends before it begins", f"{start} to {end}.", "check its lifetime")
    elif start is not None and arrived + skew < start:
        yield Finding(
            "error",
            f"{what} is valid only from {_shown(start)}, {_span(start - arrived)} later",
            "The identity provider's clock is ahead.",
            "synchronise its clock (NTP), or let it set NotBefore a minute back",
        )
    elif end is not None and arrived - skew >= end:
        yield _expired(what, end, expected)
    elif end is not None:
        yield Finding("ok", f"{what} is in time: valid until {_shown(end)}")


def _readable(*moments: Moment | None) -> Iterator[Finding]:
    for moment in moments:
        if moment is not None and moment.at is None:
            yield Finding("error", f'"{moment.text[:60]}" is no time', "", "write times as 2026-11-21T09:14:00Z")


def _expired(what: str, end: datetime, expected: Expected) -> Finding:
    late = _span(expected.arrived - end)
    if expected.known:
        return Finding(
            "error",
            f"{what} had expired {late} before it arrived",
            f"It was valid until {_shown(end)}.",
            "synchronise the identity provider's clock (NTP), or lengthen the assertion's lifetime to minutes",
        )
    return Finding(
        "warning",
        f"{what} expired {late} ago, at {_shown(end)}",
        "That is usual for one that was captured earlier; Flex would refuse it if it arrived now.",
        "if it expired at once, synchronise the identity provider's clock (NTP)",
    )


def check_session(assertion: Assertion, expected: Expected) -> Iterator[Finding]:
    """Whether it says that the user signed in, and for how long."""
    yield from _readable(assertion.session_not_on_or_after, assertion.issued)
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


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(span: timedelta) -> str:
    seconds = abs(int(span.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


# The codes are those of SAML 2.0 core, section 3.2.2.2; the causes are those that Flex's set-up gives.
_CAUSES: Final = {
    "InvalidNameIDPolicy": (
        "the identity provider cannot make the kind of NameID that Flex asks for",
        "give the application a NameID of the format unspecified or emailAddress; at AD FS add a rule that transforms "
        "a claim into Name ID",
    ),
    "AuthnFailed": (
        "the user could not be signed in at the identity provider",
        "try the user there first; the identity provider's own log names the reason",
    ),
    "NoPassive": (
        "the sign-in was to happen without asking the user, and nobody was signed in",
        "sign in at the identity provider first, or take IsPassive out of the request",
    ),
    "NoAuthnContext": (
        "the identity provider cannot sign in the way that the request demands (RequestedAuthnContext)",
        "let the application accept any authentication method, or the one that the request names",
    ),
    "RequestDenied": (
        "the identity provider understood the request and refuses it: mostly, the user is not assigned",
        "assign the user or their group to the Flex application",
    ),
    "RequestUnsupported": (
        "the identity provider does not support what the request asks for",
        "check that the application is set up as SAML 2.0 with HTTP-POST for responses",
    ),
    "RequestVersionDeprecated": ("the request's SAML version is too old for it", "set the application up as SAML 2.0"),
    "RequestVersionTooHigh": ("the request's SAML version is too new for it", "set the application up as SAML 2.0"),
    "RequestVersionTooLow": ("the request's SAML version is too old for it", "set the application up as SAML 2.0"),
    "UnknownPrincipal": (
        "the identity provider does not know this user",
        "create the user there, or sign in with another account",
    ),
    "UnsupportedBinding": (
        "the identity provider cannot answer in the way that Flex needs",
        "set the response binding of the application to HTTP-POST",
    ),
    "PartialLogout": ("this answers a sign-out, not a sign-in", "capture the response after signing in"),
    "ProxyCountExceeded": (
        "the request passed through too many identity providers",
        "connect Flex to the identity provider that knows the users",
    ),
    "NoAvailableIDP": ("no identity provider was available", "check the upstream connection of the identity provider"),
    "NoSupportedIDP": ("no upstream identity provider is supported", "check the upstream connection"),
    "ResourceNotRecognized": (
        "the identity provider does not know the address that it was asked at",
        "copy the single sign-on URL again from the identity provider",
    ),
    "TooManyResponses": ("the identity provider has more than one answer", "let only one account match the user"),
    "UnknownAttrProfile": ("the identity provider does not know an attribute profile", "send plain attributes"),
    "InvalidAttrNameOrValue": (
        "the identity provider could not make one of the attributes",
        "check the attribute mapping of the application, and the user's own values",
    ),
}
SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
_PREFIX: Final = "urn:oasis:names:tc:SAML:2.0:status:"
_TOP_LEVEL: Final = {
    "Requester": (
        "the identity provider finds fault with Flex's request",
        "compare ACS URL, entity ID and NameID format at the identity provider: flexres idp settings prints them",
    ),
    "Responder": (
        "the identity provider failed by itself",
        "look at the identity provider's own log at this time: often a claim rule or an unassigned user",
    ),
    "VersionMismatch": ("the two sides speak different versions of SAML", "set the application up as SAML 2.0"),
}


def check_status(response: Response) -> Iterator[Finding]:
    """Whether the identity provider reports success; where not, the usual cause and the cure."""
    codes = [code.removeprefix(_PREFIX) for code in response.status]
    said = f' It says: "{response.status_message[:300]}"' if response.status_message else ""
    if not codes:
        yield Finding("error", "The response has no status", "SAML requires one.", "check the identity provider")
        return
    if response.status[0] == SUCCESS:
        yield Finding("ok", "The identity provider reports success")
        return
    known = next((_CAUSES[code] for code in reversed(codes) if code in _CAUSES), None)
    cause, fix = known or _TOP_LEVEL.get(codes[0], ("the identity provider refused the sign-in", "see its own log"))
    names = " / ".join(code[:60] for code in codes)
    yield Finding("error", f"The identity provider refused: {names}", f"{cause[0].upper()}{cause[1:]}.{said}", fix)
