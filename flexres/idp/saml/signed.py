"""What is read of a response: the assertion that a signature covers, and what there is to say of the signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from flexres.desired.schema.certificate import CertificateError, check_certificate, fingerprint, read_certificate
from flexres.idp.findings import Finding
from flexres.idp.saml import signature as signatures
from flexres.idp.saml.checks import Expected


def signed_assertion(root: etree._Element, expected: Expected) -> tuple[list[Finding], etree._Element | None]:
    """Findings on the signatures, and the assertion as it was signed; None where no signature holds."""
    declared, findings = _declared_certificate(expected)
    verified = signatures.verify(root, declared)
    findings += _each_told(verified, declared)
    trusted = [each for each in verified if each.signed is not None]
    if not trusted or any(each.signed is None for each in verified):
        detail = "What follows is only what the response claims."
        findings.append(Finding("note", "Nothing below is protected by a signature", detail))
        return findings, None
    assertions = [
        each.signed if each.part == "Assertion" else each.signed.find(signatures.ASSERTION_TAG)
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


def _each_told(verified: Sequence[signatures.Signature], declared: x509.Certificate | None) -> Iterator[Finding]:
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


def _told_one(each: signatures.Signature, declared: x509.Certificate | None) -> Finding:
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
