"""Auth0 as a kind of the HTTP base: a token when one is needed, its rate limit, its errors, and files of exports.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy: every answer of the
Management API says how many requests are left, and when (in seconds since 1970) there will be more.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from flexres.errors import FlexresError, SetupError, UnreachableError
from flexres.idp.auth0.answers import Item, refusal
from flexres.live.credentials import DEFAULT_CONNECTIONS, is_loopback, setting
from flexres.live.http.anonymous import download
from flexres.live.http.base import Answer, Call, HttpClient, NoUrlError, Why
from flexres.live.http.limits import USUAL, DamagedError, Limits, Pace, TooLargeError, gunzip, number
from flexres.live.http.retrying import PATIENT, REAL, FailedAttempt, Failure, RetryPolicy, Timing, retry_after
from flexres.text import MEGABYTE, size, spellings
from flexres.values import Json

READING: Final = frozenset({"/oauth/token", "/api/v2/jobs/users-exports"})
"""What is asked for by POST and changes nothing: a token, and a file with all users."""

LARGEST_FILE: Final = 512 * MEGABYTE


class Auth0Transport(HttpClient):
    """Requests to one tenant, until it is closed. With `read_only` only GET passes, and what reads by POST."""

    def __init__(
        self,
        tenant: Tenant,
        *,
        read_only: bool,
        max_connections: int = DEFAULT_CONNECTIONS,
        limits: Limits = USUAL,
        policy: RetryPolicy = PATIENT,
        timing: Timing = REAL,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            tenant.base,
            max_connections=max_connections,
            read_only=read_only,
            reading=READING,
            limits=limits,
            policy=policy,
            timing=timing,
            wire=wire,
            secrets=spellings(tenant.token, tenant.client_secret),
        )
        self.tenant = tenant
        self._window = Window(timing)
        self._token = tenant.token
        self._asking = asyncio.Lock()
        self._given = wire

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Json = None
    ) -> Item:
        """The answer of the Management API to one request; `path` begins behind /api/v2.

        Raises:
            SetupError: the token lacks a scope, which is named.
            UnreachableError: no connection, credentials refused, or a rate limit that lasts.
            Auth0Error: any other refusal.
        """
        token = await self._bearer()
        call = self._to(method, f"/api/v2{path}", params=params, json=json, token=token)
        return await self._perform(call, self._decoded)

    async def public(self, path: str) -> bytes:
        """What the tenant shows to everybody, such as its metadata."""
        return await self._perform(self._to("GET", path), self._raw)

    async def open_path(self, path: str, json: Json) -> None:
        """A POST of the Authentication API, which takes no token."""
        await self._perform(self._to("POST", path, json=json), self._raw)

    async def download(self, url: str, *, largest: int = LARGEST_FILE) -> bytes:
        """A file that Auth0 put somewhere, unpacked, of `largest` bytes at most; credentials stay here.

        Raises UnreachableError when it cannot be had, or is larger than anything that an export should be.
        """
        limits = replace(self.limits, attempt=self.limits.file, answer=largest)
        self.sent += 1
        try:
            data = await download(url, limits=limits, allowed=self._check_place, timing=self.timing, wire=self._given)
            return gunzip(data, largest) if data[:2] == b"\x1f\x8b" else data
        except TooLargeError as failure:
            raise _no_export(f"it is larger than {size(failure.largest)}") from failure
        except DamagedError as failure:
            raise _no_export(f"it is packed {failure}") from failure
        except (UnreachableError, NoUrlError) as failure:
            raise _no_export(failure.message) from failure

    def _check_place(self, url: str) -> None:
        try:
            allowed = urlsplit(url).scheme == "https" or (is_loopback(url) and is_loopback(self.tenant.base))
        except ValueError:
            allowed = False
        if not allowed:
            raise UnreachableError("Auth0 names a place without https", hint="run it again later")

    async def _bearer(self) -> str:
        async with self._asking:
            if self._token is None:
                tenant = self.tenant
                body = {
                    "grant_type": "client_credentials",
                    "client_id": tenant.client_id,
                    "client_secret": tenant.client_secret,
                    "audience": tenant.audience,
                }
                found = await self._perform(self._to("POST", "/oauth/token", json=body), self._decoded)
                token = found.maybe("access_token")
                # What no header can carry is no token either.
                if not token or not token.isascii() or not token.isprintable():
                    raise UnreachableError(f"{tenant.domain} gave no token", hint="check AUTH0_CLIENT_ID")
                self._token = token
                self.secrets = spellings(tenant.client_secret, token)
            return self._token

    def _to(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json = None,
        token: str | None = None,
    ) -> Call:
        return self._call(
            method,
            self.tenant.base + path,
            name=f"{method} {path}",
            idempotent=method in {"GET", "PATCH", "DELETE"} or path in READING,
            params=params,
            json=json,
            headers={"Authorization": f"Bearer {token}"} if token is not None else None,
            pace=self._window,
        )

    def _decoded(self, call: Call, answer: Answer) -> Item:
        content = self._raw(call, answer)
        try:
            return Item(answer.json() if content else None, "the whole", call.name, answer.status, self.secrets)
        except ValueError as failure:
            reason = self.no_answer(call, "sent an answer that is no JSON", Why.UNREADABLE)
            raise FailedAttempt(Failure.NO_ANSWER, reason) from failure

    def _raw(self, call: Call, answer: Answer) -> bytes:
        """The body of an answer that is no refusal."""
        status = answer.status
        if status < 300:
            return answer.content
        if answer.redirects:
            raise self.no_answer(call, "leads elsewhere, where credentials must not go", Why.UNREADABLE)
        error: FlexresError = refusal(call.name, status, answer.json_or_none(), self.tenant.domain, self.secrets)
        if status == 429:
            wait = self._window.wait_after_refusal(answer.headers)
            if wait is None:
                wait = retry_after(answer.headers.get("retry-after"), self.timing.now())
            raise FailedAttempt(Failure.THROTTLED, error, wait)
        if status >= 500:
            raise FailedAttempt(Failure.SERVER, error)
        raise error


def _no_export(why: str) -> UnreachableError:
    return UnreachableError(f"Auth0's export of its users cannot be had: {why}", hint="run it again later")


LONGEST_WAIT: Final = 60.0
"""Seconds that are waited for the next request; longer than that a person should decide."""


class Window(Pace):
    """How many requests may still be sent, and when there will be more."""

    def __init__(self, timing: Timing) -> None:
        super().__init__()
        self._timing = timing
        self._remaining: int | None = None
        self._reset = 0.0

    @property
    def known(self) -> bool:
        return self._remaining is not None

    async def turn(self) -> None:
        """Wait until one more request may be sent. Raises UnreachableError where that is too far away."""
        while self._remaining is not None and self._remaining <= 0:
            now = self._timing.now().timestamp()
            if now >= self._reset:
                self._remaining = None
                break
            await self._timing.sleep(self.checked(self._reset - now) + 0.05)
        if self._remaining is not None:
            self._remaining -= 1

    def learn(self, headers: Mapping[str, str]) -> None:
        remaining, reset = number(headers.get("x-ratelimit-remaining")), number(headers.get("x-ratelimit-reset"))
        if remaining is None or reset is None:
            return
        # Answers overtake each other: of the same window only the lowest count is true.
        if self._remaining is None or reset > self._reset:
            self._remaining = remaining
        else:
            self._remaining = min(self._remaining, remaining)
        self._reset = float(max(reset, self._reset))

    def wait_after_refusal(self, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait after a 429; None where it does not say. Raises UnreachableError where it is too far away."""
        reset = number(headers.get("x-ratelimit-reset"))
        if reset is None:
            return None
        return self.checked(max(0.0, reset - self._timing.now().timestamp()))

    def checked(self, seconds: float) -> float:
        """The wait itself. Raises UnreachableError where nobody would want to sit it out."""
        if seconds <= LONGEST_WAIT:
            return seconds
        try:
            at = f" until {datetime.fromtimestamp(self._timing.now().timestamp() + seconds, UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError, OSError):
            at = " for longer than there are dates"
        raise UnreachableError(
            f"Auth0's rate limit lets nothing through{at}",
            hint="run it again then; what was done is kept, and is not done twice",
        )


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant and a way to a token: `token` itself, or `client_id` and `client_secret` of a machine-to-machine one.

    `base` is the URL of the tenant without a slash at its end, `audience` what a token is asked for.
    """

    domain: str
    base: str
    token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def audience(self) -> str:
        """The Management API's identifier (https://auth0.com/docs/secure/tokens/access-tokens)."""
        return f"https://{self.domain}/api/v2/"


