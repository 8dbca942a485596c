"""The status codes of SAML 2.0: what each one usually means for a sign-in to Flex, and where the cure is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flexres.idp.findings import Finding
from flexres.idp.saml.parse import Response

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
