"""Which instance this is, and what happens when it is not the stack's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flexres.errors import LostAnswerError, SetupError, TwilioError, UnreachableError
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.model import CatalogueSkill, Instance

from .fake import ACCOUNT, INSTANCE, WORKSPACE, Script, answer, configuration, transport


async def fetch(body: Any, status: int = 200) -> Instance:
    async with transport(Script(answer(status, body))) as opened:
        return await ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).fetch()


async def test_the_instance_is_read() -> None:
    found = await fetch(
        configuration(
            taskrouter_skills=[{"name": "billing", "multivalue": True}, {"name": "returns"}, {"other": 1}, None],
            taskrouter_worker_channels={
                "admin": [{"name": "voice", "capacity": 1}],
                "agent": [{"name": "voice"}, {"name": "chat"}],
            },
            public_attributes={"loginPopup": True},
            runtime_domain="iris-macaw-7585.twil.io",
            ui_version="~2.17.0",
        )
    )
    assert found.workspace == WORKSPACE
    assert found.skills == (CatalogueSkill("billing"), CatalogueSkill("returns"))
    assert found.task_channels == ("chat", "voice")
    assert found.public_attributes == {"loginPopup": True}
    assert found.runtime_domain == "iris-macaw-7585.twil.io"


async def test_what_is_not_set_is_empty() -> None:
    found = await fetch(
        configuration(
            taskrouter_skills=None,
            taskrouter_worker_channels=None,
            public_attributes=None,
            taskrouter_offline_activity_sid=None,
        )
    )
    assert (found.skills, found.task_channels, found.public_attributes, found.offline_activity) == ((), (), {}, None)


async def test_a_configuration_that_does_not_name_its_instance_is_accepted() -> None:
    """Twilio's specification has flex_instance_sid; the sample in its docs does not."""
    body = configuration()
    del body["flex_instance_sid"]
    assert (await fetch(body)).sid == INSTANCE


async def test_another_accounts_credentials_are_refused() -> None:
    with pytest.raises(SetupError, match="the credentials are of account AC9"):
        await fetch(configuration(account_sid="AC9"))


async def test_another_instance_is_refused_with_its_name() -> None:
    with pytest.raises(UnreachableError, match="has the Flex instance GO9, but the stack names GO0"):
        await fetch(configuration(flex_instance_sid="GO9"))


@pytest.mark.parametrize("status", ["notstarted", "inprogress"])
async def test_a_flex_that_is_not_set_up_is_told(status: str) -> None:
    with pytest.raises(UnreachableError, match=rf"Flex is not set up in account {ACCOUNT} \(its status is {status}\)"):
        await fetch({"account_sid": ACCOUNT, "status": status})


async def test_an_account_without_flex_is_told() -> None:
    with pytest.raises(UnreachableError, match=f"Flex is not set up in account {ACCOUNT}"):
        await fetch({"code": 20404, "message": "not found"}, 404)


@pytest.mark.parametrize("missing", ["account_sid", "taskrouter_workspace_sid"])
async def test_a_configuration_without_the_essential_is_an_error(missing: str) -> None:
    with pytest.raises(TwilioError, match=f"has no {missing}"):
        await fetch(configuration(**{missing: None}))


async def test_an_update_names_the_account_and_is_not_repeated() -> None:
    script = Script(answer(200, configuration()))
    async with transport(script) as opened:
        await ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).update({"public_attributes": {"a": 1}})
    assert json.loads(script.requests[0].content) == {"account_sid": ACCOUNT, "public_attributes": {"a": 1}}
    async with transport(Script(answer(502))) as opened:
        with pytest.raises(LostAnswerError):
            await ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).update({})


async def test_the_public_part_is_read_without_credentials() -> None:
    published = [{"account_sid": "AC9"}, {"account_sid": ACCOUNT, "public_attributes": {"loginPopup": False}}]
    script = Script(answer(200, {"configurations": published}))
    async with transport(script) as opened:
        found = await ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).public()
    assert found == {"loginPopup": False}
    assert "authorization" not in script.requests[0].headers
    assert script.requests[0].url.params["AccountSid"] == ACCOUNT


async def test_nothing_published_is_none() -> None:
    async with transport(Script(answer(200, {"configurations": []}))) as opened:
        assert await ConfigurationApi(opened, account=ACCOUNT, instance=INSTANCE).public() is None
