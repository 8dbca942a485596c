"""The settings contract: what docs/openapi/settings.yaml promises is what the sandbox does."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox

SETTINGS = f"/v1/Flex/Settings/{DEFAULT.account_sid}"
AUTH = (DEFAULT.api_key, DEFAULT.api_secret)
DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi" / "settings.yaml"


@pytest.fixture(scope="module")
def openapi():
    """The contract, itself checked against the OpenAPI specification."""
    return OpenAPI.from_file_path(str(DOCUMENT))


class Contract:
    """A client that holds each request and each answer against the contract."""

    def __init__(self, openapi, url, session):
        self._openapi, self._url, self._session = openapi, url, session

    def call(self, method, path, *, valid=True, **keywords):
        prepared = self._session.prepare_request(
            requests.Request(method, f"{self._url}{SETTINGS}{path}", auth=AUTH, **keywords)
        )
        response = self._session.send(prepared, timeout=20)
        # The contract names the sandbox's usual port; this one listens on any.
        prepared.url = prepared.url.replace(self._url, "http://127.0.0.1:4010")
        request = RequestsOpenAPIRequest(prepared)
        if valid:
            self._openapi.validate_request(request)
        self._openapi.validate_response(request, RequestsOpenAPIResponse(response))
        return response


@pytest.fixture
def contract(openapi, sandbox):
    with requests.Session() as session:
        session.trust_env = False
        yield Contract(openapi, sandbox.url, session)


@pytest.fixture
def body(another_certificate):
    """Settings as a stack would put them."""
    return {
        "type": "enhanced",
        "connection": "JQ" + "a" * 32,
        "issuer": "urn:acme.eu.auth0.com",
        "sso_url": "https://acme.eu.auth0.com/samlp/x?connection=Username-Password-Authentication",
        "certificate": another_certificate,
        "default_redirect_url": "https://flex.example.com",
        "login_popup": True,
    }


def test_fresh_sandbox_trusts_its_own_identity_provider(contract, sandbox):
    """Enhanced, active, and with the certificate that the provider publishes."""
    settings = contract.call("GET", "/Sso").json()

    assert (settings["type"], settings["active"]) == ("enhanced", True)
    assert settings["sso_url"] == f"{sandbox.url}/idp/sso"
    assert settings["certificate"] == requests.get(f"{sandbox.url}/idp/certificate", timeout=20).text


def test_settings_that_were_put_are_read_back(contract, body):
    """Every field, with the same ETag from PUT and GET."""
    put = contract.call("PUT", "/Sso", json=body)
    got = contract.call("GET", "/Sso")

    assert put.status_code == 200
    assert got.json() == put.json()
    assert got.headers["ETag"] == put.headers["ETag"]
    assert {name: got.json()[name] for name in body} == body
    assert got.json()["entity_id"] == f"urn:flex:{body['connection']}"


def test_same_put_twice_changes_nothing(contract, body):
    """Not even the ETag."""
    first = contract.call("PUT", "/Sso", json=body)
    assert contract.call("PUT", "/Sso", json=body).headers["ETag"] == first.headers["ETag"]


def test_settings_can_be_missing_and_made(contract, sandbox, body):
    """404 before, 201 then, with a connection of the service's own choice."""
    sandbox.sso("none")
    del body["connection"]

    assert contract.call("GET", "/Sso").status_code == 404
    made = contract.call("PUT", "/Sso", json=body)
    assert made.status_code == 201
    assert made.json()["connection"] == contract.call("PUT", "/Sso", json=body).json()["connection"]


def test_settings_can_be_removed(contract):
    """Then nobody can sign in."""
    assert contract.call("DELETE", "/Sso").status_code == 204
    assert contract.call("DELETE", "/Sso").status_code == 404


def test_who_was_slower_is_told(contract, body):
    """412 on PUT and DELETE with the ETag of what is no longer there; nothing is changed."""
    stale = contract.call("GET", "/Sso").headers["ETag"]
    current = contract.call("PUT", "/Sso", json=body, headers={"If-Match": stale})

    assert current.status_code == 200
    assert contract.call("PUT", "/Sso", json=body | {"issuer": "x"}, headers={"If-Match": stale}).status_code == 412
    assert contract.call("DELETE", "/Sso", headers={"If-Match": stale}).status_code == 412
    assert contract.call("GET", "/Sso").headers["ETag"] == current.headers["ETag"]


def test_login_popup_is_the_public_attribute_that_flex_ui_reads(contract, sandbox, body):
    """Written through either, read through both, and nothing else of the attributes is touched."""
    url, account = f"{sandbox.url}/v1/Configuration", {"account_sid": DEFAULT.account_sid}
    requests.post(url, auth=AUTH, json=account | {"public_attributes": {"theme": "dark"}}, timeout=20)

    contract.call("PUT", "/Sso", json=body)
    public = requests.get(url, auth=AUTH, timeout=20).json()["public_attributes"]
    requests.post(url, auth=AUTH, json=account | {"public_attributes": {}}, timeout=20)

    assert public == {"theme": "dark", "loginPopup": True}
    assert contract.call("GET", "/Sso").json()["login_popup"] is False


