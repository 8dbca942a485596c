"""The one way to Twilio: each request of flexres is limited, repeated where that is safe, and explained if it fails."""

from __future__ import annotations

import asyncio
import json as jsonlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import structlog

from flexres import __version__
from flexres.errors import UnreachableError
from flexres.live.credentials import DEFAULT_CONNECTIONS, Credentials
from flexres.live.http import wire as wires
from flexres.live.http.answers import ErrorBody, Response, error, lost
from flexres.live.http.limiter import Limiter
from flexres.live.http.retrying import PATIENT, REAL, FailedAttempt, Failure, RetryPolicy, Timing, retry_after, retrying
from flexres.live.http.wire import AUTHENTICATED, HOSTS, ReadOnlyWire, Service
from flexres.values import Json

USER_AGENT: Final = f"flexres/{__version__} (+python/{platform.python_version()}; httpx/{httpx.__version__})"

Pairs = Mapping[str, str] | Sequence[tuple[str, str]]

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: to connect, between two pieces of an answer, and for one attempt as a whole."""

    connect: float = 10.0
    read: float = 30.0
    attempt: float = 60.0


@dataclass(slots=True)
class _Call:
    """One request with all its attempts, which took `seconds`. `in_doubt`: one of them may have taken effect."""

    request: httpx.Request
    service: Service
    name: str
    idempotent: bool
    attempts: int = 0
    seconds: float = 0.0
    in_doubt: bool = False

    @property
    def reads(self) -> bool:
        return self.request.method == "GET"


def path(*parts: str) -> str:
    """A path of these parts, each quoted, so that no part can leave its place."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


