"""What a stack's single sign-on looks like now: by the settings API where it writes there, else by probes from outside.

It joins the clients of `live` with the reader of SAML requests, for a session and for commands without credentials.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from dataclasses import replace
from typing import Final

from lxml import etree

from flexres.desired.model import Sso, StackConfig
from flexres.errors import SetupError
from flexres.idp.safe_xml import ASSERTION, PROTOCOL, UnsafeXmlError, parse_xml, text_of
from flexres.live.http.anonymous import Anonymous
from flexres.live.http.transport import Transport
from flexres.live.model import Instance
from flexres.sso.difference import AuthnRequest, Sighting, SignOn
from flexres.sso.probes import Probes
from flexres.sso.settings_api import SettingsApi

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
