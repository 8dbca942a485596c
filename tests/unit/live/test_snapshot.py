"""Users, Workers and channels joined, also while others write to the lists that are being read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import SetupError, UnreachableError
from flexres.live.model import Snapshot
from flexres.live.snapshot import read_snapshot, reread

from .fake import ACCOUNT, INSTANCE, Flex, transport, user, worker


async def read(flex: Flex, **options: Any) -> Snapshot:
    async with transport(flex) as opened:
        return await read_snapshot(opened, account=ACCOUNT, instance=INSTANCE, **options)


async def read_again(flex: Flex, usernames: Collection[str]) -> Snapshot:
    async with transport(flex) as opened:
        snapshot = await read_snapshot(opened, account=ACCOUNT, instance=INSTANCE)
        return await reread(opened, snapshot, usernames)


def singles(flex: Flex) -> list[str]:
    """The requests for one thing."""
    return [path.rsplit("/", 1)[-1] for path in flex.requests if path.rsplit("/", 1)[-1][:2] in {"FU", "WK"}]


def people(count: int) -> Flex:
    return Flex([user(number) for number in range(count)], [worker(number) for number in range(count)])


async def test_users_are_joined_with_their_workers_by_pages() -> None:
    flex = people(2500)
    snapshot = await read(flex)
    assert len(snapshot.users) == 2500
    assert all(live.worker and live.worker.sid == live.user.worker_sid for live in snapshot.users.values())
    assert snapshot.requests == len(flex.requests) == 7
    assert snapshot.orphans == ()


async def test_ten_thousand_users_cost_few_requests() -> None:
    snapshot = await read(people(10_000))
    assert len(snapshot.users) == 10_000
    assert snapshot.requests <= 25


async def test_channels_are_read_for_those_who_are_named_and_there() -> None:
    flex = people(3)
    flex.listed_users.append(user(9, deactivated=True, worker_sid=None))
    snapshot = await read(flex, channels_for=["user1@example.com", "user9@example.com", "nobody@example.com"])
    channels = snapshot.users["user1@example.com"].channels
    assert channels is not None
    assert sorted(channels) == ["chat", "voice"]
    assert snapshot.users["user0@example.com"].channels is None
    assert [path for path in flex.requests if path.endswith("/Channels")] == [
        f"/v1/Workspaces/WS{'0' * 31}1/Workers/WK{'0' * 31}1/Channels"
    ]


@pytest.mark.parametrize(("name", "known"), [("user1@example.com", None), ("nobody@example.com", {"voice", "chat"})])
async def test_task_channels_are_read_where_somebody_has_no_worker_to_read_them_of(
    name: str, known: set[str] | None
) -> None:
    """One request more, and only then."""
    assert (await read(people(3), channels_for=[name])).task_channels == known


@pytest.mark.parametrize("kept_back", [None, "{}"])
async def test_attributes_that_the_list_keeps_back_are_fetched(kept_back: str | None) -> None:
    """Only those, one by one."""
    flex = people(5)
    flex.listed_workers[2] = worker(2, attributes=kept_back)
    snapshot = await read(flex)
    found = snapshot.users["user2@example.com"].worker
    assert found is not None
    assert found.attributes() == {"number": 2}
    assert singles(flex) == [worker(2)["sid"]]


async def test_a_worker_that_the_list_lacks_is_fetched() -> None:
    flex = people(3)
    del flex.listed_workers[1]
    snapshot = await read(flex)
    assert snapshot.users["user1@example.com"].worker is not None
    assert singles(flex) == [worker(1)["sid"]]


async def test_a_worker_that_is_really_gone_makes_us_look_at_the_user_again() -> None:
    """Somebody deprovisioned them between the two lists."""
    flex = people(3)
    del flex.listed_workers[1], flex.workers[worker(1)["sid"]]
    flex.users[user(1)["flex_user_sid"]] = user(1, deactivated=True, worker_sid=None)
    snapshot = await read(flex)
    live = snapshot.users["user1@example.com"]
    assert live.user.deactivated
    assert live.worker is None


async def test_a_user_who_got_another_worker_meanwhile_is_joined_with_that_one() -> None:
    flex = people(3)
    del flex.listed_workers[1], flex.workers[worker(1)["sid"]]
    flex.workers[worker(7)["sid"]] = worker(7)
    flex.users[user(1)["flex_user_sid"]] = user(1, worker_sid=worker(7)["sid"])
    found = (await read(flex)).users["user1@example.com"].worker
    assert found is not None
    assert found.sid == worker(7)["sid"]


async def test_a_user_who_vanished_meanwhile_is_not_there() -> None:
    flex = people(3)
    del flex.listed_workers[1], flex.workers[worker(1)["sid"]], flex.users[user(1)["flex_user_sid"]]
    assert sorted((await read(flex)).users) == ["user0@example.com", "user2@example.com"]


async def test_an_active_user_without_any_worker_is_kept() -> None:
    flex = people(2)
    flex.listed_users.append(user(5, worker_sid=None))
    flex.users[user(5)["flex_user_sid"]] = user(5, worker_sid=None)
    snapshot = await read(flex)
    assert snapshot.users["user5@example.com"].worker is None
    assert singles(flex) == [user(5)["flex_user_sid"]]


async def test_workers_of_nobody_are_orphans() -> None:
    flex = people(2)
    flex.listed_workers += [worker(8), worker(7)]
    snapshot = await read(flex)
    assert [orphan.friendly_name for orphan in snapshot.orphans] == ["user7@example.com", "user8@example.com"]
    assert len(snapshot.users) == 2


async def test_deactivated_users_cost_no_further_request() -> None:
    flex = people(2)
    flex.listed_users.append(user(5, worker_sid=None, deactivated=True, deactivated_date="2026-01-02T00:00:00Z"))
    snapshot = await read(flex)
    assert snapshot.users["user5@example.com"].user.deactivated
    assert singles(flex) == []


@pytest.mark.parametrize("active_first", [True, False])
async def test_of_two_with_one_name_the_active_one_counts(active_first: bool) -> None:
    flex = people(1)
    gone = user(5, username="user0@example.com", worker_sid=None, deactivated=True, updated_date="2027-01-01T00:00:00Z")
    flex.listed_users.insert(1 if active_first else 0, gone)
    live = (await read(flex)).users["user0@example.com"]
    assert not live.user.deactivated
    assert live.worker is not None


async def test_two_personas_with_one_address_are_named() -> None:
    flex = Flex([user(1, email="Ana@example.com"), user(2, email="ana@example.com"), user(3)], map(worker, (1, 2, 3)))
    assert (await read(flex)).personas() == {"ana@example.com": ("user1@example.com", "user2@example.com")}


@given(st.randoms(use_true_random=False), st.integers(1, 12), st.integers(1, 4))
def test_what_a_list_shows_twice_counts_once(shuffle: random.Random, count: int, page_size: int) -> None:
    """Order and repetition in the lists change nothing."""
    flex = people(count)
    flex.page_size = page_size
    flex.listed_users += shuffle.choices(flex.listed_users, k=3)
    flex.listed_workers += shuffle.choices(flex.listed_workers, k=3)
    shuffle.shuffle(flex.listed_users)
    shuffle.shuffle(flex.listed_workers)
    snapshot = asyncio.run(read(flex))
    assert len(snapshot.users) == count
    assert all(live.worker is not None for live in snapshot.users.values())
    assert snapshot.orphans == ()


async def test_a_few_users_are_read_one_by_one() -> None:
    flex = people(50)
    snapshot = await read(flex, only=["user3@example.com", "user4@example.com"])
    assert sorted(snapshot.users) == ["user3@example.com", "user4@example.com"]
    found = snapshot.users["user3@example.com"].worker
    assert found is not None
    assert found.etag == "7"
    assert snapshot.requests == 7
    assert not any(path.endswith("Workers") for path in flex.requests)


async def test_a_deactivated_user_whom_the_lookup_hides_is_found_all_the_same() -> None:
    """Taken for absent, somebody who was offboarded would be made anew."""
    flex = people(3)
    flex.users[user(1)["flex_user_sid"]] = flex.listed_users[1] = user(1, deactivated=True, worker_sid=None)
    flex.found_by_username = lambda item: not item["deactivated"]
    snapshot = await read(flex, only=["user1@example.com"])
    assert snapshot.users["user1@example.com"].user.deactivated


async def test_an_active_user_behind_a_deactivated_namesake_is_found() -> None:
    flex = people(2)
    namesake = user(9, username="user1@example.com", deactivated=True, worker_sid=None)
    flex.users[namesake["flex_user_sid"]] = namesake
    flex.found_by_username = lambda item: item["deactivated"]
    live = (await read(flex, only=["user1@example.com"])).users["user1@example.com"]
    assert not live.user.deactivated
    assert live.worker is not None


async def test_nobody_of_that_name_is_nobody() -> None:
    snapshot = await read(people(2), only=["nobody@example.com"])
    assert dict(snapshot.users) == {}


async def test_a_user_whom_the_list_missed_is_found_by_reading_again() -> None:
    """Paging under others' writes can miss one; the Worker then looks like an orphan."""
    flex = people(3)
    missed = flex.listed_users.pop(1)
    before = await read(flex)
    assert "user1@example.com" not in before.users
    assert [orphan.sid for orphan in before.orphans] == [worker(1)["sid"]]
    after = await read_again(flex, [missed["username"]])
    assert after.users["user1@example.com"].worker is not None
    assert after.orphans == ()
    assert len(after.users) == 3