class Transport:
    """Requests to Twilio's services, or to the one `endpoint` that stands for them all.

    Use it with `async with`. `sent` counts requests with their repetitions, `retries` the repetitions alone,
    `throttled` the 429s. Where the process has configured structlog, each attempt is a debug event, without
    credentials, bodies or query.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        endpoint: str | None = None,
        read_only: bool = False,
        max_connections: int = DEFAULT_CONNECTIONS,
        timeouts: Timeouts = Timeouts(),
        policy: RetryPolicy = PATIENT,
        timing: Timing = REAL,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.credentials = credentials
        self.timing = timing
        self.read_only = read_only
        self.limiter = Limiter(max_connections)
        self.sent = 0
        self.retries = 0
        self.throttled = 0
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._policy = policy
        self._answered = False
        self._log = structlog.get_logger("flexres.live") if structlog.is_configured() else None
        opened = wire or wires.open_wire(endpoint, max_connections)
        self._client = httpx.AsyncClient(
            transport=ReadOnlyWire(opened) if read_only else opened,
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            trust_env=False,
        )

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def endpoint(self) -> str | None:
        """The one base URL that stands for all of Twilio's; None: Twilio itself."""
        return self._endpoint

    async def request(
        self,
        method: str,
        service: Service,
        path: str,
        *,
        params: Pairs | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        anonymous: bool = False,
    ) -> Response:
        """Send one request until it is answered or must not be sent again.

        `idempotent` says whether a repetition is safe although the first may have taken effect; None: GET and
        DELETE are, and whatever carries If-Match, since a second one meets 412.

        Raises:
            LostAnswerError: a write may have taken effect; read before repeating it.
            UnreachableError: no connection, no answer to a read, or the credentials were refused.
            TwilioError: Twilio answered with an error.
        """
        all_headers = httpx.Headers(headers)
        if service in AUTHENTICATED and not anonymous:
            all_headers["Authorization"] = self.credentials.authorization
        content = None
        if json is not None:
            # In ASCII, so that a lone surrogate in somebody's attributes is sent as it was received.
            content = jsonlib.dumps(json, allow_nan=False, separators=(",", ":")).encode("ascii")
            all_headers["Content-Type"] = "application/json"
        if idempotent is None:
            idempotent = method in {"GET", "DELETE"} or "If-Match" in all_headers
        request = self._client.build_request(
            method,
            self.base(service) + path,
            params=httpx.QueryParams(params) if params else None,  # type: ignore[arg-type]
            content=content,
            data=form,
            headers=all_headers,
        )
        return await self._until_answered(_Call(request, service, f"{method} {path}", idempotent))

    def base(self, service: Service) -> str:
        """The base URL of a service, without a slash at its end."""
        return self._endpoint or HOSTS[service]

    async def _until_answered(self, call: _Call) -> Response:
        loop = retrying(
            self._policy,
            self.timing,
            idempotent=call.idempotent,
            answered_before=lambda: self._answered,
            under_way=lambda: call.seconds,
        )
        try:
            response: Response = await loop(self._attempt, call)
        except FailedAttempt as failed:
            cause = failed.__cause__
            if call.in_doubt and not call.reads:
                raise lost(failed.error, call.name) from cause
            raise failed.error from cause
        return response

    async def _attempt(self, call: _Call) -> Response:
        if call.attempts:
            self.retries += 1
        call.attempts += 1
        status = 0
        try:
            async with self.limiter.slot() as slot:
                raw = await self._timed(call)
                status = raw.status_code
                self._answered = True
                if status == 429:
                    slot.was_throttled()
                    self.throttled += 1
                else:
                    slot.went_well()
            return self._judge(call, raw)
        except FailedAttempt as failed:
            call.in_doubt = call.in_doubt or failed.failure.may_have_taken_effect
            raise
        finally:
            self._tell(call, status)

    async def _timed(self, call: _Call) -> httpx.Response:
        started = self.timing.monotonic()
        try:
            return await self._send(call)
        finally:
            call.seconds += self.timing.monotonic() - started

    async def _send(self, call: _Call) -> httpx.Response:
        host = _host(call.request)
        try:
            async with asyncio.timeout(self._timeouts.attempt):
                answer = await self._client.send(call.request)
        except _NOT_SENT as failure:
            reason = wires.unreachable(failure, host)
            if wires.is_certificate_error(failure):
                raise reason from failure
            raise FailedAttempt(Failure.NOT_SENT, reason) from failure
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as failure:
            self.sent += 1
            late = isinstance(failure, httpx.TimeoutException | TimeoutError)
            what = "did not answer in time" if late else "broke off its answer"
            raise FailedAttempt(Failure.NO_ANSWER, _silent(host, what)) from failure
        self.sent += 1
        return answer

    def _judge(self, call: _Call, raw: httpx.Response) -> Response:
        """The answer as a value, or as the exception that it stands for."""
        if raw.status_code < 400:
            answer = Response(call.name, raw.status_code, self._decode(call, raw), dict(raw.headers))
            if raw.is_redirect and call.service in AUTHENTICATED:
                raise answer.unexpected("leads elsewhere, where credentials must not go")
            return answer
        try:
            body = ErrorBody.of(jsonlib.loads(raw.content), raw.reason_phrase)
        except ValueError:
            body = ErrorBody.of(None, raw.reason_phrase)
        made = error(
            body,
            self.credentials,
            request=call.name,
            status=raw.status_code,
            request_id=raw.headers.get("twilio-request-id"),
        )
        if raw.status_code == 429 or raw.status_code >= 500:
            failure = Failure.THROTTLED if raw.status_code == 429 else Failure.SERVER
            wait = retry_after(raw.headers.get("retry-after"), self.timing.now())
            raise FailedAttempt(failure, made, wait)
        raise made

    def _decode(self, call: _Call, raw: httpx.Response) -> Any:
        """The JSON of an answer. What a browser would meet (a redirect, a page) has none."""
        is_json = "json" in raw.headers.get("content-type", "")
        if not raw.content or raw.is_redirect or not (is_json or call.service in AUTHENTICATED):
            return None
        try:
            return jsonlib.loads(raw.content)
        except (ValueError, RecursionError) as failure:
            # Cut short on its way, or made by something between us and Twilio.
            reason = _silent(_host(call.request), "sent an answer that is no JSON")
            raise FailedAttempt(Failure.NO_ANSWER, reason) from failure

    def _tell(self, call: _Call, status: int) -> None:
        if self._log is not None:
            self._log.debug(
                "twilio request",
                request=call.name,
                service=call.service,
                status=status or None,
                attempt=call.attempts,
                seconds=round(call.seconds, 4),
                concurrency=self.limiter.limit,
            )


def _host(request: httpx.Request) -> str:
    return urlsplit(str(request.url)).netloc


def _silent(host: str, what: str) -> UnreachableError:
    return UnreachableError(f"{host} {what}", hint="run it again later")
