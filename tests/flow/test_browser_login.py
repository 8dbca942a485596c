"""A login in a real browser, headless: out to the identity provider, back with a code, and the Worker that results."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox
from tests import browser

REASON = browser.missing()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

ANA = "ana@example.com"
# What a page does that is not the demo app: begin a login, and exchange its code.
BEGIN = """async ([api, account, redirectUrl]) => {
  const { config_list } = await (await fetch(`${api}/v1/Flex/Authentication/Config?AccountSid=${account}`)).json();
  const verifier = "v".repeat(64);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const base64 = btoa(String.fromCharCode(...digest));
  const codeChallenge = base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const ssoProfileSid = config_list[0].sso_profile_sid;
  const query = { redirectUrl, nonce: "n1", state: "my state", ssoProfileSid, codeChallenge };
  return { verifier, ssoProfileSid, url: `${api}/v1/Flex/Authorize?${new URLSearchParams(query)}` };
}"""
EXCHANGE = """async ([api, begun, code]) => {
  const body = {
    sso_profile_sid: begun.ssoProfileSid,
    code,
    code_verifier: begun.verifier,
    nonce: "n1",
    grant_type: "AuthorizationCode",
  };
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(body) };
  return (await fetch(`${api}/v1/Flex/OAuth/Tokens`, options)).json();
}"""


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests; each has a context of its own."""
    with browser.chromium() as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def page(chromium, sandbox):
    """An empty page that fails the test on any script error."""
    context = chromium.new_context(base_url=sandbox.url)
    context.set_default_timeout(15_000)
    errors = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert errors == []


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A page on another origin: an empty document at any path."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>elsewhere</title>")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def answer_at_the_provider(page, username, *, claims="", broken=""):
    """What a person does on the identity provider's pages."""
    page.get_by_label("Somebody else").fill(username)
    page.get_by_role("button", name="Go on").click()
    if claims:
        box = page.get_by_label("Claims")
        box.fill(f"{box.input_value()}\n{claims}")
    if broken:
        page.get_by_label("Answer").select_option(broken)
    page.get_by_role("button", name="Sign in").click()


def test_login_by_redirect_lands_and_shows_the_workers_new_attributes(page, sandbox):
    """The demo app does what Flex UI does: code, state, exchange; then reads its Worker with the token."""
    page.goto("/demo/app")
    page.get_by_role("button", name="Sign in", exact=True).click()
    answer_at_the_provider(page, ANA, claims="level.int = 7\nlanguages.stringarray = en,de")

    page.get_by_role("heading", name=ANA).wait_for()
    # The heading comes first, the attributes with their own answer.
    page.locator("#attributes").get_by_text("level", exact=True).wait_for()
    shown = page.locator("#attributes").inner_text()
    assert "level\n7" in shown
    assert '["en","de"]' in shown
    assert page.url == f"{sandbox.url}/demo/app"
    assert sandbox.worker_attributes(ANA)["level"] == 7


def test_browser_lands_on_the_redirect_url_with_a_code_and_state(page, sandbox, elsewhere):
    """On a trusted page of another origin, which can then exchange the code (CORS) and read who it is."""
    sandbox.trust(f"{elsewhere}/flex")
    page.goto(f"{elsewhere}/flex")
    begun = page.evaluate(BEGIN, [sandbox.url, DEFAULT.account_sid, f"{elsewhere}/flex/desk"])
    page.goto(begun["url"])
    answer_at_the_provider(page, ANA)
    page.wait_for_url(f"{elsewhere}/flex/desk?**")

    query = parse_qs(urlsplit(page.url).query)
    tokens = page.evaluate(EXCHANGE, [sandbox.url, begun, query["code"][0]])
    assert query["state"] == ["my state"]
    assert tokens["token_info"]["identity"] == ANA


def test_login_in_a_window_of_its_own(page, sandbox):
    """The popup signs in, hands the code over and closes."""
    page.goto("/demo/app")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Sign in in a window").click()
    popup = opened.value
    with popup.expect_event("close"):
        answer_at_the_provider(popup, ANA)

    page.get_by_role("heading", name=ANA).wait_for()
    assert "agent" in page.locator("#token").inner_text()
    assert sandbox.user(ANA)["deactivated"] is False


def test_login_popup_setting_makes_the_window_the_usual_way(page, sandbox):
    """As Flex UI reads it from the public attributes of the Configuration."""
    httpx.post(
        f"{sandbox.url}/v1/Configuration", auth=(DEFAULT.api_key, DEFAULT.api_secret), trust_env=False,
        json={"account_sid": DEFAULT.account_sid, "public_attributes": {"loginPopup": True}},
    ).raise_for_status()  # fmt: skip
    page.goto("/demo/app")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Sign in", exact=True).click()
    opened.value.get_by_role("heading", name="Who signs in?").wait_for()


