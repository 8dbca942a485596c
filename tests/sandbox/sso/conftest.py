"""A sandbox that people can sign in to, and what its tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flexres.sandbox import saml_xml
from flexres.sandbox.server import Sandbox
from flexres.sandbox.visitor import Visitor


@pytest.fixture(scope="session")
def another_certificate() -> str:
    """A certificate whose key the sandbox's identity provider does not have, PEM."""
    return saml_xml.make_key("Another provider").certificate_pem


@pytest.fixture
def visitor(sandbox: Sandbox) -> Iterator[Visitor]:
    """A browser without a window, at that sandbox."""
    with Visitor(sandbox.url, sandbox.identity) as running:
        yield running
