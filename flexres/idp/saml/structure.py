"""Whether a response is built as SAML builds one, before any signature is looked at and any value is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from flexres.idp.findings import Finding
from flexres.idp.safe_xml import ASSERTION, PROTOCOL
from flexres.idp.saml import signature as signatures

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
