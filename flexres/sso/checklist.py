"""What a person enters in Twilio Console, step by step in the order of its single sign-on page, ready to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import StackConfig
from flexres.desired.schema.certificate import normal_form
from flexres.idp.service_provider import ServiceProvider, enhanced, legacy
from flexres.reconcile.change import SettingChange, SettingState

PAGE_URL: Final = "https://console.twilio.com/us1/develop/flex/users-and-access/single-sign-on"
"""Console's page, as Twilio's guide for self-hosted Flex links it."""

PAGE_PATH: Final = "Twilio Console > Flex > Users and access > Single sign-on (SSO)"

# The labels of Console's page, as Twilio's Auth0 guide has them:
# https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/auth0
_LABELS: Final = {
    "certificate": "X.509 Certificate",
    "issuer": "Identity Provider Issuer",
    "sso_url": "Single Sign-On URL",
    "default_redirect_url": "Default redirect URL",
    "trusted": "Trusted URLs",
    "connection": "Save, then activate the connection",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One field of the page: its label, the value to enter whole, and whether that is still to be done.

    `name` is what `sso attest` calls it. `remove`: the value is to be taken out.
    """

    number: int
    label: str
    name: str
    value: str
    to_do: bool
    remove: bool = False
    seen: bool = False


def checklist(config: StackConfig, settings: Sequence[SettingChange]) -> tuple[Step, ...]:
    """The steps of a stack whose `sso.writer` is console, those done included."""
    sso = config.sso
    assert sso is not None
    steps = []
    for setting in settings:
        if not setting.step:
            continue
        label = _LABELS[setting.field]
        if setting.field == "trusted" and sso.type == "legacy":
            label = "Trusted domains"
        value = setting.entry or setting.declared
        if setting.field == "certificate" and sso.certificate:
            value = normal_form(sso.certificate)
        steps.append(
            Step(
                number=setting.step,
                label=label,
                name=setting.entry or setting.field,
                value=value,
                to_do=setting.waits or setting.state is SettingState.DRIFT,
                remove=setting.removal,
                seen=setting.answer == "yes",
            )
        )
    return tuple(steps)


def service_provider(config: StackConfig, *, login: str | None = None) -> ServiceProvider | None:
    """What the identity provider has to know of Flex; None while there is no connection."""
    sso = config.sso
    if sso is None or (sso.type == "enhanced" and sso.connection is None):
        return None
    if sso.type == "legacy":
        return legacy(config.account)
    return enhanced(sso.connection or "", login=login) if login else enhanced(sso.connection or "")
