"""Responses that were tampered with: nothing is read but what was signed, and nothing raises."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from flexres.idp.saml import Report, lint
from tests.saml_responses import (
    DS,
    NOW,
    SAML,
    SAMLP,
    KeyPair,
    Recipe,
    Sha1Signer,
    declared,
    response,
    sign,
    xml,
)

ASSERTION = f"{{{SAML}}}Assertion"
SIGNATURE = f"{{{DS}}}Signature"


def _lint(pair: KeyPair, data: bytes) -> Report:
    return lint(data, sso=declared(pair), now=NOW)


def _titles(report: Report) -> str:
    return "\n".join(finding.title for finding in report.findings if finding.level == "error")


def _evil(assertion: etree._Element) -> etree._Element:
    evil = copy.deepcopy(assertion)
    for signature in evil.findall(SIGNATURE):
        evil.remove(signature)
    evil.set("ID", "_evil")
    name_id = evil.find(f".//{{{SAML}}}NameID")
    assert name_id is not None
    name_id.text = "owner@example.com"
    return evil


def _beside(root: etree._Element) -> None:
    root.insert(2, _evil(root.find(ASSERTION)))


def _around(root: etree._Element) -> None:
    """The signed assertion moves into the evil one, whose own place it takes."""
    signed = root.find(ASSERTION)
    evil = _evil(signed)
    root.replace(signed, evil)
    evil.append(signed)


def _in_extensions(root: etree._Element) -> None:
    signed = root.find(ASSERTION)
    root.replace(signed, _evil(signed))
    extensions = etree.SubElement(root, f"{{{SAMLP}}}Extensions")
    extensions.append(signed)


def _in_object(root: etree._Element) -> None:
    """The signed assertion moves into an Object of its signature, which the evil one carries."""
    signed = root.find(ASSERTION)
    evil = _evil(signed)
    root.replace(signed, evil)
    signature = signed.find(SIGNATURE)
    evil.insert(1, signature)
    holder = etree.SubElement(signature, f"{{{DS}}}Object")
    holder.append(signed)


def _same_id(root: etree._Element) -> None:
    evil = _evil(root.find(ASSERTION))
    evil.set("ID", "_assertion")
    root.append(evil)


def _moved_signature(root: etree._Element) -> None:
    """The evil assertion carries the signature of the other, which hides behind it."""
    signed = root.find(ASSERTION)
    evil = _evil(signed)
    evil.insert(1, copy.deepcopy(signed.find(SIGNATURE)))
    root.replace(signed, evil)
    etree.SubElement(root, f"{{{SAMLP}}}Extensions").append(signed)


def _transform(root: etree._Element) -> None:
    transform = root.find(f".//{{{DS}}}Transform")
    transform.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def _two_references(root: etree._Element) -> None:
    reference = root.find(f".//{{{DS}}}Reference")
    reference.addnext(copy.deepcopy(reference))


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (_beside, "2 assertions side by side"),
        (_around, "hides inside another element"),
        (_in_extensions, "hides inside another element"),
        (_in_object, "hides inside another element"),
        (_same_id, "stands on more than one element"),
        (_moved_signature, "covers another element"),
        (_transform, "does not allow"),
        (_two_references, "covers 2 elements"),
    ],
)
def test_a_wrapped_signature_is_named_and_nothing_is_read(
    pair: KeyPair, attack: Callable[[etree._Element], None], words: str
) -> None:
    """No name, no attributes: whatever the evil assertion says stays unsaid."""
    root = etree.fromstring(response(pair, Recipe(sign=("Assertion",))))
    attack(root)
    report = _lint(pair, etree.tostring(root))
    assert "Signature wrapping" in _titles(report)
    assert words in _titles(report)
    assert (report.name_id, report.worker_attributes) == (None, None)
    assert "owner@example.com" not in str(report)


@pytest.mark.parametrize("element", ["NameID", "AttributeValue", "Audience"])
@pytest.mark.parametrize("split", [etree.Comment("x"), etree.ProcessingInstruction("x")])
def test_a_comment_inside_a_value_is_refused(pair: KeyPair, element: str, split: etree._Element) -> None:
    """The signature holds all the same, which is why readers were fooled by it."""
    root = etree.fromstring(response(pair, Recipe(name_id="owner@example.com.evil.com", sign=("Assertion",))))
    value = next(root.iter(f"{{{SAML}}}{element}"))
    node = copy.deepcopy(split)
    node.tail, value.text = value.text, "owner"
    value.append(node)
    report = _lint(pair, etree.tostring(root))
    assert f"A comment splits the text of {element}" in _titles(report)
    assert report.worker_attributes is None


def test_another_key_is_named_with_both_fingerprints(pair: KeyPair, other_pair: KeyPair) -> None:
    """What a rotated certificate looks like."""
    report = _lint(pair, response(other_pair))
    finding = next(finding for finding in report.findings if finding.level == "error")
    assert "another certificate" in finding.title
    assert "Signed with" in finding.detail
    assert "sso.certificate" in finding.fix
    assert report.worker_attributes is None


@pytest.mark.parametrize("sign", [("Assertion",), ("Response",), ("Assertion", "Response")])
def test_a_changed_value_breaks_the_signature(pair: KeyPair, sign: tuple[str, ...]) -> None:
    """Whichever part is signed."""
    report = _lint(pair, response(pair, Recipe(sign=sign)).replace(b"Ana Ruiz", b"Eve Ruiz"))
    assert "changed since" in _titles(report)
    assert report.worker_attributes is None


def test_a_signature_without_a_carried_certificate_is_held_against_the_declared_one(pair: KeyPair) -> None:
    """KeyInfo is optional, and never trusted."""
    root = etree.fromstring(response(pair, Recipe(sign=("Response",))))
    key_info = next(root.iter(f"{{{DS}}}KeyInfo"))
    key_info.getparent().remove(key_info)
    assert _lint(pair, etree.tostring(root)).verdict == "accepted"


def test_a_sha_1_signature_is_a_warning(pair: KeyPair) -> None:
    """It holds, and it can be forged."""
    signed = etree.tostring(sign(etree.fromstring(xml(Recipe())), pair, "Response", Sha1Signer))
    report = _lint(pair, signed)
    assert report.verdict == "accepted"
    assert "The response is signed with SHA-1" in [each.title for each in report.findings if each.level == "warning"]


def test_only_the_assertion_signed_is_a_warning(pair: KeyPair) -> None:
    """Twilio's guides ask for both; the response alone covers everything."""
    report = _lint(pair, response(pair, Recipe(sign=("Assertion",))))
    assert [finding.title for finding in report.findings if finding.level == "warning"] == [
        "Only the assertion is signed"
    ]
    assert _lint(pair, response(pair, Recipe(sign=("Response",)))).verdict == "accepted"


