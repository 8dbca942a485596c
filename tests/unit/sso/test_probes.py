"""The probes: yes, no or unknown from what a browser meets before sign-in, whatever the other side answers."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
import pytest

from flexres.live.http.anonymous import LARGEST, Anonymous, NotSeen
from flexres.sso.difference import SignOn
from flexres.sso.observe import read_authn_request
from flexres.sso.probes import Probes

ACCOUNT, INSTANCE = "AC" + "a" * 32, "GO" + "b" * 32
CONNECTION = "JQ" + "1" * 32
URL = "https://flex.example.com"
ACTIVE = {"config_list": [{"connection_name": CONNECTION, "client_id": "client", "active": True}]}
REQUEST = (
    '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" '
    'Destination="https://idp.example.com/saml" AssertionConsumerServiceURL="https://login/callback">'
    '<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:flex:JQ1</saml:Issuer>'
    '<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"/></samlp:AuthnRequest>'
)

Answer = Callable[[httpx.Request], httpx.Response]


def packed(xml: str) -> str:
    """A SAMLRequest as the HTTP-Redirect binding has it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(xml.encode()) + deflate.flush()).decode()


IDP = f"https://idp.example.com/saml?connection=Users&SAMLRequest={quote(packed(REQUEST), safe='')}&RelayState=x"


class Web(httpx.AsyncBaseTransport):
    """A web of answers by path; it keeps what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers: dict[str, Answer] = {"Config": lambda _: httpx.Response(200, json=ACTIVE), **answers}
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path.rpartition("/")[2])
        return answer(request) if answer else httpx.Response(404, json={"status": 404, "message": "not found"})


def to(location: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"location": location})


def trusting(*urls: str) -> Answer:
    """Authorize as a Flex that looks at the redirect URL first."""
    return lambda request: to(IDP) if request.url.params["redirectUrl"] in urls else httpx.Response(403)


async def enhanced(web: Web, *trusted: str, redirect: str | None = None) -> SignOn:
    async with Anonymous(wire=web, seconds=0.2) as anonymous:
        probes = Probes(anonymous, account=ACCOUNT, instance=INSTANCE, read_request=read_authn_request)
        return await probes.enhanced(trusted, redirect)


async def legacy(web: Web, *trusted: str) -> SignOn:
    async with Anonymous(wire=web, seconds=0.2) as anonymous:
        probes = Probes(anonymous, account=ACCOUNT, instance=INSTANCE, read_request=read_authn_request)
        return await probes.legacy(trusted)


async def test_the_login_redirect_tells_provider_and_request() -> None:
    """Without the parameters that are Flex's own, and without a visit to the identity provider."""
    web = Web(Authorize=trusting(URL))

    seen = await enhanced(web, URL)

    assert seen.fields["sso_url"].value == "https://idp.example.com/saml?connection=Users"
    assert seen.client_id == "client"
    assert seen.request is not None
    assert (seen.request.issuer, seen.request.acs) == ("urn:flex:JQ1", "https://login/callback")
    assert seen.request.name_id_format == "unspecified"
    assert {request.url.host for request in web.requests} == {"services.twilio.com", "flex-api.twilio.com"}


async def test_a_probe_sends_what_the_sdk_sends_and_no_credentials() -> None:
    """GET alone, and never an Authorization or a cookie."""
    web = Web(Authorize=lambda _: httpx.Response(302, headers={"location": IDP, "set-cookie": "a=b"}))

    await enhanced(web, URL, redirect=URL)

    assert {request.method for request in web.requests} == {"GET"}
    assert not any({"authorization", "cookie"} & set(request.headers) for request in web.requests)
    (query, *_) = (
        parse_qs(request.url.query.decode()) for request in web.requests if "redirectUrl" in str(request.url)
    )
    assert query.keys() == {"redirectUrl", "nonce", "codeChallenge", "state", "ssoProfileSid"}
    assert query["ssoProfileSid"] == [CONNECTION]


