"""A SAML response taken apart: every check that Flex's side has to make, and the person and claims that are left."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from flexres.sandbox.saml.names import BEARER, STATUS, SUCCESS, assertion, protocol
from flexres.sandbox.saml.safe_xml import UnsafeXmlError, parse, text_of
from flexres.sandbox.sso.notes import Claims
from flexres.sandbox.sso.refusal import LoginError
from flexres.sandbox.sso.signatures import signed_assertion

SKEW = 60.0
"""Seconds that the identity provider's clock may be off. Twilio publishes no figure."""


_CONDITIONS = [assertion(name) for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a response has to agree with. `request_id` is None where the login may have begun at the provider."""

    issuer: str
    certificate: str
    audience: str
    consumers: Sequence[str]
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Vouched:
    """What is left of a good response. Times are seconds since 1970; `expires` is when nobody accepts it any more."""

    assertion_id: str
    name_id: str
    claims: Claims
    expires: float
    session_end: int | None


def read_response(text: str, expected: Expected, at: float) -> Vouched:
    """Checks the response of an HTTP-POST binding at a time, and reads it.

    Raises:
        LoginError: the first thing that is wrong.
    """
    root = _decode(text)
    _check_version(root)
    _check_status(root)
    signed = signed_assertion(root, expected.certificate)
    _check_version(signed)
    _check_issuers(root, signed, expected.issuer)
    _check_equal("Destination", root.get("Destination"), expected.consumers)
    _check_answers(root, expected.request_id)
    expires = _check_confirmation(signed, expected, at)
    _check_conditions(signed, expected.audience, at)
    return Vouched(signed.get("ID") or "", _name_id(signed), _claims(signed), expires, _session_end(signed, at))


def _decode(text: str) -> etree._Element:
    try:
        root = parse(base64.b64decode("".join(text.split()), validate=True))
    except binascii.Error:
        raise LoginError("SAMLResponse is not Base64.") from None
    except UnsafeXmlError as error:
        raise LoginError("SAMLResponse cannot be read.", detail=str(error)) from None
    if root.tag != protocol("Response"):
        raise LoginError("SAMLResponse is no SAML response.", detail=f"It is a {etree.QName(root).localname}.")
    return root


def _only(parent: etree._Element, tag: str) -> etree._Element | None:
    """The child of this name, of which SAML's schema has one at most."""
    found = parent.findall(f"./{tag}")
    if len(found) > 1:
        name, place = etree.QName(tag).localname, etree.QName(parent).localname
        raise LoginError(f"{place} has {len(found)} {name} elements.", detail="SAML has one at most.", status=403)
    return found[0] if found else None


def _plain(element: etree._Element | None) -> str:
    """The text of an element that may have nothing else in it."""
    if element is not None and len(element):
        raise LoginError(f"{etree.QName(element).localname} has elements inside.", status=403)
    return text_of(element)


def _check_version(element: etree._Element) -> None:
    if element.get("Version") != "2.0":
        name = etree.QName(element).localname
        raise LoginError(f"The {name} is not of SAML 2.0.", detail=f"Version is {element.get('Version') or 'missing'}.")


def _check_status(root: etree._Element) -> None:
    status = _only(root, protocol("Status"))
    code = None if status is None else _only(status, protocol("StatusCode"))
    if status is not None and code is not None and code.get("Value") == SUCCESS:
        return
    codes = [] if status is None else [str(each.get("Value")) for each in status.iter(protocol("StatusCode"))]
    shown = " / ".join(each.removeprefix(STATUS) for each in codes) or "no status"
    said = "" if status is None else text_of(status.find(f"./{protocol('StatusMessage')}"))
    wrong_policy = f"{STATUS}InvalidNameIDPolicy" in codes
    raise LoginError(
        f"The identity provider did not sign anybody in: {shown}.",
        detail=said,
        fix="Have it send a NameID of the unspecified or e-mail format." if wrong_policy else "Ask its administrator.",
        status=403,
    )


def _check_issuers(root: etree._Element, signed: etree._Element, issuer: str) -> None:
    """The assertion must name its issuer; the response may."""
    outer, fix = _only(root, assertion("Issuer")), "Enter this issuer in Flex's SSO settings."
    if outer is not None:
        _check_equal("Issuer", _plain(outer), (issuer,), fix=fix)
    _check_equal("Issuer", _plain(_only(signed, assertion("Issuer"))), (issuer,), fix=fix)


def _check_answers(root: etree._Element, request_id: str | None) -> None:
    answers = root.get("InResponseTo")
    if answers is None and request_id is not None:
        raise LoginError("The response does not say which request it answers.", detail="InResponseTo is missing.")
    if answers is not None and answers != request_id:
        raise LoginError(
            "The response answers a request that was not made, is too old, or was answered already.",
            detail=f"InResponseTo is {answers}.",
            fix="Start the login again.",
        )


def _name_id(signed: etree._Element) -> str:
    subject = _only(signed, assertion("Subject"))
    name_id = "" if subject is None else _plain(_only(subject, assertion("NameID")))
    if not name_id:
        raise LoginError("The assertion has no NameID.", fix="Send the user's e-mail address or username as NameID.")
    return name_id


def _check_confirmation(signed: etree._Element, expected: Expected, at: float) -> float:
    """Checks to whom the assertion is handed, and gives until when it may be: one good confirmation is enough."""
    subject = _only(signed, assertion("Subject"))
    confirmations = [] if subject is None else subject.findall(f"./{assertion('SubjectConfirmation')}")
    refusal = LoginError("The assertion has no bearer confirmation with its data.")
    for confirmation in confirmations:
        data = _only(confirmation, assertion("SubjectConfirmationData"))
        if confirmation.get("Method") == BEARER and data is not None:
            try:
                return _check_bearer(data, expected, at)
            except LoginError as error:
                refusal = error
    raise refusal


def _check_bearer(data: etree._Element, expected: Expected, at: float) -> float:
    _check_equal("Recipient", data.get("Recipient") or "", expected.consumers)
    answers = data.get("InResponseTo")
    if answers != expected.request_id:
        detail = f"InResponseTo of its confirmation is {answers or 'missing'}."
        raise LoginError("The assertion answers another request.", detail=detail)
    if data.get("NotBefore") is not None:
        raise LoginError("The confirmation of a bearer has a NotBefore, which SAML forbids.")
    until = _time(data, "NotOnOrAfter")
    if until is None:
        raise LoginError("The assertion does not say until when it may be used.", detail="NotOnOrAfter is missing.")
    _check_window(data, at)
    return until + SKEW


def _check_conditions(signed: etree._Element, audience: str, at: float) -> None:
    conditions = _only(signed, assertion("Conditions"))
    if conditions is None:
        raise LoginError("The assertion has no conditions, so no audience.")
    _check_window(conditions, at)
    unknown = [etree.QName(each).localname for each in conditions if each.tag not in _CONDITIONS]
    if unknown:
        raise LoginError(f"The assertion has a condition that nobody knows: {unknown[0]}.", status=403)
    restrictions = [
        [_plain(place) for place in restriction.findall(f"./{assertion('Audience')}")]
        for restriction in conditions.findall(f"./{assertion('AudienceRestriction')}")
    ]
    # Each restriction has to be met; of the audiences within one, any will do.
    if not restrictions or any(audience not in audiences for audiences in restrictions):
        found = "; and ".join(", ".join(audiences) for audiences in restrictions)
        raise LoginError(
            "The assertion is meant for somebody else.",
            detail=f"Its audience is {found or 'missing'}; Flex is {audience}.",
            fix=f"Set the audience (entity ID) at the identity provider to {audience}.",
            status=403,
        )


def _check_window(element: etree._Element, at: float) -> None:
    begins, ends = _time(element, "NotBefore"), _time(element, "NotOnOrAfter")
    if begins is not None and at < begins - SKEW:
        raise LoginError(
            "The assertion is not valid yet.",
            detail=f"NotBefore is {element.get('NotBefore')}; it is {_instant(at)} here.",
            fix="Compare the clocks of the identity provider and of this machine.",
        )
    if ends is not None and at >= ends + SKEW:
        raise LoginError(
            "The assertion has expired.",
            detail=f"NotOnOrAfter is {element.get('NotOnOrAfter')}; it is {_instant(at)} here.",
            fix="Start the login again; if it happens again, compare the clocks.",
        )


def _check_equal(name: str, found: str | None, wanted: Sequence[str], fix: str = "") -> None:
    """A value that has to be one of some; None is a value that may be left out, and was."""
    if found is not None and found not in wanted:
        raise LoginError(
            f"{name} is wrong.",
            detail=f"It is {found or 'empty'}; expected {wanted[0]}.",
            fix=fix or f"Set it to {wanted[0]} at the identity provider.",
            status=403,
        )


def _claims(signed: etree._Element) -> Claims:
    """Attributes by name. One value is a text, several are a list, none is an empty text."""
    values: dict[str, list[str]] = {}
    for attribute in signed.iterfind(f"./{assertion('AttributeStatement')}/{assertion('Attribute')}"):
        found = [text_of(value) for value in attribute.iterfind(f"./{assertion('AttributeValue')}")]
        values.setdefault(attribute.get("Name") or "", []).extend(found)
    return {name: texts if len(texts) > 1 else (texts[0] if texts else "") for name, texts in values.items() if name}


def _session_end(signed: etree._Element, at: float) -> int | None:
    statement = signed.find(f"./{assertion('AuthnStatement')}")
    end = None if statement is None else _time(statement, "SessionNotOnOrAfter")
    if end is not None and end <= at:
        raise LoginError("The identity provider's session has ended.", detail="SessionNotOnOrAfter is in the past.")
    return None if end is None else int(end)


def _time(element: etree._Element, name: str) -> float | None:
    text = element.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise LoginError(f"{name} is no time.", detail=f"It is {text}.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
