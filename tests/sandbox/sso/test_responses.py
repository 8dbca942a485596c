"""SAML responses at Flex's door: each broken one is refused with its reason, and forged ones do not pass."""

from __future__ import annotations

import base64
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from flexres.sandbox.idp.breakage import BROKEN

ANA = "ana@example.com"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"

REFUSED = {
    "wrong_audience": "The assertion is meant for somebody else.",
    "wrong_recipient": "Recipient is wrong.",
    "wrong_destination": "Destination is wrong.",
    "wrong_issuer": "Issuer is wrong.",
    "expired": "The assertion has expired.",
    "not_yet_valid": "The assertion is not valid yet.",
    "wrong_request": "The response answers a request that was not made, is too old, or was answered already.",
    "no_request": "The response does not say which request it answers.",
    "wrong_key": "The signature is not valid for the certificate of the SSO settings.",
    "tampered": "The response was changed after it was signed.",
    "unsigned": "The response is not signed.",
    "wrapped": "The response is arranged as no identity provider does it.",
    "encrypted": "The assertion is encrypted, which Flex does not support.",
    "doctype": "SAMLResponse cannot be read.",
    "invalid_nameid_policy": "The identity provider did not sign anybody in: Requester / InvalidNameIDPolicy.",
    "authn_failed": "The identity provider did not sign anybody in: Responder / AuthnFailed.",
    "no_name_id": "The assertion has no NameID.",
}
LATER = {
    "raw_id", "missing_roles", "missing_email", "missing_full_name", "unknown_role", "namespaced", "bad_type",
    "short_session",
}  # fmt: skip


@pytest.mark.parametrize(("broken", "reason"), REFUSED.items())
def test_broken_response_is_refused_with_its_reason(sandbox, broken, reason):
    """On a page, with nobody made; and a proper one goes through afterwards."""
    visit = sandbox.sign_in(ANA, broken=broken)

    assert visit.reason == reason
    assert visit.status in (400, 403)
    assert sandbox.users() == []
    assert sandbox.sign_in(ANA).status == 200


def test_every_breakage_is_tested():
    """Here, or where the claims are."""
    assert set(BROKEN) == set(REFUSED) | LATER


class Forge:
    """A response to a fresh request, to be rearranged before it is posted."""

    def __init__(self, sandbox, visitor, signed="both"):
        self.visitor = visitor
        sent = visitor.client.get(visitor.begin(f"{sandbox.url}/demo/app").url)
        query = parse_qs(urlsplit(sent.headers["Location"]).query)
        self.relay_state = query["RelayState"][0]
        self.answer = dict(visitor.vouch(ANA, request=query["SAMLRequest"][0], signed=signed))
        self.root = etree.fromstring(base64.b64decode(self.answer["SAMLResponse"]))

    def post(self, data=None):
        data = etree.tostring(self.root) if data is None else data
        self.answer["SAMLResponse"] = base64.b64encode(data).decode()
        return self.visitor.post_response(self.answer, self.relay_state)


@pytest.mark.parametrize("signed", ["both", "response", "assertion"])
def test_signature_may_be_on_response_or_assertion(sandbox, visitor, signed):
    """Auth0 signs the response, others the assertion, or both."""
    assert Forge(sandbox, visitor, signed).post().status_code == 302


@pytest.mark.parametrize("signed", ["both", "response", "assertion"])
def test_changed_attribute_is_refused(sandbox, visitor, signed):
    """Whatever the signature covers, it covers the attributes."""
    forge = Forge(sandbox, visitor, signed)
    [value] = [value for value in forge.root.iter(f"{ASSERTION}AttributeValue") if value.text == "agent"]
    value.text = "admin"

    answer = forge.post()

    assert answer.status_code == 403
    assert "changed after it was signed" in answer.text


def _sibling(root):
    """The forged assertion stands before the signed one."""
    assertion = root.find(f"{ASSERTION}Assertion")
    forged = _copy(assertion)
    root.insert(root.index(assertion), forged)


def _inside_signature(root):
    """The signed assertion hides in the signature of the forged one."""
    assertion = root.find(f"{ASSERTION}Assertion")
    forged = _copy(assertion, keep_signature=True)
    root.replace(assertion, forged)
    holder = etree.SubElement(forged.find(SIGNATURE), f"{SIGNATURE.removesuffix('Signature')}Object")
    assertion.remove(assertion.find(SIGNATURE))
    holder.append(assertion)


def _same_id(root):
    """Another element takes the ID of the signed assertion, and stands before it."""
    extensions = etree.Element(f"{PROTOCOL}Extensions")
    etree.SubElement(extensions, "{urn:x}decoy", ID=root.find(f"{ASSERTION}Assertion").get("ID"))
    root.insert(1, extensions)


def _signature_elsewhere(root):
    """The signature is moved out of the assertion, into the status."""
    assertion = root.find(f"{ASSERTION}Assertion")
    root.find(f"{PROTOCOL}Status").append(assertion.find(SIGNATURE))


def _assertion_elsewhere(root):
    """The assertion is moved into the extensions."""
    extensions = etree.Element(f"{PROTOCOL}Extensions")
    extensions.append(root.find(f"{ASSERTION}Assertion"))
    root.insert(1, extensions)


def _copy(assertion, *, keep_signature=False):
    forged = etree.fromstring(etree.tostring(assertion))
    forged.set("ID", "_forged")
    forged.find(f"{ASSERTION}Subject/{ASSERTION}NameID").text = "admin@example.com"
    if not keep_signature:
        forged.remove(forged.find(SIGNATURE))
    return forged


