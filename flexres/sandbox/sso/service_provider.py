"""Flex as a SAML service provider: its addresses, and the AuthnRequest that it sends a browser away with."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote, urlencode

from lxml import etree

from flexres.sandbox.formats import now
from flexres.sandbox.saml_xml import ASSERTION, EMAIL, PASSWORD, POST, PROTOCOL, UNSPECIFIED, assertion, protocol
from flexres.sandbox.sso.settings import SsoSettings

_TWILIO_CONSUMER = "https://login.flex.us1.twilio.com"
_NAMESPACES = {"samlp": PROTOCOL, "saml": ASSERTION}


def consumer_url(base: str, connection: str) -> str:
    """The assertion consumer service (ACS) of a connection, on the host that `base` names."""
    return f"{base}/login/callback?connection={quote(connection)}"


def consumer_urls(base: str, connection: str) -> tuple[str, str]:
    """The sandbox's ACS, and Twilio's, for which it stands: an identity provider may have been given either."""
    return consumer_url(base, connection), consumer_url(_TWILIO_CONSUMER, connection)


def enhanced_request(settings: SsoSettings, request_id: str, base: str) -> bytes:
    """The AuthnRequest of enhanced SSO. That its issuer is the entity ID is inferred from Twilio's guides."""
    root = _request(settings, request_id, consumer_url(base, settings.connection))
    etree.SubElement(root, assertion("Issuer")).text = settings.entity_id
    etree.SubElement(root, protocol("NameIDPolicy"), Format=UNSPECIFIED, AllowCreate="true")
    return etree.tostring(root)


def legacy_request(settings: SsoSettings, request_id: str, realm_url: str) -> bytes:
    """The AuthnRequest of legacy SSO, as real clients have captured it."""
    root = _request(settings, request_id, f"{realm_url}/saml2")
    root.set("ProviderName", "Twilio")
    etree.SubElement(root, assertion("Issuer")).text = f"{realm_url}/saml2/metadata"
    etree.SubElement(root, protocol("NameIDPolicy"), Format=EMAIL, AllowCreate="true")
    context = etree.SubElement(root, protocol("RequestedAuthnContext"), Comparison="exact")
    etree.SubElement(context, assertion("AuthnContextClassRef")).text = PASSWORD
    return etree.tostring(root)


def redirect_url(settings: SsoSettings, request: bytes, relay_state: str | None) -> str:
    """The identity provider's SSO URL with the request: HTTP-Redirect binding, deflated, beside its own query."""
    deflated = zlib.compress(request, wbits=-15)
    parameters = {"SAMLRequest": base64.b64encode(deflated).decode()}
    if relay_state is not None:
        parameters["RelayState"] = relay_state
    separator = "&" if "?" in settings.sso_url else "?"
    return f"{settings.sso_url}{separator}{urlencode(parameters)}"


def _request(settings: SsoSettings, request_id: str, consumer: str) -> etree._Element:
    return etree.Element(
        protocol("AuthnRequest"),
        nsmap=_NAMESPACES,
        ID=request_id,
        Version="2.0",
        IssueInstant=now(),
        Destination=settings.sso_url,
        ProtocolBinding=POST,
        AssertionConsumerServiceURL=consumer,
    )
