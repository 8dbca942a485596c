"""The lowest level: pooled connections, the environment's proxy, and a wrapper that lets only reading through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from flexres.errors import RefusedError, SetupError, UnreachableError
from flexres.live.credentials import is_loopback
from flexres.text import one_line, spellings


class ReadOnlyError(RefusedError):
    """A command that only reads tried to write; nothing was sent."""


class ReadOnlyWire(httpx.AsyncBaseTransport):
    """Hands GET on to another wire, and POST to the paths of `reading`; raises ReadOnlyError for all else."""

    def __init__(self, inner: httpx.AsyncBaseTransport, reading: frozenset[str] = frozenset()) -> None:
        self._inner = inner
        self._reading = reading

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and not (request.method == "POST" and request.url.path in self._reading):
            raise ReadOnlyError(
                f"{request.method} {request.url.path} was not sent: this command only reads",
                hint="please report this as a bug of flexres",
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_wire(base: str, max_connections: int) -> httpx.AsyncBaseTransport:
    """HTTP/1.1 connections to `base` and its like, kept alive, through the environment's proxy if there is one.

    Raises:
        SetupError: the proxy's URL cannot be used.
    """
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=30.0
    )
    # Reading the trust store takes longer than most requests; plain http has no use for it, and an empty one
    # trusts nobody.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base.startswith("http:") else httpx.create_ssl_context()
    proxy = proxy_for(base)
    try:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise SetupError(
            f"the proxy for {urlsplit(base).hostname} cannot be used: {one_line(str(error), _keys_of(proxy))}",
            hint=_PROXY_HINT,
        ) from error


_PROXY_HINT: Final = "check HTTPS_PROXY, ALL_PROXY and NO_PROXY"


def proxy_for(base: str) -> str | None:
    """The URL of the proxy that the environment names for a URL's host; this machine is always reached directly."""
    parts = urlsplit(base)
    if is_loopback(base) or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return found if found is None or "://" in found else f"http://{found}"


def unreachable(
    error: Exception, host: str, *, proxy: str | None = None, secrets: tuple[str, ...] = ()
) -> UnreachableError:
    """Why no connection to `host` came about, in one line; with a `proxy`, whether it was that."""
    hidden = (*secrets, *_keys_of(proxy))
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or str(cause)
            return UnreachableError(
                f"no secure connection to {host}: {one_line(reason, hidden)}",
                hint="a proxy that re-encrypts needs its certificate in SSL_CERT_FILE",
            )
    if isinstance(error, httpx.ProxyError):
        through = (
            f"the proxy {shown_proxy(proxy)} lets nothing through to {host}" if proxy else f"{host} cannot be reached"
        )
        return UnreachableError(f"{through}: {one_line(str(error), hidden)}", hint=_PROXY_HINT)
    nearest = f"the proxy {shown_proxy(proxy)}" if proxy else host
    hint = _PROXY_HINT if proxy else "check the network, and HTTPS_PROXY if set"
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            what = nearest if proxy else f"the host {host}"
            return UnreachableError(f"{what} cannot be found", hint=hint if proxy else "check the network and its DNS")
        if isinstance(cause, ConnectionRefusedError):
            return UnreachableError(
                f"nothing answers at {nearest}: the connection was refused", hint=hint if proxy else _start(host)
            )
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(f"{nearest} cannot be reached: no connection in time", hint=hint)
    reason = one_line(str(error), hidden) or type(error).__name__
    return UnreachableError(f"{nearest} cannot be reached: {reason}", hint=hint)


def is_certificate_error(error: Exception) -> bool:
    """Whether the other side's certificate was not accepted, which no repetition mends."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def shown_proxy(proxy: str) -> str:
    """A proxy's host and port; what stands before them is a password."""
    try:
        return one_line(urlsplit(proxy).netloc.rpartition("@")[2]) or "of the environment"
    except ValueError:
        return "of the environment"


def _keys_of(proxy: str | None) -> tuple[str, ...]:
    try:
        parts = urlsplit(proxy or "")
        return spellings(parts.netloc.rpartition("@")[0], parts.password)
    except ValueError:
        return spellings(proxy)


def _start(host: str) -> str:
    local = is_loopback(f"//{host}")
    return "start it with `flexres sandbox serve`" if local else "check the network and the endpoint"


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    following = error.__cause__ or error.__context__
    if following is not None:
        yield from _causes(following)
