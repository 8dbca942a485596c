"""Twilio's lists, page after page, for the clients; the next page is asked of our own base, whatever host it names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from flexres.live.http.answers import JsonObject, Response
from flexres.live.http.transport import Transport
from flexres.live.http.wire import Service

PAGE_SIZE: Final = 1000


async def pages(
    transport: Transport, service: Service, path: str, *, key: str
) -> AsyncIterator[tuple[Response, list[JsonObject]]]:
    """Each page of a list with at most 1,000 items, and the answer it came with, in Twilio's order.

    Only the query of `meta.next_page_url` is used, with our own base and path: credentials cannot be led to
    another host. Twilio's docs warn against counting pages oneself.

    Raises:
        TwilioError: an answer is no page, or the pages lead back to one already read.
    """
    params: list[tuple[str, str]] | None = [("PageSize", str(PAGE_SIZE))]
    seen: set[str] = set()
    while params is not None:
        response = await transport.request("GET", service, path, params=params)
        body = response.object()
        items, meta = body.get(key), body.get("meta")
        if not isinstance(items, list) or not isinstance(meta, dict):
            raise response.unexpected(f"has no list of {key}")
        yield response, items
        following = meta.get("next_page_url")
        params = _query(following) if isinstance(following, str) and following else None
        if params is not None and (following in seen or not params):
            raise response.unexpected(f"names a next page of {key} that leads back")
        seen.add(str(following))


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)
