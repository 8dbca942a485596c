"""Auth0 as a kind of the HTTP base: a token when one is needed, its rate limit, its errors, and files of exports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import httpx

from flexres.errors import FlexresError, UnreachableError
from flexres.idp.auth0.answers import Item
from flexres.idp.auth0.credentials import Tenant
from flexres.idp.auth0.errors import refusal
from flexres.idp.auth0.pace import Window
from flexres.live.credentials import DEFAULT_CONNECTIONS, is_loopback
from flexres.live.http.anonymous import download
from flexres.live.http.base import Answer, Call, HttpClient, NoUrlError, Why
from flexres.live.http.limits import USUAL, DamagedError, Limits, TooLargeError, gunzip
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
