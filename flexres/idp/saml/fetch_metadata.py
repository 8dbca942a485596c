"""An identity provider's metadata from where it is: a file, or an address that anybody may read."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from flexres.errors import SetupError, UnreachableError
from flexres.live.credentials import is_loopback
from flexres.live.http import wire

LARGEST: Final = 2 * 1024 * 1024
_REDIRECTS: Final = 3
_SECONDS: Final = 20.0


def read_source(source: str) -> bytes:
    """The bytes of a file, or of what an https address answers (http for this machine only).

    Raises SetupError for what cannot be read, UnreachableError where nobody answers.
    """
    if "://" in source:
        return _fetched(source)
    try:
        path = Path(source)
        if path.stat().st_size > LARGEST:
            raise SetupError(f"{source} is too large to be metadata", hint="name the metadata's XML file")
        return path.read_bytes()
    except OSError as error:
        raise SetupError(
            f"{source} cannot be read: {error.strerror}", hint="name a file, or an https address"
        ) from None


def _fetched(url: str) -> bytes:
    with httpx.Client(trust_env=True, timeout=_SECONDS, headers={"Accept": "application/xml, text/xml"}) as client:
        for _ in range(_REDIRECTS + 1):
            _check(url)
            try:
                with client.stream("GET", url) as answer:
                    if not answer.is_redirect:
                        return _body(answer, url)
                    url = urljoin(url, answer.headers["location"])
            except httpx.TransportError as failure:
                raise wire.unreachable(failure, urlsplit(url).netloc) from failure
    raise UnreachableError("the metadata's address leads on and on", hint="download the XML, and name the file")


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_loopback(url):
        return
    raise SetupError(
        f"{url} is not read: metadata says whom Flex believes, so it is fetched by https alone",
        hint="use its https address, or download the XML and name the file",
    )


def _body(answer: httpx.Response, url: str) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise UnreachableError(f"{url} answers {answer.status_code}", hint="open it in a browser, and save the XML")
    data = b""
    for piece in answer.iter_bytes():
        data += piece
        if len(data) > LARGEST:
            raise SetupError(f"{url} is too large to be metadata", hint="check the address")
    return data
