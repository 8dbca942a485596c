"""The SAML request behind a login redirect, taken apart safely: what Flex asks of the identity provider."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final

from lxml import etree

from flexres.idp.safe_xml import ASSERTION, PROTOCOL, UnsafeXmlError, parse_xml, text_of
from flexres.sso.sightings import AuthnRequest

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
