"""Twilio's lists, page after page, for the clients; the next page is asked of our own base, whatever host it names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from flexres.live.http.answers import JsonObject, Response
from flexres.live.http.transport import Service, Transport

PAGE_SIZE: Final = 1000

_Query = list[tuple[str, str]]


async def pages(
    transport: Transport, service: Service, path: str, *, key: str, query: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[tuple[Response, list[JsonObject]]]:
    """Each page of a list with at most 1,000 items, and the answer it came with, in Twilio's order; `query` narrows it.

    Only the query of `meta.next_page_url` is used, with our own base and path: credentials cannot be led to
    another host. Twilio's docs warn against counting pages oneself.

    Raises:
        TwilioError: an answer is no page, the pages lead back to one already read, or there is no end of them.
    """
    limits, started = transport.limits, transport.timing.monotonic()
    params: _Query | None = [*query, ("PageSize", str(PAGE_SIZE))]
    seen: set[frozenset[tuple[str, str]]] = set()
    while params is not None:
        response = await transport.request("GET", service, path, params=params)
        body = response.object()
        items, meta = body.get(key), body.get("meta")
        if not isinstance(items, list) or not isinstance(meta, dict):
            raise response.unexpected(f"has no list of {key}")
        yield response, items
        params = _query(meta.get("next_page_url"), response)
        if params is None:
            return
        page = frozenset(params)
        if page in seen or not params:
            raise response.unexpected(f"names a next page of {key} that leads back")
        seen.add(page)
        if len(seen) >= limits.pages:
            raise response.unexpected(f"still names a next page of {key} after {limits.pages} pages")
        if transport.timing.monotonic() - started > limits.listing:
            raise response.unexpected(f"still names a next page of {key} after {limits.listing:g} s")


def _query(following: object, response: Response) -> _Query | None:
    """What a URL asks for; None where there is no next page."""
    if not isinstance(following, str) or not following:
        return None
    try:
        return parse_qsl(urlsplit(following).query, keep_blank_values=True)
    except ValueError:
        raise response.unexpected("names a next page that is no URL") from None
