"""An identity provider's metadata gives issuer, sign-on URL and certificates, or says what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.schema.certificate import fingerprint
from flexres.errors import SetupError
from flexres.idp.metadata import read_metadata
from flexres.idp.settings.import_files import service_provider_metadata
from tests.saml_responses import DS, FLEX, KeyPair

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
POST = '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp/post"/>'
REDIRECT = POST.replace("HTTP-POST", "HTTP-Redirect").replace("/post", "/redirect")


def _key(pair: KeyPair, use: str = ' use="signing"') -> str:
    body = "\n".join(pair.pem.splitlines()[1:-1])
    return (
        f'<KeyDescriptor{use}><KeyInfo xmlns="{DS}"><X509Data><X509Certificate>{body}</X509Certificate></X509Data>'
        "</KeyInfo></KeyDescriptor>"
    )


def _metadata(inside: str, entity: str = "urn:acme") -> str:
    return (
        f'<EntityDescriptor xmlns="{MD}" entityID="{entity}"><IDPSSODescriptor '
        f'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{inside}</IDPSSODescriptor></EntityDescriptor>'
    )


def test_it_gives_the_values_of_sso(pair: KeyPair) -> None:
    """HTTP-Redirect is preferred whatever the order."""
    formats = "<NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>"
    read = read_metadata(_metadata(_key(pair) + formats + POST + REDIRECT).encode())
    assert (read.issuer, read.sso_url, read.binding) == ("urn:acme", "https://idp/redirect", "HTTP-Redirect")
    assert [fingerprint(text) for text in read.certificates] == [fingerprint(pair.pem)]
    assert read.certificates[0] == pair.pem
    assert read.name_id_formats == ("emailAddress",)


def test_http_post_serves_where_there_is_no_redirect(pair: KeyPair) -> None:
    """It is said, so that the caller can tell."""
    assert read_metadata(_metadata(_key(pair, "") + POST).encode()).binding == "HTTP-POST"


def test_every_signing_certificate_is_given_once(pair: KeyPair, other_pair: KeyPair) -> None:
    """Two while the key changes; keys for encryption do not count."""
    inside = _key(pair) + _key(other_pair) + _key(pair) + _key(other_pair, ' use="encryption"') + REDIRECT
    assert [fingerprint(text) for text in read_metadata(_metadata(inside).encode()).certificates] == [
        fingerprint(pair.pem),
        fingerprint(other_pair.pem),
    ]


def test_the_one_identity_provider_of_many_entities_is_found(pair: KeyPair) -> None:
    """Service providers beside it do not matter."""
    service = f'<EntityDescriptor xmlns="{MD}" entityID="sp"><SPSSODescriptor/></EntityDescriptor>'
    both = f'<EntitiesDescriptor xmlns="{MD}">{service}{_metadata(_key(pair) + REDIRECT)}</EntitiesDescriptor>'
    assert read_metadata(both.encode()).issuer == "urn:acme"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"<html>", "cannot be read"),
        (b"<html></html>", "no SAML metadata"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x/>', "DOCTYPE"),
        (b"<x" + b"x" * 6_000_000, "MB"),
        (f'<EntityDescriptor xmlns="{MD}"/>'.encode(), "no identity provider"),
        (service_provider_metadata(FLEX).encode(), "service provider"),
        (_metadata("").encode(), "no single sign-on URL"),
        (_metadata(REDIRECT).encode(), "no signing certificate"),
        (_metadata(REDIRECT, entity=" ").encode(), "no entityID"),
        (f'<E xmlns="{MD}"/>'.encode(), "no SAML metadata"),
    ],
)
def test_wrong_metadata_says_what_to_do(data: bytes, words: str) -> None:
    """One line and a hint."""
    with pytest.raises(SetupError) as caught:
        read_metadata(data)
    assert words in caught.value.message
    assert caught.value.hint


def test_two_identity_providers_are_named(pair: KeyPair) -> None:
    """Nobody guesses which one."""
    one, two = (_metadata(_key(pair) + REDIRECT, entity) for entity in ("urn:one", "urn:two"))
    with pytest.raises(SetupError, match="urn:one, urn:two"):
        read_metadata(f'<EntitiesDescriptor xmlns="{MD}">{one}{two}</EntitiesDescriptor>'.encode())


def test_a_damaged_certificate_is_told(pair: KeyPair) -> None:
    """Before anybody enters it in Console."""
    with pytest.raises(SetupError, match="damaged"):
        read_metadata(_metadata(_key(pair).replace("<X509Certificate>", "<X509Certificate>?") + REDIRECT).encode())


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """Only SetupError."""
    with pytest.raises(SetupError):
        read_metadata(data)


def test_a_certificate_that_is_none_is_told_before_it_is_written(pair: KeyPair) -> None:
    """Base64 alone makes no certificate."""
    body = "".join(pair.pem.splitlines()[1:-1])
    broken = _key(pair).replace("\n", "").replace(body, body[: len(body) // 2 // 4 * 4])

    with pytest.raises(SetupError, match="a certificate in the metadata is damaged"):
        read_metadata(_metadata(broken + REDIRECT).encode())
