"""A captured SAML response, from the bytes of a file to what Flex would make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from flexres.desired.model import DesiredUser, Sso
from flexres.desired.schema.certificate import CertificateError, check_certificate, fingerprint, read_certificate
from flexres.idp.findings import Finding
from flexres.idp.safe_xml import ASSERTION, METADATA, PROTOCOL, UnsafeXmlError, parse_xml
from flexres.idp.saml import signature as signatures
from flexres.idp.saml.against_yaml import compare
from flexres.idp.saml.checks import (
    Expected,
    check_audience,
    check_envelope,
    check_issuer,
    check_name_id,
    check_times,
)
from flexres.idp.saml.claims import type_claims, with_contact
from flexres.idp.saml.parse import parse_assertion, parse_response
from flexres.idp.saml.read import Captured, UnreadableCapture, read_captures
from flexres.idp.saml.report import Report
from flexres.idp.saml.status import check_status
from flexres.idp.service_provider import ServiceProvider, enhanced
from flexres.text import visible

_ENCRYPTED = (f"{{{ASSERTION}}}EncryptedAssertion", f"{{{ASSERTION}}}EncryptedID", f"{{{ASSERTION}}}EncryptedAttribute")


def lint(
    data: bytes,
    *,
    sso: Sso | None,
    users: Mapping[str, DesiredUser] | None = None,
    now: datetime,
    skew: timedelta = timedelta(minutes=1),
    flex: ServiceProvider | None = None,
) -> Report:
    """Explains the SAML response in `data`; whatever the bytes are, there is a report and never an exception.

    Of several responses in a file the last one that was posted to Flex is taken. `now` (with a zone) is when it is
    taken to arrive, unless the file says. `flex` is the service provider; without it, the one of `sso.connection`.
    """
    if flex is None and sso is not None and sso.type == "enhanced" and sso.connection:
        flex = enhanced(sso.connection)
    report = _lint(data, sso, users or {}, now=now, skew=skew, flex=flex)
    return replace(report, findings=tuple(_on_one_line(finding) for finding in report.findings))


def _on_one_line(finding: Finding) -> Finding:
    """The finding fit for a terminal: what it quotes comes from strangers, with line breaks, escapes and megabytes."""

    def shown(text: str, most: int) -> str:
        text = visible(text[: most + 1])
        return text if len(text) <= most else f"{text[:most]}…"

    return Finding(finding.level, shown(finding.title, 400), shown(finding.detail, 1200), shown(finding.fix, 400))


def _lint(
    data: bytes,
    sso: Sso | None,
    users: Mapping[str, DesiredUser],
    *,
    now: datetime,
    skew: timedelta,
    flex: ServiceProvider | None,
) -> Report:
    try:
        captures = read_captures(data)
        captured = _chosen(captures, flex)
        root = parse_xml(captured.xml)
    except (UnreadableCapture, UnsafeXmlError) as error:
        unreadable = Finding("error", "The file cannot be read as a SAML response", f"{error.message}.", error.fix)
        return Report((unreadable,), readable=False)
    expected = Expected(sso, flex, captured.at or now, captured.at is not None, skew)
    findings = list(_which(captures, captured))
    wrong = _not_a_response(root)
    if wrong is not None:
        return Report((*findings, wrong), captured.origin, readable=False)
    return _judge(root, expected, users, findings, captured.origin)


def _chosen(captures: Sequence[Captured], flex: ServiceProvider | None) -> Captured:
    def to_flex(captured: Captured) -> bool:
        url = captured.posted_to or ""
        return (flex is not None and url == flex.acs) or "/login/callback?connection=JQ" in url or "/saml2" in url

    return next((each for each in reversed(captures) if to_flex(each)), captures[-1])


def _which(captures: Sequence[Captured], captured: Captured) -> Iterator[Finding]:
    if len(captures) > 1:
        posted = f", posted to {captured.posted_to}" if captured.posted_to else ""
        detail = f"This is {captured.origin}{posted}. The others are not looked at."
        yield Finding("note", f"The file holds {len(captures)} SAML responses", detail)


def _not_a_response(root: etree._Element) -> Finding | None:
    if root.tag == signatures.RESPONSE_TAG:
        return None
    name = etree.QName(root)
    kinds = {
        (PROTOCOL, "AuthnRequest"): ("the request to the identity provider", "capture the POST after signing in"),
        (PROTOCOL, "LogoutResponse"): ("the answer to a sign-out", "capture the POST after signing in"),
        (METADATA, "EntityDescriptor"): ("metadata", "capture the POST after signing in"),
        (METADATA, "EntitiesDescriptor"): ("metadata", "capture the POST after signing in"),
        (ASSERTION, "Assertion"): ("an assertion without its response", "save the whole response"),
    }
    kind, fix = kinds.get(
        (name.namespace or "", name.localname),
        (f"an element named {name.localname[:60]}", "save the SAML response alone, or export a HAR"),
    )
    if "SAML:1." in (name.namespace or ""):
        kind, fix = "a document of SAML 1.1", "set the application up as SAML 2.0"
    return Finding("error", f"This is {kind}, not a SAML 2.0 response", "", fix)


def _judge(
    root: etree._Element,
    expected: Expected,
    users: Mapping[str, DesiredUser],
    findings: list[Finding],
    origin: str,
) -> Report:
    response = parse_response(root)
    findings += check_status(response)
    findings += check_envelope(response, expected)
    if response.status[:1] != ("Success",):
        return Report(tuple(findings), origin)
    suspicious = list(_structure(root))
    if suspicious:
        return Report((*findings, *suspicious), origin)
    found, signed = _signed_assertion(root, expected)
    findings += found
    element = signed if signed is not None else root.find(signatures.ASSERTION_TAG)
    if element is None:
        findings.append(Finding("error", "There is no assertion", "Success without a user.", "check the application"))
        return Report(tuple(findings), origin)
    assertion = parse_assertion(element)
    findings += check_issuer(response, assertion, expected)
    findings += check_audience(assertion, expected)
    findings += check_times(assertion, expected)
    findings += check_name_id(assertion)
    worker = type_claims(assertion.claims)
    findings += worker.findings
    name_id = assertion.name_id.value.strip() if assertion.name_id else None
    if name_id and users:
        findings += compare(name_id, worker, users, expected.sso)
    report = Report(tuple(findings), origin, name_id if signed is not None else None)
    if signed is None or report.verdict == "refused" or not name_id:
        return report
    return Report(report.findings, origin, name_id, with_contact(worker.attributes, name_id), dict(worker.channels))


def _structure(root: etree._Element) -> Iterator[Finding]:
    """What makes a response unreadable or unsafe as a whole, before any signature is looked at."""
    for reason in dict.fromkeys(signatures.wrapping(root)):
        yield Finding(
            "error",
            f"Signature wrapping: {reason}",
            "It is unclear which element was signed, so nothing is read from it.",
            "check where this response came from: no identity provider makes such a one",
        )
    for name in dict.fromkeys(signatures.split_texts(root)):
        yield Finding(
            "error",
            f"A comment splits the text of {name}",
            "Readers disagree on its value, which attacks use to sign in as somebody else.",
            "check where this response came from: no identity provider writes comments there",
        )
    encrypted = next((etree.QName(element).localname for element in root.iter(*_ENCRYPTED)), None)
    if encrypted is not None:
        yield Finding(
            "error",
            f"The response is encrypted ({encrypted})",
            "Flex does not support encryption.",
            "turn assertion encryption off at the identity provider",
        )


def _signed_assertion(root: etree._Element, expected: Expected) -> tuple[list[Finding], etree._Element | None]:
    """Findings on the signatures, and the assertion as it was signed; None where no signature holds."""
    declared, findings = _declared_certificate(expected)
    verified = signatures.verify(root, declared)
    findings += _told(verified, declared)
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
        return None, [Finding("warning", "No certificate is declared", detail, fix)]
    today: date = expected.arrived.date()
    findings = [
        Finding(finding.severity, f"sso.certificate: {finding.message}", finding.note, finding.hint)
        for finding in check_certificate(text, as_of=today)
    ]
    try:
        return read_certificate(text), findings
    except CertificateError:
        return None, findings


def _told(verified: Sequence[signatures.Signature], declared: x509.Certificate | None) -> Iterator[Finding]:
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
        if each.weak:
            yield Finding(
                "warning", f"The {each.part.lower()} is signed with SHA-1", "It can be forged.", "use SHA-256"
            )


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
