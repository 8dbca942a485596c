"""Flex as SAML service provider: its entity ID and where responses are posted to."""

from __future__ import annotations

from dataclasses import dataclass

LOGIN = "https://login.flex.us1.twilio.com"
LEGACY = "https://iam.twilio.com"


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """`entity_id` is the audience of assertions, `acs` the URL that a response is posted to."""

    entity_id: str
    acs: str


def enhanced(connection: str, *, login: str = LOGIN) -> ServiceProvider:
    """Enhanced SSO: one service provider for each connection (JQ…).

    Source: https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/auth0. `login` is another host only
    for a local Flex.
    """
    return ServiceProvider(f"urn:flex:{connection}", f"{login}/login/callback?connection={connection}")


def legacy(account: str) -> ServiceProvider:
    """Legacy SSO: one service provider for each account (AC…), from the same pages of Twilio's documentation."""
    acs = f"{LEGACY}/v1/Accounts/{account}/saml2"
    return ServiceProvider(f"{acs}/metadata", acs)
