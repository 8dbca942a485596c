"""The habits that all of Twilio's services share: JSON answers, form and JSON bodies, pages and their links."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from aiohttp import web

from flexres.sandbox.errors import bad_page_token, invalid_body, invalid_parameter
from flexres.sandbox.formats import loads
from flexres.sandbox.switches import Switches

_PAGING = ("PageSize", "Page", "PageToken")
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Row(Protocol):
    """Anything that a page can hold."""

    @property
    def seq(self) -> int:
        """Its place in the order."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted: rows behind row `after`, `size` of them; `number` is only repeated in links."""

    size: int
    after: int
    number: int


def answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=_encode(data).encode(), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def base_url(request: web.Request) -> str:
    """Where the client reached us: links lead back there, whatever host they would have at Twilio."""
    return f"{request.scheme}://{request.host}"


async def read_json_object(request: web.Request) -> dict[str, object]:
    """The body as a JSON object.

    Raises:
        WireError: 400/45004, it is something else.
    """
    try:
        body = loads(await request.read())
    except (ValueError, RecursionError):
        raise invalid_body("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid_body("The request body must be a JSON object")
    return body


async def read_form(request: web.Request) -> dict[str, str]:
    """The form's fields; the last of those that are repeated."""
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def page_request(request: web.Request, switches: Switches, prefix: str = "") -> PageRequest:
    """The page that a list request names. Tokens are `prefix` and a number.

    Raises:
        WireError: 400/21481 for a token that is none of ours, 400/20001 for a size that is no number or too large.
    """
    query = request.query
    size_text = query.get("PageSize", "50")
    if not (size_text.isascii() and size_text.isdigit() and int(size_text) >= 1):
        raise invalid_parameter("PageSize must be a number of at least 1")
    size = int(size_text)
    if size > switches.page_size_cap and switches.page_size_over_cap == "refuse":
        raise invalid_parameter(f"PageSize must be at most {switches.page_size_cap}")
    token = query.get("PageToken", "")
    after = token.removeprefix(prefix) if token.startswith(prefix) else token
    if token in ("", "null"):
        after = "0"
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise bad_page_token()
    number = query.get("Page", "0")
    return PageRequest(
        min(size, switches.page_size_cap), int(after), int(number) if number.isascii() and number.isdigit() else 0
    )


def page_meta(
    request: web.Request,
    page: PageRequest,
    rows: Sequence[Row],
    *,
    key: str,
    previous: Callable[[], int],
    prefix: str = "",
) -> dict[str, object]:
    """The `meta` of a list. `rows` is the page and, if there is more, one row that shows it.

    `previous` says behind which row the page before this one begins; it is asked only when there is one.
    """
    filters = [(name, value) for name, value in request.query.items() if name not in _PAGING]

    def link(number: int, after: int) -> str:
        token = [("PageToken", f"{prefix}{after}")] if after else []
        query = urlencode([*filters, ("PageSize", page.size), ("Page", number), *token])
        return f"{base_url(request)}{request.path}?{query}"

    more = len(rows) > page.size
    return {
        "first_page_url": link(0, 0),
        "key": key,
        "next_page_url": link(page.number + 1, rows[page.size - 1].seq) if more else None,
        "page": page.number,
        "page_size": page.size,
        "previous_page_url": link(max(0, page.number - 1), previous()) if page.after else None,
        "url": link(page.number, page.after),
    }


def whole_meta(request: web.Request, key: str) -> dict[str, object]:
    """The `meta` of a list that always fits on one page."""
    return page_meta(request, PageRequest(50, 0, 0), (), key=key, previous=lambda: 0)
