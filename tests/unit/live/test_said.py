"""What others say is one printable line, and never holds a secret of ours, whoever sends it back."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import FlexresError
from flexres.idp.auth0.client import Auth0
from flexres.idp.auth0.transport import Auth0Transport, Tenant
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.flex.users import FlexUsers
from flexres.live.http.retrying import RetryPolicy
from flexres.live.http.transport import Transport
from flexres.live.http.wire import open_wire, unreachable
from flexres.live.taskrouter.workers import Workers
from flexres.text import one_line, spellings

from .fake import CREDENTIALS, KEY, SECRET, transport

ODD = "a\x1b[31m\x9b2J\u202eevil\u2066\r\nb\x00\u200b"
HUSH = "auth0/hush hush+1"
STATUSES = [200, 302, 400, 401, 403, 404, 412, 418, 429, 500, 503]


def everything(error: FlexresError) -> str:
    """All that could be shown of an error, what it came from included."""
    texts = [
        str(error),
        error.message,
        error.hint,
        str(getattr(error, "request_id", "")),
        str(getattr(error, "code", "")),
    ]
    return " | ".join(texts)


def echo(status: int, shape: str, secret: str = SECRET) -> Any:
    """A server that sends back what it was sent: in its body, its status line and its headers."""

    def handler(request: httpx.Request) -> httpx.Response:
        header = request.headers.get("authorization", "")
        pair = base64.b64decode(header.removeprefix("Basic ")).decode() if header.startswith("Basic ") else ""
        sent = f"you sent {header} {pair} {secret} {quote(secret, safe='')} {ODD}"
        bodies = {
            "twilio": {"message": sent, "code": 20003, "errors": [{"detail": sent}, sent]},
            "rfc": {"title": sent, "detail": sent},
            "auth0": {"error": sent, "errorCode": sent, "error_description": sent, "message": sent},
            "odd": {"users": [{"flex_user_sid": sent}], "meta": {}, "account_sid": sent, "status": sent},
            "text": sent,
        }
        line = sent.encode("ascii", "replace").translate(None, b"\r\n\0")
        return httpx.Response(
            status,
            content=json.dumps(bodies[shape]).encode(),
            headers=[
                (b"content-type", b"application/json"),
                (b"twilio-request-id", f"{header} {secret} \x9b".encode("latin-1")),
                (b"location", line),
            ],
            extensions={"reason_phrase": line},
        )

    return handler


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("shape", ["twilio", "rfc", "auth0", "odd", "text"])
async def test_an_echo_of_our_credentials_is_never_told(status: int, shape: str) -> None:
    tenant = Tenant("acme.eu.auth0.com", "https://acme.eu.auth0.com", token=HUSH, client_secret="client-secret")
    wire = httpx.MockTransport(echo(status, shape, HUSH))
    async with (
        transport(echo(status, shape), policy=RetryPolicy(attempts=1)) as twilio,
        Auth0Transport(tenant, read_only=True, policy=RetryPolicy(attempts=1), wire=wire) as auth0,
    ):
        users = FlexUsers(twilio, "GO1")
        asked: list[Callable[[], Awaitable[object]]] = [
            lambda: users.by_username("ana"),
            lambda: users.by_sid("FU1"),
            lambda: users.provision(username="a", full_name="A", email="a@x", roles=["agent"]),
            lambda: Workers(twilio, "WS1").fetch("WK1"),
            lambda: ConfigurationApi(twilio, account="AC1", instance="GO1").fetch(),
            Auth0(auth0).actions,
            lambda: Auth0(auth0).user("u"),
        ]
        told = [everything(error) for ask in asked if (error := await refused(ask)) is not None]
    assert len(told) >= len(asked) - 1
    for text in told:
        secrets = (SECRET, HUSH, CREDENTIALS.authorization.removeprefix("Basic "), quote(HUSH, safe=""))
        assert not [secret for secret in secrets if secret in text]
        assert text.isprintable()


async def refused(ask: Callable[[], Awaitable[object]]) -> FlexresError | None:
    try:
        await ask()
    except FlexresError as error:
        return error
    return None


async def test_a_token_that_auth0_gave_is_a_secret_from_then_on() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "granted-token"})
        return httpx.Response(400, json={"message": f"bad header {request.headers['authorization']}"})

    tenant = Tenant("acme.eu.auth0.com", "https://acme.eu.auth0.com", client_id="id", client_secret="client-secret")
    async with Auth0Transport(tenant, read_only=True, wire=httpx.MockTransport(handler)) as auth0:
        with pytest.raises(FlexresError, match=r"bad header Bearer \[redacted\]"):
            await auth0.request("GET", "/clients")


@given(st.text(), st.sampled_from([SECRET, HUSH, KEY]), st.text())
def test_a_text_with_a_secret_in_it_loses_it(before: str, secret: str, after: str) -> None:
    for spelled in spellings(secret):
        assert spelled not in one_line(before + spelled + after, spellings(secret))


@given(st.text(max_size=2000))
def test_every_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 400


@pytest.mark.parametrize("value", [None, 1, {}, [], b"x", True])
def test_what_is_no_text_says_nothing(value: object) -> None:
    assert one_line(value) == ""


PROXY = "http://user:pr0xy-pass@proxy.example:3128"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (httpx.ConnectError("All connection attempts failed"), "the proxy proxy.example:3128 cannot be reached"),
        (httpx.ConnectTimeout("slow"), "the proxy proxy.example:3128 cannot be reached: no connection in time"),
        (
            httpx.ProxyError(f"407 {ODD} pr0xy-pass user:pr0xy-pass"),
            "the proxy proxy.example:3128 lets nothing through to flex-api.twilio.com: 407 a [31m 2J evil b",
        ),
    ],
)
def test_an_unreachable_proxy_is_called_that(error: Exception, says: str) -> None:
    made = unreachable(error, "flex-api.twilio.com", proxy=PROXY)
    assert made.message.startswith(says)
    assert "HTTPS_PROXY" in made.hint
    assert "pr0xy-pass" not in made.message + made.hint
    assert made.message.isprintable()


async def test_a_closed_port_of_a_proxy_is_told_as_the_proxys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real socket, so that the chain of causes is the real one."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pr0xy-pass@127.0.0.1:9")
    async with Transport(CREDENTIALS, policy=RetryPolicy(attempts=1)) as opened:
        with pytest.raises(FlexresError, match=r"nothing answers at the proxy 127\.0\.0\.1:9") as caught:
            await opened.request("GET", "flex-api", "/x")
    assert "pr0xy-pass" not in everything(caught.value)


def test_a_proxy_that_cannot_be_used_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:pr0xy-pass@proxy.example")
    with pytest.raises(FlexresError) as caught:
        open_wire("https://flex-api.twilio.com", 1)
    assert "pr0xy-pass" not in everything(caught.value)
