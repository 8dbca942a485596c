"""An identity provider's SAML metadata, from a file or an address that anybody may read: the values of `sso:` in it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree

from flexres.desired.schema.certificate import load_der
from flexres.errors import SetupError
from flexres.files import read_file
from flexres.idp.safe_xml import METADATA, PROTOCOL, SIGNATURE, UnsafeXmlError, parse_xml, text_of
from flexres.live.credentials import is_loopback
from flexres.live.http.anonymous import download
from flexres.live.http.base import NoAnswerError, Why
from flexres.live.http.limits import Limits
from flexres.text import MEGABYTE, one_line

_NAMES = {"md": METADATA, "ds": SIGNATURE}
_BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:"
_LARGEST: Final = 2 * MEGABYTE
_REDIRECTS: Final = 3
_LIMITS: Final = Limits(connect=10.0, read=20.0, attempt=20.0, answer=_LARGEST)
_NAME_THE_FILE: Final = "name the metadata's XML file, or an https address"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `sso:` needs of an identity provider.

    `certificates` are PEM texts, in the order of the document and without repetition: more than one while the
    provider is changing its key. `name_id_formats` are the last parts of their URNs (emailAddress …).
    """

    issuer: str
    sso_url: str
    binding: Literal["HTTP-Redirect", "HTTP-POST"]
    certificates: tuple[str, ...]
    name_id_formats: tuple[str, ...]


def read_metadata(data: bytes) -> Metadata:
    """Reads an EntityDescriptor, or the one identity provider of an EntitiesDescriptor.

    HTTP-Redirect is preferred, since that is how Flex sends its request. Raises SetupError with what to do.
    """
    try:
        root = parse_xml(data.strip())
    except UnsafeXmlError as error:
        raise SetupError(f"the metadata cannot be read: {error.message}", hint=error.fix) from None
    entity = _identity_provider(root)
    issuer = (entity.get("entityID") or "").strip()
    if not issuer:
        raise SetupError("the metadata has no entityID", hint="export it again from the identity provider")
    provider = entity.find("md:IDPSSODescriptor", _NAMES)
    assert provider is not None
    if PROTOCOL not in (provider.get("protocolSupportEnumeration") or PROTOCOL).split():
        raise SetupError("this identity provider does not speak SAML 2.0", hint="export its SAML 2.0 metadata")
    binding, url = _sign_on(provider)
    formats = tuple((text_of(each) or "").rsplit(":", 1)[-1] for each in provider.findall("md:NameIDFormat", _NAMES))
    return Metadata(issuer, url, binding, _certificates(provider), formats)


def _identity_provider(root: etree._Element) -> etree._Element:
    name = etree.QName(root)
    if name.namespace != METADATA or name.localname not in ("EntityDescriptor", "EntitiesDescriptor"):
        raise SetupError(
            f"this is no SAML metadata: its outermost element is {name.localname[:60]}",
            hint="download the identity provider's (IdP) metadata XML",
        )
    entities = [root] if name.localname == "EntityDescriptor" else list(root.iter(f"{{{METADATA}}}EntityDescriptor"))
    providers = [entity for entity in entities if entity.find("md:IDPSSODescriptor", _NAMES) is not None]
    if not providers:
        service = any(entity.find("md:SPSSODescriptor", _NAMES) is not None for entity in entities)
        what = "this is the metadata of a service provider" if service else "the metadata holds no identity provider"
        raise SetupError(what, hint="download the identity provider's (IdP) metadata XML")
    if len(providers) > 1:
        names = ", ".join(str(entity.get("entityID"))[:100] for entity in providers[:5])
        raise SetupError(
            f"the metadata holds {len(providers)} identity providers: {names}",
            hint="save the EntityDescriptor of the right one alone",
        )
    return providers[0]


def _sign_on(provider: etree._Element) -> tuple[Literal["HTTP-Redirect", "HTTP-POST"], str]:
    services = {
        (service.get("Binding") or "").removeprefix(_BINDINGS): (service.get("Location") or "").strip()
        for service in reversed(provider.findall("md:SingleSignOnService", _NAMES))
    }
    if services.get("HTTP-Redirect"):
        return "HTTP-Redirect", services["HTTP-Redirect"]
    if services.get("HTTP-POST"):
        return "HTTP-POST", services["HTTP-POST"]
    raise SetupError(
        "the metadata has no single sign-on URL for HTTP-Redirect or HTTP-POST",
        hint="copy the single sign-on URL from the identity provider's own page",
    )


def _certificates(provider: etree._Element) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for descriptor in provider.findall("md:KeyDescriptor", _NAMES):
        if descriptor.get("use") not in (None, "signing"):
            continue
        for element in descriptor.iterfind("ds:KeyInfo/ds:X509Data/ds:X509Certificate", _NAMES):
            found[_pem(text_of(element) or "")] = None
    if not found:
        raise SetupError(
            "the metadata holds no signing certificate", hint="download the certificate from the identity provider"
        )
    return tuple(found)


def _pem(text: str) -> str:
    compact = "".join(text.split())
    try:
        load_der(base64.b64decode(compact, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise SetupError(
            "a certificate in the metadata is damaged", hint="export it again from the identity provider"
        ) from None
    body = "\n".join(textwrap.wrap(compact, 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def read_source(source: str, limits: Limits = _LIMITS) -> bytes:
    """The bytes of a file, or of what an https address answers (http for this machine only).

    Raises SetupError for what cannot be read, UnreachableError where nobody answers.
    """
    if "://" not in source:
        return read_file(Path(source), _LARGEST, hint=_NAME_THE_FILE)
    try:
        return asyncio.run(
            download(
                source,
                limits=limits,
                allowed=_check,
                redirects=_REDIRECTS,
                accept="application/xml, text/xml",
            )
        )
    except NoAnswerError as error:
        if error.why is not Why.TOO_LARGE:
            raise
        raise SetupError(f"{error.said}, too large to be metadata", hint="check the address") from None


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        allowed = bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:
        allowed = False
    if not allowed:
        raise SetupError(
            f"{one_line(url)} is not read: metadata says whom Flex believes, so it is fetched by https alone",
            hint="use its https address, or download the XML and name the file",
        )