async def test_reading_again_drops_who_is_really_gone() -> None:
    flex = people(3)
    async with transport(flex) as opened:
        snapshot = await read_snapshot(opened, account=ACCOUNT, instance=INSTANCE)
        del flex.listed_users[1], flex.users[user(1)["flex_user_sid"]]
        after = await reread(opened, snapshot, ["user1@example.com"])
    assert sorted(after.users) == ["user0@example.com", "user2@example.com"]
    assert after.requests > snapshot.requests


async def test_a_wrong_account_is_found_before_anything_else_is_read() -> None:
    flex = people(1)
    flex.configuration["account_sid"] = "AC9"
    with pytest.raises(SetupError):
        await read(flex)
    assert flex.requests == ["/v1/Configuration"]


async def test_an_error_in_one_list_is_raised_as_it_is() -> None:
    """Not in a group: the command line makes one line of it."""
    flex = people(1)
    flex.listed_users[0] = {"flex_user_sid": "FU1"}
    with pytest.raises(Exception, match="has a user that cannot be read") as caught:
        await read(flex)
    assert not isinstance(caught.value, BaseExceptionGroup)


async def test_a_flex_that_is_not_set_up_is_told() -> None:
    flex = people(1)
    flex.configuration["status"] = "notstarted"
    with pytest.raises(UnreachableError, match="Flex is not set up"):
        await read(flex)
