"""The login chain over HTTP, from Authentication/Config to tokens: what every step gives and what it refuses."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from lxml import etree

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.sso.notes import Notes, Session

ANA = "ana@example.com"
CONFIG = "/v1/Flex/Authentication/Config"
TOKENS = "/v1/Flex/OAuth/Tokens"
INFO = f"/v1/Accounts/{DEFAULT.account_sid}/Tokens/Info"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"


@pytest.fixture
def landed(sandbox, visitor):
    """A login that has come back with its code, not yet exchanged."""
    begun = visitor.begin(f"{sandbox.url}/demo/app")
    query = parse_qs(urlsplit(visitor.client.get(begun.url).headers["Location"]).query)
    answer = visitor.vouch(ANA, request=query["SAMLRequest"][0])
    back = visitor.post_response(answer, query["RelayState"][0])
    return begun, back.headers["Location"]


def exchange_body(begun, location, **changes):
    code = parse_qs(urlsplit(location).query)["code"][0]
    body = {
        "sso_profile_sid": begun.connection, "code": code, "code_verifier": begun.verifier, "nonce": begun.nonce,
        "grant_type": "AuthorizationCode",
    }  # fmt: skip
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


# Authentication/Config


def test_config_names_the_active_connection(visitor):
    """The SDK sends five parameters, the unknown ones empty; connection and profile are the same SID."""
    parameters = {
        "AccountSid": DEFAULT.account_sid, "FlexInstanceSid": "", "RuntimeDomain": "", "SSOProfileSid": "",
        "AppType": "SinglePageApp",
    }  # fmt: skip
    [connection] = visitor.client.get(CONFIG, params=parameters).json()["config_list"]

    assert connection == {
        "account_sid": DEFAULT.account_sid, "instance_sid": DEFAULT.instance_sid,
        "connection_name": DEFAULT.connection_sid, "client_id": DEFAULT.client_id, "active": True,
        "app_type": "SinglePageApp", "sso_profile_sid": DEFAULT.connection_sid,
    }  # fmt: skip
    assert len(connection["client_id"]) == 32


@pytest.mark.parametrize(
    ("begin", "changes", "active"),
    [("active", {}, [True]), ("inactive", {}, [False]), ("none", {}, []), ("active", {"type": "legacy"}, [False])],
)
def test_config_tells_what_is_not_active(sandbox, visitor, begin, changes, active):
    """An empty list without SSO; not active where it is switched off, or legacy."""
    sandbox.sso(begin, **changes)
    listed = visitor.client.get(CONFIG, params={"AccountSid": DEFAULT.account_sid}).json()["config_list"]
    assert [connection["active"] for connection in listed] == active


def test_config_of_a_stranger_is_empty(visitor):
    """Another account, or another runtime domain."""
    for name, value in (("AccountSid", "AC" + "2" * 32), ("RuntimeDomain", "other.twil.io")):
        assert visitor.client.get(CONFIG, params={name: value}).json() == {"config_list": []}


# Authorize


def test_authorize_redirects_to_the_identity_provider_with_a_request(sandbox, visitor):
    """HTTP-Redirect binding, deflated, beside the query that the SSO URL has already."""
    sandbox.sso(sso_url="https://idp.example.com/saml?connection=Users")
    location = visitor.client.get(visitor.begin(f"{sandbox.url}/demo/app").url).headers["Location"]

    query = parse_qs(urlsplit(location).query)
    request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), wbits=-15))
    assert location.startswith("https://idp.example.com/saml?connection=Users&SAMLRequest=")
    assert query["RelayState"]
    assert request.tag == f"{PROTOCOL}AuthnRequest"
    assert request.find(f"{ASSERTION}Issuer").text == f"urn:flex:{DEFAULT.connection_sid}"
    assert request.get("Destination") == "https://idp.example.com/saml?connection=Users"
    consumer = f"{sandbox.url}/login/callback?connection={DEFAULT.connection_sid}"
    assert request.get("AssertionConsumerServiceURL") == consumer


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"redirectUrl": "https://flex.example.org"}, 403, "The redirect URL is not trusted."),
        ({"redirectUrl": "javascript:alert(1)"}, 400, "redirectUrl cannot be used."),
        ({"redirectUrl": ""}, 400, "redirectUrl cannot be used."),
        ({"ssoProfileSid": "JQ" + "9" * 32}, 400, "This account has no such SSO connection."),
        ({"ssoProfileSid": "false", "isConsoleLogin": "true"}, 400, "The sandbox has no Console"),
        ({"codeChallenge": "plain"}, 400, "codeChallenge is missing or no SHA-256"),
        ({"nonce": ""}, 400, "nonce is missing."),
    ],
)
def test_authorize_refuses_on_a_page(sandbox, visitor, change, status, reason):
    """A person reads why; nothing is redirected."""
    url = httpx.URL(visitor.begin(f"{sandbox.url}/demo/app").url).copy_merge_params(change)
    page = visitor.client.get(url)

    assert page.status_code == status
    assert reason in page.text
    assert "Location" not in page.headers


@pytest.mark.parametrize("begin", ["none", "inactive"])
def test_nobody_signs_in_without_active_sso(sandbox, begin):
    """The page says so."""
    sandbox.sso(begin)
    assert sandbox.sign_in(ANA).status == 400


@pytest.mark.parametrize(
    ("match", "trusted", "target", "status"),
    [
        ("prefix", "https://a.example/flex", "https://a.example/flex", 200),
        ("prefix", "https://a.example/flex", "https://a.example/flex/desk?x=1", 200),
        ("prefix", "https://a.example/flex", "https://a.example/flexible", 403),
        ("prefix", "https://a.example/flex", "https://a.example/flex/../x", 403),
        ("prefix", "https://a.example", "https://a.example:8443/", 403),
        ("exact", "https://a.example/flex", "https://a.example/flex/desk", 403),
        ("origin", "https://a.example/flex", "https://a.example/elsewhere", 200),
        ("origin", "https://a.example/flex", "https://b.example/flex", 403),
    ],
)
def test_what_a_trusted_url_covers_is_a_switch(sandbox, match, trusted, target, status):
    """Twilio does not say whether it compares the whole URL, its beginning, or its origin."""
    sandbox.switches(trusted_url_match=match)
    sandbox.trust(trusted)
    assert sandbox.sign_in(ANA, redirect_url=target).status == status


def test_state_comes_back_byte_for_byte_and_the_query_is_kept(sandbox, visitor):
    """Flex UI compares it."""
    sandbox.trust("https://a.example/flex")
    begun = visitor.begin("https://a.example/flex?tab=1")
    state = "~/+=&% é"
    sent = visitor.client.get(httpx.URL(begun.url).copy_set_param("state", state))
    query = parse_qs(urlsplit(sent.headers["Location"]).query)
    back = visitor.post_response(visitor.vouch(ANA, request=query["SAMLRequest"][0]), query["RelayState"][0])

    assert back.headers["Location"].startswith("https://a.example/flex?tab=1&code=")
    assert parse_qs(urlsplit(back.headers["Location"]).query)["state"] == [state]


def test_consumer_answers_with_a_relative_redirect(sandbox, visitor):
    """As real clients have seen it: 302 to the same host, then onward."""
    query = parse_qs(
        urlsplit(visitor.client.get(visitor.begin(f"{sandbox.url}/demo/app").url).headers["Location"]).query
    )
    answer = visitor.vouch(ANA, request=query["SAMLRequest"][0])
    form = {"SAMLResponse": answer["SAMLResponse"], "RelayState": query["RelayState"][0]}

    response = visitor.client.post(answer["acs"], data=form)

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/v1/Flex/Authentication/Callback?")


# OAuth/Tokens


def test_code_is_exchanged_for_tokens(visitor, landed, sandbox):
    """With what the SDK and Flex UI need of them; the access token lives an hour."""
    answer = visitor.client.post(TOKENS, json=exchange_body(*landed)).json()

    assert set(answer) == {
        "access_token", "refresh_token", "token_info", "access_token_expires_at", "refresh_token_expires_at",
    }  # fmt: skip
    assert answer["token_info"]["identity"] == ANA
    assert answer["token_info"]["roles"] == ["agent"]
    assert answer["token_info"]["flex_user_sid"] == sandbox.user(ANA)["flex_user_sid"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"code_verifier": "x" * 64}, 401, 45002), ({"nonce": "another"}, 401, 45002), ({"code": "guess"}, 401, 45002),
        ({"code": None}, 400, 45004), ({"grant_type": "password"}, 400, 45004),
        ({"sso_profile_sid": "JQ" + "9" * 32}, 403, 45003), ({"is_console_login": True}, 403, 45003),
    ],
)  # fmt: skip
def test_wrong_exchange_is_refused(visitor, landed, sandbox, change, status, code):
    """With an integer code, which the SDK needs, and without a user."""
    answer = visitor.client.post(TOKENS, json=exchange_body(*landed, **change))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sandbox.users() == []


def test_code_is_for_one_use(visitor, landed):
    """Whether it was used well or badly."""
    assert visitor.client.post(TOKENS, json=exchange_body(*landed)).status_code == 200
    assert visitor.client.post(TOKENS, json=exchange_body(*landed)).json()["code"] == 45002


def test_wrong_verifier_uses_the_code_up(visitor, landed):
    """Who guesses once does not guess twice."""
    visitor.client.post(TOKENS, json=exchange_body(*landed, code_verifier="guess"))
    assert visitor.client.post(TOKENS, json=exchange_body(*landed)).status_code == 401


def test_refresh_gives_a_new_token(sandbox, visitor):
    """With the roles that the user has by then; the old token stays good."""
    tokens = sandbox.sign_in(ANA).tokens
    body = {"refresh_token": tokens["refresh_token"], "sso_profile_sid": DEFAULT.connection_sid}

    again = visitor.client.post(TOKENS, json={**body, "grant_type": "RefreshToken"}).json()

    assert again["access_token"] != tokens["access_token"]
    assert again["token_info"]["identity"] == ANA
    assert visitor.client.post(TOKENS, json={**body, "grant_type": "RefreshToken"}).status_code == 200


def test_session_of_the_provider_bounds_the_token_and_stays(sandbox, visitor):
    """SessionNotOnOrAfter: a refresh returns the same expiration, which tells the SDK that the session is over."""
    tokens = sandbox.sign_in(ANA, broken="short_session").tokens
    body = {"refresh_token": tokens["refresh_token"], "sso_profile_sid": DEFAULT.connection_sid}

    again = visitor.client.post(TOKENS, json={**body, "grant_type": "RefreshToken"}).json()

    assert again["token_info"]["expiration"] == tokens["token_info"]["expiration"]
    usual = sandbox.sign_in(ANA).tokens["token_info"]["expiration"]
    assert datetime.fromisoformat(tokens["token_info"]["expiration"]) < datetime.fromisoformat(usual)


def test_session_that_has_ended_is_not_refreshed(sandbox, visitor):
    """401/45002."""
    sid = sandbox.sign_in(ANA).tokens["token_info"]["flex_user_sid"]
    session = Session(sid, DEFAULT.connection_sid, session_end=1)
    sandbox._call(lambda world: Notes(world.store).keep("refresh", "mine", session, until=4e9))
    body = {"refresh_token": "mine", "sso_profile_sid": DEFAULT.connection_sid, "grant_type": "RefreshToken"}

    assert visitor.client.post(TOKENS, json=body).json()["code"] == 45002


def test_note_whose_time_has_passed_is_gone(sandbox):
    """Codes, requests and refresh tokens alike."""

    def lapse(world):
        notes = Notes(world.store)
        notes.keep("refresh", "old", Session("FU1", "JQ1", None), until=1.0)
        return notes.session("old")

    assert sandbox._call(lapse) is None


def test_deactivated_user_gets_no_new_token_but_may_sign_in(sandbox, visitor, wire):
    """A token dies with the user; a login brings the user back."""
    tokens = sandbox.sign_in(ANA).tokens
    wire.deprovision(tokens["token_info"]["flex_user_sid"])
    body = {"refresh_token": tokens["refresh_token"], "sso_profile_sid": DEFAULT.connection_sid}

    assert visitor.client.post(TOKENS, json={**body, "grant_type": "RefreshToken"}).status_code == 401
    info = visitor.client.post(INFO, data={"Token": tokens["access_token"]})
    assert info.status_code == 401
    assert sandbox.sign_in(ANA).status == 200
    assert sandbox.user(ANA)["deactivated"] is False


# Claims


def test_first_login_makes_user_and_worker(sandbox):
    """Just in time, with typed attributes, channel settings and a contact URI."""
    claims = {
        "level.int": "3", "vip.boolean": "true", "languages.stringarray": "en,de", "department": "Sales",
        "channel.chat.capacity": "5",
    }  # fmt: skip
    sandbox.sign_in(ANA, claims=claims)

    assert sandbox.worker_attributes(ANA) == {
        "full_name": "Ana", "email": ANA, "roles": ["agent"], "level": 3, "vip": True, "languages": ["en", "de"],
        "department": "Sales", "contact_uri": "client:ana_40example_2Ecom",
    }  # fmt: skip
    assert sandbox.channels(ANA)["chat"]["configured_capacity"] == 5


@pytest.mark.parametrize("on_existing", ["merge", "replace", "ignore_empty"])
def test_every_login_writes_its_claims_and_nothing_else(sandbox, on_existing):
    """The provider wins for what it sends; an empty value clears; what it leaves out stays, however Provision does."""
    sandbox.switches(provision_on_existing=on_existing, provision_writes_profile=False)
    sandbox.sign_in(ANA, claims={"department": "Sales", "team": "A"})
    sandbox.edit_attributes(ANA, {"by": "hand", "department": "edited", "roles": ["admin"]})

    sandbox.sign_in(ANA, claims={"department": "Billing", "team": ""})

    attributes = sandbox.worker_attributes(ANA)
    assert attributes["department"] == "Billing"
    assert attributes["team"] == ""
    assert attributes["by"] == "hand"
    assert attributes["roles"] == ["agent"]


@pytest.mark.parametrize("roles", [["agent", "supervisor"], "agent,supervisor", "agent, supervisor"])
def test_roles_come_as_list_or_with_commas(sandbox, roles):
    """Repeated values, or one with commas."""
    assert sandbox.sign_in(ANA, claims={"roles": roles}).tokens["token_info"]["roles"] == ["agent", "supervisor"]


def test_role_change_lands_at_the_next_login(sandbox):
    """In the user and in the Worker."""
    sandbox.sign_in(ANA, claims={"roles": "agent"})
    sandbox.sign_in(ANA, claims={"roles": "agent,admin"})
    assert sandbox.user(ANA)["roles"] == ["agent", "admin"]


@pytest.mark.parametrize(
    ("broken", "code", "message"),
    [
        ("missing_roles", 45050, "roles"), ("missing_email", 45050, "email"), ("missing_full_name", 45050, "full_name"),
        ("unknown_role", 45050, "wizard"), ("namespaced", 45050, "full_name"),
        ("bad_type", 45004, "Error invalid attribute format"),
    ],
)  # fmt: skip
def test_wrong_claims_change_nothing(sandbox, broken, code, message):
    """400 with Twilio's code as the code is exchanged: Flex UI shows that message."""
    sandbox.sign_in(ANA, claims={"department": "Sales"})
    before = (sandbox.users(), sandbox.workers())

    visit = sandbox.sign_in(ANA, claims={"department": "Other"}, broken=broken)

    assert (visit.status, visit.code) == (400, code)
    assert message in visit.reason
    assert (sandbox.users(), sandbox.workers()) == before


