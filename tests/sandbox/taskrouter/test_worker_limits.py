"""What TaskRouter refuses of a Worker because it is too much, or no JSON, whichever way it is sent."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox

LARGEST = 4_096


def attributes_of(size: int) -> str:
    """JSON of exactly so many characters, some of them white space, some of more bytes than one."""
    return '{ "text" : "' + "é" * (size - 14) + '"}'


@pytest.fixture
def worker(wire):
    """The URL of a Worker made through TaskRouter."""
    return f"{wire.workers}/{wire.post(wire.workers, data={'FriendlyName': 'Ana'}).json()['sid']}"


def test_attributes_have_at_most_4096_characters(wire, worker):
    """White space counts, bytes do not."""
    assert wire.post(worker, data={"Attributes": attributes_of(LARGEST)}).status_code == 200

    refused = wire.post(worker, data={"Attributes": attributes_of(LARGEST + 1)})

    assert (refused.status_code, refused.json()["code"]) == (400, 20001)
    assert wire.get(worker).json()["attributes"] == attributes_of(LARGEST)


def test_creation_minds_the_size_as_well(wire):
    """And makes nothing."""
    form = {"FriendlyName": "Ana", "Attributes": attributes_of(LARGEST + 1)}

    assert wire.post(wire.workers, data=form).status_code == 400
    assert wire.get(wire.workers).json()["workers"] == []


def test_provision_minds_the_size_of_what_comes_together(wire):
    """What was there counts: two halves are too much, and nothing changes."""
    wire.provision({"one": "a" * 3_000})

    refused = wire.provision({"two": "b" * 3_000})

    assert (refused.status_code, refused.json()["code"]) == (400, 45004)
    assert "two" not in json.loads(wire.worker_of()["attributes"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_refused(wire, worker, number):
    """By TaskRouter, and by the Flex service."""
    assert wire.post(worker, data={"Attributes": f'{{"n": {number}}}'}).status_code == 400

    body = f'{{"username": "a", "full_name": "a", "email": "a", "roles": ["agent"], "worker": {{}}, "n": {number}}}'
    headers = {"Content-Type": "application/json"}
    assert wire.post(f"{wire.v4_users}/Provision", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize(("capacity", "status"), [("0", 200), ("50", 200), ("51", 400), ("-1", 400), ("1.5", 400)])
def test_a_channel_takes_a_capacity_from_0_to_50(wire, worker, capacity, status):
    """Beyond is refused."""
    assert wire.post(f"{worker}/Channels/chat", data={"Capacity": capacity}).status_code == status


def test_a_claim_takes_a_capacity_to_50(wire):
    """Provision as well."""
    assert wire.provision({"channel.chat.capacity": 50}).status_code == 201
    assert wire.provision({"channel.chat.capacity": 51}).status_code == 400


def test_provision_leaves_the_text_of_others_attributes(sandbox, wire):
    """Numbers that no computer holds exactly stay as somebody wrote them."""
    wire.provision()
    text = '{"huge": 1e400 ,"price":1.10,"nested":{ "a" : [1.0,2] }}'
    sandbox.set_attributes("ana@example.com", text)

    wire.provision({"level": "2"})

    stored = sandbox.worker_attributes_text("ana@example.com")
    assert stored.startswith('{"huge":1e400,"price":1.10,"nested":{ "a" : [1.0,2] },"level":"2"')


def test_a_workspace_has_at_most_15_task_channels(wire, worker):
    """Nine can be added to the six that are there; Workers of before and after have them."""
    path = f"{wire.workspace}/TaskChannels"
    answers = [wire.post(path, data={"FriendlyName": "Fax", "UniqueName": f"fax{number}"}) for number in range(10)]

    assert [answer.status_code for answer in answers] == [201] * 9 + [400]
    assert wire.get(f"{path}/fax8").json()["friendly_name"] == "Fax"
    assert len(wire.get(f"{worker}/Channels").json()["channels"]) == 15
    assert wire.provision({"channel.fax3.capacity": 4}).status_code == 201
    assert len(wire.get(f"{wire.workers}/{wire.worker_of()['sid']}/Channels").json()["channels"]) == 15


@pytest.mark.parametrize("form", [{}, {"FriendlyName": "Chat", "UniqueName": "CHAT"}, {"FriendlyName": "Fax"}])
def test_a_wrong_task_channel_is_refused(wire, form):
    """Without a name, or with one that is taken."""
    assert wire.post(f"{wire.workspace}/TaskChannels", data=form).status_code == 400


def test_task_channels_outlive_a_restart(tmp_path, client_of):
    """They are in the state."""
    path = f"/v1/Workspaces/{DEFAULT.workspace_sid}/TaskChannels"
    with Sandbox(state=tmp_path / "flex.db") as first:
        client_of(first).post(path, data={"FriendlyName": "Fax", "UniqueName": "fax"})

    with Sandbox(state=tmp_path / "flex.db") as second:
        assert client_of(second).get(f"{path}/fax").status_code == 200
