"""The `sso:` section of flex.yaml: how users sign in, checked for its shape and handed on as a model.Sso."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flexres.desired import texts
from flexres.desired.durations import Duration
from flexres.desired.entries import WebAddress
from flexres.desired.flaws import Flaw
from flexres.desired.model import Sso
from flexres.desired.sids import sid
from flexres.desired.source import UnreadableFile
from flexres.desired.texts import wrong

_BY_IDP: Final = ("roles", "full_name", "email")
_FILE: Final = "flex.yaml"


def _claim(name: str) -> str:
    texts.line(name)
    if name.partition(".")[0] in _BY_IDP:
        raise wrong(f"{name} comes from the identity provider in any case", "leave it out of claims")
    return name


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
    default_redirect_url: WebAddress | None = Field(None, description="Where a login that starts at the IdP lands.")
    trusted: list[Annotated[str, AfterValidator(texts.line)]] = Field(
        default_factory=list, description="Addresses that may ask for a login.", examples=[["https://flex.example.com"]]
    )
    login_popup: bool | None = Field(None, description="Whether the login opens in a window of its own.")
    login_popup_features: str | None = Field(None, description="Features of that window, as for window.open.")
    session_not_on_or_after: Duration | None = Field(None, description="How long the IdP's sessions live.")
    self_hosted: bool = Field(False, description="Whether agents use a Flex UI on a domain of your own.")
    claims: list[Annotated[str, AfterValidator(_claim)]] = Field(
        default_factory=list,
        description="What the IdP writes into Workers at every login, besides roles, full_name and email.",
        examples=[["department"]],
    )
    attested: dict[str, str] | None = Field(None, description="Digests of what a person entered in Console.")


FIELDS: Final = tuple(SsoSection.model_fields)


def read_sso(section: SsoSection, read: Callable[[str], bytes]) -> tuple[Sso, list[Flaw]]:
    """The declared sign-on with the text of its certificate, and what is wrong with it; `read` gives a file's bytes."""
    flaws = list(_missing(section))
    certificate, unreadable = _certificate(section, read)
    hours = section.session_not_on_or_after
    return Sso(
        type=section.type,
        writer=section.writer,
        connection=section.connection,
        issuer=section.issuer,
        sso_url=section.sso_url,
        certificate=certificate,
        certificate_file=section.certificate,
        default_redirect_url=section.default_redirect_url,
        trusted=tuple(section.trusted),
        login_popup=section.login_popup,
        login_popup_features=section.login_popup_features,
        session_not_on_or_after=hours if isinstance(hours, timedelta) else None,
        self_hosted=section.self_hosted,
        claims=tuple(section.claims),
        attested=section.attested,
    ), flaws + unreadable


def _missing(section: SsoSection) -> Iterator[Flaw]:
    needed = ["issuer", "sso_url", "certificate"]
    if section.type == "enhanced" and section.writer == "console":
        needed.append("connection")
    for name in needed:
        if getattr(section, name) is None:
            yield Flaw(_FILE, ("sso",), f"{name} is missing from sso", f"add {name}:", at_key=True)


def _certificate(section: SsoSection, read: Callable[[str], bytes]) -> tuple[str | None, list[Flaw]]:
    name = section.certificate
    if name is None:
        return None, []
    where = ("sso", "certificate")
    try:
        text = read(name).decode("ascii")
    except UnreadableFile as error:
        return None, [Flaw(_FILE, where, f"the file {name} {error.reason}", error.hint)]
    except UnicodeDecodeError:
        return None, [Flaw(_FILE, where, f"{name} is no PEM text", "export the certificate as PEM (Base64)")]
    if "-----BEGIN CERTIFICATE-----" not in text:
        hint = "it has to hold the lines from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
        return None, [Flaw(_FILE, where, f"{name} holds no certificate", hint)]
    return text, []
