"""The `sso:` section of flex.yaml: how users sign in, checked for its shape and handed on as a model.Sso."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from flexres.desired.schema import field_types as texts
from flexres.desired.schema.attributes import shown
from flexres.desired.schema.field_types import Duration, sid, wrong
from flexres.desired.schema.users_yaml import WebAddress

_BY_IDP: Final = ("roles", "full_name", "email")
_DIGEST_PATTERN: Final = "^[0-9a-f]{8}$"
_FEATURES: Final = r"^[A-Za-z]+(=[A-Za-z0-9]+)?(,[A-Za-z]+(=[A-Za-z0-9]+)?)*$"


def _claim(name: str) -> str:
    texts.line(name)
    if name.partition(".")[0] in _BY_IDP:
        raise wrong(f"{name} comes from the identity provider in any case", "leave it out of claims")
    return name


def _digest(text: str) -> str:
    if re.fullmatch(_DIGEST_PATTERN, text):
        return text
    raise wrong(f"{shown(text)} is no digest", "let flexres sso attest write it")


def _features(text: str) -> str:
    if re.fullmatch(_FEATURES, text):
        return text
    tidy = re.sub(r"\s*[,;]\s*", ",", re.sub(r"\s*=\s*", "=", text.strip()))
    good = re.fullmatch(_FEATURES, tidy)
    raise wrong(
        f"{shown(text)} is no list of window features",
        f"write {tidy}" if good else "write them as for window.open: width=500,height=700",
    )


Digest = Annotated[str, AfterValidator(_digest), WithJsonSchema({"type": "string", "pattern": _DIGEST_PATTERN})]
Features = Annotated[str, AfterValidator(_features), WithJsonSchema({"type": "string", "pattern": _FEATURES})]


class AttestedSection(BaseModel):
    """What a person entered in Twilio Console: written by `flexres sso attest`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    certificate: Digest | None = Field(None, description="Digest of the certificate that was entered.")
    issuer: Digest | None = Field(None, description="Digest of the issuer that was entered.")
    sso_url: Digest | None = Field(None, description="Digest of the sign-on URL that was entered.")
    default_redirect_url: Digest | None = Field(None, description="Digest of the default redirect URL.")
    connection: Digest | None = Field(None, description="Digest of the connection that was activated.")
    trusted: list[Annotated[str, AfterValidator(texts.line)]] = Field(
        default_factory=list, description="The trusted entries that Console has."
    )


class SsoSection(BaseModel):
    """How users sign in to Flex."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    type: Literal["enhanced", "legacy"] = Field(description="legacy only to describe and migrate.")
    writer: Literal["console", "api"] = Field(description="console: a person enters the settings in Twilio Console.")
    connection: Annotated[str, sid("JQ", "the SSO connection, on Console's Single sign-on page")] | None = Field(
        None, description="SID of the SSO connection."
    )
    issuer: Annotated[str, AfterValidator(texts.line)] | None = Field(
        None, description="The identity provider's issuer (entity id).", examples=["urn:acme.eu.auth0.com"]
    )
    sso_url: WebAddress | None = Field(None, description="The identity provider's single sign-on URL.")
    certificate: Annotated[str, AfterValidator(texts.line)] | None = Field(
        None, description="The identity provider's certificate: a PEM file in this folder.", examples=["certs/idp.pem"]
    )
    default_redirect_url: Annotated[str, AfterValidator(texts.line)] | None = Field(
        None, description="Where a login that starts at the IdP lands.", examples=["https://flex.example.com"]
    )
    trusted: list[Annotated[str, AfterValidator(texts.line)]] | None = Field(
        None,
        description="Addresses that may ask for a login; the whole list.",
        examples=[["https://flex.example.com"]],
    )
    login_popup: bool | None = Field(None, description="Whether the login opens in a window of its own.")
    login_popup_features: Features | None = Field(
        None, description="Features of that window, as for window.open.", examples=["width=500,height=700"]
    )
    session_not_on_or_after: Duration | None = Field(None, description="How long the IdP's sessions live.")
    self_hosted: bool = Field(False, description="Whether agents use a Flex UI on a domain of your own.")
    claims: list[Annotated[str, AfterValidator(_claim)]] = Field(
        default_factory=list,
        description="What the IdP writes into Workers at every login, besides roles, full_name and email.",
        examples=[["department"]],
    )
    attested: AttestedSection | None = Field(
        None, description="What a person entered in Console; flexres sso attest writes it."
    )


FIELDS: Final = tuple(SsoSection.model_fields)
ATTESTED_FIELDS: Final = tuple(AttestedSection.model_fields)
DIGESTED: Final = tuple(name for name in ATTESTED_FIELDS if name != "trusted")