def test_wrong_claims_may_show_in_the_browser_instead(sandbox):
    """As switched: when the claims are applied is not published."""
    sandbox.switches(login_claims_applied="callback")

    visit = sandbox.sign_in(ANA, broken="missing_roles")

    assert (visit.status, visit.landed) == (400, "")
    assert visit.reason == "400 Missing or invalid user attribute roles (45050)"
    assert sandbox.sign_in(ANA).status == 200


def test_failure_may_land_on_the_redirect_url(sandbox):
    """As switched: with error, and the state."""
    sandbox.switches(login_failure="redirect")
    visit = sandbox.sign_in(ANA, broken="expired")
    assert visit.reason == "The assertion has expired."
    assert "error=access_denied" in visit.landed


def test_raw_id_makes_a_phantom_user(sandbox):
    """Flex takes the NameID as the name: a second, billed user beside the real one."""
    sandbox.sign_in(ANA)
    sandbox.sign_in(ANA, broken="raw_id")
    assert [user["username"] for user in sandbox.users()] == [ANA, "auth0|5f7c8ec7c33c6c004bbafe82"]


def test_name_longer_than_a_workers_is_refused(sandbox):
    """TaskRouter's limit, found out at the login."""
    visit = sandbox.sign_in(f"{'a' * 60}@example.com")
    assert (visit.code, sandbox.users()) == (45004, [])


