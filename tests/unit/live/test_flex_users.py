"""Flex users, as Twilio's lists, fetches and writes show them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import LostAnswerError, TwilioError, UnreachableError
from flexres.live.flex.users import FlexUsers, _flex_user
from flexres.live.http.answers import Response
from flexres.live.model import FlexUser

from .fake import ACCOUNT, INSTANCE, Flex, Script, answer, page, transport, user

NOT_FOUND = answer(404, {"code": 20404, "message": "The requested resource was not found"})
ANSWER = Response("GET /x", 200, None, {})


async def listed(*items: Any) -> list[FlexUser]:
    async with transport(Script(answer(200, page("users", items)))) as opened:
        return [
            found for found_page in [page async for page in FlexUsers(opened, INSTANCE).pages()] for found in found_page
        ]


async def test_the_list_shows_active_and_deactivated_users() -> None:
    date = "2026-02-03T04:05:06Z"
    found = await listed(user(1), user(2, worker_sid=None, deactivated=True, deactivated_date=date))
    assert found[0].worker_sid == "WK" + "1".rjust(32, "0")
    assert not found[0].deactivated
    assert (found[1].worker_sid, found[1].deactivated, found[1].deactivated_date) == (None, True, date)


async def test_null_texts_and_roles_are_empty() -> None:
    found = (await listed(user(1, full_name=None, email=None, roles=None)))[0]
    assert (found.full_name, found.email, found.roles) == ("", "", ())


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "FU",
        {},
        user(1, username=None),
        user(1, username=7),
        user(1, roles="agent"),
        user(1, roles=[None]),
        user(1, worker_sid=5),
        user(1, worker_sid=None, worker="WK"),
        user(1, deactivated="no"),
        user(1, email=["x"]),
        user(1, updated_date=20260101),
    ],
)
async def test_a_user_that_cannot_be_read_is_an_error_that_names_them(broken: Any) -> None:
    with pytest.raises(TwilioError, match="has a user that cannot be read"):
        await listed(user(2), broken)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists), st.data())
def test_no_answer_is_half_read(value: Any, data: st.DataObject) -> None:
    """Whatever one field holds, the user is read with the right types or refused."""
    name = data.draw(
        st.sampled_from(["flex_user_sid", "username", "full_name", "email", "roles", "worker_sid", "deactivated"])
    )
    try:
        found = _flex_user(user(1, **{name: value}), ANSWER)
    except TwilioError:
        return
    assert all(
        isinstance(text, str) for text in (found.sid, found.username, found.full_name, found.email, *found.roles)
    )
    assert found.worker_sid is None or isinstance(found.worker_sid, str)
    assert isinstance(found.deactivated, bool)


async def test_an_older_answer_without_deactivated_goes_by_the_date() -> None:
    item = user(1)
    del item["deactivated"]
    assert not (await listed(item))[0].deactivated
    assert (await listed({**item, "deactivated_date": "2026-01-01T00:00:00Z"}))[0].deactivated


async def test_an_unknown_instance_is_told_in_one_line() -> None:
    async with transport(Script(NOT_FOUND)) as opened:
        with pytest.raises(UnreachableError, match=f"account {ACCOUNT} has no Flex instance {INSTANCE}"):
            async for _ in FlexUsers(opened, INSTANCE).pages():
                pass


async def test_a_username_is_looked_up_and_then_fetched_for_the_worker() -> None:
    """Items of the v4 list have no Worker in any published sample."""
    flex = Flex([user(1), user(2)], [])
    async with transport(flex) as opened:
        found = await FlexUsers(opened, INSTANCE).by_username("user2@example.com")
    assert found is not None
    assert found.worker_sid == "WK" + "2".rjust(32, "0")
    assert len(flex.requests) == 2


async def test_a_username_of_another_spelling_is_not_the_one() -> None:
    """Nobody says whether the lookup minds the case; we do."""
    script = Script(answer(200, {"users": [user(1, username="Ana@example.com")], "meta": {}}))
    async with transport(script) as opened:
        assert await FlexUsers(opened, INSTANCE).by_username("ana@example.com") is None


async def test_a_user_who_goes_between_lookup_and_fetch_is_not_there() -> None:
    script = Script(answer(200, {"users": [user(1)], "meta": {}}), NOT_FOUND)
    async with transport(script) as opened:
        assert await FlexUsers(opened, INSTANCE).by_username("user1@example.com") is None


def provisioned(**changes: Any) -> dict[str, Any]:
    item = user(1, **changes)
    item["worker"] = {"worker_sid": item.pop("worker_sid"), "workspace_sid": item.pop("workspace_sid")}
    return item


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_provision_sends_all_and_reads_the_nested_worker(status: int) -> None:
    script = Script(answer(status, provisioned()))
    async with transport(script) as opened:
        made = await FlexUsers(opened, INSTANCE).provision(
            username="u", full_name="U", email="u@example.com", roles=["agent"], attributes={"level.int": "3"}
        )
    assert made.worker_sid == "WK" + "1".rjust(32, "0")
    assert json.loads(script.requests[0].content) == {
        "username": "u",
        "full_name": "U",
        "email": "u@example.com",
        "roles": ["agent"],
        "worker": {"attributes": {"level.int": "3"}},
    }


async def test_provision_without_attributes_sends_an_empty_worker() -> None:
    script = Script(answer(200, provisioned()))
    async with transport(script) as opened:
        await FlexUsers(opened, INSTANCE).provision(username="u", full_name="U", email="e", roles=["agent"])
    assert json.loads(script.requests[0].content)["worker"] == {}


async def test_a_provision_accepted_without_a_word_is_to_be_looked_up() -> None:
    async with transport(Script(httpx.Response(202))) as opened:
        with pytest.raises(LostAnswerError):
            await FlexUsers(opened, INSTANCE).provision(username="u", full_name="U", email="e", roles=["agent"])


@pytest.mark.parametrize("write", ["provision", "deprovision"])
async def test_a_write_whose_answer_is_lost_is_not_repeated(write: str) -> None:
    script = Script(httpx.ReadError("reset"))
    async with transport(script) as opened:
        users = FlexUsers(opened, INSTANCE)
        with pytest.raises(LostAnswerError):
            if write == "provision":
                await users.provision(username="u", full_name="U", email="e", roles=["agent"])
            else:
                await users.deprovision("FU1")
    assert len(script.requests) == 1


async def test_deprovision_names_the_user() -> None:
    script = Script(httpx.Response(204))
    async with transport(script) as opened:
        await FlexUsers(opened, INSTANCE).deprovision("FU1")
    assert script.requests[0].url.path == f"/v4/Instances/{INSTANCE}/Users/Deprovision"
    assert json.loads(script.requests[0].content) == {"flex_user_sid": "FU1"}


async def test_a_token_is_minted_and_never_shown() -> None:
    body = {"access_token": "eyJhush", "token_info": {"expiration": "2026-01-01T01:00:00Z"}}
    script = Script(answer(201, body))
    async with transport(script) as opened:
        token = await FlexUsers(opened, INSTANCE).mint_token("FU1", ttl=60)
    assert (token.value, token.expiration) == ("eyJhush", "2026-01-01T01:00:00Z")
    assert "hush" not in repr(token)
    assert json.loads(script.requests[0].content) == {"ttl": 60}


async def test_an_answer_without_a_token_is_an_error() -> None:
    async with transport(Script(answer(200, {"token_info": {}}))) as opened:
        with pytest.raises(TwilioError, match="has no access_token"):
            await FlexUsers(opened, INSTANCE).mint_token("FU1", ttl=60)
