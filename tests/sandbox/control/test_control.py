"""The sandbox's own endpoints, its log and its page."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.identity import DEFAULT


def test_log_holds_requests_without_secrets(sandbox, wire, client_of):
    """Method, path, status, duration, id and kind of credentials; neither credentials nor tokens nor bodies."""
    sid = wire.provision({"private": "a-private-value"}).json()["flex_user_sid"]
    token = wire.post(f"{wire.v4_users}/{sid}/Tokens", json={}).json()["access_token"]
    client_of(sandbox, (DEFAULT.account_sid, DEFAULT.auth_token)).get("/v1/Configuration")
    client_of(sandbox, None).get("/v1/Configuration?code=opensesame&UiVersion=2")

    body = wire.get("/_sandbox/requests").json()

    assert [(one["method"], one["status"], one["credentials"]) for one in body["requests"]] == [
        ("POST", 201, "key"), ("POST", 201, "key"), ("GET", 200, "account"), ("GET", 401, "none"),
    ]  # fmt: skip
    assert body["counts"] == {"method": {"POST": 2, "GET": 2}, "status": {"201": 2, "200": 1, "401": 1}}
    assert body["requests"][0]["request_id"].startswith("RQ")
    assert body["requests"][3]["query"] == "code=…&UiVersion=2"
    for secret in (DEFAULT.api_secret, DEFAULT.auth_token, token, "a-private-value", "opensesame"):
        assert secret not in json.dumps(body)


def test_log_can_be_filtered_and_cleared(sandbox, wire):
    """By method, path and status; here as there."""
    wire.provision()
    wire.get(wire.v1_users)
    wire.get("/v1/Nowhere")

    assert wire.get("/_sandbox/requests", method="get").json()["matching"] == 2
    assert wire.get("/_sandbox/requests", path="Provision$").json()["matching"] == 1
    assert wire.get("/_sandbox/requests", status="404").json()["matching"] == 1
    assert len(sandbox.requests(method="GET", status=404)) == 1
    assert wire.client.delete("/_sandbox/requests").status_code == 204
    assert sandbox.requests() == []


@pytest.mark.parametrize("query", [{"path": "("}, {"status": "x"}])
def test_wrong_filters_of_the_log_are_400(wire, query):
    """A person gets a sentence."""
    assert wire.get("/_sandbox/requests", **query).status_code == 400


def test_requests_in_flight_are_logged_with_request_ids_of_their_own(sandbox, wire):
    """The id in the answer is the one in the log."""
    answer = wire.get("/v1/Configuration")

    assert sandbox.requests()[0].request_id == answer.headers["Twilio-Request-Id"]


@pytest.mark.parametrize("body", [{"content": "503:times=1"}, {"json": {"fault": "503:times=1"}}])
def test_faults_come_and_go_at_run_time(wire, body):
    """As a line of text or as JSON."""
    assert wire.post("/_sandbox/faults", **body).json() == {"faults": ["503:times=1"]}
    assert wire.get("/v1/Configuration").status_code == 503
    assert wire.client.delete("/_sandbox/faults").status_code == 204
    assert wire.get("/_sandbox/faults").json() == {"faults": []}


def test_wrong_fault_is_400_with_the_reason(wire):
    """The sentence of the syntax."""
    answer = wire.post("/_sandbox/faults", content="flood")

    assert answer.status_code == 400
    assert "'flood' is no fault" in answer.json()["message"]


def test_switches_turn_at_run_time(sandbox, wire):
    """All are listed; a wrong one is explained."""
    assert wire.get("/_sandbox/switches").json()["list_attributes"] == "text"
    assert wire.post("/_sandbox/switches", json={"list_attributes": "null"}).json()["list_attributes"] == "null"
    assert sandbox.switches().list_attributes == "null"
    assert "is none of text, null, empty" in wire.post("/_sandbox/switches", json={"list_attributes": 1}).text


def test_worker_is_made_busy_by_name_or_sid(sandbox, wire):
    """With an activity, and free again."""
    wire.provision()
    sid = sandbox.user("ana@example.com")["worker_sid"]

    busy = wire.post(f"/_sandbox/workers/{sid}/busy", json={"tasks": 2, "channel": "voice", "activity": "Available"})
    assert busy.json() == {"worker_sid": sid, "activity": "Available", "tasks": 2}
    assert sandbox.channels("ana@example.com")["voice"]["assigned_tasks"] == 2

    wire.post("/_sandbox/workers/ana@example.com/busy", json={"tasks": 0, "channel": "voice"})
    away = wire.post("/_sandbox/workers/ana@example.com/activity", json={"activity": "Offline"})
    assert away.json() == {"worker_sid": sid, "activity": "Offline", "tasks": 0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("nobody/busy", {}), ("ana@example.com/busy", {"tasks": -1}), ("ana@example.com/busy", {"tasks": "1"}),
        ("ana@example.com/busy", {"channel": "fax"}), ("ana@example.com/activity", {"activity": "Lunch"}),
        ("ana@example.com/activity", {}),
    ],
)  # fmt: skip
def test_impossible_wishes_are_400(wire, path, body):
    """No such Worker, channel, activity or number."""
    wire.provision()

    assert wire.post(f"/_sandbox/workers/{path}", json=body).status_code == 400


def test_state_counts(sandbox, wire):
    """Users, deactivated ones, Workers, requests and rules."""
    wire.deprovision(wire.provision().json()["flex_user_sid"])
    wire.provision(username="b")
    sandbox.fault("429:rate=0")

    state = wire.get("/_sandbox/state").json()

    assert state == {
        "users": 2, "deactivated": 1, "workers": 1, "task_queues": 0, "workflows": 0,
        "requests": 3, "in_flight": 0, "latency_ms": 0,
        "faults": ["429:rate=0"],
    }  # fmt: skip


def test_front_page_shows_people_and_requests_and_escapes_them(sandbox, client_of, wire):
    """It needs no credentials, and a hostile name stays text."""
    wire.provision(full_name="<script>alert(1)</script>")

    page = client_of(sandbox, None).get("/")

    assert page.headers["Content-Type"].startswith("text/html")
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>" not in page.text
    assert "ana@example.com" in page.text
    assert "<b>POST</b> /v4/" in page.text
    assert "201" in page.text