def test_untrusted_redirect_is_refused_on_a_page(page, sandbox, elsewhere):
    """The browser stays, and reads why."""
    page.goto(elsewhere)
    sandbox.trust(elsewhere)
    begun = page.evaluate(BEGIN, [sandbox.url, DEFAULT.account_sid, "https://evil.example.org/"])
    page.goto(begun["url"])

    page.get_by_role("heading", name="The redirect URL is not trusted.").wait_for()
    assert page.url.startswith(f"{sandbox.url}/v1/Flex/Authorize")
    assert "https://evil.example.org/" in page.locator(".detail").inner_text()


def test_page_of_an_untrusted_origin_may_not_read_the_answers(page, sandbox):
    """The browser keeps them to itself."""
    document = {"body": "<!doctype html><title>x</title>", "content_type": "text/html"}
    page.route("https://flex.example.org/**", lambda route: route.fulfill(**document))
    # Chromium asks a person before a page of the internet may talk to this machine at all.
    page.context.grant_permissions(["local-network-access"], origin="https://flex.example.org")
    page.goto("https://flex.example.org/")
    ask = "url => fetch(url).then(r => r.status, e => e.name)"
    url = f"{sandbox.url}/v1/Flex/Authentication/Config?AccountSid={DEFAULT.account_sid}"

    assert page.evaluate(ask, url) == "TypeError"
    sandbox.trust("https://flex.example.org")
    assert page.evaluate(ask, url) == 200


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("wrong_audience", "The assertion is meant for somebody else."),
        ("expired", "The assertion has expired."),
        ("wrong_key", "The signature is not valid for the certificate of the SSO settings."),
        ("unsigned", "The response is not signed."),
        ("invalid_nameid_policy", "The identity provider did not sign anybody in: Requester / InvalidNameIDPolicy."),
    ],
)
def test_broken_response_ends_on_a_page_with_the_reason(page, sandbox, broken, reason):
    """And nobody was made."""
    page.goto("/demo/app")
    page.get_by_role("button", name="Sign in", exact=True).click()
    answer_at_the_provider(page, ANA, broken=broken)

    page.get_by_role("heading", name=reason).wait_for()
    assert sandbox.users() == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("missing_roles", "Missing or invalid user attribute roles (45050)"),
        ("bad_type", "Error invalid attribute format (45004)"),
    ],
)
def test_wrong_claims_are_told_by_the_app(page, sandbox, broken, message):
    """The exchange refuses them, and the page shows Flex's message."""
    page.goto("/demo/app")
    page.get_by_role("button", name="Sign in", exact=True).click()
    answer_at_the_provider(page, ANA, broken=broken)

    page.get_by_text(message).wait_for()
    assert sandbox.users() == []


def test_login_that_begins_at_the_provider_lands_on_the_default_redirect_url(page, sandbox):
    """Its claims are in Flex."""
    page.goto("/idp/sso")
    answer_at_the_provider(page, ANA)

    page.wait_for_url(f"{sandbox.url}/demo/app")
    assert sandbox.user(ANA)["roles"] == ["agent"]


def test_front_page_finds_opens_and_turns(page, sandbox):
    """Search by keyboard, a Worker's attributes, a fault and a switch."""
    sandbox.seed(60)
    name = sandbox.users()[41]["username"]
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"1 of 60 match")).wait_for()
    page.locator(".people summary").click()
    page.get_by_text("contact_uri").wait_for()

    page.get_by_label("A fault to add").fill("flood")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("alert").get_by_text("no fault").wait_for()
    page.get_by_label("A fault to add").fill("429:rate=0.5")
    page.get_by_role("button", name="Add").click()
    page.locator("#faults").get_by_text("429:rate=0.5").wait_for()
    page.locator("details.switches summary").click()
    with page.expect_response("**/_sandbox/switches"):
        page.locator("select[data-switch=list_attributes]").select_option(label="null")
    assert sandbox.switches().list_attributes == "null"


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("path", ["/", "/demo/app", "/idp/sso", "/idp/sso?username=ana"])
def test_pages_fit_and_load_nothing_from_elsewhere(page, sandbox, width, path):
    """No scrolling sideways; requests to the sandbox alone; nothing that the policy had to stop."""
    sandbox.seed(3)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith((sandbox.url, "data:"))] == []
    assert said == []
