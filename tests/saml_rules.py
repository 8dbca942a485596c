"""The rules of a SAML response for Flex: each with what SAML says, a sample that keeps or breaks it, and the verdict.

`flexres saml lint` and the sandbox are two implementations that share no code. Both are held against these samples,
and docs/security.md has a row for each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from lxml import etree

from flexres.idp.findings import Verdict
from tests.saml_responses import DS, ISSUER, NOW, SAML, SAMLP, KeyPair, Recipe, Sha1Signer, sign, xml

Change = Callable[[etree._Element], None]
A, P = f"{{{SAML}}}", f"{{{SAMLP}}}"
ASSERTION, SUBJECT, CONDITIONS = f"{A}Assertion", f"{A}Assertion/{A}Subject", f"{A}Assertion/{A}Conditions"
CONFIRMATION = f"{SUBJECT}/{A}SubjectConfirmation"
DATA = f"{CONFIRMATION}/{A}SubjectConfirmationData"
AUDIENCE = f"{CONDITIONS}/{A}AudienceRestriction/{A}Audience"


@dataclass(frozen=True)
class Rule:
    """One rule; `change` is made before the response is signed, `tamper` after it. `asked` is the request's ID."""

    id: str
    title: str
    reference: str
    verdict: Verdict
    change: Change = lambda root: None
    tamper: Change = lambda root: None
    signed: tuple[str, ...] = ("Assertion", "Response")
    asked: str | None = "_request"
    recipe: Recipe = field(default_factory=Recipe)
    sha1: bool = False
    stranger: bool = False


def sample(rule: Rule, pair: KeyPair, other: KeyPair) -> bytes:
    """The response of a rule, signed with the declared key unless the rule is about another one."""
    root = etree.fromstring(xml(rule.recipe))
    for data in root.findall(DATA):
        data.set("InResponseTo", "_request")
    rule.change(root)
    for part in rule.signed:
        signer = {"signer_class": Sha1Signer} if rule.sha1 else {}
        root = sign(root, other if rule.stranger else pair, part, **signer)  # type: ignore[arg-type]
    rule.tamper(root)
    return etree.tostring(root)


def _set(path: str, name: str, value: str) -> Change:
    return lambda root: _found(root, path).set(name, value)


def _unset(path: str, name: str) -> Change:
    def change(root: etree._Element) -> None:
        del _found(root, path).attrib[name]

    return change


def _text(path: str, value: str) -> Change:
    def change(root: etree._Element) -> None:
        _found(root, path).text = value

    return change


def _drop(path: str) -> Change:
    def change(root: etree._Element) -> None:
        element = _found(root, path)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return change


def _twice(path: str) -> Change:
    def change(root: etree._Element) -> None:
        element = _found(root, path)
        element.addnext(copy.deepcopy(element))

    return change


def _add(path: str, fragment: str) -> Change:
    def change(root: etree._Element) -> None:
        _found(root, path).append(etree.fromstring(f'<x xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}">{fragment}</x>')[0])

    return change


def _first(path: str, fragment: str) -> Change:
    """The fragment before the first element of that path."""

    def change(root: etree._Element) -> None:
        new = etree.fromstring(f'<x xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}">{fragment}</x>')[0]
        _found(root, path).addprevious(new)

    return change


def _all(*changes: Change) -> Change:
    def change(root: etree._Element) -> None:
        for each in changes:
            each(root)

    return change


def _found(root: etree._Element, path: str) -> etree._Element:
    element = root if path == "." else root.find(path)
    assert element is not None, path
    return element