def test_an_encrypted_assertion_is_told(pair: KeyPair) -> None:
    """Flex cannot read it."""
    extra = "<saml:EncryptedAssertion/>"
    assert "encrypted (EncryptedAssertion)" in _titles(_lint(pair, response(pair, Recipe(extra=extra))))


BILLION = (
    b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    b'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="&c;">&c;</samlp:Response>'
)


@pytest.mark.parametrize(
    "data",
    [
        BILLION,
        BILLION.decode().encode("utf-16"),
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
        b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]><r/>',
    ],
)
def test_document_types_are_refused_before_entities_exist(pair: KeyPair, data: bytes) -> None:
    """Billion laughs, external entities, external subsets."""
    report = _lint(pair, data)
    assert len(report.findings) == 1
    assert "DOCTYPE" in report.findings[0].detail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<a>" * 200 + b"</a>" * 200, "nests deeper"),
        (b"<a>" + b"<b/>" * 60_000 + b"</a>", "more than 50000"),
        (b"<a" + b"x" * 10_000_000, "9.5 MB"),
        (b"<a>", "not well-formed"),
        (b"<a>&nbsp;</a>", "not well-formed"),
    ],
)
def test_oversize_and_malformed_input_is_one_clear_line(pair: KeyPair, data: bytes, words: str) -> None:
    """Depth, number of elements, bytes, syntax."""
    report = _lint(pair, data)
    assert len(report.findings) == 1
    assert words in report.findings[0].detail


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_to_a_response_raises(pair: KeyPair, data: st.DataObject) -> None:
    """Any bytes exchanged anywhere: a report, and no Worker from what is not signed any more."""
    whole = response(pair)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    report = _lint(pair, whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:])
    assert report.findings
    if report.worker_attributes is not None:
        assert report.worker_attributes["full_name"] == "Ana Ruiz"


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode()))
def test_no_bytes_raise(data: bytes) -> None:
    """Random bytes are told apart from a response in one line."""
    assert lint(data, sso=None, now=NOW).findings


def test_what_is_quoted_stays_on_one_line_and_short(pair: KeyPair) -> None:
    """Terminal escapes, line breaks and megabytes in names and values do not reach the reader."""
    name = "x&#10;\u202e" + "y" * 100_000
    report = _lint(pair, response(pair, Recipe(issuer="urn:\u009b31m", name_id=name)))
    for finding in report.findings:
        assert finding.title.isprintable()
        assert len(finding.title) < 500
