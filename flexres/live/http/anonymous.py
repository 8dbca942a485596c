"""Requests that anybody may send, without credentials, cookies or writes: what a browser meets, and files.

It is a kind of the HTTP base beside Twilio's transport, which repeats and trusts; this one reads what strangers send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from flexres.errors import UnreachableError
from flexres.live.http.base import Answer, Call, HttpClient, NoAnswerError, NoUrlError, Why, host_of
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import ONCE, REAL, Timing
from flexres.live.http.transport import HOSTS, Service
from flexres.values import Json

LARGEST: Final = 256 * 1024
"""Bytes of an answer that are read; a page or a list of connections has a few thousand."""

_SECONDS: Final = 15.0
_OURS: Final = ".twilio.com"


class NotSeen(Exception):  # noqa: N818 - it names what was found
    """Nothing can be said, and the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: where it came from, its status, its body as text, where it sends a browser (absolute, or None)."""

    url: str
    status: int
    text: str
    location: str | None

    def json(self) -> Any:
        """The body as JSON. Raises NotSeen."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            kind = "a web page" if self.text.lstrip()[:1] == "<" else "something else"
            raise NotSeen(f"{host_of(self.url)} answered {self.status} with {kind} instead of JSON") from None


class Anonymous(HttpClient):
    """A client without credentials, cookies or repetitions. Use it with `async with`.

    `seconds` bounds each request as a whole. `get` asks Twilio's hosts alone, or the one `endpoint` that stands for
    them: no other host learns that anybody looked.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        seconds: float = _SECONDS,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            endpoint or HOSTS["flex-api"],
            max_connections=8,
            limits=Limits(connect=seconds, read=seconds, attempt=seconds, answer=LARGEST),
            policy=ONCE,
            wire=wire,
            accept="application/json, text/html;q=0.9",
        )
        self._endpoint = endpoint

    def base(self, service: Service) -> str:
        """The base URL of a service."""
        return self._endpoint or HOSTS[service]

    def is_flex(self, url: str) -> bool:
        """Whether a URL leads to Twilio, or to the endpoint that stands for it."""
        try:
            parts = urlsplit(url)
            if self._endpoint:
                own = urlsplit(self._endpoint)
                return (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port)
            return parts.scheme == "https" and (parts.hostname or "").endswith(_OURS) and parts.port in (None, 443)
        except ValueError:
            return False

    async def get(self, url: str, params: Mapping[str, str] | None = None) -> Page:
        """One GET, without following where it leads. Raises NotSeen."""
        return await self._ask("GET", url, params=params)

    async def ask_legacy(self, account: str, resource: str) -> Page:
        """Ask how a login of legacy SSO begins: the one POST, which changes nothing and needs nobody. Raises NotSeen.

        `{products: ["flex"], resource}` is what the Flex UI sends; the answer is a `location` or a refusal.
        """
        url = f"{self.base('iam')}/v1/Accounts/{account}/authenticate"
        return await self._ask("POST", url, json={"products": ["flex"], "resource": resource})

    async def _ask(self, method: str, url: str, *, params: Mapping[str, str] | None = None, json: Json = None) -> Page:
        if not self.is_flex(url):
            raise NotSeen(f"{host_of(url)} is not Flex, and nobody else is asked")
        try:
            call = self._call(method, url, name=method, idempotent=False, params=params, json=json)
            return await self._perform(call, _page)
        except NoAnswerError as failure:
            late = f"did not answer within {self.limits.attempt:g} s"
            raise NotSeen(f"{host_of(url)} {late}" if failure.why is Why.LATE else failure.said) from None
        except (UnreachableError, NoUrlError) as failure:
            raise NotSeen(failure.message) from None


def _page(call: Call, answer: Answer) -> Page:
    url = str(call.request.url)
    location = answer.headers.get("location") if answer.redirects else None
    text = answer.content.decode("utf-8", "replace")
    return Page(url, answer.status, text, _absolute(url, location) if location else None)


def _absolute(url: str, location: str) -> str:
    try:
        return str(httpx.URL(urljoin(url, location)))
    except (ValueError, httpx.InvalidURL):
        raise NotSeen(f"{host_of(url)} redirects to what is no URL") from None


_HINT: Final = "check the address, or run it again later"


async def download(
    url: str,
    *,
    limits: Limits,
    allowed: Callable[[str], None],
    redirects: int = 0,
    accept: str = "*/*",
    timing: Timing = REAL,
    wire: httpx.AsyncBaseTransport | None = None,
) -> bytes:
    """The bytes that this URL answers, following so many `redirects`; one attempt each, `limits.attempt` long.

    `allowed` sees each URL first, and raises for one that must not be asked.

    Raises:
        NoAnswerError: nobody answered in time, or with more than `limits.answer` bytes.
        UnreachableError: there is no file, or there are more redirects than these.
        NoUrlError: it is no URL, or a redirect leads to what is none.
    """
    for _ in range(redirects + 1):
        allowed(url)
        async with _Fetcher(url, limits, accept, timing, wire) as fetcher:
            answer = await fetcher.fetch(url)
        if not answer.redirects:
            break
        url = _followed(url, answer.headers.get("location", ""))
    if answer.redirects:
        raise UnreachableError(f"{host_of(url)} is where a redirect too many leads", hint=_HINT)
    if answer.status != httpx.codes.OK:
        raise UnreachableError(f"{host_of(url)} answers {answer.status}", hint=_HINT)
    return answer.content


class _Fetcher(HttpClient):
    """The HTTP base for one host that is asked once; only the host is told, for a URL can hold a key."""

    def __init__(
        self, url: str, limits: Limits, accept: str, timing: Timing, wire: httpx.AsyncBaseTransport | None
    ) -> None:
        super().__init__(url, max_connections=1, limits=limits, policy=ONCE, timing=timing, wire=wire, accept=accept)

    async def fetch(self, url: str) -> Answer:
        """Whatever the host answers."""
        return await self._perform(self._call("GET", url, name=f"GET {host_of(url)}", idempotent=True), _as_it_is)


def _as_it_is(call: Call, answer: Answer) -> Answer:
    return answer


def _followed(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise UnreachableError(f"{host_of(url)} redirects to what is no URL", hint=_HINT) from None
