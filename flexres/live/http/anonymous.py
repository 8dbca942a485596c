"""Requests that anybody may send: what a browser meets before sign-in, without credentials, cookies or writes.

It stands beside the transport, which repeats, decodes and trusts its answers; this one reads what strangers send.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from flexres.live.http.transport import USER_AGENT
from flexres.live.http.wire import HOSTS, Service, open_wire, unreachable

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


class Anonymous:
    """A client without credentials. Use it with `async with`.

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
        self._endpoint = endpoint
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            transport=_WithoutCookies(wire or open_wire(endpoint, 8)),
            timeout=seconds,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json, text/html;q=0.9"},
            trust_env=False,
        )

    async def __aenter__(self) -> Anonymous:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

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
        return await self._send(self._client.build_request("GET", url, params=params))

    async def ask_legacy(self, account: str, resource: str) -> Page:
        """Ask how a login of legacy SSO begins: the one POST, which changes nothing and needs nobody. Raises NotSeen.

        `{products: ["flex"], resource}` is what the Flex UI sends; the answer is a `location` or a refusal.
        """
        url = f"{self.base('iam')}/v1/Accounts/{account}/authenticate"
        return await self._send(
            self._client.build_request("POST", url, json={"products": ["flex"], "resource": resource})
        )

    async def _send(self, request: httpx.Request) -> Page:
        url = str(request.url)
        if not self.is_flex(url):
            raise NotSeen(f"{host_of(url)} is not Flex, and nobody else is asked")
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = await _body(response, url)
                finally:
                    await response.aclose()
        except (httpx.TimeoutException, TimeoutError):
            raise NotSeen(f"{host_of(url)} did not answer within {self._seconds:g} s") from None
        except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL) as failure:
            if "location header" in str(failure):
                raise NotSeen(f"{host_of(url)} redirects to what is no URL") from None
            raise NotSeen(unreachable(failure, host_of(url)).message) from None
        location = response.headers.get("location") if response.is_redirect else None
        text = body.decode("utf-8", "replace")
        return Page(url, response.status_code, text, _absolute(url, location) if location else None)


class _WithoutCookies(httpx.AsyncBaseTransport):
    """Forgets the cookies of every answer, so that no probe is mistaken for the one before."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        response.headers.pop("set-cookie", None)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def host_of(url: str) -> str:
    """The host of a URL, with its port if it has one."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "the host"
    except ValueError:
        return "the host"


async def _body(response: httpx.Response, url: str) -> bytes:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST:
            raise NotSeen(f"{host_of(url)} answered with more than {LARGEST // 1024} KB")
    return body


def _absolute(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise NotSeen(f"{host_of(url)} redirects to what is no URL") from None
