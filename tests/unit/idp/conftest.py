"""Keys and certificates for the identity provider's side, made once a session: RSA keys take a while."""

from __future__ import annotations

import pytest

from tests.saml_responses import KeyPair, new_pair


@pytest.fixture(scope="session")
def pair() -> KeyPair:
    """The identity provider's key, and the certificate that the YAML declares."""
    return new_pair("idp.example.com")


@pytest.fixture(scope="session")
def other_pair() -> KeyPair:
    """A key that nobody declared."""
    return new_pair("other.example.com")
