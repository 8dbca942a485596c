"""What browsers see besides the chain: CORS, legacy's front door, the identity provider's documents, the front page."""

from __future__ import annotations

import zlib
from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-flex-jwe"}
LEGACY = f"/v1/Accounts/{DEFAULT.account_sid}/authenticate"


@pytest.mark.parametrize("origin", ["https://flex.example.com", "http://localhost:3000", "http://127.0.0.1:9"])
@pytest.mark.parametrize("path", ["/v1/Flex/OAuth/Tokens", "/v1/Configuration", "/api/v1/Session"])
def test_browser_may_call_from_trusted_pages(sandbox, visitor, origin, path):
    """Before anything is sent, and with the answer, errors included."""
    sandbox.trust("https://flex.example.com/app")
    asked = visitor.client.options(path, headers={"Origin": origin, **PREFLIGHT})
    answered = visitor.client.get(path, headers={"Origin": origin})

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == origin
    assert {"content-type", "authorization", "x-flex-jwe"} <= set(
        asked.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert answered.headers["Access-Control-Allow-Origin"] == origin
    assert "ETag" in answered.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "https://flex.example.com:444"]
)
def test_browser_may_not_call_from_elsewhere(sandbox, visitor, origin):
    """No header, so the browser keeps the answer to itself."""
    sandbox.trust("https://flex.example.com")
    asked = visitor.client.options("/v1/Flex/OAuth/Tokens", headers={"Origin": origin, **PREFLIGHT})
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_legacy_login_begins_at_the_identity_provider(sandbox, visitor):
    """With the request that real clients have captured; the resource travels as RelayState."""
    sandbox.sso(type="legacy", sso_url="https://idp.example.com/saml")
    sandbox.trust("*.example.com")
    body = {"products": ["flex"], "resource": "https://flex.example.com"}

    for path in (LEGACY, LEGACY.replace("/v1/", "/iam/")):
        query = parse_qs(urlsplit(visitor.client.post(path, json=body).json()["location"]).query)
        request = etree.fromstring(zlib.decompress(b64decode(query["SAMLRequest"][0]), wbits=-15))
        assert request.get("ID").startswith("ONELOGIN_")
        assert request.get("AssertionConsumerServiceURL").endswith(f"/{DEFAULT.account_sid}/saml2")
        assert query["RelayState"] == ["https://flex.example.com"]


@pytest.mark.parametrize(
    ("kind", "resource", "status", "code"),
    [
        ("legacy", "https://example.com", 400, 70002), ("legacy", "https://a.b.example.com", 400, 70002),
        ("enhanced", "https://flex.example.com", 403, 70251), ("legacy", "flex.example.com", 400, 45004),
    ],
)  # fmt: skip
def test_legacy_login_is_refused_as_seen(sandbox, visitor, kind, resource, status, code):
    """70002 for a domain that is not trusted, 70251 where the realm has no certificate."""
    sandbox.sso(type=kind)
    sandbox.trust("*.example.com")
    answer = visitor.client.post(LEGACY, json={"products": ["flex"], "resource": resource})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_identity_provider_publishes_what_settings_need(sandbox, visitor):
    """Metadata with issuer, SSO URL and the certificate that is also there alone."""
    root = etree.fromstring(visitor.client.get("/idp/metadata").content)
    pem = visitor.client.get("/idp/certificate").text
    [certificate] = root.iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    [service] = root.iter("{urn:oasis:names:tc:SAML:2.0:metadata}SingleSignOnService")

    assert root.get("entityID") == sandbox.sso().issuer
    assert service.get("Location") == f"{sandbox.url}/idp/sso"
    assert certificate.text in pem.replace("\n", "")


def test_identity_providers_key_stays_with_the_state(tmp_path):
    """The same certificate after a restart."""
    certificates = []
    for _ in range(2):
        with Sandbox(state=tmp_path / "flex.db") as sandbox:
            certificates.append(sandbox.sso().certificate)
    assert certificates[0] == certificates[1]


def test_identity_provider_answers_known_applications_only(sandbox, visitor):
    """Neither another issuer nor another address gets a response."""
    request = visitor.client.get(visitor.begin(f"{sandbox.url}/demo/app").url).headers["Location"]
    sandbox.sso(connection="JQ" + "b" * 32)
    assert "This application is not known here." in visitor.client.get(request).text


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "a", "broken": "odd"}, {"username": "a", "claims": {"x": 1}}, {"username": "a", "signed": "no"}],
)
def test_identity_provider_explains_what_it_cannot_do(visitor, body):
    """400 with a sentence."""
    answer = visitor.client.post("/idp/response", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_pages_let_nothing_else_in(sandbox, visitor):
    """Every page has the policy, and names nothing outside."""
    begun = visitor.begin(f"{sandbox.url}/demo/app").url
    for path in ("/", "/demo/app", "/idp/sso", "/idp/sso?username=ana", begun + "x", "/v1/Flex/Authorize"):
        page = visitor.client.get(path, follow_redirects=True)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "https://" not in page.text.replace("https://flex.example.com", "")


def test_front_page_searches_and_pages(sandbox, visitor):
    """Twenty at a time; the search is the server's."""
    sandbox.seed(45)
    names = [user["username"] for user in sandbox.users()]

    first, last = visitor.client.get("/").text, visitor.client.get("/?page=99").text
    found = visitor.client.get("/", params={"q": names[7]}).text

    assert sum(name in first for name in names) == 20
    assert "3 of 3" in last
    assert "1 of 45 match" in found
    assert "Nobody matches." in visitor.client.get("/?q=%25").text


def test_front_page_shows_sso_trust_faults_and_switches(sandbox, visitor):
    """As they are."""
    sandbox.trust("https://flex.example.com")
    sandbox.fault("429:rate=0.2")
    sandbox.switches(list_attributes="null")
    page = visitor.client.get("/").text
    for text in ("enhanced, active", DEFAULT.connection_sid, "https://flex.example.com", "429:rate=0.2", "1 turned"):
        assert text in page
    sandbox.sso("none")
    assert "not set up" in visitor.client.get("/").text


def test_sso_can_begin_again(visitor, sandbox):
    """From the control endpoint; an unknown beginning forgets nothing."""
    sandbox.trust("https://flex.example.com")
    assert visitor.client.post("/_sandbox/sso", json={"begin": "odd"}).status_code == 400
    assert "https://flex.example.com" in visitor.client.get("/").text
    assert visitor.client.post("/_sandbox/sso", json={"begin": "none"}).status_code == 200
    assert sandbox.sso() is None