async def test_a_url_is_known_to_be_trusted_where_one_that_cannot_be_is_refused() -> None:
    """Yes and no, told apart by a control."""
    seen = await enhanced(Web(Authorize=trusting(URL)), URL, "https://other.example.com")

    assert seen.trusted[URL].value is True
    assert seen.trusted["https://other.example.com"].value is False


async def test_a_flex_that_lets_every_url_begin_says_nothing_about_trust() -> None:
    """Nobody documents when Twilio looks at the URL."""
    seen = await enhanced(Web(Authorize=lambda _: to(IDP)), URL)

    assert seen.trusted[URL].value is None
    assert "decides afterwards" in seen.trusted[URL].why


async def test_redirects_within_flex_are_followed_to_the_provider() -> None:
    """services → login.flex → identity provider; a relative one too."""
    hop = "https://login.flex.us1.twilio.com/authorize?x=1"
    web = Web(Authorize=lambda _: to(hop), authorize=lambda _: to("/next"), next=lambda _: to(IDP))

    assert (await enhanced(web, URL)).fields["sso_url"].value == "https://idp.example.com/saml?connection=Users"


LOOP = "https://login.flex.us1.twilio.com/loop"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: to(LOOP), "login.flex.us1.twilio.com redirects in a circle"),
        (lambda r: to(f"{LOOP}?{len(str(r.url))}"), "login.flex.us1.twilio.com redirects in a circle"),
        (lambda _: httpx.Response(200, html="<p>Hello"), "answered 200 with a page of its own instead of a redirect"),
        (
            lambda _: to("https://elsewhere.example.com/"),
            "the login leads to elsewhere.example.com without a SAML request",
        ),
        (
            lambda _: to("http://services.twilio.com/plain"),
            "the login leads to services.twilio.com without a SAML request",
        ),
        (lambda _: to(f"{URL}/?error=access_denied"), "came back with an error before the identity provider was asked"),
        (lambda _: httpx.Response(500), "services.twilio.com answered 500 with an error instead of a redirect"),
        (lambda _: httpx.Response(200, content=b"x" * (LARGEST + 1)), "answered with more than 256 KB"),
        (lambda _: to("http://[::1"), "redirects to what is no URL"),
    ],
)
async def test_a_login_that_leads_nowhere_is_unknown(answer: Answer, why: str) -> None:
    """One line each, and neither yes nor no."""
    seen = await enhanced(Web(Authorize=answer, loop=answer), URL)

    assert seen.fields["sso_url"].value is None
    assert seen.trusted[URL].value is None
    assert why in seen.fields["sso_url"].why
    assert "\n" not in seen.fields["sso_url"].why


async def test_a_chain_without_end_is_given_up() -> None:
    """Each hop leads on to a new one."""
    web = Web(Authorize=lambda _: to(f"{LOOP}?1"), loop=lambda r: to(f"{LOOP}?{int(r.url.query) + 1}"))

    assert (await enhanced(web, URL)).fields["sso_url"].why == "no identity provider after 6 redirects"


async def test_a_page_that_never_answers_is_unknown() -> None:
    """Nor does an answer that never ends hold anybody up."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    web = Web(Authorize=lambda _: httpx.Response(200, content=drip()))

    assert (await enhanced(web, URL)).fields["sso_url"].why == "services.twilio.com did not answer within 0.2 s"


@pytest.mark.parametrize(
    ("body", "value", "why"),
    [
        ({"config_list": []}, "", ""),
        ({"config_list": [{"connection_name": CONNECTION, "active": False}]}, "", ""),
        ({"config_list": [{"connection_name": CONNECTION, "active": True, "instance_sid": "GO" + "c" * 32}]}, "", ""),
        (
            {"config_list": [{"connection_name": "JQ" + letter * 32, "active": True} for letter in "12"]},
            None,
            f"2 connections are active at once: {'JQ' + '1' * 32}, {'JQ' + '2' * 32}",
        ),
        *(
            (
                {"config_list": [{"connection_name": name, "active": True}]},
                None,
                "an active connection has a name that is not JQ and 32 hexadecimal digits",
            )
            for name in (f"{CONNECTION}\nalert(1)", "Users", "", None, 7, ["JQ"])
        ),
        ({}, None, "the answer holds no list of connections"),
        ([], None, "the answer holds no list of connections"),
        ("<html>", None, "services.twilio.com answered 200 with a web page instead of JSON"),
    ],
)
async def test_the_active_connection_is_known_only_where_there_is_one_answer(body: Any, value: Any, why: str) -> None:
    """None active, two at once, another instance's, a page."""
    answer = httpx.Response(200, html=body) if isinstance(body, str) else httpx.Response(200, json=body)

    seen = await enhanced(Web(Config=lambda _: answer), URL)

    assert (seen.fields["connection"].value, seen.fields["connection"].why) == (value, why)
    assert seen.trusted[URL].value is None


