"""The lowest level: what a reading command can send, through which proxy, and why a host cannot be reached."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from flexres.errors import Exit, SetupError
from flexres.live.http.wire import ReadOnlyError, ReadOnlyWire, is_certificate_error, open_wire, unreachable

from .fake import Script, answer, transport


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "get"])
async def test_a_reading_transport_sends_nothing_but_get(method: str) -> None:
    script = Script(answer(200, {}))
    async with httpx.AsyncClient(transport=ReadOnlyWire(httpx.MockTransport(script))) as client:
        request = httpx.Request("GET", "https://flex-api.twilio.com/x")
        request.method = method
        with pytest.raises(ReadOnlyError, match="this command only reads"):
            await client.send(request)
    assert script.requests == []


async def test_a_read_only_transport_reads_and_refuses_to_write() -> None:
    script = Script(answer(200, {}))
    async with transport(script, read_only=True) as opened:
        await opened.request("GET", "flex-api", "/x")
        with pytest.raises(ReadOnlyError) as caught:
            await opened.request("POST", "flex-api", "/x", json={})
        assert opened.sent == 1
    assert [request.method for request in script.requests] == ["GET"]
    assert caught.value.exit is Exit.REFUSED


async def test_twilio_is_reached_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    wire = open_wire("https://flex-api.twilio.com", 4)
    assert "Proxy" in type(wire._pool).__name__  # type: ignore[attr-defined]
    await wire.aclose()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "https://localhost:1"])
async def test_this_machine_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    wire = open_wire(endpoint, 4)
    assert "Proxy" not in type(wire._pool).__name__  # type: ignore[attr-defined]
    await wire.aclose()


async def test_a_host_can_be_excepted_from_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "twilio.com")
    wire = open_wire("https://flex-api.twilio.com", 4)
    assert "Proxy" not in type(wire._pool).__name__  # type: ignore[attr-defined]
    await wire.aclose()


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy.example")
    with pytest.raises(SetupError, match="proxy for flex-api"):
        open_wire("https://flex-api.twilio.com", 4)


def caused(cause: BaseException) -> httpx.ConnectError:
    """As httpx hands it on: deep below its own exception, perhaps in a group."""
    try:
        raise httpx.ConnectError("All connection attempts failed") from ExceptionGroup("all", [OSError("x"), cause])  # type: ignore[list-item]
    except httpx.ConnectError as error:
        return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (caused(socket.gaierror(-2, "Name or service not known")), "the host h.example cannot be found"),
        (caused(ConnectionRefusedError(111, "refused")), "nothing answers at h.example: the connection was refused"),
        (caused(ssl.SSLError(1, "[SSL: WRONG_VERSION] wrong version")), "no secure connection to h.example"),
        (httpx.ConnectTimeout(""), "h.example cannot be reached: no connection in time"),
        (httpx.ProxyError("407 Proxy Authentication Required"), "h.example cannot be reached: 407 Proxy"),
        (httpx.ConnectError(""), "h.example cannot be reached: ConnectError"),
    ],
)
def test_why_a_host_cannot_be_reached_is_one_line(error: Exception, message: str) -> None:
    made = unreachable(error, "h.example")
    assert message in made.message
    assert made.hint


def test_a_sandbox_that_is_not_running_is_to_be_started() -> None:
    assert "sandbox serve" in unreachable(caused(ConnectionRefusedError()), "127.0.0.1:8465").hint


async def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    error = caused(ssl.SSLCertVerificationError(1, "self-signed certificate"))
    script = Script(error)
    async with transport(script) as opened:
        with pytest.raises(Exception, match="no secure connection"):
            await opened.request("GET", "flex-api", "/x")
    assert is_certificate_error(error)
    assert len(script.requests) == 1


async def test_a_closed_port_is_told_in_one_line() -> None:
    """A real socket, so that the chain of causes is the real one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        wire = open_wire(f"http://127.0.0.1:{port}", 4)
        async with transport(Script(), wire=wire, endpoint=f"http://127.0.0.1:{port}") as opened:
            with pytest.raises(Exception, match=f"nothing answers at 127.0.0.1:{port}: the connection was refused"):
                await opened.request("GET", "flex-api", "/x")
