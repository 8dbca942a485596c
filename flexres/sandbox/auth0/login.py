"""The tenant as identity provider: its SAML2 add-on signs people in with what the actions of its login flow ask for.

GET  /samlp/{client}             the page: with SAMLRequest and RelayState, or without, for a login that begins here
POST /samlp/{client}             signs somebody in: the page that carries the response back
GET  /samlp/metadata/{client}    the application's SAML metadata
POST /dbconnections/change_password   an e-mail in which somebody would choose a password; kept for tests
"""

from __future__ import annotations

import base64

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from flexres.sandbox.auth0.actions import ActionError, Asked, flow, run_flow
from flexres.sandbox.auth0.management import tenant_of
from flexres.sandbox.auth0.tenant import CONNECTION, ISSUER, Tenant, Thing
from flexres.sandbox.auth0.users import connections_of
from flexres.sandbox.formats import answer, base_url, read_form, read_json_object
from flexres.sandbox.idp.breakage import Answer
from flexres.sandbox.idp.messages import Asked as Request
from flexres.sandbox.idp.messages import read_request, respond
from flexres.sandbox.pages.render import page
from flexres.sandbox.saml_xml import METADATA, REDIRECT, SIGNATURE
from flexres.sandbox.sso.notes import LoginError, refusal_page
from flexres.sandbox.state import world_of

_STEP = "Auth0"
_OFFERED = 8
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


async def _show(request: web.Request) -> web.Response:
    tenant, query = tenant_of(request), request.query
    try:
        client = _client(request, tenant)
        asked = _asked(client, query.get("SAMLRequest", ""))
    except LoginError as refusal:
        return refusal_page(refusal, step=_STEP)
    search = query.get("q", "").strip().casefold()
    connection = query.get("connection") or CONNECTION
    users = [
        user
        for user in tenant.all("user")
        if connection in connections_of(user)
        and (search in user["email"].casefold() or search in user["name"].casefold())
    ]
    values = {
        "client": client,
        "connection": connection,
        "users": users[:_OFFERED],
        "found": len(users),
        "search": search,
        "saml": query.get("SAMLRequest", ""),
        "relay_state": query.get("RelayState", ""),
        "unasked": asked.request_id is None,
    }
    return page("auth0_people.html", values)


async def _sign_in(request: web.Request) -> web.Response:
    tenant, form = tenant_of(request), await read_form(request)
    email, connection = form.get("username", "").strip(), form.get("connection") or CONNECTION
    try:
        client = _client(request, tenant)
        asked = _asked(client, form.get("SAMLRequest", ""))
        user = _user(tenant, email, connection)
        told = _told(tenant, client, user, connection)
    except LoginError as refusal:
        return refusal_page(refusal, step=_STEP)
    addon = client["addons"]["samlp"]
    wanted = Answer(
        name_id=_name_id(told, user),
        claims=_attributes(told, user),
        consumer=asked.consumer,
        audience=str(addon.get("audience") or asked.issuer),
        request_id=asked.request_id,
        issuer=ISSUER,
    )
    data = respond(wanted, tenant.key(), signed="response" if addon.get("signResponse") else "assertion")
    answered = {
        "consumer": asked.consumer,
        "response": base64.b64encode(data).decode(),
        "relay_state": form.get("RelayState", ""),
        "username": user["email"],
    }
    return page("idp_return.html", answered)


def _client(request: web.Request, tenant: Tenant) -> Thing:
    client = tenant.get("client", request.match_info["client"])
    if client is None or not isinstance(client.get("addons", {}).get("samlp"), dict):
        raise LoginError("This tenant has no such application, or its SAML2 add-on is off.", status=404)
    if not client["callbacks"]:
        raise LoginError("The application has no callback URL.", fix="Set its Application Callback URL.")
    return client


def _asked(client: Thing, saml: str) -> Request:
    if not saml:
        return Request(str(client["addons"]["samlp"].get("audience", "")), client["callbacks"][0], None)
    asked = read_request(saml)
    if asked.consumer not in client["callbacks"]:
        raise LoginError(
            "Callback URL mismatch.",
            detail=f"{asked.consumer} is not in the application's Allowed Callback URLs.",
            status=403,
        )
    return asked


