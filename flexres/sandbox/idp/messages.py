"""SAML at the identity provider: a browser's AuthnRequest, and responses built, signed, broken where asked for."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.formats import now
from flexres.sandbox.idp.breakage import BROKEN, Answer, meddled, misled
from flexres.sandbox.saml_xml import (
    ASSERTION,
    BEARER,
    ENCRYPTION,
    PASSWORD,
    PROTOCOL,
    SIGNATURE,
    STATUS,
    SUCCESS,
    UNSPECIFIED,
    SigningKey,
    UnsafeXmlError,
    assertion,
    make_key,
    parse,
    protocol,
    text_of,
)
from flexres.sandbox.sso.notes import LoginError

Signed = Literal["both", "response", "assertion"]

_NAMESPACES = {"samlp": PROTOCOL, "saml": ASSERTION}
_LIFE = 300.0
_STATUSES = {
    "invalid_nameid_policy": ("Requester", "InvalidNameIDPolicy"),
    "authn_failed": ("Responder", "AuthnFailed"),
}


def respond(answer: Answer, key: SigningKey, *, broken: str | None = None, signed: Signed = "both") -> bytes:
    """A response as XML, good or broken in one way, with signatures where `signed` says.

    Raises:
        SandboxError: there is no such breakage.
    """
    if broken and broken not in BROKEN:
        raise SandboxError(f"broken {broken!r} is none of {', '.join(BROKEN)}")
    answer = replace(answer, moment=time.time(), recipient=answer.consumer, destination=answer.consumer)
    if broken in _STATUSES:
        return _sign(_response(answer, _STATUSES[broken]), key)
    answer = misled(answer, broken)
    root = _response(answer, None)
    vouched = _assertion(answer)
    if broken == "encrypted":
        _encrypt(root)
        return etree.tostring(root)
    if broken == "unsigned":
        root.append(vouched)
        return etree.tostring(root)
    if broken == "wrong_key":
        key = make_key("Somebody else")
    if signed != "response":
        vouched = parse(_sign(vouched, key))
    root.append(vouched)
    data = etree.tostring(root) if signed == "assertion" else _sign(root, key)
    return meddled(data, broken)


def _response(answer: Answer, status: tuple[str, str] | None) -> etree._Element:
    root = etree.Element(
        protocol("Response"),
        nsmap=_NAMESPACES,
        ID=f"_{secrets.token_hex(16)}",
        Version="2.0",
        IssueInstant=now(),
        Destination=answer.destination,
    )
    _add_request_id(root, answer)
    etree.SubElement(root, assertion("Issuer")).text = answer.issuer
    place = etree.SubElement(root, protocol("Status"))
    if status is None:
        etree.SubElement(place, protocol("StatusCode"), Value=SUCCESS)
    else:
        outer = etree.SubElement(place, protocol("StatusCode"), Value=STATUS + status[0])
        etree.SubElement(outer, protocol("StatusCode"), Value=STATUS + status[1])
    return root


def _assertion(answer: Answer) -> etree._Element:
    root = etree.Element(
        assertion("Assertion"), nsmap={"saml": ASSERTION}, ID=f"_{secrets.token_hex(16)}", Version="2.0",
        IssueInstant=_instant(answer.moment),
    )  # fmt: skip
    etree.SubElement(root, assertion("Issuer")).text = answer.issuer
    subject = etree.SubElement(root, assertion("Subject"))
    if answer.name_id:
        etree.SubElement(subject, assertion("NameID"), Format=UNSPECIFIED).text = answer.name_id
    confirmation = etree.SubElement(subject, assertion("SubjectConfirmation"), Method=BEARER)
    until = _instant(answer.moment + _LIFE)
    data = assertion("SubjectConfirmationData")
    received = etree.SubElement(confirmation, data, NotOnOrAfter=until, Recipient=answer.recipient)
    _add_request_id(received, answer)
    begins = _instant(answer.moment - 1)
    conditions = etree.SubElement(root, assertion("Conditions"), NotBefore=begins, NotOnOrAfter=until)
    restriction = etree.SubElement(conditions, assertion("AudienceRestriction"))
    etree.SubElement(restriction, assertion("Audience")).text = answer.audience
    _add_authentication(root, answer)
    _add_claims(root, answer.claims)
    return root


def _add_authentication(root: etree._Element, answer: Answer) -> None:
    at, index = _instant(answer.moment), f"_{secrets.token_hex(8)}"
    statement = etree.SubElement(root, assertion("AuthnStatement"), AuthnInstant=at, SessionIndex=index)
    if answer.session is not None:
        statement.set("SessionNotOnOrAfter", _instant(answer.moment + answer.session))
    context = etree.SubElement(statement, assertion("AuthnContext"))
    etree.SubElement(context, assertion("AuthnContextClassRef")).text = PASSWORD


def _add_claims(root: etree._Element, claims: Mapping[str, str | list[str]]) -> None:
    if not claims:
        return
    statement = etree.SubElement(root, assertion("AttributeStatement"))
    for name, value in claims.items():
        attribute = etree.SubElement(statement, assertion("Attribute"), Name=name)
        for text in [value] if isinstance(value, str) else value:
            etree.SubElement(attribute, assertion("AttributeValue")).text = text


def _encrypt(root: etree._Element) -> None:
    """The shape of an encrypted assertion; nothing is in it, as nobody is to open it."""
    place = etree.SubElement(root, assertion("EncryptedAssertion"))
    data = etree.SubElement(place, f"{{{ENCRYPTION}}}EncryptedData", nsmap={"xenc": ENCRYPTION})
    cipher = etree.SubElement(data, f"{{{ENCRYPTION}}}CipherData")
    etree.SubElement(cipher, f"{{{ENCRYPTION}}}CipherValue").text = "AAAA"


def _sign(root: etree._Element, key: SigningKey) -> bytes:
    """The element with its signature behind the issuer, where SAML's schema has it."""
    root.insert(1, etree.Element(f"{{{SIGNATURE}}}Signature", Id="placeholder", nsmap={"ds": SIGNATURE}))
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    signed = signer.sign(
        root, key=key.key_pem, cert=key.certificate_pem, reference_uri=root.get("ID"), id_attribute="ID"
    )
    return etree.tostring(signed)


def _add_request_id(element: etree._Element, answer: Answer) -> None:
    if answer.request_id is not None:
        element.set("InResponseTo", answer.request_id)


def _instant(at: float) -> str:
    return now(ahead=at - time.time())


_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where the answer goes, and under which number. Without a number, nobody asked."""

    issuer: str
    consumer: str
    request_id: str | None


def read_request(text: str) -> Asked:
    """Inflates and reads a request.

    Raises:
        LoginError: it is no AuthnRequest.
    """
    try:
        inflater = zlib.decompressobj(wbits=-15)
        data = inflater.decompress(base64.b64decode(text, validate=True), _LARGEST)
        root = parse(data)
    except (binascii.Error, zlib.error, UnsafeXmlError) as error:
        raise LoginError("SAMLRequest cannot be read.", detail=str(error)) from None
    consumer = root.get("AssertionConsumerServiceURL") or ""
    if root.tag != protocol("AuthnRequest") or urlsplit(consumer).scheme not in ("http", "https"):
        raise LoginError("SAMLRequest is no AuthnRequest with an assertion consumer URL.")
    return Asked(text_of(root.find(f"./{assertion('Issuer')}")), consumer, root.get("ID"))
