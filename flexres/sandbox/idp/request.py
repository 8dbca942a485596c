"""The AuthnRequest that a browser brings to the identity provider, read from the HTTP-Redirect binding."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flexres.sandbox.saml.names import assertion, protocol
from flexres.sandbox.saml.safe_xml import UnsafeXmlError, parse, text_of
from flexres.sandbox.sso.refusal import LoginError

_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where the answer goes, and under which number. Without a number, nobody asked."""

    issuer: str
    consumer: str
    request_id: str | None


def read_request(text: str) -> Asked:
    """Inflates and reads a request.

    Raises:
        LoginError: it is no AuthnRequest.
    """
    try:
        inflater = zlib.decompressobj(wbits=-15)
        data = inflater.decompress(base64.b64decode(text, validate=True), _LARGEST)
        root = parse(data)
    except (binascii.Error, zlib.error, UnsafeXmlError) as error:
        raise LoginError("SAMLRequest cannot be read.", detail=str(error)) from None
    consumer = root.get("AssertionConsumerServiceURL") or ""
    if root.tag != protocol("AuthnRequest") or urlsplit(consumer).scheme not in ("http", "https"):
        raise LoginError("SAMLRequest is no AuthnRequest with an assertion consumer URL.")
    return Asked(text_of(root.find(f"./{assertion('Issuer')}")), consumer, root.get("ID"))
