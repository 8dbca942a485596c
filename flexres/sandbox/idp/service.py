"""The identity provider in a browser and for tests: its sign-in page, its answers, its metadata and certificate.

GET  /idp/sso            the page: with SAMLRequest and RelayState, or without, for a login that begins here
POST /idp/sso            signs somebody in: the page that carries the response back
POST /idp/response       the same for tests, as JSON: {"username", "claims", "broken", "signed", "SAMLRequest"}
GET  /idp/metadata       its SAML metadata
GET  /idp/certificate    its certificate, PEM
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from flexres.sandbox.errors import SandboxError, WireError, invalid_parameter
from flexres.sandbox.formats import answer, base_url, read_form, read_json_object
from flexres.sandbox.idp.breakage import BROKEN, Answer, as_lines, claims_of, from_lines
from flexres.sandbox.idp.messages import Asked, Signed, read_request, respond
from flexres.sandbox.pages.render import page
from flexres.sandbox.saml_xml import ISSUER, METADATA, REDIRECT, SIGNATURE, UNSPECIFIED, identity_provider_key
from flexres.sandbox.sso.notes import LoginError, refusal_page
from flexres.sandbox.sso.service_provider import consumer_url, consumer_urls
from flexres.sandbox.sso.settings import SsoSettings, read_settings
from flexres.sandbox.state import World, world_of

_OFFERED = 8
_STEP = "The identity provider"
_SIGNED: Mapping[object, Signed] = {"both": "both", "response": "response", "assertion": "assertion"}


async def _show(request: web.Request) -> web.Response:
    """First a choice of people, then, with `username`, of what is said about one."""
    world, query = world_of(request), request.query
    saml, relay_state = query.get("SAMLRequest", ""), query.get("RelayState", "")
    try:
        asked = _asked(world, saml, base_url(request))
    except LoginError as refusal:
        return refusal_page(refusal, step=_STEP)
    shared: dict[str, object] = {"saml": saml, "relay_state": relay_state, "asked": asked}
    username = query.get("username", "").strip()
    if username:
        claims = as_lines(claims_of(world, username))
        return page("idp_claims.html", {**shared, "username": username, "claims": claims, "broken": BROKEN})
    search = query.get("q", "").strip()
    users, found = world.store.users.search(search, skip=0, limit=_OFFERED)
    return page("idp_people.html", {**shared, "users": users, "found": found, "search": search})


async def _sign_in(request: web.Request) -> web.Response:
    world, form = world_of(request), await read_form(request)
    username = form.get("username", "").strip()
    if not username:
        return refusal_page(LoginError("Nobody was chosen."), step=_STEP)
    claims = from_lines(form["claims"]) if "claims" in form else claims_of(world, username)
    try:
        asked = _asked(world, form.get("SAMLRequest", ""), base_url(request))
        data = _response(world, asked, username, claims, broken=form.get("broken") or None)
    except LoginError as refusal:
        return refusal_page(refusal, step=_STEP)
    except SandboxError as error:
        return refusal_page(LoginError(str(error)), step=_STEP)
    answered = {
        "consumer": asked.consumer,
        "response": base64.b64encode(data).decode(),
        "relay_state": form.get("RelayState", ""),
        "username": username,
    }
    return page("idp_return.html", answered)


async def _for_tests(request: web.Request) -> web.Response:
    """Claims are laid over those of the directory; null takes one away."""
    world, body = world_of(request), await read_json_object(request)
    username, changes, broken = str(body.get("username", "")), body.get("claims", {}), body.get("broken")
    if not username or not isinstance(changes, dict) or not (broken is None or isinstance(broken, str)):
        raise invalid_parameter("username is required, claims is an object, broken the name of a breakage")
    signed = _SIGNED.get(body.get("signed", "both"))
    if signed is None:
        raise invalid_parameter(f"signed is one of {', '.join(map(str, _SIGNED))}")
    laid = {**claims_of(world, username), **changes}
    claims = {name: value for name, value in laid.items() if value is not None}
    if not all(_is_claim(value) for value in claims.values()):
        raise invalid_parameter("a claim's value is a text, or a list of texts")
    try:
        asked = _asked(world, str(body.get("SAMLRequest", "")), base_url(request))
        data = _response(world, asked, username, claims, broken=broken, signed=signed)
    except (LoginError, SandboxError) as error:
        raise WireError(400, str(error)) from error
    return answer({"acs": asked.consumer, "SAMLResponse": base64.b64encode(data).decode()})


def _is_claim(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _asked(world: World, saml: str, base: str) -> Asked:
    """Who is answered: the request's sender, if it is the Flex that this provider knows; or that Flex, unasked."""
    settings = read_settings(world, base)
    if settings is None:
        raise LoginError("No application is set up here: Flex has no SSO settings.", fix="Set up SSO first.")
    if not saml:
        return Asked(settings.entity_id, consumer_url(base, settings.connection), None)
    asked = read_request(saml)
    _check_known(asked, settings, base)
    return asked


def _check_known(asked: Asked, settings: SsoSettings, base: str) -> None:
    known = consumer_urls(base, settings.connection)
    if asked.issuer != settings.entity_id:
        raise LoginError(
            "This application is not known here.", detail=f"It is {asked.issuer}; expected {settings.entity_id}."
        )
    if asked.consumer not in known:
        raise LoginError(
            "The answer would go to an address that is not allowed.",
            detail=f"It is {asked.consumer}; allowed is {known[0]}.",
            status=403,
        )


def _response(
    world: World,
    asked: Asked,
    username: str,
    claims: Mapping[str, str | list[str]],
    *,
    broken: str | None,
    signed: Signed = "both",
) -> bytes:
    wanted = Answer(
        name_id=username, claims=claims, consumer=asked.consumer, audience=asked.issuer, request_id=asked.request_id
    )
    return respond(wanted, identity_provider_key(world.store), broken=broken, signed=signed)


async def _metadata(request: web.Request) -> web.Response:
    base = base_url(request)
    root = etree.Element(f"{{{METADATA}}}EntityDescriptor", nsmap={"md": METADATA, "ds": SIGNATURE}, entityID=ISSUER)
    role = etree.SubElement(
        root, f"{{{METADATA}}}IDPSSODescriptor", WantAuthnRequestsSigned="false",
        protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol",
    )  # fmt: skip
    descriptor = etree.SubElement(role, f"{{{METADATA}}}KeyDescriptor", use="signing")
    info = etree.SubElement(descriptor, f"{{{SIGNATURE}}}KeyInfo")
    data = etree.SubElement(info, f"{{{SIGNATURE}}}X509Data")
    certificate = x509.load_pem_x509_certificate(_certificate_pem(request).encode())
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    etree.SubElement(data, f"{{{SIGNATURE}}}X509Certificate").text = der
    etree.SubElement(role, f"{{{METADATA}}}NameIDFormat").text = UNSPECIFIED
    service = f"{{{METADATA}}}SingleSignOnService"
    etree.SubElement(role, service, Binding=REDIRECT, Location=f"{base}/idp/sso")
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return web.Response(body=body, content_type="application/samlmetadata+xml")


async def _certificate(request: web.Request) -> web.Response:
    return web.Response(text=_certificate_pem(request), content_type="application/x-pem-file")


def _certificate_pem(request: web.Request) -> str:
    return identity_provider_key(world_of(request).store).certificate_pem


OPEN = [
    web.get("/idp/sso", _show, allow_head=False),
    web.post("/idp/sso", _sign_in),
    web.post("/idp/response", _for_tests),
    web.get("/idp/metadata", _metadata, allow_head=False),
    web.get("/idp/certificate", _certificate, allow_head=False),
]
