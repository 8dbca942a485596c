"""The one way out: every request of flexres, to Twilio, Auth0 or a stranger, is sent, limited and repeated here.

A kind (Twilio's transport, Auth0's, requests without credentials, the webhook) adds where its requests go, how they
are authorized, and how its answers, errors and rate limits read.
"""

from __future__ import annotations

import platform
from asyncio import timeout
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import structlog

from flexres import __version__
from flexres.errors import FlexresError, SetupError, UnreachableError
from flexres.live import exact_json
from flexres.live.http.limits import (
    UNLIMITED,
    USUAL,
    DamagedError,
    Limiter,
    Limits,
    Pace,
    Slot,
    TooLargeError,
    read_body,
)
from flexres.live.http.retrying import PATIENT, REAL, FailedAttempt, Failure, RetryPolicy, Timing, retrying
from flexres.live.http.wire import ReadOnlyWire, is_certificate_error, open_wire, proxy_for, unreachable
from flexres.text import one_line, size
from flexres.values import Json

USER_AGENT: Final = f"flexres/{__version__} (+python/{platform.python_version()}; httpx/{httpx.__version__})"

Pairs = Mapping[str, str] | Sequence[tuple[str, str]]
T = TypeVar("T")

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Why(Enum):
    """Why a request that was sent has no answer."""

    LATE = auto()
    BROKEN_OFF = auto()
    TOO_LARGE = auto()
    UNREADABLE = auto()


class NoAnswerError(UnreachableError):
    """Somebody was asked and gave no answer that can be used; `said` is the message without the request's name."""

    def __init__(self, host: str, what: str, *, request: str, why: Why) -> None:
        self.said = f"{host} {what}"
        self.why = why
        super().__init__(f"{self.said} ({request})", hint="run it again later")


class NoUrlError(SetupError):
    """What should be asked is no URL; nothing was sent."""


@dataclass(slots=True)
class Call:
    """One request with all its attempts, which took `seconds`. `in_doubt`: one of them may have taken effect.

    `name` is the method and path, for messages; `largest` bounds the answer in bytes; `pace` is the rate limit that
    it counts towards.
    """

    request: httpx.Request
    name: str
    idempotent: bool
    largest: int
    pace: Pace
    attempts: int = 0
    seconds: float = 0.0
    in_doubt: bool = False

    @property
    def host(self) -> str:
        return host_of(str(self.request.url))

    @property
    def reads(self) -> bool:
        return self.request.method == "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status line, the headers, and the whole body, unpacked."""

    status: int
    reason: str
    headers: httpx.Headers
    content: bytes

    @property
    def redirects(self) -> bool:
        """Whether it leads elsewhere; nobody here follows without looking."""
        return 300 <= self.status < 400

    def json(self) -> Any:
        """The body as JSON. Raises ValueError, also for what is nested beyond reading."""
        return exact_json.loads(self.content)

    def json_or_none(self) -> Any:
        """The body as JSON, None for what is none."""
        try:
            return self.json()
        except ValueError:
            return None


