"""TaskRouter: the Workspace, Workers, their channels and reservations."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.identity import DEFAULT


@pytest.fixture
def worker(wire):
    """A Worker made through TaskRouter."""
    return wire.post(wire.workers, data={"FriendlyName": "Ana", "Attributes": '{ "b" : 1,"a":2 }'}).json()


def _activities(wire):
    found = wire.get(f"{wire.workspace}/Activities").json()["activities"]
    return {activity["friendly_name"]: activity["sid"] for activity in found}


def test_workspace_activities_and_task_channels_are_there(wire):
    """What the sandbox's Workspace is furnished with."""
    workspace = wire.get(wire.workspace).json()
    channels = wire.get(f"{wire.workspace}/TaskChannels").json()["channels"]

    assert workspace["sid"] == DEFAULT.workspace_sid
    assert list(_activities(wire)) == ["Offline", "Available", "Unavailable", "Break"]
    assert {channel["unique_name"] for channel in channels} == {"default", "voice", "chat", "sms", "email", "video"}
    for channel in channels:
        for key in ("sid", "unique_name"):
            assert wire.get(f"{wire.workspace}/TaskChannels/{channel[key]}").json() == channel


def test_activity_can_be_fetched(wire):
    """One by its SID."""
    sid = _activities(wire)["Available"]

    assert wire.get(f"{wire.workspace}/Activities/{sid}").json()["available"] is True


def test_creation_answers_201_and_keeps_the_text_of_attributes(wire, worker):
    """Attributes are stored as the exact text that was sent, spaces and order included."""
    fetched = wire.get(f"{wire.workers}/{worker['sid']}").json()

    assert worker["attributes"] == fetched["attributes"] == '{ "b" : 1,"a":2 }'
    assert worker["activity_name"] == "Offline"
    assert worker["available"] is False
    assert set(worker) == {
        "sid", "account_sid", "workspace_sid", "friendly_name", "activity_sid", "activity_name", "available",
        "attributes", "date_created", "date_updated", "date_status_changed", "url", "links",
    }  # fmt: skip


def test_creation_without_attributes_has_an_empty_object(wire):
    """The default is {}."""
    assert wire.post(wire.workers, data={"FriendlyName": "Bo"}).json()["attributes"] == "{}"


@pytest.mark.parametrize("name", ["Ana", "ANA", "ana"])
def test_name_is_unique_whatever_its_case(wire, worker, name):
    """A second Worker of that name is refused."""
    answer = wire.post(wire.workers, data={"FriendlyName": name})

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert "already exists for workspace WS" in answer.json()["message"]


def test_renaming_to_a_taken_name_is_refused_but_a_change_of_case_is_not(wire, worker):
    """A Worker does not stand in its own way."""
    wire.post(wire.workers, data={"FriendlyName": "Bo"})
    own = f"{wire.workers}/{worker['sid']}"

    assert wire.post(own, data={"FriendlyName": "BO"}).status_code == 400
    assert wire.post(own, data={"FriendlyName": "ANA"}).json()["friendly_name"] == "ANA"


@pytest.mark.parametrize(
    "form",
    [
        {}, {"FriendlyName": ""}, {"FriendlyName": "a" * 65}, {"FriendlyName": "x", "Attributes": "{"},
        {"FriendlyName": "x", "Attributes": "[]"}, {"FriendlyName": "x", "Attributes": ""},
        {"FriendlyName": "x", "ActivitySid": "WA" + "9" * 32},
    ],
)  # fmt: skip
def test_wrong_creation_is_400_and_makes_nothing(sandbox, wire, form):
    """Name, attributes and activity are checked."""
    answer = wire.post(wire.workers, data=form)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert sandbox.workers() == []


def test_update_replaces_attributes_and_moves_the_activity(wire, worker):
    """The whole string is replaced; only what is sent changes."""
    available = _activities(wire)["Available"]
    answer = wire.post(f"{wire.workers}/{worker['sid']}", data={"Attributes": '{"c":3}', "ActivitySid": available})

    assert answer.status_code == 200
    assert answer.json()["attributes"] == '{"c":3}'
    assert (answer.json()["activity_name"], answer.json()["available"]) == ("Available", True)
    assert answer.json()["friendly_name"] == "Ana"


