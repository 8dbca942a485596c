"""The way to Auth0: tokens, scopes, the rate limit's headers, what may be sent when only reading."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from flexres.errors import RefusedError, SetupError, UnreachableError
from flexres.idp.auth0.answers import Auth0Error, GoneError
from flexres.idp.auth0.transport import Auth0Transport, Tenant, from_environment
from flexres.live.http.retrying import Timing

DOMAIN = "acme.eu.auth0.com"
TENANT = Tenant(DOMAIN, f"https://{DOMAIN}", client_id="id", client_secret="hush")
START = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)

Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    """A time that passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.timing = Timing(lambda: sum(self.slept), self.now, self.sleep, lambda: 0.5)

    def now(self) -> datetime:
        return START + timedelta(seconds=sum(self.slept))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def run(handler: Handler, *requests: tuple[Any, ...], tenant: Tenant = TENANT, read_only: bool = False) -> Clock:
    """Send these requests one after the other; every token is granted."""
    clock = Clock()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            assert json.loads(request.content)["audience"] == f"https://{DOMAIN}/api/v2/"
            return httpx.Response(200, json={"access_token": "granted"})
        assert request.headers["Authorization"] == f"Bearer {tenant.token or 'granted'}"
        return handler(request)

    async def send() -> None:
        transport = Auth0Transport(tenant, read_only=read_only, timing=clock.timing, wire=httpx.MockTransport(answer))
        try:
            for method, path, *body in requests:
                await transport.request(method, path, json=body[0] if body else None)
        finally:
            await transport.aclose()

    asyncio.run(send())
    return clock


def limited(remaining: int, reset: float, status: int = 200) -> httpx.Response:
    at = str(int(START.timestamp() + reset))
    headers = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": at}
    return httpx.Response(status, json={}, headers=headers)


def test_one_token_serves_all_requests() -> None:
    seen: list[str] = []
    run(lambda request: (seen.append(request.url.path), httpx.Response(200, json={}))[1], ("GET", "/a"), ("GET", "/b"))
    assert seen == ["/api/v2/a", "/api/v2/b"]


def test_a_given_token_is_used_as_it_is() -> None:
    run(lambda _: httpx.Response(200, json={}), ("GET", "/a"), tenant=Tenant(DOMAIN, TENANT.base, token="mine"))


def test_the_next_request_waits_until_there_are_more() -> None:
    """The headers said that none is left for two seconds."""
    clock = run(lambda _: limited(0, 2), ("GET", "/a"), ("GET", "/b"))
    assert clock.slept[0] == pytest.approx(2.05)


def test_a_refused_request_is_repeated_when_the_window_ends() -> None:
    answers = iter([limited(0, 3, 429), limited(5, 9)])
    clock = run(lambda _: next(answers), ("GET", "/a"))
    assert sum(clock.slept) >= 3


def test_a_window_that_ends_far_away_is_an_error_with_its_time() -> None:
    with pytest.raises(UnreachableError, match=r"until 2026-11-21 10:14 UTC"):
        run(lambda _: limited(0, 3600, 429), ("GET", "/a"))


def test_a_missing_scope_is_named() -> None:
    body = {"message": "Insufficient scope, expected any of: read:users", "errorCode": "insufficient_scope"}
    with pytest.raises(SetupError, match="lacks the scope read:users") as raised:
        run(lambda _: httpx.Response(403, json=body), ("GET", "/users"))
    assert "read:users" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "kind"), [(401, UnreachableError), (404, GoneError), (409, Auth0Error), (302, UnreachableError)]
)
def test_refusals_have_their_kinds(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        run(
            lambda _: httpx.Response(status, json={"message": "x"}, headers={"location": "https://evil"}), ("GET", "/a")
        )


def test_a_server_error_is_tried_again_for_what_may_be_repeated() -> None:
    answers = iter([httpx.Response(502), httpx.Response(200, json={})])
    run(lambda _: next(answers), ("PATCH", "/users/x", {}))


def test_a_create_is_not_sent_twice() -> None:
    """It may have taken effect; the next run finds it."""
    sent: list[str] = []
    with pytest.raises(Auth0Error):
        run(lambda request: (sent.append(request.method), httpx.Response(502))[1], ("POST", "/clients", {}))
    assert sent == ["POST"]


def test_reading_lets_no_write_through() -> None:
    run(lambda _: httpx.Response(200, json={}), ("GET", "/a"), ("POST", "/jobs/users-exports", {}), read_only=True)
    with pytest.raises(RefusedError):
        run(lambda _: httpx.Response(200, json={}), ("PATCH", "/clients/x", {}), read_only=True)


def test_an_export_is_fetched_without_credentials() -> None:
    headers: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        headers.append(request.headers)
        return httpx.Response(200, content=b"{}")

    async def fetch() -> bytes:
        transport = Auth0Transport(TENANT, read_only=True, wire=httpx.MockTransport(answer))
        data = await transport.download("https://bucket.example.com/file")
        with pytest.raises(UnreachableError, match="without https"):
            await transport.download("http://bucket.example.com/file")
        return data

    assert asyncio.run(fetch()) == b"{}"
    assert "authorization" not in headers[0]


def test_secrets_are_never_shown() -> None:
    assert "hush" not in repr(TENANT)
    assert "mine" not in repr(Tenant(DOMAIN, TENANT.base, token="mine"))


ENVIRON = {"AUTH0_DOMAIN": DOMAIN, "AUTH0_CLIENT_ID": "id", "AUTH0_CLIENT_SECRET": "hush\n"}


def test_the_environment_names_the_tenant_and_its_secret() -> None:
    tenant = from_environment("prod", DOMAIN, ENVIRON)
    assert (tenant.base, tenant.client_secret) == (f"https://{DOMAIN}", "hush")


def test_a_stacks_own_variables_go_first() -> None:
    environ = {**ENVIRON, "AUTH0_DOMAIN": "other.auth0.com", "AUTH0_DOMAIN__EU_PROD": DOMAIN}
    assert from_environment("eu-prod", DOMAIN, environ).base == f"https://{DOMAIN}"


def test_this_machine_may_stand_for_the_tenant() -> None:
    assert (
        from_environment("prod", DOMAIN, {**ENVIRON, "AUTH0_DOMAIN": "127.0.0.1:4010"}).base == "http://127.0.0.1:4010"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AUTH0_DOMAIN": ""}, "AUTH0_DOMAIN is not set"),
        ({"AUTH0_DOMAIN": "evil.example.com"}, "its credentials are not used"),
        ({"AUTH0_CLIENT_ID": ""}, "AUTH0_CLIENT_ID not set"),
        ({"AUTH0_DOMAIN": "A-Secret_Of-Ours"}, "AUTH0_DOMAIN is no domain"),
        ({"AUTH0_MGMT_TOKEN": "töken"}, "AUTH0_MGMT_TOKEN holds characters"),
        ({"AUTH0_CLIENT_SECRET": "a\nb"}, "AUTH0_CLIENT_SECRET holds invisible"),
    ],
)
def test_what_the_environment_lacks_is_named(change: dict[str, str], says: str) -> None:
    with pytest.raises(SetupError, match=says):
        from_environment("prod", DOMAIN, {**ENVIRON, **change})