class HttpClient:
    """Requests of one kind through one pool of connections. Use it with `async with`, or close it.

    `sent` counts requests with their repetitions, `retries` the repetitions alone, `throttled` the 429s;
    `held_back` is how many requests wait for a rate limit at this moment. With `read_only` only GET passes, and POST
    to the paths of `reading`. `secrets` are taken out of whatever others say. Where the process has configured
    structlog, each attempt is a debug event, without credentials, bodies or query.
    """

    def __init__(
        self,
        base: str,
        *,
        max_connections: int,
        read_only: bool = False,
        reading: frozenset[str] = frozenset(),
        limits: Limits = USUAL,
        policy: RetryPolicy = PATIENT,
        timing: Timing = REAL,
        wire: httpx.AsyncBaseTransport | None = None,
        secrets: tuple[str, ...] = (),
        accept: str = "application/json",
    ) -> None:
        self.timing = timing
        self.read_only = read_only
        self.limits = limits
        self.limiter = Limiter(max_connections)
        self.sent = 0
        self.retries = 0
        self.throttled = 0
        self.held_back = 0
        self.secrets = secrets
        self._policy = policy
        self._answered = False
        self._proxy = proxy_for(base) if wire is None else None
        opened = wire or open_wire(base, max_connections)
        self._wire = ReadOnlyWire(opened, reading) if read_only else opened
        self._headers = {"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "gzip"}
        self._log = structlog.get_logger("flexres.live") if structlog.is_configured() else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    def _call(
        self,
        method: str,
        url: str,
        *,
        name: str,
        idempotent: bool,
        params: Pairs | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        pace: Pace = UNLIMITED,
    ) -> Call:
        """A request to be performed. Raises NoUrlError."""
        all_headers = {**self._headers, **(headers or {})}
        content = None
        if json is not None:
            # In ASCII, so that a lone surrogate in somebody's attributes is sent as it was received.
            content = exact_json.dumps(json, ascii_only=True).encode("ascii")
            all_headers["Content-Type"] = "application/json"
        patience = httpx.Timeout(self.limits.read, connect=self.limits.connect)
        try:
            request = httpx.Request(
                method,
                url,
                params=httpx.QueryParams(params) if params else None,  # type: ignore[arg-type]
                content=content,
                data=form,
                headers=all_headers,
                extensions={"timeout": patience.as_dict()},
            )
        except (httpx.InvalidURL, UnicodeError):
            raise NoUrlError(f"{host_of(url)} cannot be asked: its URL is none", hint="check its address") from None
        return Call(request, name, idempotent, self.limits.answer, pace)

    async def _perform(self, call: Call, judge: Callable[[Call, Answer], T]) -> T:
        """Send until `judge` gives a value of the answer, or until it must not or need not be sent again.

        `judge` raises FailedAttempt for what a repetition may mend, and any other error for good.
        """
        loop = retrying(
            self._policy,
            self.timing,
            idempotent=call.idempotent,
            answered_before=lambda: self._answered,
            under_way=lambda: call.seconds,
        )
        try:
            value: T = await loop(self._attempt, call, judge)
        except FailedAttempt as failed:
            raise self._given_up(call, failed) from failed.__cause__
        return value

    def _given_up(self, call: Call, failed: FailedAttempt) -> FlexresError:
        """What to raise when no further attempt is made."""
        return failed.error

    async def _attempt(self, call: Call, judge: Callable[[Call, Answer], T]) -> T:
        if call.attempts:
            self.retries += 1
        call.attempts += 1
        status = 0
        try:
            async with self._place(call.pace) as slot:
                answer = await self._timed(call)
                status = answer.status
                self._answered = True
                call.pace.learn(answer.headers)
                if status == 429:
                    slot.was_throttled()
                    self.throttled += 1
                else:
                    slot.went_well()
            return judge(call, answer)
        except FailedAttempt as failed:
            call.in_doubt = call.in_doubt or failed.failure.may_have_taken_effect
            raise
        finally:
            self._tell(call, status)

    @asynccontextmanager
    async def _place(self, pace: Pace) -> AsyncIterator[Slot]:
        """A slot of the limiter, at a time when the rate limit lets one more through.

        Nobody keeps a slot while waiting for a rate; whoever got one before the limit was known queues again. The
        first request of all goes alone, so that its answer tells the limit before others are sent.
        """
        if pace.first:
            async with pace.line:
                if pace.first:
                    try:
                        async with self.limiter.slot() as slot:
                            yield slot
                    finally:
                        pace.first = False
                    return
        if not pace.known:
            async with self.limiter.slot() as slot:
                if not pace.known:
                    yield slot
                    return
        async with AsyncExitStack() as stack:
            self.held_back += 1
            try:
                async with pace.line:
                    await pace.turn()
                    slot = await stack.enter_async_context(self.limiter.slot())
            finally:
                self.held_back -= 1
            yield slot

    async def _timed(self, call: Call) -> Answer:
        started = self.timing.monotonic()
        try:
            return await self._send(call)
        finally:
            call.seconds += self.timing.monotonic() - started

    async def _send(self, call: Call) -> Answer:
        try:
            async with timeout(self.limits.attempt):
                response = await self._wire.handle_async_request(call.request)
                try:
                    content = await read_body(response, call.largest)
                finally:
                    await response.aclose()
        except _NOT_SENT as failure:
            reason = unreachable(failure, call.host, proxy=self._proxy, secrets=self.secrets)
            if is_certificate_error(failure):
                raise reason from failure
            raise FailedAttempt(Failure.NOT_SENT, reason) from failure
        except (httpx.TransportError, TimeoutError, DamagedError) as failure:
            self.sent += 1
            raise FailedAttempt(Failure.NO_ANSWER, self._silence(call, failure)) from failure
        except TooLargeError as failure:
            self.sent += 1
            raise self._given_up(call, self._too_large(call, failure)) from failure
        self.sent += 1
        return Answer(response.status_code, response.reason_phrase, response.headers, content)

    def _silence(self, call: Call, failure: Exception) -> NoAnswerError:
        if isinstance(failure, DamagedError):
            return self.no_answer(call, f"packed its answer {failure}", Why.UNREADABLE)
        if isinstance(failure, httpx.TimeoutException | TimeoutError):
            return self.no_answer(call, "did not answer in time", Why.LATE)
        return self.no_answer(call, "broke off its answer", Why.BROKEN_OFF)

    def _too_large(self, call: Call, failure: TooLargeError) -> FailedAttempt:
        """An answer beyond the limit: never asked for again, though a write may have taken effect."""
        call.in_doubt = True
        what = f"answered with more than {size(failure.largest)}"
        return FailedAttempt(Failure.NO_ANSWER, self.no_answer(call, what, Why.TOO_LARGE))

    def no_answer(self, call: Call, what: str, why: Why) -> NoAnswerError:
        """The error for an answer that cannot be used."""
        return NoAnswerError(call.host, what, request=call.name, why=why)

    def clean(self, text: object) -> str:
        """What somebody else says, as one line without our secrets."""
        return one_line(text, self.secrets)

    def _tell(self, call: Call, status: int) -> None:
        if self._log is not None:
            self._log.debug(
                "request",
                request=call.name,
                host=call.host,
                status=status or None,
                attempt=call.attempts,
                seconds=round(call.seconds, 4),
                concurrency=self.limiter.limit,
            )


def host_of(url: str) -> str:
    """The host of a URL, with its port if it has one, printable."""
    try:
        return one_line(urlsplit(url).netloc.rpartition("@")[2]) or "the host"
    except ValueError:
        return "the host"
