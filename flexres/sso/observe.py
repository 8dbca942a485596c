"""What a stack's single sign-on looks like now: by the settings API where it writes there, else by probes from outside.

It joins the clients of `live` with the reader of SAML requests, for a session and for commands without credentials.

The contract is not Twilio's, which publishes no API for them: the sandbox serves it, and whoever has an endpoint of
their own may.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lxml import etree

from flexres.desired.model import Sso, StackConfig
from flexres.desired.schema.certificate import CertificateError, fingerprint
from flexres.errors import NotFoundError, SetupError
from flexres.idp.safe_xml import ASSERTION, PROTOCOL, UnsafeXmlError, parse_xml, text_of
from flexres.live.http.anonymous import Anonymous
from flexres.live.http.answers import JsonObject, Response
from flexres.live.http.transport import Transport, path
from flexres.live.model import Instance
from flexres.sso.difference import CONNECTION, AuthnRequest, Sighting, SignOn
from flexres.sso.probes import Probes
from flexres.values import Json

_CONFIGURATION: Final = "Flex Configuration"
_SECONDS: Final = 25.0
"""How long all probes together may take: a login page that never answers must not hold up a plan."""


async def observe(config: StackConfig, transport: Transport) -> SignOn:
    """The stack's single sign-on as it can be seen, with the transport's credentials only where an API needs them.

    Raises:
        SetupError: the settings are to be written through an API, and there is no endpoint that has one.
    """
    sso = config.sso
    assert sso is not None
    if sso.writer == "console":
        return await probe(config, sso, transport.endpoint)
    check_endpoint(transport)
    async with Anonymous(endpoint=transport.endpoint) as anonymous:
        found, popup = await asyncio.gather(
            SettingsApi(transport, account=config.account).fetch(), _probes(anonymous, config).public()
        )
    seen = found.sign_on()
    return replace(seen, fields={**seen.fields, **popup})


async def probe(config: StackConfig, sso: Sso, endpoint: str | None) -> SignOn:
    """What anybody can see of it, without credentials; what could not be seen in time is unknown."""
    async with Anonymous(endpoint=endpoint) as anonymous:
        probes = _probes(anonymous, config)
        trusted = tuple(dict.fromkeys([*sso.trusted, *(sso.attested.trusted if sso.owns_trusted else ())]))
        try:
            async with asyncio.timeout(_SECONDS):
                if sso.type == "enhanced":
                    return await probes.enhanced(trusted, sso.default_redirect_url)
                return await probes.legacy(trusted)
        except TimeoutError:
            unknown = Sighting(None, "probes", f"no answer within {_SECONDS:g} s")
            names = ("connection", "sso_url", "login_popup", "login_popup_features")
            return SignOn(dict.fromkeys(names, unknown), dict.fromkeys(trusted, unknown))


async def active_connection(config: StackConfig, endpoint: str | None) -> tuple[Sighting, str | None]:
    """Which connection of enhanced SSO anybody can see to be active, and its client id."""
    async with Anonymous(endpoint=endpoint) as anonymous:
        return await _probes(anonymous, config).connection()


async def standing(config: StackConfig, endpoint: str | None) -> tuple[Sighting, Sighting]:
    """The active connection of enhanced SSO, and where a login of legacy SSO leads, whichever is declared."""
    sso = config.sso
    redirects = [sso.default_redirect_url, *sso.trusted] if sso else []
    urls = tuple(dict.fromkeys(url for url in redirects if url and "://" in url))
    async with Anonymous(endpoint=endpoint) as anonymous:
        probes = _probes(anonymous, config)
        (connection, _), legacy_url = await asyncio.gather(probes.connection(), probes.legacy_login(urls))
    return connection, legacy_url


def as_configured(sign_on: SignOn, instance: Instance) -> SignOn:
    """The same, with what the Flex Configuration itself says, which is what would be changed."""
    attributes = instance.public_attributes
    features = attributes.get("loginPopupFeatures")
    return replace(
        sign_on,
        fields={
            **sign_on.fields,
            "login_popup": Sighting(attributes.get("loginPopup") is True, _CONFIGURATION),
            "login_popup_features": Sighting(features if isinstance(features, str) else "", _CONFIGURATION),
        },
    )


def check_endpoint(transport: Transport) -> None:
    """Raises SetupError where SSO settings would have to be written to Twilio, which has no API for them."""
    if transport.endpoint is None:
        raise SetupError(
            "Twilio publishes no API for SSO settings, so sso.writer: api needs an endpoint of your own",
            hint="write sso: writer: console, and flexres sso checklist says what to enter in Console",
        )


def _probes(anonymous: Anonymous, config: StackConfig) -> Probes:
    return Probes(anonymous, account=config.account, instance=config.instance, read_request=read_authn_request)


_LARGEST: Final = 64 * 1024


def read_authn_request(parameter: str) -> AuthnRequest:
    """The request of the HTTP-Redirect binding (Base64 of raw DEFLATE). Raises ValueError with why in one line."""
    try:
        packed = base64.b64decode(parameter.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is no Base64") from None
    try:
        root = parse_xml(_inflated(packed))
    except UnsafeXmlError as error:
        raise ValueError(error.message) from None
    if root.tag != f"{{{PROTOCOL}}}AuthnRequest":
        raise ValueError(f"it is no AuthnRequest but {etree.QName(root).localname[:60]}")
    policy = root.find(f"{{{PROTOCOL}}}NameIDPolicy")
    return AuthnRequest(
        issuer=text_of(root.find(f"{{{ASSERTION}}}Issuer")) or "",
        acs=root.get("AssertionConsumerServiceURL") or "",
        destination=root.get("Destination") or "",
        name_id_format=((policy.get("Format") or "") if policy is not None else "").rpartition(":")[2],
        id=root.get("ID") or "",
    )


def _inflated(packed: bytes) -> bytes:
    """The XML; some send it without DEFLATE. Raises ValueError for what would inflate without end."""
    if packed.lstrip()[:1] == b"<":
        return packed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        xml = inflater.decompress(packed, _LARGEST)
    except zlib.error:
        raise ValueError("it is no DEFLATE") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("it is cut off, or longer than any request")
    return xml


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
