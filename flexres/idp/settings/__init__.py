"""What to enter at an identity provider so that its users sign in to Flex: text, Markdown and files to import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as ByName
from typing import Final

from flexres.idp.service_provider import ServiceProvider
from flexres.idp.settings import hosted, own
from flexres.idp.settings.model import Field, File, Mapping, ProviderName, Section, Settings, as_markdown, as_text

__all__ = [
    "PROVIDERS",
    "Field",
    "File",
    "Mapping",
    "ProviderName",
    "Section",
    "Settings",
    "as_markdown",
    "as_text",
    "settings",
]

PROVIDERS: Final[ByName[ProviderName, Callable[[ServiceProvider, Sequence[str]], Settings]]] = {
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