def from_environment(stack: str, domain: str, environ: Mapping[str, str]) -> Tenant:
    """The tenant `domain` with the credentials of the environment.

    Each variable may end in `__<STACK>`, which goes first. AUTH0_DOMAIN says where the credentials may be sent: it
    has to name the stack's own domain, or a port of this machine, which stands for it.

    Raises:
        SetupError: something is not set, or AUTH0_DOMAIN names another tenant.
    """
    suffix = "__" + re.sub(r"[^A-Z0-9]", "_", stack.upper())

    def found(name: str) -> str | None:
        value = setting(environ, name + suffix) or setting(environ, name)
        if not value.isascii():
            raise SetupError(f"{name} holds characters that no credential has", hint="set it again, as plain text")
        return value or None

    given = found("AUTH0_DOMAIN")
    if given is None:
        raise SetupError(
            "AUTH0_DOMAIN is not set: it says where Auth0's credentials may be sent", hint=f"set AUTH0_DOMAIN={domain}"
        )
    local = is_loopback(f"//{given}")
    if given != domain and not local:
        # A secret can have been pasted here: only what has the form of a domain is shown.
        shown = given if re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}", given) else "no domain"
        raise SetupError(
            f"AUTH0_DOMAIN is {shown}, but the stack's idp: domain: is {domain}: its credentials are not used",
            hint=f"set AUTH0_DOMAIN{suffix}={domain} and that tenant's credentials",
        )
    token, client_id, secret = found("AUTH0_MGMT_TOKEN"), found("AUTH0_CLIENT_ID"), found("AUTH0_CLIENT_SECRET")
    if token is None and (client_id is None or secret is None):
        lacking = [name for name, value in (("CLIENT_ID", client_id), ("CLIENT_SECRET", secret)) if value is None]
        raise SetupError(
            f"there are no credentials for {domain} in the environment: AUTH0_{' and AUTH0_'.join(lacking)} not set",
            hint="set AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET of a machine-to-machine application, or AUTH0_MGMT_TOKEN",
        )
    return Tenant(domain, f"http://{given}" if local else f"https://{domain}", token, client_id, secret)