# The login that begins at the identity provider


def test_login_that_begins_at_the_provider_ends_at_the_default_redirect_url(sandbox, visitor):
    """With its claims applied, and without a code, which nobody could exchange."""
    back = visitor.post_response(visitor.vouch(ANA))

    assert back.headers["Location"] == f"{sandbox.url}/demo/app"
    assert sandbox.user(ANA)["deactivated"] is False


def test_login_that_begins_at_the_provider_needs_somewhere_to_go(sandbox, visitor):
    """A default redirect URL, and a trusted one."""
    sandbox.sso(default_redirect_url=None)
    assert "there is no default redirect URL" in visitor.post_response(visitor.vouch(ANA)).text
    sandbox.sso(default_redirect_url="https://flex.example.com")
    assert "The default redirect URL is not trusted." in visitor.post_response(visitor.vouch(ANA)).text
    assert sandbox.users() == []


# Tokens, and what they open


def test_token_info_tolerates_the_sdks_stray_bracket(sandbox, visitor):
    """`Basic …)`, as the published SDK sends it."""
    token = sandbox.sign_in(ANA).tokens["access_token"]
    credentials = base64.b64encode(f"token:{token}".encode()).decode()

    info = visitor.client.post(
        INFO,
        data={"Token": token}, headers={"Authorization": f"Basic {credentials})"},
    ).json()  # fmt: skip
    configuration = visitor.client.get("/v1/Configuration", headers={"Authorization": f"Basic {credentials})"})

    assert info["identity"] == info["name_id"] == ANA
    assert info["worker_sid"] == sandbox.user(ANA)["worker_sid"]
    assert set(info) >= {"expiration", "roles", "flex_user_sid", "flex_instance_sid", "account_sid", "permissions"}
    assert configuration.json()["account_sid"] == DEFAULT.account_sid