def _user(tenant: Tenant, email: str, connection: str) -> Thing:
    found = [user for user in tenant.named("user", email.casefold()) if connection in connections_of(user)]
    if len(found) != 1:
        raise LoginError(f"{connection} has no user {email or 'without a name'}.", fix="Choose somebody else.")
    return found[0]


def _told(tenant: Tenant, client: Thing, user: Thing, connection: str) -> Asked:
    metadata = client.get("client_metadata", {})
    event = {
        "client": {"client_id": client["client_id"], "name": client["name"], "metadata": metadata},
        "connection": {"name": connection, "strategy": "auth0"},
        "user": {"app_metadata": {}, "user_metadata": {}, **user},
        "transaction": {"protocol": "samlp"},
        "secrets": {},
    }
    try:
        asked = run_flow(flow(tenant), event)
    except ActionError as error:
        raise LoginError("An action of the login flow failed.", detail=str(error), status=500) from None
    if asked.denied is not None:
        raise LoginError("Access denied.", detail=asked.denied, status=403)
    return asked


def _attributes(told: Asked, user: Thing) -> dict[str, str | list[str]]:
    """What the add-on sends by itself under namespaced names, and what the actions set."""
    own: dict[str, str | list[str]] = {
        f"{_CLAIMS}nameidentifier": user["user_id"],
        f"{_CLAIMS}emailaddress": user["email"],
        f"{_CLAIMS}name": user["name"],
    }
    return {**own, **told.attributes}


def _name_id(told: Asked, user: Thing) -> str:
    """The first probe that has a value; by itself Auth0 sends its own id."""
    sent = _attributes(told, user)
    for probe in told.probes or [f"{_CLAIMS}nameidentifier"]:
        value = sent.get(probe)
        if isinstance(value, str) and value:
            return value
    return str(user["user_id"])


async def _metadata(request: web.Request) -> web.Response:
    tenant = tenant_of(request)
    client_id = request.match_info["client"]
    client = tenant.get("client", client_id)
    if client is None or "samlp" not in client.get("addons", {}):
        return answer({"statusCode": 404, "error": "Not Found", "message": "Not found"}, 404)
    root = etree.Element(f"{{{METADATA}}}EntityDescriptor", nsmap={"md": METADATA, "ds": SIGNATURE}, entityID=ISSUER)
    protocols = {"protocolSupportEnumeration": "urn:oasis:names:tc:SAML:2.0:protocol"}
    role = etree.SubElement(root, f"{{{METADATA}}}IDPSSODescriptor", protocols)
    info = etree.SubElement(
        etree.SubElement(role, f"{{{METADATA}}}KeyDescriptor", use="signing"), f"{{{SIGNATURE}}}KeyInfo"
    )
    certificate = x509.load_pem_x509_certificate(tenant.key().certificate_pem.encode())
    data = etree.SubElement(info, f"{{{SIGNATURE}}}X509Data")
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    etree.SubElement(data, f"{{{SIGNATURE}}}X509Certificate").text = der
    location = f"{base_url(request)}/samlp/{client_id}"
    for binding in (REDIRECT, _POST):
        etree.SubElement(role, f"{{{METADATA}}}SingleSignOnService", Binding=binding, Location=location)
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return web.Response(body=body, content_type="application/xml")


async def _change_password(request: web.Request) -> web.Response:
    tenant, body = tenant_of(request), await read_json_object(request)
    invited = world_of(request).store.setting("auth0_invited") or ""
    email = str(body.get("email", ""))
    if tenant.named("user", email.casefold()):
        world_of(request).store.set_setting("auth0_invited", f"{invited}{email}\n")
    return web.Response(text="We've just sent you an email to reset your password.")


OPEN = [
    web.get("/samlp/metadata/{client}", _metadata, allow_head=False),
    web.get("/samlp/{client}", _show, allow_head=False),
    web.post("/samlp/{client}", _sign_in),
    web.post("/dbconnections/change_password", _change_password),
]
