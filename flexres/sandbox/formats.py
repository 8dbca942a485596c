"""Dates and JSON as Twilio's services write them, and their habits on the wire: bodies, answers, pages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol
from urllib.parse import urlencode

from aiohttp import web

from flexres.sandbox.errors import bad_page_token, invalid_body, invalid_parameter
from flexres.sandbox.switches import Switches

_SPACE = re.compile(r"[ \t\r\n]*")


def now(ahead: float = 0) -> str:
    """The time, or that of `ahead` seconds later: ISO 8601 in UTC, whole seconds."""
    return at(time.time() + ahead)


def at(seconds: float) -> str:
    """A moment, given in seconds since 1970, in the same spelling."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def loads(text: str | bytes) -> object:
    """A JSON text, read; Python would take NaN and Infinity, which are none.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is too deep.
    """
    value: object = json.loads(text, parse_constant=_no_number)
    return value


def dumps(value: object) -> str:
    """JSON as the sandbox writes it: short, with characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def merged(text: str, changes: Mapping[str, object]) -> str:
    """An object's text with members set; those that do not change keep their very characters (`1e400`, `1.10`)."""
    members = {name: dumps(value) for name, value in changes.items()}
    kept = {name: members.pop(name) if name in members else raw for name, raw in _members(text).items()}
    return "{" + ",".join(f"{dumps(name)}:{raw}" for name, raw in {**kept, **members}.items()) + "}"


def _members(text: str) -> dict[str, str]:
    """The members of an object with the text of each value; none where the text is no object."""
    decoder, found = json.JSONDecoder(), {}
    place = _skip(text, 0)
    if text[place : place + 1] != "{" or not isinstance(_loads_or_none(text), dict):
        return {}
    place = _skip(text, place + 1)
    while text[place] != "}":
        name, place = decoder.raw_decode(text, place)
        start = _skip(text, _skip(text, place) + 1)
        _, end = decoder.raw_decode(text, start)
        found[name] = text[start:end]
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return found


def _loads_or_none(text: str) -> object:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


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