def test_token_opens_ones_own_worker_and_nothing_else(sandbox, visitor):
    """To read it; not other Workers, not users, not writing."""
    token = sandbox.sign_in(ANA).tokens["access_token"]
    sandbox.sign_in("ben@example.com")
    auth = ("token", token)
    workers = f"/v1/Workspaces/{DEFAULT.workspace_sid}/Workers"
    own, other = (f"{workers}/{sandbox.user(name)['worker_sid']}" for name in (ANA, "ben@example.com"))

    assert json.loads(visitor.client.get(own, auth=auth).json()["attributes"])["email"] == ANA
    assert visitor.client.get(f"{own}/Channels", auth=auth).status_code == 200
    for path in (other, workers, f"/v1/Instances/{DEFAULT.instance_sid}/Users"):
        assert visitor.client.get(path, auth=auth).json()["code"] == 45003
    assert visitor.client.post(own, auth=auth, data={"Attributes": "{}"}).status_code == 403
    assert visitor.client.get(own, auth=("token", "guess")).json()["code"] == 20003


def test_minted_token_is_as_good(wire, visitor):
    """The third way to authenticate: provision, fetch, mint."""
    sid = wire.provision().json()["flex_user_sid"]
    token = wire.post(f"{wire.v4_users}/{sid}/Tokens", json={"ttl": 60}).json()["access_token"]

    info = visitor.client.post(INFO, data={"Token": token})
    session = visitor.client.get("/api/v1/Session", headers={"x-flex-jwe": token})

    assert info.json()["flex_user_sid"] == sid
    assert session.json() == {"features": []}


def test_bad_token_is_refused(visitor):
    """401/20101, for the information and for the session."""
    info = visitor.client.post(INFO, data={"Token": "x"})
    session = visitor.client.get("/api/v1/Session")
    assert (info.status_code, info.json()["code"]) == (401, 20101)
    assert (session.status_code, session.json()["code"]) == (401, 20101)


def test_nothing_that_opens_something_is_in_log_or_state(sandbox, tmp_path):
    """Codes, states, tokens, SAML: cut from the log, digests in the database."""
    visit = sandbox.sign_in(ANA)
    code = parse_qs(urlsplit(visit.landed).query)["code"][0]
    dump = "\n".join(sandbox._call(lambda world: list(world.store.connection.iterdump())))
    log = "\n".join(f"{entry.path}?{entry.query}" for entry in sandbox.requests())

    for secret in (code, visit.tokens["access_token"], visit.tokens["refresh_token"]):
        assert secret not in dump
        assert secret not in log
