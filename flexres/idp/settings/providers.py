"""The identity providers by name, and the one way to ask for their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flexres.idp.saml.service_provider import ServiceProvider
from flexres.idp.settings import hosted, own
from flexres.idp.settings.model import ProviderName, Settings

PROVIDERS: Final[Mapping[ProviderName, Callable[[ServiceProvider, Sequence[str]], Settings]]] = {
    "okta": hosted.okta,
    "entra": hosted.entra,
    "google": hosted.google,
    "adfs": own.adfs,
    "keycloak": own.keycloak,
    "auth0": hosted.auth0,
    "generic": own.generic,
}


def settings(provider: ProviderName, flex: ServiceProvider, attributes: Sequence[str] = ()) -> Settings:
    """Everything to enter at a provider for one Flex.

    `attributes` are the claims besides roles, full_name and email, spelled as Flex gets them: `department`,
    `level.int`.
    """
    return PROVIDERS[provider](flex, tuple(dict.fromkeys(attributes)))
