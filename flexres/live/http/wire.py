"""The lowest level: pooled connections to Twilio's hosts or one endpoint, and a wrapper that lets only GET through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from flexres.errors import RefusedError, SetupError, UnreachableError
from flexres.live.credentials import is_loopback

Service = Literal["flex-api", "taskrouter", "services", "iam", "login"]

HOSTS: Final[dict[Service, str]] = {
    "flex-api": "https://flex-api.twilio.com",
    "taskrouter": "https://taskrouter.twilio.com",
    "services": "https://services.twilio.com",
    "iam": "https://iam.twilio.com",
    "login": "https://login.flex.us1.twilio.com",
}

# The others are what a browser meets before anybody has signed in: they get no credentials.
AUTHENTICATED: Final[frozenset[Service]] = frozenset({"flex-api", "taskrouter"})


class ReadOnlyError(RefusedError):
    """A command that only reads tried to write; nothing was sent."""


class ReadOnlyWire(httpx.AsyncBaseTransport):
    """Hands GET on to another wire and raises ReadOnlyError for all else, whoever asks."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            raise ReadOnlyError(
                f"{request.method} {request.url.path} was not sent: this command only reads",
                hint="please report this as a bug of flexres",
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_wire(endpoint: str | None, max_connections: int) -> httpx.AsyncBaseTransport:
    """HTTP/1.1 connections that are kept alive and shared by all services, through the environment's proxy if any.

    Raises:
        SetupError: the proxy's URL cannot be used.
    """
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=30.0
    )
    base = endpoint or HOSTS["flex-api"]
    # Reading the trust store takes longer than most requests; plain http has no use for it, and an empty one
    # trusts nobody.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base.startswith("http:") else httpx.create_ssl_context()
    proxy = _proxy(base)
    try:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)
    except (ImportError, ValueError) as error:
        raise SetupError(
            f"the proxy for {urlsplit(base).hostname} cannot be used: {error}",
            hint="check HTTPS_PROXY, ALL_PROXY and NO_PROXY",
        ) from error


def _proxy(base: str) -> str | None:
    parts = urlsplit(base)
    if is_loopback(base) or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return found if found is None or "://" in found else f"http://{found}"


def unreachable(error: Exception, host: str) -> UnreachableError:
    """Why no connection to `host` came about, in one line."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or str(cause)
            return UnreachableError(
                f"no secure connection to {host}: {reason}",
                hint="a proxy that re-encrypts needs its certificate in SSL_CERT_FILE",
            )
        if isinstance(cause, socket.gaierror):
            return UnreachableError(f"the host {host} cannot be found", hint="check the network and its DNS")
        if isinstance(cause, ConnectionRefusedError):
            return UnreachableError(f"nothing answers at {host}: the connection was refused", hint=_start(host))
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(f"{host} cannot be reached: no connection in time", hint="check the network")
    reason = str(error).strip() or type(error).__name__
    return UnreachableError(f"{host} cannot be reached: {reason}", hint="check the network, and HTTPS_PROXY if set")


def is_certificate_error(error: Exception) -> bool:
    """Whether the other side's certificate was not accepted, which no repetition mends."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


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
