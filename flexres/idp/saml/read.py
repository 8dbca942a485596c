"""From what people capture to the XML of SAML responses: raw XML, Base64, a form body, a page, HAR, SAML-tracer."""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flexres.idp.safe_xml import LARGEST

_BASE64 = re.compile(rb"[A-Za-z0-9+/_=\s-]+")


class UnreadableCapture(Exception):  # noqa: N818 - it names what was found
    """There is no SAML response in the file: `message` says why, `fix` what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Captured:
    """One SAML response: its XML, where it stood, the URL it was posted to and when, as far as the file says."""

    xml: bytes
    origin: str = ""
    posted_to: str | None = None
    at: datetime | None = None


def read_captures(data: bytes) -> tuple[Captured, ...]:
    """Every SAML response of a file, in its order; at least one. Raises UnreadableCapture."""
    if len(data) > LARGEST:
        raise UnreadableCapture(
            f"the file has {len(data) / 1024 / 1024:.1f} MB, and {LARGEST // 1024 // 1024} MB is the most that is read",
            "save only the request that carries SAMLResponse",
        )
    data = _plain(data)
    if not data:
        raise UnreadableCapture("the file is empty", "save the SAML response into it, as XML or Base64")
    if data[:1] in (b"{", b"["):
        return _from_json(data)
    if data[:1] == b"<":
        return _from_markup(data)
    if b"SAMLRequest=" in data and b"SAMLResponse=" not in data:
        raise _request()
    if b"SAMLResponse=" in data:
        return _from_form(data)
    return (Captured(_from_base64(data)),)


def _plain(data: bytes) -> bytes:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
        data = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode()
    return data.removeprefix(codecs.BOM_UTF8).strip()


def _request() -> UnreadableCapture:
    return UnreadableCapture(
        "this is the request to the identity provider, not its response",
        "capture the POST that comes after sign-in: its form has the field SAMLResponse",
    )


def _from_markup(data: bytes) -> tuple[Captured, ...]:
    head = data[:1024].lower()
    if b"<html" not in head and b"<!doctype html" not in head and b"<form" not in head:
        return (Captured(data),)
    form = _Form()
    form.feed(data.decode("utf-8", "replace"))
    if form.value is None:
        raise UnreadableCapture(
            "this is a web page without a SAML response in it",
            "capture the POST that comes after sign-in: its form has the field SAMLResponse",
        )
    return (Captured(_from_base64(form.value.encode()), "the page's form", form.action),)


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.value: str | None = None
        self.action: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("name") == "SAMLResponse" and self.value is None:
            self.value = attributes.get("value") or ""


def _from_form(data: bytes) -> tuple[Captured, ...]:
    text = data.decode("ascii", "replace")
    found = re.search(r"(?:^|[?&\s\"'])SAMLResponse=([^&\s\"']+)", text)
    if found is None:
        raise UnreadableCapture("SAMLResponse is empty", "capture the request again")
    return (Captured(_from_base64(unquote(found[1]).encode()), "the form's field SAMLResponse"),)


def _from_base64(data: bytes) -> bytes:
    """The XML of a Base64 text, also of one that was compressed (HTTP-Redirect) or has percent signs left."""
    if b"%" in data:
        data = unquote(data.decode("ascii", "replace")).encode()
    if not _BASE64.fullmatch(data):
        raise UnreadableCapture(
            "this is neither XML, nor Base64, nor a HAR or SAML-tracer file",
            "save the value of SAMLResponse, or export a HAR from the browser's network tab",
        )
    compact = b"".join(data.split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        decoded = base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error:
        raise UnreadableCapture("the Base64 is cut off", "copy the whole value of SAMLResponse") from None
    if decoded.lstrip()[:1] == b"<":
        return decoded
    return _inflated(decoded)


def _inflated(data: bytes) -> bytes:
    try:
        text = zlib.decompressobj(-15).decompress(data, LARGEST + 1)
    except zlib.error:
        text = b""
    if text.lstrip()[:1] != b"<":
        raise UnreadableCapture("the Base64 holds no XML", "copy the whole value of SAMLResponse")
    return text


def _from_json(data: bytes) -> tuple[Captured, ...]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableCapture("the JSON is damaged or cut off", "export it again") from None
    found = tuple(_har(document) if isinstance(document, dict) and "log" in document else _tracer(document))
    if not found:
        if b"SAMLRequest" in data:
            raise _request()
        raise UnreadableCapture(
            "no request in this file carries a SAML response",
            "keep the log across pages (Preserve log), sign in again, and export with content",
        )
    return found


def _har(document: dict[str, Any]) -> Iterator[Captured]:
    log = document["log"]
    entries = log.get("entries") if isinstance(log, dict) else None
    for number, entry in enumerate(_list(entries), start=1):
        request = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(request, dict):
            continue
        body = request.get("postData")
        body = body if isinstance(body, dict) else {}
        value = _named(body.get("params")) or _in_text(body.get("text")) or _in_query(request.get("url"))
        if value:
            at = _moment(entry.get("startedDateTime"))
            yield from _captured(value, f"entry {number} of the HAR", request.get("url"), at)


def _tracer(document: Any) -> Iterator[Captured]:
    """SAML-tracer: requests with `post` as pairs or as an object, or only the decoded `saml`."""
    requests = document.get("requests") if isinstance(document, dict) else document
    for number, request in enumerate(_list(requests), start=1):
        if not isinstance(request, dict):
            continue
        origin, url = f"request {number} of the SAML-tracer export", request.get("url")
        post = request.get("post")
        value = _named(post) or _in_text(request.get("postData")) or _in_query(url)
        captured = _captured(value, origin, url, None) if value else ()
        decoded = request.get("saml")
        if captured:
            yield from captured
        elif isinstance(decoded, str) and "Response" in decoded:  # an export can mask posts and keep the document
            posted = url if isinstance(url, str) else None
            yield Captured(decoded.strip().encode("utf-8", "replace"), origin, posted)


def _captured(value: str, origin: str, url: object, at: datetime | None) -> tuple[Captured, ...]:
    """The response in a posted value; none where the value is masked or damaged, so that others still count."""
    try:
        xml = _from_base64(value.encode("utf-8", "replace"))
    except UnreadableCapture:
        return ()
    return (Captured(xml, origin, url if isinstance(url, str) else None, at),)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(fields: object) -> str | None:
    """The value of SAMLResponse among HAR params, pairs, or an object of values."""
    if isinstance(fields, dict):
        value = fields.get("SAMLResponse")
        return _first(value)
    for item in _list(fields):
        if isinstance(item, dict) and item.get("name") == "SAMLResponse":
            return _first(item.get("value"))
        if isinstance(item, list) and len(item) == 2 and item[0] == "SAMLResponse":
            return _first(item[1])
    return None


def _first(value: object) -> str | None:
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) and value else None


def _in_text(text: object) -> str | None:
    if not isinstance(text, str) or "SAMLResponse=" not in text:
        return None
    value = _first(parse_qs(text[text.index("SAMLResponse=") :]).get("SAMLResponse"))
    return value.replace(" ", "+") if value else None  # a plus that nobody escaped


def _in_query(url: object) -> str | None:
    if not isinstance(url, str) or "SAMLResponse=" not in url:
        return None
    try:
        query = urlsplit(url).query
    except ValueError:
        return None
    return _in_text(query)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
