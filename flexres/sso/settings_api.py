"""The client of the settings contract (docs/openapi/settings.yaml): SSO settings and trusted URLs over HTTP.

The contract is not Twilio's, which publishes no API for them: the sandbox serves it, and whoever has an endpoint of
their own may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flexres.desired.schema.certificate import CertificateError, fingerprint
from flexres.errors import NotFoundError, SetupError
from flexres.live.http.answers import JsonObject, Response
from flexres.live.http.transport import Transport, path
from flexres.sso.difference import CONNECTION, Sighting, SignOn
from flexres.values import Json

_HOW: Final = "settings API"
_WRITABLE: Final = (
    "type", "connection", "issuer", "sso_url", "certificate", "default_redirect_url", "login_popup", "active",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What the API says. `body` is the SSO object (None: SSO is not set up), `etag` its version."""

    body: JsonObject | None
    etag: str | None
    trusted: Mapping[str, str] = field(default_factory=dict)
    """The id of each trusted entry."""

    def sign_on(self) -> SignOn:
        """The settings as the plan compares them."""
        body = self.body or {}
        active = body.get("active") is not False
        fields = {name: Sighting(_text(body.get(name)), _HOW) for name in ("type", "issuer", "sso_url")}
        fields["default_redirect_url"] = Sighting(_text(body.get("default_redirect_url")), _HOW)
        fields["connection"] = _connection(body.get("connection")) if active else Sighting("", _HOW)
        fields["certificate"] = _certificate(_text(body.get("certificate")))
        trusted = {entry: Sighting(True, _HOW) for entry in self.trusted}
        return SignOn(fields=fields, trusted=trusted, complete=True)


class SettingsApi:
    """The SSO settings and trusted entries of one account."""

    def __init__(self, transport: Transport, *, account: str) -> None:
        self._transport = transport
        self._base = path("v1", "Flex", "Settings", account)

    async def fetch(self) -> Settings:
        """Everything as it is now.

        Raises:
            SetupError: the endpoint does not serve the contract.
        """
        try:
            listed = await self._transport.request("GET", "flex-api", f"{self._base}/TrustedUrls")
        except NotFoundError as error:
            raise SetupError(
                f"this endpoint serves no SSO settings ({error.status} to {error.request})",
                hint="sso.writer: api is for the sandbox and endpoints of your own; for Twilio write writer: console",
            ) from error
        trusted = _entries(listed)
        try:
            found = await self._transport.request("GET", "flex-api", f"{self._base}/Sso")
        except NotFoundError:
            return Settings(None, None, trusted)
        return Settings(found.object(), found.etag, trusted)

    async def write(self, changes: Mapping[str, Json], *, before: Settings) -> None:
        """Put the settings of `before` with these changes, active, unless somebody else wrote in between.

        Raises:
            FormatError: a value was refused.
            PreconditionError: somebody else did.
        """
        kept = {name: value for name, value in (before.body or {}).items() if name in _WRITABLE}
        headers = {"If-Match": before.etag} if before.etag else {}
        body: dict[str, Json] = {**kept, **changes, "active": True}
        await self._transport.request(
            "PUT", "flex-api", f"{self._base}/Sso", json=body, headers=headers, idempotent=True
        )

    async def trust(self, entry: str) -> None:
        """Add a trusted entry; its id follows from it, so that a repetition adds nothing. Raises FormatError."""
        name = hashlib.sha256(entry.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        body: dict[str, Json] = {"url": entry}
        await self._transport.request("PUT", "flex-api", self._entry(name), json=body, idempotent=True)

    async def distrust(self, entry: str, name: str) -> None:
        """Remove the trusted entry with this id, as long as it still is this entry. Gone already is as good."""
        try:
            found = await self._transport.request("GET", "flex-api", self._entry(name))
            if found.object().get("url") == entry:
                headers = {"If-Match": found.etag} if found.etag else {}
                await self._transport.request("DELETE", "flex-api", self._entry(name), headers=headers)
        except NotFoundError:
            return

    def _entry(self, name: str) -> str:
        return f"{self._base}/TrustedUrls{path(name)}"


def _entries(response: Response) -> dict[str, str]:
    listed = response.object().get("trusted_urls")
    if not isinstance(listed, list):
        raise response.unexpected("has no list of trusted URLs")
    entries: dict[str, str] = {}
    for item in listed:
        url, name = (item.get("url"), item.get("id")) if isinstance(item, dict) else (None, None)
        if not isinstance(url, str) or not isinstance(name, str):
            raise response.unexpected("has a trusted URL without url or id")
        entries[url] = name
    return entries


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _connection(value: Any) -> Sighting:
    """A connection of its own form, or nothing is known: other names would reach files and URLs."""
    if value in (None, ""):
        return Sighting("", _HOW)
    if isinstance(value, str) and CONNECTION.fullmatch(value):
        return Sighting(value, _HOW)
    return Sighting(None, _HOW, "the connection's name is not JQ and 32 hexadecimal digits")


def _certificate(pem: str) -> Sighting:
    if not pem:
        return Sighting("", _HOW)
    try:
        return Sighting(fingerprint(pem), _HOW)
    except CertificateError:
        return Sighting("one that cannot be read", _HOW)
