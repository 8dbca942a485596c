"""The identity provider's key and certificate: made at first use, kept in the sandbox's state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from flexres.sandbox.store.database import Store

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