WRONG = [
    ({"type": "oidc"}, "type is required"),
    ({"connection": "JQ1"}, "connection must be JQ"),
    ({"issuer": ""}, "issuer is required"),
    ({"issuer": " urn:x"}, "without space"),
    ({"sso_url": "acme.eu.auth0.com/samlp"}, "sso_url must be a full URL"),
    ({"sso_url": "http://acme.eu.auth0.com/samlp"}, "sso_url must use https"),
    ({"sso_url": "https://user:pass@acme.com/"}, "must not contain credentials"),
    ({"sso_url": "https://acme.com:99999/"}, "sso_url is no address"),
    ({"default_redirect_url": "https://flex.example.com/#/"}, "must not contain a fragment"),
    ({"default_redirect_url": "https://*.example.com"}, "must not contain a wildcard"),
    ({"default_redirect_url": "https://flеx.example.com"}, "letters beyond ASCII"),
    ({"certificate": "MIIC"}, "not a valid X.509"),
    ({"certificate": "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"}, "contains a private key"),
    ({"login_popup": "yes"}, "login_popup must be true or false"),
    ({"trusted": []}, "trusted is no SSO setting"),
]


@pytest.mark.parametrize(("change", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_wrong_settings_are_refused(contract, body, change, problem):
    """400/45004 that names the field; what was there stays."""
    before = contract.call("GET", "/Sso").json()

    refused = contract.call("PUT", "/Sso", valid=False, json=body | change)

    assert (refused.status_code, refused.json()["code"]) == (400, 45004)
    assert problem in refused.json()["message"]
    assert contract.call("GET", "/Sso").json() == before


def test_two_certificates_are_refused(contract, body):
    """Console's field holds one."""
    refused = contract.call("PUT", "/Sso", json=body | {"certificate": body["certificate"] * 2})
    assert "one certificate, not 2" in refused.json()["message"]


def test_trusted_urls_come_and_go(contract):
    """Added, found, changed, removed."""
    assert contract.call("GET", "/TrustedUrls").json() == {"trusted_urls": []}
    added = contract.call("PUT", "/TrustedUrls/main", json={"url": "https://flex.example.com"})
    again = contract.call("PUT", "/TrustedUrls/main", json={"url": "https://flex.example.com"})
    changed = contract.call("PUT", "/TrustedUrls/main", json={"url": "http://localhost:3000"})

    assert (added.status_code, again.status_code, changed.status_code) == (201, 200, 200)
    assert again.headers["ETag"] == added.headers["ETag"] != changed.headers["ETag"]
    assert contract.call("GET", "/TrustedUrls").json()["trusted_urls"] == [changed.json()]
    assert contract.call("GET", "/TrustedUrls/main").json() == changed.json()
    assert contract.call("DELETE", "/TrustedUrls/main", headers={"If-Match": added.headers["ETag"]}).status_code == 412
    assert contract.call("DELETE", "/TrustedUrls/main").status_code == 204
    assert contract.call("GET", "/TrustedUrls/main").status_code == 404


def test_one_url_is_trusted_once(contract):
    """The refusal names the entry that has it."""
    contract.call("PUT", "/TrustedUrls/a", json={"url": "https://flex.example.com"})
    refused = contract.call("PUT", "/TrustedUrls/b", json={"url": "https://flex.example.com"})
    assert "trusted already, as a" in refused.json()["message"]


@pytest.mark.parametrize(
    "url", ["*.example.com", "https://*.example.com", "example.com", "ftp://example.com", "https://"]
)
def test_enhanced_takes_full_urls_only(contract, url):
    """No wildcard, no bare domain."""
    refused = contract.call("PUT", "/TrustedUrls/a", json={"url": url})
    assert (refused.status_code, refused.json()["code"]) == (400, 45004)


@pytest.mark.parametrize(
    ("pattern", "status"),
    [
        ("example.com", 201), ("*.example.com", 201), ("localhost", 201), ("127.0.0.1", 201), ("::1", 201),
        ("example.*.com", 400), ("example*.com", 400), ("*", 400), ("*.com", 400), ("https://example.com", 400),
    ],
)  # fmt: skip
def test_legacy_takes_the_documented_patterns(contract, body, pattern, status):
    """Those of Twilio's SSO FAQ, and no others."""
    contract.call("PUT", "/Sso", json=body | {"type": "legacy"})
    assert contract.call("PUT", "/TrustedUrls/a", json={"url": pattern}).status_code == status


def test_contract_needs_credentials_and_the_right_account(sandbox):
    """401 without, 404 for an account that is not served here."""
    for path in ("/Sso", "/TrustedUrls", "/TrustedUrls/a"):
        assert requests.get(f"{sandbox.url}{SETTINGS}{path}", timeout=20).status_code == 401
    other = SETTINGS.replace(DEFAULT.account_sid, "AC" + "2" * 32)
    assert requests.get(f"{sandbox.url}{other}/Sso", auth=AUTH, timeout=20).status_code == 404


def test_settings_and_trusted_urls_survive_a_restart(tmp_path, body):
    """They are state like everything else."""
    with Sandbox(state=tmp_path / "flex.db") as sandbox:
        requests.put(f"{sandbox.url}{SETTINGS}/Sso", auth=AUTH, json=body, timeout=20)
        requests.put(f"{sandbox.url}{SETTINGS}/TrustedUrls/a", auth=AUTH, json={"url": "https://a.example"}, timeout=20)

    with Sandbox(state=tmp_path / "flex.db") as sandbox:
        assert requests.get(f"{sandbox.url}{SETTINGS}/Sso", auth=AUTH, timeout=20).json()["issuer"] == body["issuer"]
        entries = requests.get(f"{sandbox.url}{SETTINGS}/TrustedUrls", auth=AUTH, timeout=20).json()["trusted_urls"]
        assert [entry["url"] for entry in entries] == ["https://a.example"]


@pytest.mark.parametrize(("begin", "status"), [("none", 404), ("inactive", 200), ("active", 200)])
def test_state_can_begin_without_sso(begin, status):
    """As `serve` and `Sandbox` are told."""
    with Sandbox(sso=begin) as sandbox:
        answer = requests.get(f"{sandbox.url}{SETTINGS}/Sso", auth=AUTH, timeout=20)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["active"] is (begin == "active")
