"""The signatures of a response: what each one covers, whose key made it, and whether it still holds.

Nothing may be read from a response but what a signature was found to cover: the rest may have been wrapped around it.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidInput
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from flexres.desired.schema.certificate import (
    CertificateError,
    check_certificate,
    fingerprint,
    load_der,
    read_certificate,
)
from flexres.idp.findings import Finding
from flexres.idp.safe_xml import ASSERTION, PROTOCOL, SIGNATURE
from flexres.idp.saml.envelope import Expected

RESPONSE_TAG = f"{{{PROTOCOL}}}Response"
ASSERTION_TAG = f"{{{ASSERTION}}}Assertion"
_SIGNATURE_TAG = f"{{{SIGNATURE}}}Signature"
_CANONICAL = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ALLOWED_TRANSFORMS = (
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    _CANONICAL,
    f"{_CANONICAL}WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
)
_MOST_SIGNATURES = 2
"""One on the response, one on its assertion."""
_MOST_TRANSFORMS = 2
"""Enveloped signature and canonical form: SAML core, section 5.4.4."""
_PUBLIC_KEY_METHODS = frozenset(method for method in SignatureMethod if not method.name.startswith("HMAC"))

Key = Literal["declared", "embedded", "none"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. `key` says whose key verifies it: the declared certificate's, only the one that the response
    carries itself, or none. `signed` is the element that is covered, rebuilt from the signed bytes; None unless valid.
    """

    part: Literal["Response", "Assertion"]
    key: Key
    reason: str
    weak: bool
    embedded: x509.Certificate | None
    signed: etree._Element | None


def verify(root: etree._Element, declared: x509.Certificate | None) -> tuple[Signature, ...]:
    """Every signature of a response that stands where one belongs, outermost first."""
    found = []
    assertion = root.find(ASSERTION_TAG)
    if root.find(_SIGNATURE_TAG) is not None:
        found.append(_verify(root, root, "Response", declared))
    if assertion is not None and assertion.find(_SIGNATURE_TAG) is not None:
        found.append(_verify(root, assertion, "Assertion", declared))
    return tuple(found)


def _verify(
    root: etree._Element,
    owner: etree._Element,
    part: Literal["Response", "Assertion"],
    declared: x509.Certificate | None,
) -> Signature:
    signature = owner.find(_SIGNATURE_TAG)
    assert signature is not None
    embedded = _embedded(signature)
    weak = any(
        (method.get("Algorithm") or "").endswith(("#rsa-sha1", "#sha1", "#dsa-sha1", "#ecdsa-sha1"))
        for method in signature.iter(f"{{{SIGNATURE}}}SignatureMethod", f"{{{SIGNATURE}}}DigestMethod")
    )
    reason = "no certificate is known"
    if declared is not None:
        signed, reason = _check(root, owner, part, declared)
        if signed is not None:
            return Signature(part, "declared", "", weak, embedded, signed)
    if embedded is not None and embedded != declared:
        signed, reason_embedded = _check(root, owner, part, embedded)
        if signed is not None:
            return Signature(part, "embedded", "", weak, embedded, signed)
        reason = reason if declared is not None else reason_embedded
    return Signature(part, "none", reason, weak, embedded, None)


