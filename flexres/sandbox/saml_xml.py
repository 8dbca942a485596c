"""What SAML takes: XML from strangers parsed safely, its names, and the key and certificate that sign."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from flexres.sandbox.store.database import Store

PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
ENCRYPTION: Final = "http://www.w3.org/2001/04/xmlenc#"

STATUS: Final = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS: Final = f"{STATUS}Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PASSWORD: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"  # noqa: S105  a URN
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


def protocol(name: str) -> str:
    """An element of the protocol, as lxml spells it."""
    return f"{{{PROTOCOL}}}{name}"


def assertion(name: str) -> str:
    """An element of assertions, as lxml spells it."""
    return f"{{{ASSERTION}}}{name}"


def signature(name: str) -> str:
    """An element of XML signatures, as lxml spells it."""
    return f"{{{SIGNATURE}}}{name}"


_LARGEST = 256 * 1024
_MOST_NAMESPACES = 1_000
"""Canonical XML asks of each element which namespaces are in force: work that grows with the square of them."""
_DEEPEST = 50
_MOST_ATTRIBUTES = 100
_DOCTYPE = "it has a document type declaration, which SAML messages never need"


class UnsafeXmlError(ValueError):
    """Text that is no XML, or XML that nobody needs for SAML; the message says which."""


def parse(data: bytes) -> etree._Element:
    """The root element. Comments are dropped: they are never signed, and split the text around them.

    Raises:
        UnsafeXmlError: it is not well-formed, has a document type (which is where entities would be declared), or is
            larger than any message of SAML.
    """
    bare = data.replace(b"\0", b"")  # of UTF-16 as well
    if b"<!DOCTYPE" in bare:
        raise UnsafeXmlError(_DOCTYPE)
    if len(data) > _LARGEST or bare.count(b"xmlns") > _MOST_NAMESPACES:
        raise UnsafeXmlError(
            f"it is larger than any SAML message: over {_LARGEST:,} bytes, or {_MOST_NAMESPACES:,} namespaces"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnsafeXmlError(f"it is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXmlError(_DOCTYPE)
    _check_shape(root)
    return root


def _check_shape(root: etree._Element) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEEPEST or len(element.attrib) > _MOST_ATTRIBUTES:
            raise UnsafeXmlError(
                f"it has elements more than {_DEEPEST} deep, or one with more than {_MOST_ATTRIBUTES} attributes"
            )


def text_of(element: etree._Element | None) -> str:
    """All text inside an element, without the space around it; nothing for no element."""
    return "" if element is None else "".join(str(piece) for piece in element.itertext()).strip()


ISSUER = "urn:sandbox:identity-provider"

_SETTING = "idp_key"
_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its self-signed certificate, both PEM."""

    key_pem: str
    certificate_pem: str


def identity_provider_key(store: Store) -> SigningKey:
    """The key of this state."""
    stored = store.setting(_SETTING)
    if stored is not None:
        return SigningKey(*json.loads(stored))
    made = make_key("Sandbox identity provider")
    store.set_setting(_SETTING, json.dumps([made.key_pem, made.certificate_pem]))
    return made


def make_key(common_name: str) -> SigningKey:
    """A new RSA key of 2,048 bits, certified for ten years."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + _LIFE)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())
