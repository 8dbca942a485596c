"""A captured SAML response, from the bytes of a file to what Flex would make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from flexres.desired.model import DesiredUser, Sso
from flexres.idp.findings import Finding, Level, Report
from flexres.idp.safe_xml import ASSERTION, METADATA, PROTOCOL, UnsafeXmlError, parse_xml
from flexres.idp.saml import signature as signatures
from flexres.idp.saml.claims import compare, type_claims, with_contact
from flexres.idp.saml.envelope import Expected, check_envelope, check_issuer, check_name_id, check_version
from flexres.idp.saml.parse import parse_assertion, parse_response
from flexres.idp.saml.read import Captured, UnreadableCapture, read_captures
from flexres.idp.saml.signature import signed_assertion
from flexres.idp.saml.validity import SUCCESS, check_conditions, check_confirmations, check_session, check_status
from flexres.idp.service_provider import ServiceProvider, enhanced
from flexres.text import visible

_MOST_FINDINGS: Final = 200
_WORST_FIRST: Final[tuple[Level, ...]] = ("error", "unknown", "warning")


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
    return replace(report, findings=tuple(_on_one_line(finding) for finding in _capped(report.findings)))


def _capped(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """The first of them, and of the others their number: what decides among them still decides."""
    yield from findings[:_MOST_FINDINGS]
    rest = findings[_MOST_FINDINGS:]
    if rest:
        levels = {finding.level for finding in rest}
        worst: Level = next((each for each in _WORST_FIRST if each in levels), "note")
        yield Finding(worst, f"{len(rest)} findings more are not shown", "", "mend those above first")


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
    suspicious = list(check_structure(root))
    if suspicious:
        return Report((*findings, *suspicious), origin)
    response = parse_response(root)
    findings += check_status(response)
    findings += check_envelope(response, expected)
    if response.status[:1] != (SUCCESS,):
        return Report(tuple(findings), origin)
    found, signed = signed_assertion(root, expected)
    findings += found
    element = signed if signed is not None else root.find(signatures.ASSERTION_TAG)
    if element is None:
        findings.append(Finding("error", "There is no assertion", "Success without a user.", "check the application"))
        return Report(tuple(findings), origin)
    assertion = parse_assertion(element)
    findings += check_version(assertion)
    findings += check_issuer(response, assertion, expected)
    findings += check_conditions(assertion, expected)
    findings += check_confirmations(response, assertion, expected)
    findings += check_session(assertion, expected)
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


_ENCRYPTED: Final = tuple(f"{{{ASSERTION}}}Encrypted{name}" for name in ("Assertion", "ID", "Attribute"))
_NAMES: Final = {"saml": ASSERTION, "samlp": PROTOCOL}
_ONCE: Final = {
    f"{{{PROTOCOL}}}Response": ("saml:Issuer", "samlp:Status"),
    f"{{{PROTOCOL}}}Status": ("samlp:StatusCode", "samlp:StatusMessage"),
    f"{{{ASSERTION}}}Assertion": ("saml:Issuer", "saml:Subject", "saml:Conditions"),
    f"{{{ASSERTION}}}Subject": ("saml:NameID",),
    f"{{{ASSERTION}}}SubjectConfirmation": ("saml:SubjectConfirmationData",),
}
"""What SAML's schema has at most once in each element."""

_TEXT_ALONE: Final = tuple(f"{{{ASSERTION}}}{name}" for name in ("NameID", "Issuer", "Audience"))


def check_structure(root: etree._Element) -> Iterator[Finding]:
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
    yield from _cardinality(root)
    encrypted = next((etree.QName(element).localname for element in root.iter(*_ENCRYPTED)), None)
    if encrypted is not None:
        yield Finding(
            "error",
            f"The response is encrypted ({encrypted})",
            "Flex does not support encryption.",
            "turn assertion encryption off at the identity provider",
        )


def _cardinality(root: etree._Element) -> Iterator[Finding]:
    """What stands twice where SAML has it once, and elements where it has text."""
    for element in root.iter(*_ONCE):
        for name in _ONCE[str(element.tag)]:
            count = len(element.findall(name, _NAMES))
            if count > 1:
                yield _not_saml(f"{etree.QName(element).localname} has {count} of {name.partition(':')[2]}")
    for element in root.iter(*_TEXT_ALONE):
        if next(element.iterchildren(etree.Element), None) is not None:
            yield _not_saml(f"{etree.QName(element).localname} holds elements instead of text")


def _not_saml(what: str) -> Finding:
    return Finding(
        "error",
        f"{what}: SAML's schema does not allow that",
        "Readers disagree on which of them counts, which attacks use.",
        "check where this response came from: no identity provider makes such a one",
    )
