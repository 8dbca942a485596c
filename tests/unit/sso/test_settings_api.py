"""The client of the settings contract, and what it makes of answers that are not as the contract has them."""

from __future__ import annotations

import pytest

from flexres.errors import SetupError, TwilioError
from flexres.sso.observe import Settings, SettingsApi
from tests.unit.desired.stacks import PEM
from tests.unit.live.fake import ACCOUNT, Script, answer, transport


def test_an_inactive_connection_is_none() -> None:
    """Nobody signs in through it."""
    body = {"type": "enhanced", "connection": "JQ1", "active": False, "certificate": PEM}

    seen = Settings(body, '"1"', {"https://a.example.com": "1"}).sign_on()

    assert seen.fields["connection"].value == ""
    assert str(seen.fields["certificate"].value).count(":") == 31
    assert seen.trusted["https://a.example.com"].value is True
    assert seen.complete


def test_settings_that_nobody_made_are_empty() -> None:
    """Everything declared is then to be written."""
    seen = Settings(None, None).sign_on()

    assert {found.value for found in seen.fields.values()} == {""}


def test_a_certificate_that_cannot_be_read_is_another_one() -> None:
    """It is replaced."""
    assert Settings({"certificate": "rubbish"}, None).sign_on().fields["certificate"].value == "one that cannot be read"


async def test_an_endpoint_without_the_contract_is_told_so() -> None:
    """What the path that is missing means, and what to write for Twilio."""
    async with transport(Script(answer(404, {"message": "not found"}))) as wire:
        with pytest.raises(SetupError, match="serves no SSO settings") as caught:
            await SettingsApi(wire, account=ACCOUNT).fetch()

    assert "writer: console" in caught.value.hint


@pytest.mark.parametrize("body", [{}, {"trusted_urls": [{"url": "https://a.example.com"}]}, {"trusted_urls": ["a"]}])
async def test_a_list_that_is_none_is_an_error(body: dict[str, object]) -> None:
    """Never taken for an empty one: entries would be added again, or removed."""
    async with transport(Script(answer(200, body))) as wire:
        with pytest.raises(TwilioError, match="trusted URL"):
            await SettingsApi(wire, account=ACCOUNT).fetch()


async def test_a_removal_leaves_an_entry_that_became_another() -> None:
    """Somebody gave the id to another URL since it was listed."""
    script = Script(answer(200, {"url": "https://other.example.com"}))
    async with transport(script) as wire:
        await SettingsApi(wire, account=ACCOUNT).distrust("https://a.example.com", "1")

    assert [request.method for request in script.requests] == ["GET"]
