"""Whose credentials are used, and where they may be sent."""

from __future__ import annotations

import base64

import pytest

from flexres.errors import SetupError
from flexres.live.credentials import api_share, endpoint, from_environment, is_loopback, max_connections
from flexres.live.http.transport import connect

from .fake import ACCOUNT, KEY

OTHER = "AC" + "9" * 32


def test_an_api_key_goes_before_an_auth_token() -> None:
    """The key can be revoked by itself, so it is the one to use where both are set."""
    environ = {"TWILIO_API_KEY": KEY, "TWILIO_API_SECRET": "s", "TWILIO_AUTH_TOKEN": "t"}
    found = from_environment("prod", ACCOUNT, environ)
    assert (found.username, found.password) == (KEY, "s")


def test_an_auth_token_goes_with_the_accounts_sid() -> None:
    found = from_environment("prod", ACCOUNT, {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "t"})
    assert base64.b64decode(found.authorization.removeprefix("Basic ")) == f"{ACCOUNT}:t".encode()


def test_what_is_set_for_the_stack_goes_first() -> None:
    """Even an auth token of the stack goes before an API key for all stacks."""
    environ = {
        "TWILIO_ACCOUNT_SID": OTHER,
        "TWILIO_API_KEY": KEY,
        "TWILIO_API_SECRET": "s",
        "TWILIO_ACCOUNT_SID__PROD_EU_1": ACCOUNT,
        "TWILIO_AUTH_TOKEN__PROD_EU_1": "t",
    }
    found = from_environment("prod-eu.1", ACCOUNT, environ)
    assert found.password == "t"
    assert found.variables == ("TWILIO_AUTH_TOKEN__PROD_EU_1",)


def test_white_space_around_a_value_is_no_part_of_it() -> None:
    found = from_environment("prod", ACCOUNT, {"TWILIO_ACCOUNT_SID": f" {ACCOUNT}\n", "TWILIO_AUTH_TOKEN": "t\r\n"})
    assert found.password == "t"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "TWILIO_API_KEY"),
        ({"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": " "}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_API_KEY": KEY}, "TWILIO_API_SECRET"),
        ({"TWILIO_API_SECRET": "s"}, "TWILIO_API_KEY"),
        ({"TWILIO_API_KEY__PROD": KEY, "TWILIO_API_SECRET": "s"}, "TWILIO_API_SECRET__PROD"),
        ({"TWILIO_API_KEY": "s", "TWILIO_API_SECRET": KEY}, "TWILIO_API_KEY"),
        ({"TWILIO_ACCOUNT_SID": OTHER, "TWILIO_AUTH_TOKEN": "t"}, ACCOUNT),
        ({"TWILIO_ACCOUNT_SID__PROD": OTHER, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "t"}, ACCOUNT),
    ],
)
def test_what_is_missing_or_wrong_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SetupError) as caught:
        from_environment("prod", ACCOUNT, environ)
    assert named in f"{caught.value.message} {caught.value.hint}"


def test_no_secret_is_ever_shown() -> None:
    found = from_environment("prod", ACCOUNT, {"TWILIO_API_KEY": KEY, "TWILIO_API_SECRET": "hush-hush"})
    assert "hush" not in f"{found!r} {found}"
    with pytest.raises(SetupError) as caught:
        from_environment("prod", ACCOUNT, {"TWILIO_API_KEY": "hush-hush", "TWILIO_API_SECRET": KEY})
    assert "hush" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1:80", True),
        ("http://[::1]:8465", True),
        ("https://localhost.evil.example", False),
        ("https://127.0.0.1.evil.example", False),
        ("https://127.0.0.1@evil.example", False),
        ("https://10.0.0.1", False),
        ("https://", False),
        ("http://[::1", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, is_local: bool) -> None:
    assert is_loopback(url) is is_local


def test_the_environments_endpoint_goes_before_the_stacks() -> None:
    assert (
        endpoint("http://127.0.0.1:1", {"FLEXRES_ENDPOINT": "https://flex.example/base/"})
        == "https://flex.example/base"
    )
    assert endpoint("http://127.0.0.1:1", {}) == "http://127.0.0.1:1"
    assert endpoint(None, {}) is None


