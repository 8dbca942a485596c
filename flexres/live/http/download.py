"""A file from somewhere on the web: asked for without credentials, of a size and within a time that are limited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin

import httpx

from flexres.errors import UnreachableError
from flexres.live.http.base import Answer, Call, HttpClient, host_of
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import ONCE, REAL, Timing

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
        url = _absolute(url, answer.headers.get("location", ""))
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


def _absolute(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise UnreachableError(f"{host_of(url)} redirects to what is no URL", hint=_HINT) from None