@pytest.mark.parametrize(
    "attack", [_sibling, _inside_signature, _same_id, _signature_elsewhere, _assertion_elsewhere],
    ids=lambda attack: attack.__name__.strip("_"),
)  # fmt: skip
def test_wrapped_signature_is_refused(sandbox, visitor, attack):
    """Only what is signed is read, and only from where it belongs."""
    forge = Forge(sandbox, visitor, "assertion")
    attack(forge.root)

    answer = forge.post()

    assert answer.status_code == 403
    assert "arranged as no identity provider does it" in answer.text
    assert sandbox.users() == []


def test_comment_does_not_split_the_name(sandbox, visitor):
    """A comment is not signed, so anybody may add one: `ana@<!---->example.com` has to stay the whole name."""
    sandbox.switches(login_claims_applied="callback")
    forge = Forge(sandbox, visitor)
    data = etree.tostring(forge.root)
    assert b">ana@example.com</saml:NameID>" in data

    forge.post(data.replace(b">ana@example.com</saml:NameID>", b">ana@<!---->example.com</saml:NameID>"))

    assert [user["username"] for user in sandbox.users()] == [ANA]


def test_assertion_is_for_one_use(visitor):
    """The same response a second time, without a request that could refuse it."""
    answer = visitor.vouch(ANA)
    first, second = visitor.post_response(answer), visitor.post_response(answer)

    assert first.status_code == 302
    assert second.status_code == 403
    assert "This assertion was used before." in second.text


def test_answered_request_is_used_up(sandbox, visitor):
    """A second response to the same request is refused."""
    forge = Forge(sandbox, visitor)
    assert forge.post().status_code == 302
    assert "a request that was not made, is too old, or was answered already" in forge.post().text


def test_response_to_another_browsers_request_is_refused(sandbox, visitor):
    """RelayState and InResponseTo belong together."""
    one, other = Forge(sandbox, visitor), Forge(sandbox, visitor)
    one.relay_state = other.relay_state
    assert one.post().status_code == 400


def test_step_on_the_way_back_is_for_one_use(sandbox, visitor):
    """Reloading it says so, on a page."""
    form = {"SAMLResponse": visitor.vouch(ANA)["SAMLResponse"]}
    answer = visitor.client.post(f"/login/callback?connection={sandbox.identity.connection_sid}", data=form)
    step = answer.headers["Location"]

    assert visitor.client.get(step).status_code == 302
    assert "taken already, or too late" in visitor.client.get(step).text


@pytest.mark.parametrize(
    "text", ["", "%%%", "bm90IHhtbA==", base64.b64encode(b"<a/>").decode(), base64.b64encode(b"<a>" * 300).decode()]
)
def test_nonsense_is_refused_on_a_page(sandbox, visitor, text):
    """No answer of 500, whatever is posted."""
    url = f"/login/callback?connection={sandbox.identity.connection_sid}"
    answer = visitor.client.post(url, data={"SAMLResponse": text})
    assert answer.status_code == 400
    assert "<h1>" in answer.text


def test_billion_laughs_are_refused_at_once(sandbox, visitor):
    """Entities are not even declared."""
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "ha">{lines}]><r>&e11;</r>'.encode()
    for data in (bomb, bomb.decode().encode("utf-16")):
        answer = Forge(sandbox, visitor).post(data)
        assert "document type declaration" in answer.text


def _many_namespaces(data: bytes) -> bytes:
    names = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(5_000)).encode()
    return data.replace(b"<samlp:Response ", b"<samlp:Response " + names + b" ", 1)


def _extended(data: bytes, inside: bytes) -> bytes:
    extensions = b"<samlp:Extensions>" + inside + b"</samlp:Extensions>"
    return data.replace(b"<samlp:Status>", extensions + b"<samlp:Status>", 1)


def _many_signatures(data: bytes) -> bytes:
    signature = data[data.index(b"<ds:Signature ") : data.index(b"</ds:Signature>") + len(b"</ds:Signature>")]
    return data.replace(b"<samlp:Status>", signature * 40 + b"<samlp:Status>", 1)


@pytest.mark.parametrize(
    "grown",
    [
        _many_namespaces, _many_signatures, lambda data: _extended(data, b"<e/>" * 100_000),
        lambda data: _extended(data, b"<e>" * 200 + b"</e>" * 200),
        lambda data: _extended(data, b"<e " + b" ".join(b'a%d=""' % number for number in range(20_000)) + b"/>"),
        lambda data: data.replace(b"<ds:Transform ", b'<ds:Transform Algorithm="urn:x"/>' * 3_000 + b"<ds:Transform "),
    ],
    ids=["namespaces", "signatures", "size", "depth", "attributes", "transforms"],
)  # fmt: skip
def test_work_that_grows_with_the_square_is_refused_at_once(sandbox, visitor, grown):
    """0.6 MB took fourteen seconds, in which nobody else was answered."""
    forge = Forge(sandbox, visitor)
    data = grown(etree.tostring(forge.root))
    begun = time.perf_counter()

    answer = forge.post(data)

    assert answer.status_code in (400, 403)
    assert time.perf_counter() - begun < 3


def test_response_for_another_connection_is_refused(sandbox, visitor):
    """The connection in the address is checked before anything else."""
    answer = visitor.client.post("/login/callback?connection=JQ" + "9" * 32, data={"SAMLResponse": "x"})
    assert "no such SSO connection" in answer.text


def test_rotated_certificate_is_noticed(sandbox, another_certificate):
    """What an administrator sees when the provider's key and the settings part ways."""
    sandbox.sso(certificate=another_certificate)
    visit = sandbox.sign_in(ANA)
    assert (visit.status, visit.reason) == (403, REFUSED["wrong_key"])
