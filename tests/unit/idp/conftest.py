"""Keys and certificates for the identity provider's side, made once a session: RSA keys take a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.saml_responses import KeyPair


def _pair(name: str) -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return KeyPair(key, certificate)


@pytest.fixture(scope="session")
def pair() -> KeyPair:
    """The identity provider's key, and the certificate that the YAML declares."""
    return _pair("idp.example.com")


@pytest.fixture(scope="session")
def other_pair() -> KeyPair:
    """A key that nobody declared."""
    return _pair("other.example.com")