def test_etag_counts_up_and_guards_an_update(wire, worker):
    """A write with the ETag that was read succeeds once; the second finds the Worker changed."""
    own = f"{wire.workers}/{worker['sid']}"
    etag = wire.get(own).headers["ETag"]

    first = wire.post(own, data={"Attributes": '{"n":1}'}, headers={"If-Match": etag})
    second = wire.post(own, data={"Attributes": '{"n":2}'}, headers={"If-Match": etag})

    assert (etag, first.status_code, first.headers["ETag"]) == ("0", 200, "1")
    assert (second.status_code, second.json()["code"]) == (412, 20412)
    assert wire.get(own).json()["attributes"] == '{"n":1}'


def test_without_if_match_the_last_write_wins(wire, worker):
    """And `*` matches anything."""
    own = f"{wire.workers}/{worker['sid']}"
    wire.post(own, data={"Attributes": '{"n":1}'})

    assert wire.post(own, data={"Attributes": '{"n":2}'}).status_code == 200
    assert wire.post(own, data={"Attributes": '{"n":3}'}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(("style", "first"), [("bare", "0"), ("quoted", '"0"')])
def test_etag_has_the_form_that_the_switch_says(sandbox, wire, worker, style, first):
    """Bare as documented for Tasks, or quoted as HTTP has it; both are understood in If-Match."""
    sandbox.switches(worker_etag=style)
    own = f"{wire.workers}/{worker['sid']}"

    assert wire.get(own).headers["ETag"] == first
    assert wire.post(own, data={"FriendlyName": "B"}, headers={"If-Match": '"0"'}).status_code == 200
    assert wire.post(own, data={"FriendlyName": "C"}, headers={"If-Match": "1"}).status_code == 200
    assert wire.post(own, data={"FriendlyName": "D"}, headers={"If-Match": first}).status_code == 412


def test_workers_may_have_no_etag(sandbox, wire, worker):
    """Then If-Match means nothing."""
    sandbox.switches(worker_etag="absent")
    own = f"{wire.workers}/{worker['sid']}"

    assert "ETag" not in wire.get(own).headers
    assert wire.post(own, data={"FriendlyName": "B"}, headers={"If-Match": "77"}).status_code == 200


def test_delete_is_204_then_404(wire, worker):
    """And the name is free again."""
    own = f"{wire.workers}/{worker['sid']}"

    assert wire.client.delete(own).status_code == 204
    assert wire.get(own).status_code == 404
    assert wire.client.delete(own).status_code == 404
    assert wire.post(wire.workers, data={"FriendlyName": "Ana"}).status_code == 201


def test_delete_minds_if_match(wire, worker):
    """A stale ETag keeps the Worker."""
    own = f"{wire.workers}/{worker['sid']}"

    assert wire.client.delete(own, headers={"If-Match": "5"}).status_code == 412
    assert wire.client.delete(own, headers={"If-Match": "0"}).status_code == 204


def test_worker_with_reservations_is_not_deleted(sandbox, wire, worker):
    """400 without a code, as none is published; free again, it can go."""
    own = f"{wire.workers}/{worker['sid']}"
    sandbox.make_busy("Ana", 2)

    refused = wire.client.delete(own)

    assert refused.status_code == 400
    assert "code" not in refused.json()
    assert len(wire.get(f"{own}/Reservations").json()["reservations"]) == 2
    sandbox.make_busy("Ana", 0)
    assert wire.client.delete(own).status_code == 204


def test_reservations_can_be_filtered_by_status(sandbox, wire, worker):
    """A busy Worker's reservations are accepted ones."""
    sandbox.make_busy("Ana")
    path = f"{wire.workers}/{worker['sid']}/Reservations"

    [reservation] = wire.get(path, ReservationStatus="accepted").json()["reservations"]
    assert reservation["worker_name"] == "Ana"
    assert wire.get(path, ReservationStatus="pending").json()["reservations"] == []


def test_list_filters(sandbox, wire):
    """By activity, availability and name; several narrow each other down."""
    sandbox.seed(6)
    names = [worker["friendly_name"] for worker in sandbox.workers()]
    sandbox.set_activity(names[0], "Available")
    sandbox.set_activity(names[1], "Break")

    def found(**query):
        return [worker["friendly_name"] for worker in wire.get(wire.workers, **query).json()["workers"]]

    assert found(Available="true") == [names[0]]
    assert found(Available="false") == names[1:]
    assert found(ActivityName="Break") == [names[1]]
    assert found(ActivitySid=_activities(wire)["Offline"]) == names[2:]
    assert found(FriendlyName=names[3].upper()) == [names[3]]
    assert found(ActivityName="Break", Available="true") == []
    assert found(ActivityName="Lunch") == []


def test_list_pages_keep_their_filters(sandbox, wire):
    """next_page_url carries the filter along, with a token of TaskRouter's form."""
    sandbox.seed(5)
    path, seen = f"{wire.workers}?PageSize=2&ActivityName=Offline", []
    while path:
        body = wire.get(path).json()
        seen += [worker["sid"] for worker in body["workers"]]
        path = body["meta"]["next_page_url"]
        assert path is None or ("ActivityName=Offline" in path and "PageToken=PA" in path)

    assert len(set(seen)) == len(seen) == 5


def test_pages_lose_nobody_when_a_worker_leaves_in_between(sandbox, wire):
    """Tokens name a place in the order, not a number of rows."""
    sandbox.seed(4)
    first = wire.get(wire.workers, PageSize=2).json()
    wire.client.delete(f"{wire.workers}/{first['workers'][0]['sid']}")

    second = wire.get(first["meta"]["next_page_url"]).json()

    assert len(second["workers"]) == 2


def test_bad_page_token_of_workers_is_21481(wire):
    """As for users."""
    assert wire.get(wire.workers, PageToken="XX1").json()["code"] == 21481


def test_a_filter_that_is_not_emulated_says_so(wire):
    """A filter is never ignored in silence."""
    answer = wire.get(wire.workers, Ordering="x")

    assert answer.status_code == 501
    assert "Ordering" in answer.json()["message"]


@pytest.mark.parametrize(("shown", "value"), [("text", '{ "b" : 1,"a":2 }'), ("null", None), ("empty", "{}")])
def test_attributes_in_a_list_are_as_the_switch_says(sandbox, wire, worker, shown, value):
    """There, null, or an empty object that is not true; a fetch always has them."""
    sandbox.switches(list_attributes=shown)

    assert wire.get(wire.workers).json()["workers"][0]["attributes"] == value
    assert json.loads(wire.get(f"{wire.workers}/{worker['sid']}").json()["attributes"]) == {"a": 2, "b": 1}


def test_worker_channels_are_listed_fetched_and_updated(wire, worker):
    """One for each task channel; found by SID or unique name."""
    path = f"{wire.workers}/{worker['sid']}/Channels"
    listed = wire.get(path).json()
    [chat] = [one for one in listed["channels"] if one["task_channel_unique_name"] == "chat"]

    updated = wire.post(f"{path}/{chat['sid']}", data={"Capacity": "0", "Available": "false"})

    assert listed["meta"]["key"] == "channels"
    assert (chat["configured_capacity"], chat["available"], chat["assigned_tasks"]) == (1, True, 0)
    assert updated.status_code == 200
    assert (updated.json()["configured_capacity"], updated.json()["available"]) == (0, False)
    assert wire.get(f"{path}/chat").json() == wire.get(f"{path}/{chat['sid']}").json() == updated.json()


@pytest.mark.parametrize("form", [{"Capacity": "-1"}, {"Capacity": "x"}, {"Capacity": "1.5"}, {"Available": "maybe"}])
def test_wrong_channel_update_is_400(wire, worker, form):
    """And changes nothing."""
    path = f"{wire.workers}/{worker['sid']}/Channels/chat"
    before = wire.get(path).json()

    assert wire.post(path, data=form).status_code == 400
    assert wire.get(path).json() == before


def test_unknown_channel_is_404(wire, worker):
    """A Worker has only the Workspace's channels."""
    assert wire.get(f"{wire.workers}/{worker['sid']}/Channels/fax").status_code == 404


def test_busy_worker_shows_in_its_channel(sandbox, wire, worker):
    """Assigned tasks use up capacity."""
    wire.post(f"{wire.workers}/{worker['sid']}/Channels/chat", data={"Capacity": "4"})

    sandbox.make_busy("Ana", 3)

    chat = sandbox.channels("Ana")["chat"]
    assert (chat["assigned_tasks"], chat["available_capacity_percentage"]) == (3, 25)
