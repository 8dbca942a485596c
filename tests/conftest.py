"""What holds for every test: an environment without the user's Twilio, and properties without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A slow machine is no failure. In CI the same examples each time: a commit must not fail for what another one did.
settings.register_profile(
    "flexres", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("flexres")

_FOREIGN = ("TWILIO_", "FLEXRES_", "AUTH0_", "GITHUB_", "PULUMI_")
_OURS = ("FLEXRES_UPDATE_", "FLEXRES_WRITE_")
"""Variables by which make targets ask tests to write anew what they keep current."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's credentials, endpoint or CI reach a test."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and not name.startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CI", raising=False)