def _time(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wrap(root: etree._Element) -> None:
    """The signed assertion goes into an extension, and another one stands in its place."""
    original = _found(root, ASSERTION)
    evil = copy.deepcopy(original)
    evil.set("ID", "_evil")
    for signature in evil.findall(f"{{{DS}}}Signature"):
        evil.remove(signature)
    name = evil.find(f"{A}Subject/{A}NameID")
    assert name is not None
    name.text = "boss@example.com"
    root.replace(original, evil)
    etree.SubElement(root, f"{P}Extensions").append(original)


_PROFILE_RESPONSE = "saml-profiles 4.1.4.2"
_PROFILE_RULES = "saml-profiles 4.1.4.3"
_ANA = {"email": ["ana@example.com"], "full_name": ["Ana Ruiz"], "roles": ["agent"]}

RULES = (
    Rule("plain", "Signed response and assertion for this Flex, in time", _PROFILE_RESPONSE, "accepted"),
    # The response
    Rule("response-version", "The response's version is 1.1", "saml-core 3.2.2", "refused",
         _set(".", "Version", "1.1")),
    Rule("destination", "Destination is another address", "saml-core 3.2.2", "refused",
         _set(".", "Destination", "https://evil.example.com/acs")),
    Rule("status-missing", "No Status", "saml-core 3.2.2", "refused", _drop(f"{P}Status")),
    Rule("status-failed", "A status other than Success", "saml-core 3.2.2.2", "refused",
         _set(f"{P}Status/{P}StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")),
    Rule("status-foreign", "A status that merely ends in Success", "saml-core 3.2.2.2", "refused",
         _set(f"{P}Status/{P}StatusCode", "Value", "urn:example:Success")),
    Rule("status-twice", "Two Status elements", "saml-core 3.2.2", "refused", _twice(f"{P}Status")),
    Rule("response-issuer-other", "The response's Issuer is another one", _PROFILE_RESPONSE, "refused",
         _text(f"{A}Issuer", "urn:other")),
    Rule("response-issuer-empty", "The response's Issuer is empty", _PROFILE_RESPONSE, "refused",
         _text(f"{A}Issuer", "")),
    Rule("response-issuer-absent", "The response has no Issuer", _PROFILE_RESPONSE, "accepted", _drop(f"{A}Issuer")),
    Rule("unsolicited", "The identity provider began: no InResponseTo anywhere", "saml-profiles 4.1.5", "accepted",
         _all(_unset(".", "InResponseTo"), _unset(DATA, "InResponseTo")), asked=None),
    # The assertion
    Rule("assertion-version", "The assertion's version is 1.0", "saml-core 2.3.3", "refused",
         _set(ASSERTION, "Version", "1.0")),
    Rule("issuer-other", "The assertion's Issuer is another one", _PROFILE_RESPONSE, "refused",
         _text(f"{ASSERTION}/{A}Issuer", "urn:other")),
    Rule("issuer-empty", "The assertion's Issuer is empty", "saml-core 2.3.3", "refused",
         _text(f"{ASSERTION}/{A}Issuer", "")),
    Rule("issuer-missing", "The assertion has no Issuer", "saml-core 2.3.3", "refused",
         _drop(f"{ASSERTION}/{A}Issuer")),
    Rule("issuer-twice", "The assertion has two Issuers", "saml-core 2.3.3", "refused",
         _first(f"{ASSERTION}/{A}Issuer", f"<saml:Issuer>{ISSUER}</saml:Issuer>")),
    Rule("subject-twice", "Two Subjects", "saml-core 2.3.3", "refused", _twice(SUBJECT)),
    Rule("name-id-missing", "No NameID", "saml-core 2.4.1", "refused", _drop(f"{SUBJECT}/{A}NameID")),
    Rule("name-id-empty", "An empty NameID", "saml-core 2.2.3", "refused", _text(f"{SUBJECT}/{A}NameID", "")),
    Rule("name-id-twice", "Two NameIDs", "saml-core 2.4.1", "refused", _twice(f"{SUBJECT}/{A}NameID")),
    Rule("name-id-elements", "Elements inside NameID", "saml-core 2.2.2", "refused",
         _add(f"{SUBJECT}/{A}NameID", "<saml:X>.evil.example</saml:X>")),
    # Its confirmation
    Rule("confirmation-missing", "No SubjectConfirmation", _PROFILE_RESPONSE, "refused", _drop(CONFIRMATION)),
    Rule("confirmation-method", "Another method than bearer", _PROFILE_RESPONSE, "refused",
         _set(CONFIRMATION, "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")),
    Rule("confirmation-foreign", "A method that merely ends in bearer", _PROFILE_RESPONSE, "refused",
         _set(CONFIRMATION, "Method", "urn:example:bearer")),
    Rule("confirmation-second", "A second confirmation is the bearer's", _PROFILE_RESPONSE, "accepted",
         _first(CONFIRMATION, '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/>')),
    Rule("confirmation-no-data", "No SubjectConfirmationData", _PROFILE_RESPONSE, "refused", _drop(DATA)),
    Rule("recipient-other", "Recipient is another address", _PROFILE_RULES, "refused",
         _set(DATA, "Recipient", "https://evil.example.com/acs")),
    Rule("recipient-missing", "No Recipient", _PROFILE_RESPONSE, "refused", _unset(DATA, "Recipient")),
    Rule("confirmation-no-end", "No NotOnOrAfter in the confirmation", _PROFILE_RESPONSE, "refused",
         _unset(DATA, "NotOnOrAfter")),
    Rule("confirmation-over", "The confirmation's NotOnOrAfter has passed", _PROFILE_RULES, "refused",
         _set(DATA, "NotOnOrAfter", _time(-120))),
    Rule("confirmation-early", "The confirmation's NotBefore lies ahead", "saml-core 2.4.1.2", "refused",
         _set(DATA, "NotBefore", _time(120))),
    Rule("confirmation-other-request", "InResponseTo differs from the response's", _PROFILE_RULES, "refused",
         _set(DATA, "InResponseTo", "_another")),
    Rule("confirmation-unasked", "InResponseTo in an unsolicited response's confirmation", _PROFILE_RULES, "refused",
         _unset(".", "InResponseTo"), asked=None),
    # Its conditions
    Rule("conditions-missing", "No Conditions, so no audience", _PROFILE_RESPONSE, "refused", _drop(CONDITIONS)),
    Rule("conditions-twice", "Two Conditions", "saml-core 2.3.3", "refused", _twice(CONDITIONS)),
    Rule("audience-other", "The audience is somebody else", "saml-core 2.5.1.4", "refused",
         _text(AUDIENCE, "urn:flex:other")),
    Rule("audience-missing", "No AudienceRestriction", _PROFILE_RESPONSE, "refused",
         _drop(f"{CONDITIONS}/{A}AudienceRestriction")),
    Rule("audience-among", "Two audiences in one restriction, one is Flex", "saml-core 2.5.1.4", "accepted",
         _first(AUDIENCE, "<saml:Audience>urn:other</saml:Audience>")),
    Rule("audience-second", "A second restriction for somebody else", "saml-core 2.5.1.4", "refused",
         _add(CONDITIONS, "<saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience>"
              "</saml:AudienceRestriction>")),
    Rule("condition-unknown", "A condition that is not SAML's", "saml-core 2.5.1.1", "refused",
         _add(CONDITIONS, '<x:Only xmlns:x="urn:example"/>')),
    Rule("condition-known", "OneTimeUse and ProxyRestriction", "saml-core 2.5.1.5, 2.5.1.6", "accepted",
         _all(_add(CONDITIONS, "<saml:OneTimeUse/>"), _add(CONDITIONS, '<saml:ProxyRestriction Count="0"/>'))),
    Rule("conditions-early", "The conditions' NotBefore lies ahead", "saml-core 2.5.1.2", "refused",
         _set(CONDITIONS, "NotBefore", _time(120))),
    Rule("conditions-over", "The conditions' NotOnOrAfter has passed", "saml-core 2.5.1.2", "refused",
         _all(_set(CONDITIONS, "NotBefore", _time(-300)), _set(CONDITIONS, "NotOnOrAfter", _time(-120)))),
    Rule("conditions-skew", "The clock is 30 seconds ahead", "saml-core 2.5.1.2", "accepted",
         _set(CONDITIONS, "NotBefore", _time(30))),
    Rule("conditions-no-time", "A time that is none", "saml-core 1.3.3", "refused",
         _set(CONDITIONS, "NotOnOrAfter", "tomorrow")),
    # Its signatures
    Rule("unsigned", "Nothing is signed", "saml-profiles 4.1.4.5", "refused", signed=()),
    Rule("signed-response", "Only the response is signed", "saml-profiles 4.1.4.5", "accepted", signed=("Response",)),
    Rule("signed-assertion", "Only the assertion is signed", "saml-profiles 4.1.4.5", "accepted",
         signed=("Assertion",)),
    Rule("signed-by-another", "Signed with another key", "saml-core 5.4", "refused", stranger=True),
    Rule("signed-sha-1", "Signed with SHA-1, as Auth0's add-on does unless told otherwise", "saml-core 5.4.1",
         "accepted", sha1=True),
    Rule("changed", "Changed after it was signed", "saml-core 5.4", "refused",
         tamper=_text(f"{SUBJECT}/{A}NameID", "boss@example.com")),
    Rule("wrapped", "Another assertion stands where the signed one stood", "saml-core 5.4.2", "refused", tamper=_wrap),
    Rule("id-twice", "Two elements have one ID", "saml-core 1.3.4", "refused",
         tamper=_set(f"{SUBJECT}/{A}NameID", "ID", "_assertion")),
    Rule("encrypted", "An encrypted assertion", "saml-core 2.3.4; Twilio's guide", "refused",
         _add(".", "<saml:EncryptedAssertion/>")),
    # Its claims, by Twilio's rules of typing
    Rule("roles-int", "roles as a number", "Twilio: identity attributes", "refused",
         recipe=Recipe(claims={"full_name": ["Ana Ruiz"], "email": ["ana@example.com"], "roles.int": ["1"]})),
    Rule("email-boolean", "email as a boolean", "Twilio: identity attributes", "refused",
         recipe=Recipe(claims={"full_name": ["Ana Ruiz"], "roles": ["agent"], "email.boolean": ["true"]})),
    Rule("role-unknown", "A role that Flex does not have, beside one that it has", "Twilio says nothing", "cannot know",
         recipe=Recipe(claims={**_ANA, "roles": ["agent", "boss"]})),
    Rule("roles-twice", "roles by two claims", "Twilio says nothing", "cannot know",
         recipe=Recipe(claims={**_ANA, "roles.stringarray": ["admin"]})),
)  # fmt: skip