@pytest.mark.parametrize(
    ("config", "environ"),
    [
        ("https://evil.example", {}),
        (None, {"FLEXRES_ENDPOINT": "http://flex.example"}),
        (None, {"FLEXRES_ENDPOINT": "ftp://127.0.0.1"}),
        (None, {"FLEXRES_ENDPOINT": "127.0.0.1:8465"}),
        (None, {"FLEXRES_ENDPOINT": "https://user:pass@flex.example"}),
        (None, {"FLEXRES_ENDPOINT": "https://flex.example?x=1"}),
        (None, {"FLEXRES_ENDPOINT": "https://flex.example:99999"}),
    ],
)
def test_credentials_cannot_be_led_elsewhere(config: str | None, environ: dict[str, str]) -> None:
    with pytest.raises(SetupError):
        endpoint(config, environ)


@pytest.mark.parametrize(("text", "number"), [("", 16), ("1", 1), (" 64 ", 64), ("256", 256)])
def test_connections_are_a_setting(text: str, number: int) -> None:
    assert max_connections({"FLEXRES_MAX_CONNECTIONS": text}) == number


@pytest.mark.parametrize("text", ["0", "-1", "257", "many", "1.5", "٣", "1000"])
def test_a_wrong_number_of_connections_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="FLEXRES_MAX_CONNECTIONS"):
        max_connections({"FLEXRES_MAX_CONNECTIONS": text})


@pytest.mark.parametrize(("text", "share"), [("", 0.5), ("0.3", 0.3), ("30%", 0.3), (" 1 ", 1.0), ("100%", 1.0)])
def test_the_share_of_rate_limits_is_a_setting(text: str, share: float) -> None:
    assert api_share({"FLEXRES_API_SHARE": text}) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "150%", "half", "nan", "inf", "1e-1", "٣", "%", "0.001"])
def test_a_wrong_share_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="FLEXRES_API_SHARE"):
        api_share({"FLEXRES_API_SHARE": text})


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_endpoint_that_is_set_and_empty_is_not_twilio(text: str) -> None:
    """Who meant a sandbox, in a script that did not find its address, must not meet the real account."""
    with pytest.raises(SetupError, match="FLEXRES_ENDPOINT is set and empty"):
        endpoint(None, {"FLEXRES_ENDPOINT": text})


@pytest.mark.parametrize("name", ["TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "FLEXRES_ENDPOINT"])
@pytest.mark.parametrize("text", ["a\nb", "a\x1bb", "a\udcffb", "a\x9bb"])
def test_a_variable_that_nothing_can_carry_is_named(name: str, text: str) -> None:
    with pytest.raises(SetupError, match=f"{name} holds invisible or broken characters"):
        endpoint(None, {name: text})
        from_environment("prod", ACCOUNT, {name: text})


def test_a_secret_in_the_wrong_variable_is_not_shown() -> None:
    with pytest.raises(SetupError, match="TWILIO_ACCOUNT_SID is no account SID") as caught:
        from_environment("prod", ACCOUNT, {"TWILIO_ACCOUNT_SID": "hush-hush", "TWILIO_AUTH_TOKEN": "t"})
    assert "hush" not in f"{caught.value.message} {caught.value.hint}"


async def test_a_url_that_is_none_is_told_before_anything_is_sent() -> None:
    environ = {"TWILIO_AUTH_TOKEN": "t", "FLEXRES_ENDPOINT": "https://xn--/"}
    async with connect(stack="s", account=ACCOUNT, endpoint=None, environ=environ, read_only=True) as transport:
        with pytest.raises(SetupError, match="its URL is none"):
            await transport.request("GET", "flex-api", "/x")


async def test_connect_puts_the_environment_together() -> None:
    environ = {"TWILIO_AUTH_TOKEN": "t", "FLEXRES_ENDPOINT": "http://127.0.0.1:9", "FLEXRES_MAX_CONNECTIONS": "3"}
    async with connect(stack="s", account=ACCOUNT, endpoint=None, environ=environ, read_only=True) as transport:
        assert transport.base("flex-api") == transport.base("taskrouter") == "http://127.0.0.1:9"
        assert transport.limiter.ceiling == 3
        assert transport.read_only
