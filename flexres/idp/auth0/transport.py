"""The one way to Auth0: a token when one is needed, requests paced by its own headers, repeated where that is safe."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from flexres.errors import FlexresError, RefusedError, UnreachableError
from flexres.idp.auth0.credentials import Tenant
from flexres.idp.auth0.errors import refusal
from flexres.idp.auth0.pace import Pace
from flexres.live.credentials import DEFAULT_CONNECTIONS, is_loopback
from flexres.live.http import wire
from flexres.live.http.limiter import Limiter
from flexres.live.http.retrying import PATIENT, REAL, FailedAttempt, Failure, RetryPolicy, Timing, retry_after, retrying
from flexres.live.http.transport import USER_AGENT
from flexres.values import Json

READING: Final = frozenset({"/oauth/token", "/api/v2/jobs/users-exports"})
"""What is asked for by POST and changes nothing: a token, and a file with all users."""

LARGEST_FILE: Final = 512 * 1024 * 1024
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Call:
    request: httpx.Request
    name: str
    seconds: float = 0.0


class Auth0Transport:
    """Requests to one tenant, until it is closed; `sent` counts requests with their repetitions.

    With `read_only` only GET passes, and the two requests that read by POST.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        read_only: bool,
        max_connections: int = DEFAULT_CONNECTIONS,
        policy: RetryPolicy = PATIENT,
        timing: Timing = REAL,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.tenant = tenant
        self.read_only = read_only
        self.timing = timing
        self.limiter = Limiter(max_connections)
        self.sent = 0
        self._policy = policy
        self._pace = Pace(timing)
        self._answered = False
        self._token = tenant.token
        self._asking = asyncio.Lock()
        self._client = httpx.AsyncClient(
            transport=inner or wire.open_wire(tenant.base, max_connections),
            timeout=httpx.Timeout(30.0, connect=10.0),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Json = None
    ) -> Any:
        """The decoded answer of the Management API to one request; `path` begins behind /api/v2.

        Raises:
            SetupError: the token lacks a scope, which is named.
            UnreachableError: no connection, credentials refused, or a rate limit that lasts.
            Auth0Error: any other refusal.
        """
        token = await self._bearer()
        return await self._call(method, f"/api/v2{path}", params=params, json=json, token=token)

    async def public(self, path: str) -> bytes:
        """What the tenant shows to everybody, such as its metadata."""
        answer: bytes = await self._call("GET", path, raw=True)
        return answer

    async def open_path(self, path: str, json: Json) -> None:
        """A POST of the Authentication API, which takes no token."""
        await self._call("POST", path, json=json, raw=True)

    async def download(self, url: str) -> bytes:
        """A file that Auth0 put somewhere, as it is; credentials stay here.

        Raises UnreachableError when it cannot be had, or is larger than anything that an export should be.
        """
        if urlsplit(url).scheme != "https" and not (is_loopback(url) and is_loopback(self.tenant.base)):
            raise UnreachableError("Auth0 names a place without https for its export", hint="run it again later")
        self.sent += 1
        pieces: list[bytes] = []
        size = 0
        try:
            async with self._client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise UnreachableError(
                        f"Auth0's export cannot be fetched ({answer.status_code})", hint="run it again later"
                    )
                async for piece in answer.aiter_bytes():
                    size += len(piece)
                    if size > LARGEST_FILE:
                        raise UnreachableError("Auth0's export is larger than 512 MB", hint="report this, please")
                    pieces.append(piece)
        except httpx.TransportError as failure:
            raise UnreachableError("Auth0's export broke off", hint="run it again later") from failure
        return b"".join(pieces)

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
                answer = await self._call("POST", "/oauth/token", json=body)
                self._token = str(answer.get("access_token") or "") if isinstance(answer, dict) else ""
                if not self._token:
                    raise UnreachableError(f"{tenant.domain} gave no token", hint="check AUTH0_CLIENT_ID")
            return self._token

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json = None,
        token: str | None = None,
        raw: bool = False,
    ) -> Any:
        if self.read_only and method != "GET" and path not in READING:
            raise RefusedError(
                f"{method} {path} was not sent: this command only reads", hint="please report this as a bug of flexres"
            )
        content = None if json is None else jsonlib.dumps(json, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = self._client.build_request(
            method, self.tenant.base + path, params=dict(params) if params else None, content=content, headers=headers
        )
        call = _Call(request, f"{method} {path}")
        loop = retrying(
            self._policy,
            self.timing,
            idempotent=method in {"GET", "PATCH", "DELETE"} or path in READING,
            answered_before=lambda: self._answered,
            under_way=lambda: call.seconds,
        )
        try:
            answer: httpx.Response = await loop(self._attempt, call)
        except FailedAttempt as failed:
            raise failed.error from failed.__cause__
        if raw:
            return answer.content
        if not answer.content:
            return None
        try:
            return jsonlib.loads(answer.content)
        except (ValueError, RecursionError) as failure:
            raise self._silent("sent an answer that is no JSON") from failure

    async def _attempt(self, call: _Call) -> httpx.Response:
        async with self.limiter.slot() as slot:
            await self._pace.turn()
            answer = await self._send(call)
            self._answered = True
            self._pace.learn(answer.headers)
            if answer.status_code == 429:
                slot.was_throttled()
            else:
                slot.went_well()
        return self._judged(call, answer)

    async def _send(self, call: _Call) -> httpx.Response:
        started = self.timing.monotonic()
        host = urlsplit(self.tenant.base).netloc
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._client.send(call.request)
        except _NOT_SENT as failure:
            reason = wire.unreachable(failure, host)
            if wire.is_certificate_error(failure):
                raise reason from failure
            raise FailedAttempt(Failure.NOT_SENT, reason) from failure
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as failure:
            self.sent += 1
            raise FailedAttempt(Failure.NO_ANSWER, self._silent("did not answer, or broke off")) from failure
        finally:
            call.seconds += self.timing.monotonic() - started
        self.sent += 1
        return answer

    def _judged(self, call: _Call, answer: httpx.Response) -> httpx.Response:
        status = answer.status_code
        if status < 300:
            return answer
        if status < 400:
            raise self._silent("leads elsewhere, where credentials must not go")
        try:
            body = jsonlib.loads(answer.content)
        except ValueError:
            body = None
        error: FlexresError = refusal(call.name, status, body, self.tenant.domain)
        if status == 429:
            wait = self._pace.wait_after_refusal(answer.headers)
            if wait is None:
                wait = retry_after(answer.headers.get("retry-after"), self.timing.now())
            raise FailedAttempt(Failure.THROTTLED, error, wait)
        if status >= 500:
            raise FailedAttempt(Failure.SERVER, error)
        raise error

    def _silent(self, what: str) -> UnreachableError:
        return UnreachableError(f"{urlsplit(self.tenant.base).netloc} {what}", hint="run it again later")