def _check(
    root: etree._Element, owner: etree._Element, part: str, certificate: x509.Certificate
) -> tuple[etree._Element | None, str]:
    """The element that the signature covers, rebuilt from the signed bytes; or None and the reason."""
    configuration = SignatureConfiguration(
        location="./" if part == "Response" else f"./{ASSERTION_TAG}/",
        signature_methods=_PUBLIC_KEY_METHODS,
        digest_algorithms=frozenset(DigestAlgorithm),
        # Whether the certificate itself has expired is told apart from whether the signature holds.
        verification_time=certificate.not_valid_after_utc,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            result = XMLVerifier().verify(
                etree.tostring(root), x509_cert=certificate, id_attribute="ID", expect_config=configuration
            )
    except InvalidDigest:
        return None, "what was signed has been changed since"
    except InvalidInput as error:
        return None, str(error)
    except Exception as error:  # whatever a hostile signature provokes below, it is a signature that does not hold
        return None, _explained(error)
    assert isinstance(result, VerifyResult)
    signed = result.signed_xml
    if signed is None or signed.tag != owner.tag or signed.get("ID") != owner.get("ID"):
        return None, "it covers another element than the one it stands in"
    return signed, ""


def _explained(error: Exception) -> str:
    text = str(error)
    if "verification failed" in text or not text:
        return "it was made with another key"
    return text.splitlines()[0][:200]


def _embedded(signature: etree._Element) -> x509.Certificate | None:
    element = signature.find(f".//{{{SIGNATURE}}}X509Certificate")
    if element is None or not element.text:
        return None
    try:
        return load_der(base64.b64decode("".join(element.text.split()), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None


def wrapping(root: etree._Element) -> Iterator[str]:
    """What in the structure of a response makes it unclear which element was signed, as attacks do."""
    found = list(root.iter(_SIGNATURE_TAG))
    if len(found) > _MOST_SIGNATURES:
        yield f"it holds {len(found)} signatures"
        return
    direct = root.findall(ASSERTION_TAG)
    everywhere = list(root.iter(ASSERTION_TAG))
    if len(direct) > 1:
        yield f"it holds {len(direct)} assertions side by side"
    if len(everywhere) > len(direct):
        yield "an assertion hides inside another element"
    if any(element is not root for element in root.iter(RESPONSE_TAG)):
        yield "a response hides inside the response"
    yield from _repeated_ids(root)
    for signature in found:
        yield from _odd_signature(root, signature)


def _repeated_ids(root: etree._Element) -> Iterator[str]:
    seen: set[str] = set()
    for element in root.iter(etree.Element):
        for name in ("ID", "Id", "id", "AssertionID", "{http://www.w3.org/XML/1998/namespace}id"):
            value = element.get(name)
            if value is not None and value in seen:
                yield f"the ID {value[:80]} stands on more than one element"
            if value is not None:
                seen.add(value)


def _odd_signature(root: etree._Element, signature: etree._Element) -> Iterator[str]:
    owner = signature.getparent()
    if owner is None or (owner is not root and not (owner.tag == ASSERTION_TAG and owner.getparent() is root)):
        yield "a signature stands where none belongs"
        return
    if len(owner.findall(_SIGNATURE_TAG)) > 1:
        yield "one element has two signatures"
    if signature.find(f"{{{SIGNATURE}}}Object") is not None:
        yield "a signature carries an object of its own"
    references = signature.findall(f"{{{SIGNATURE}}}SignedInfo/{{{SIGNATURE}}}Reference")
    if len(references) != 1:
        yield f"a signature covers {len(references)} elements, not one"
    for reference in references:
        uri = reference.get("URI")
        if uri != f"#{owner.get('ID')}" and not (uri == "" and owner is root):
            yield "a signature covers another element than the one it stands in"
        transforms = list(reference.iter(f"{{{SIGNATURE}}}Transform"))
        if len(transforms) > _MOST_TRANSFORMS:
            yield f"a signature transforms what it covers {len(transforms)} times"
        for transform in transforms[:_MOST_TRANSFORMS]:
            if transform.get("Algorithm") not in _ALLOWED_TRANSFORMS:
                yield "a signature transforms what it covers in a way that SAML does not allow"


def split_texts(root: etree._Element) -> Iterator[str]:
    """The names of elements whose text a comment or processing instruction splits: readers disagree on their value."""
    for node in root.iter(etree.Comment, etree.ProcessingInstruction):
        parent = node.getparent()
        if parent is not None and (parent.text or "").strip() + (node.tail or "").strip():
            yield etree.QName(parent).localname


def signed_assertion(root: etree._Element, expected: Expected) -> tuple[list[Finding], etree._Element | None]:
    """Findings on the signatures, and the assertion as it was signed; None where no signature holds."""
    declared, findings = _declared_certificate(expected)
    verified = verify(root, declared)
    findings += _each_told(verified, declared)
    trusted = [each for each in verified if each.signed is not None]
    if not trusted or any(each.signed is None for each in verified):
        detail = "What follows is only what the response claims."
        findings.append(Finding("note", "Nothing below is protected by a signature", detail))
        return findings, None
    assertions = [
        each.signed if each.part == "Assertion" else each.signed.find(ASSERTION_TAG)
        for each in trusted
        if each.signed is not None
    ]
    return findings, next((element for element in assertions if element is not None), None)


def _declared_certificate(expected: Expected) -> tuple[x509.Certificate | None, list[Finding]]:
    text = expected.sso.certificate if expected.sso is not None else None
    if text is None:
        detail = "Signatures are held against the certificate that the response itself carries, which proves little."
        fix = "declare sso.certificate"
        return None, [Finding("unknown", "No certificate is declared", detail, fix)]
    today: date = expected.arrived.date()
    findings = [
        Finding(finding.severity, f"sso.certificate: {finding.message}", finding.note, finding.hint)
        for finding in check_certificate(text, as_of=today)
    ]
    try:
        return read_certificate(text), findings
    except CertificateError:
        return None, findings


def _each_told(verified: Sequence[Signature], declared: x509.Certificate | None) -> Iterator[Finding]:
    parts = [each.part for each in verified]
    sign = "let the identity provider sign response and assertion"
    if not parts:
        yield Finding("error", "Nothing is signed", "Flex refuses unsigned responses.", sign)
    elif parts == ["Assertion"]:
        yield Finding(
            "warning", "Only the assertion is signed", "Twilio's guides ask for response and assertion.", sign
        )
    for each in verified:
        yield _told_one(each, declared)
    weak = [each.part.lower() for each in verified if each.weak]
    if weak:
        detail = "It can be forged; Flex takes it, since Twilio's guide for Auth0 leads to it."
        yield Finding("warning", f"The {' and the '.join(weak)} is signed with SHA-1", detail, "sign with SHA-256")


def _told_one(each: Signature, declared: x509.Certificate | None) -> Finding:
    part = each.part.lower()
    if each.key == "declared":
        return Finding("ok", f"The {part} is signed with the declared certificate")
    if each.key == "embedded" and declared is None:
        return Finding("note", f"The {part}'s signature holds, with the certificate that it carries itself")
    if each.key == "embedded" and each.embedded is not None:
        return Finding(
            "error",
            f"The {part} is signed with another certificate than the declared one",
            f"Signed with {_print(each.embedded)}; declared is {_print(declared)}.",
            "if the identity provider changed its certificate, put the new one into sso.certificate and into Console",
        )
    return Finding(
        "error",
        f"The {part}'s signature does not hold: {each.reason}",
        "A response that was reformatted, edited or cut after signing looks the same.",
        "capture it anew as Base64 (SAMLResponse); if it stays, compare the certificate at the identity provider",
    )


def _print(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "none"
    digest = fingerprint(certificate.public_bytes(Encoding.PEM))
    return f"{digest[:23]}… (valid until {certificate.not_valid_after_utc.date()})"