@pytest.mark.parametrize("client", ["a\nb", '"', "x" * 129, "", 7, None, {}])
async def test_a_client_id_of_another_form_is_none(client: Any) -> None:
    """It goes into a script, so only letters, digits and few marks are taken over."""
    body = {"config_list": [{"connection_name": CONNECTION, "client_id": client, "active": True}]}

    assert (await enhanced(Web(Config=lambda _: httpx.Response(200, json=body)), URL)).client_id is None


async def test_what_a_login_page_is_told_of_the_popup_is_read() -> None:
    """From the public Configuration."""
    attributes = {"loginPopup": True, "loginPopupFeatures": "width=500"}
    body = {"configurations": [{"account_sid": ACCOUNT, "public_attributes": attributes}]}

    seen = await enhanced(Web(Public=lambda _: httpx.Response(200, json=body)))

    assert (seen.fields["login_popup"].value, seen.fields["login_popup_features"].value) == (True, "width=500")


def refusing(code: int, status: int) -> Answer:
    return lambda request: (
        httpx.Response(status, json={"code": code, "message": "no"})
        if b".invalid" in request.content or code == 70251
        else httpx.Response(200, json={"location": IDP})
    )


async def test_legacy_trust_is_told_by_its_code() -> None:
    """70002 for a domain that is not trusted; a wildcard is tried by a host that it covers."""
    web = Web(authenticate=refusing(70002, 400))

    seen = await legacy(web, "*.example.com", "::1")

    assert {entry: found.value for entry, found in seen.trusted.items()} == {"*.example.com": True, "::1": True}
    assert seen.fields["sso_url"].value == "https://idp.example.com/saml?connection=Users"
    asked = [request.content for request in web.requests if request.method == "POST"]
    assert any(b"https://flexres.example.com" in body for body in asked)
    assert any(b"http://[::1]" in body for body in asked)


async def test_legacy_without_a_certificate_is_seen() -> None:
    """70251: the certificate is gone, and of the domain nothing is known."""
    seen = await legacy(Web(authenticate=refusing(70251, 403)), "flex.example.com")

    assert seen.fields["certificate"].value == ""
    assert seen.trusted["flex.example.com"].value is None


async def test_nobody_but_flex_is_asked() -> None:
    """A redirect cannot send a probe into somebody's network."""
    web = Web()
    async with Anonymous(wire=web) as anonymous:
        for url in ("https://twilio.com.evil.example/", "https://127.0.0.1/", "https://services.twilio.com:8443/"):
            with pytest.raises(NotSeen, match="is not Flex"):
                await anonymous.get(url)

    assert web.requests == []


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        ("%%%", "it is no Base64"),
        (base64.b64encode(b"plain text").decode(), "it is no DEFLATE"),
        (packed("<a>" + "x" * 100_000 + "</a>"), "it is cut off, or longer than any request"),
        (packed("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "it declares a document type (DOCTYPE)"),
        (packed("<a/>"), "it is no AuthnRequest but a"),
        (packed("<a"), "it is not well-formed XML"),
    ],
)
def test_a_request_that_is_none_is_told_in_one_line(parameter: str, why: str) -> None:
    """Bombs, entities and rubbish."""
    with pytest.raises(ValueError, match=r"^it ") as caught:
        read_authn_request(parameter)

    assert str(caught.value).startswith(why)
    assert "\n" not in str(caught.value)
