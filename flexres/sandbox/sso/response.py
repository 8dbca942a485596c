"""A SAML response taken apart: which assertion was signed, every check of Flex's side, who and what are left."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature as InvalidKeySignature
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from flexres.sandbox.saml_xml import (
    BEARER,
    STATUS,
    SUCCESS,
    UnsafeXmlError,
    assertion,
    parse,
    protocol,
    signature,
    text_of,
)
from flexres.sandbox.sso.notes import Claims, LoginError

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


_ASSERTION = assertion("Assertion")
_MOST_TRANSFORMS = 2
# SHA-1 as well: Auth0's add-on signs with it unless told otherwise.
_METHODS = SignatureConfiguration().signature_methods | {SignatureMethod.RSA_SHA1}
_DIGESTS = SignatureConfiguration().digest_algorithms | {DigestAlgorithm.SHA1}


def signed_assertion(root: etree._Element, certificate: str) -> etree._Element:
    """The assertion of a response, from what the signature covers and nothing else.

    Each signature that is there must be valid, and there must be one, on the Response or on the Assertion.

    Raises:
        LoginError: no signature, a wrong one, or a document arranged so that it covers something else.
    """
    found = _only_assertion(root)
    places = [element.getparent() for element in root.iter(signature("Signature"))]
    if any(place is not root and place is not found for place in places):
        raise _rearranged("a signature stands where SAML has none")
    if len(places) != len(set(places)):
        raise _rearranged("an element has two signatures")
    if any(len(each) > _MOST_TRANSFORMS for each in root.iter(signature("Transforms"))):
        raise _rearranged("a signature has more transforms than SAML has")
    ids = [str(element.get("ID")) for element in root.iter("{*}*") if element.get("ID") is not None]
    if len(ids) != len(set(ids)):
        raise _rearranged("two elements have the same ID")
    if not places:
        raise LoginError(
            "The response is not signed.",
            detail="Neither the Response nor the Assertion has a signature.",
            fix="Have the identity provider sign the response, the assertion, or both.",
        )
    verified: etree._Element | None = None
    if any(place is root for place in places):
        whole = _verified(root, "./", root, certificate)
        verified = whole.find(f"./{_ASSERTION}")
    if any(place is found for place in places):
        verified = _verified(root, f"./{_ASSERTION}/", found, certificate)
    if verified is None:
        raise _rearranged("the signed response has no assertion")
    return verified


def _only_assertion(root: etree._Element) -> etree._Element:
    if next(root.iter(assertion("EncryptedAssertion")), None) is not None:
        raise LoginError(
            "The assertion is encrypted, which Flex does not support.",
            fix="Turn off assertion encryption for this application at the identity provider.",
        )
    assertions = list(root.iter(_ASSERTION))
    if not assertions:
        raise LoginError("The response has no assertion.")
    if len(assertions) > 1:
        raise _rearranged(f"it has {len(assertions)} assertions")
    if assertions[0].getparent() is not root:
        raise _rearranged("its assertion is not where SAML has it")
    return assertions[0]


def _verified(root: etree._Element, location: str, wanted: etree._Element, certificate: str) -> etree._Element:
    """The element that a signature covers, as it was signed; it has to be the one that the signature stands in."""
    config = SignatureConfiguration(
        location=location, expect_references=1, signature_methods=_METHODS, digest_algorithms=_DIGESTS
    )
    try:
        result = XMLVerifier().verify(root, x509_cert=certificate, id_attribute="ID", expect_config=config)
    except InvalidDigest as error:
        raise LoginError(
            "The response was changed after it was signed.",
            detail=str(error),
            fix="Nothing between the identity provider and Flex may rewrite the response.",
            status=403,
        ) from error
    except (SignXMLException, InvalidKeySignature, etree.LxmlError, ValueError, KeyError) as error:
        raise LoginError(
            "The signature is not valid for the certificate of the SSO settings.",
            detail=str(error).rstrip(": "),
            fix="Enter the certificate that the identity provider signs with now; it may have been rotated.",
            status=403,
        ) from error
    signed = None if isinstance(result, list) else result.signed_xml
    if signed is None or signed.tag != wanted.tag or signed.get("ID") != wanted.get("ID"):
        raise _rearranged("the signature covers something else than the element it stands in")
    return signed


def _rearranged(what: str) -> LoginError:
    return LoginError(
        "The response is arranged as no identity provider does it.",
        detail=f"This is what signature wrapping looks like: {what}.",
        status=403,
    )
