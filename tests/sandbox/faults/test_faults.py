"""Faults: what a client meets when things go wrong on request."""

from __future__ import annotations

import time

import httpx
import pytest

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.faults.rules import Faults, parse_fault

CONFIGURATION = "/v1/Configuration"


def _statuses(wire, times, path=CONFIGURATION):
    return [wire.get(path).status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "expected a status"), ("flood", "expected a status"), ("200", "expected a status"),
        ("429:rate=2", "probability"), ("429:rate=x", "could not convert"), ("429:after", "never processed"),
        ("429:burst=3", "belong together"), ("429:every=3", "belong together"), ("slow", "for how long"),
        ("stall", "for how long"), ("delay-visibility", "for how long"), ("500:3", "lasts no time"),
        ("500:retry_after=1", "belongs to"),
        ("500:match=(", "no regular expression"), ("500:times=x", "invalid literal"),
        ("500:sometimes", "no fault or option"),
    ],
)  # fmt: skip
def test_wrong_line_is_explained(line, problem):
    """The message repeats the line and says what is wrong with it."""
    with pytest.raises(SandboxError, match=problem) as refusal:
        parse_fault(line)
    assert repr(line) in str(refusal.value)


def test_match_may_contain_colons():
    """A regular expression ends where the next option begins."""
    rule = parse_fault("503:after:match=POST (?:/v4|/v1):times=2")

    assert (rule.match.text, rule.times, rule.when) == ("POST (?:/v4|/v1)", 2, "after")


def test_random_faults_are_the_same_in_every_run():
    """The seed decides, and another seed decides otherwise."""

    def run(line):
        faults = Faults([line])
        return [faults.pick("GET", "/", in_flight=1) is not None for _ in range(200)]

    assert run("429:rate=0.2") == run("429:rate=0.2")
    assert run("429:rate=0.2") != run("429:rate=0.2:seed=1")
    assert 20 <= sum(run("429:rate=0.2")) <= 60


@pytest.mark.parametrize(("line", "header"), [("429", None), ("429:retry_after=2", "2")])
def test_429_with_and_without_retry_after(sandbox, wire, line, header):
    """The documented code; the header only where it was asked for."""
    sandbox.fault(line)

    answer = wire.get(CONFIGURATION)

    assert (answer.status_code, answer.json()["code"]) == (429, 20429)
    assert answer.headers.get("Retry-After") == header


def test_429_is_never_processed(sandbox, wire):
    """A refused Provision left nothing."""
    sandbox.fault("429:match=Provision")

    assert wire.provision().status_code == 429
    assert sandbox.users() == []


def test_bursts_come_in_turns(sandbox, wire):
    """The first two of every five."""
    sandbox.fault("429:burst=2:every=5")

    assert _statuses(wire, 10) == [429, 429, 200, 200, 200] * 2


def test_times_and_skip_count(sandbox, wire):
    """One request passes, then two fail, then all pass."""
    sandbox.fault("503:skip=1:times=2")

    assert _statuses(wire, 5) == [200, 503, 503, 200, 200]


def test_rules_match_method_and_path(sandbox, wire):
    """Only what matches counts and fails."""
    sandbox.fault("500:match=^POST .*Provision$:times=1")

    assert _statuses(wire, 2) == [200, 200]
    assert [wire.provision().status_code for _ in range(2)] == [500, 201]


def test_500_before_takes_no_effect_and_after_does(sandbox, wire):
    """The same answer, and the client cannot tell."""
    sandbox.fault("500:before:match=Provision:times=1")
    assert wire.provision().status_code == 500
    assert sandbox.users() == []

    sandbox.fault("503:after:match=Provision:times=1")
    answer = wire.provision()
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    assert len(sandbox.users()) == 1


@pytest.mark.parametrize(("when", "users"), [("before", 0), ("after", 1)])
def test_reset_connection(sandbox, wire, when, users):
    """No answer at all; whether it took effect depends."""
    sandbox.fault(f"reset:{when}:match=Provision:times=1")

    with pytest.raises(httpx.TransportError):
        wire.provision()

    assert len(sandbox.users()) == users
    assert sandbox.requests(path="Provision")[0].status == 0


@pytest.mark.parametrize(("when", "users"), [("before", 0), ("after", 1)])
def test_proxy_page(sandbox, wire, when, users):
    """A 502 in HTML where JSON is expected."""
    sandbox.fault(f"html:{when}:match=Provision:times=1")

    answer = wire.provision()

    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert len(sandbox.users()) == users


def test_truncated_json(sandbox, wire):
    """A 200 whose body ends in the middle, though HTTP is content with it."""
    sandbox.fault("truncate:times=1")

    answer = wire.get(CONFIGURATION)

    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_connection_cut_within_the_body(sandbox, wire):
    """HTTP itself sees that something is missing."""
    sandbox.fault("cut:times=1")

    with pytest.raises(httpx.TransportError):
        wire.get(CONFIGURATION)


def test_a_body_that_stalls_can_be_given_up_or_waited_for(sandbox, wire):
    """Half of it comes at once, the rest after a while."""
    sandbox.fault("stall:0.2:times=1")
    started = time.perf_counter()
    assert wire.get(CONFIGURATION).json()["status"] == "ok"
    assert time.perf_counter() - started >= 0.2

    sandbox.fault("stall:30:times=1")
    with pytest.raises(httpx.ReadTimeout):
        wire.client.get(CONFIGURATION, timeout=0.1)
    assert wire.get(CONFIGURATION).status_code == 200


def test_endless_json(sandbox, wire):
    """There is always more of it; a client that goes away does no harm."""
    sandbox.fault("endless:times=1")
    with wire.client.stream("GET", CONFIGURATION) as answer:
        for read, piece in enumerate(answer.iter_bytes(64 * 1024)):
            assert piece
            if read > 100:
                break
    assert wire.get(CONFIGURATION).status_code == 200


def test_page_tokens_expire(sandbox, wire):
    """A list's first page is there, and its second one refused with the documented code."""
    for number in range(2):
        wire.provision(username=f"{number}@example.com")
    sandbox.fault("expired-page:times=1")

    following = wire.get(wire.workers, PageSize="1").json()["meta"]["next_page_url"]
    first, second = (wire.client.get(following) for _ in range(2))

    assert (first.status_code, first.json()["code"]) == (400, 21481)
    assert second.status_code == 200


def test_slow_body_comes_whole(sandbox, wire):
    """It trickles, and is complete."""
    started = time.perf_counter()
    sandbox.fault("slow:0.2")

    assert wire.get(CONFIGURATION).json()["status"] == "ok"
    assert time.perf_counter() - started >= 0.2


def test_slow_body_can_be_given_up(sandbox, wire):
    """A client that goes away does no harm."""
    sandbox.fault("slow:30:times=1")

    with pytest.raises(httpx.TimeoutException):
        wire.client.get(CONFIGURATION, timeout=0.1)

    assert wire.get(CONFIGURATION).status_code == 200


def test_hanging_request_times_out(sandbox, wire):
    """Nothing is answered for a while."""
    sandbox.fault("hang:30:times=1")

    with pytest.raises(httpx.TimeoutException):
        wire.client.get(CONFIGURATION, timeout=0.1)


def test_too_many_in_flight_get_429(sandbox, wire):
    """Up to the limit requests are served; the one beyond it is not."""
    sandbox.fault("429:concurrency=3")
    sandbox.fault("hang:30:match=Instances")
    for _ in range(2):
        with pytest.raises(httpx.TimeoutException):
            wire.client.get(wire.v1_users, timeout=0.1)

    third = wire.get(CONFIGURATION)
    with pytest.raises(httpx.TimeoutException):
        wire.client.get(wire.v1_users, timeout=0.1)
    fourth = wire.get(CONFIGURATION)

    assert (third.status_code, third.headers["Twilio-Concurrent-Requests"]) == (200, "3")
    assert (fourth.status_code, fourth.json()["code"]) == (429, 20429)


def test_editor_gets_in_between(sandbox, wire):
    """The Worker changes between a read and its write with If-Match; the next attempt succeeds."""
    wire.provision()
    worker = wire.worker_of()
    own = f"{wire.workers}/{worker['sid']}"
    sandbox.fault("412-editor:times=1")

    etag = wire.get(own).headers["ETag"]
    unconditional = wire.post(own, data={"Attributes": '{"a":1}'})
    first = wire.post(own, data={"Attributes": '{"a":2}'}, headers={"If-Match": unconditional.headers["ETag"]})
    etag = wire.get(own).headers["ETag"]
    second = wire.post(own, data={"Attributes": '{"a":3}'}, headers={"If-Match": etag})

    assert (unconditional.status_code, first.status_code, second.status_code) == (200, 412, 200)


def test_a_worker_goes_in_between(sandbox, wire):
    """It is deleted between a read and its write with If-Match, as by a colleague in Console."""
    wire.provision()
    own = f"{wire.workers}/{wire.worker_of()['sid']}"
    sandbox.fault("404-deleter:times=1")

    etag = wire.get(own).headers["ETag"]
    written = wire.post(own, data={"Attributes": '{"a":2}'}, headers={"If-Match": etag})

    assert written.status_code == 404
    assert wire.get(wire.v1_users).json()["users"][0]["worker_sid"] is None


def test_delayed_visibility_hides_recent_writes_from_matching_reads(sandbox, wire):
    """Lists are of the past: no new user, old attributes, Workers that are gone; by SID all is as it is."""
    wire.provision({"team": "old"}, username="was@example.com")
    gone = wire.provision(username="gone@example.com").json()
    sandbox.fault("delay-visibility:60:match=Users$|Workers$")

    fresh = wire.provision(username="new@example.com").json()
    wire.provision({"team": "new"}, username="was@example.com")
    wire.deprovision(gone["flex_user_sid"])

    listed = {user["username"]: user for user in wire.get(wire.v1_users).json()["users"]}
    workers = {worker["friendly_name"]: worker for worker in wire.get(wire.workers).json()["workers"]}
    assert set(listed) == set(workers) == {"was@example.com", "gone@example.com"}
    assert listed["gone@example.com"]["deactivated"] is False
    assert '"team":"old"' in workers["was@example.com"]["attributes"]
    assert wire.get(wire.v4_users, Username="new@example.com").json()["users"] == []
    assert wire.get(f"{wire.v4_users}/{fresh['flex_user_sid']}").status_code == 200


def test_delayed_visibility_ends(sandbox, wire):
    """What was written stays written: after the delay, and when faults are cleared."""
    sandbox.fault("delay-visibility:0.05")
    wire.provision()
    deadline = time.monotonic() + 10
    while not wire.get(wire.v1_users).json()["users"]:
        assert time.monotonic() < deadline

    sandbox.fault("delay-visibility:60")
    wire.provision(username="b")
    assert wire.get(wire.v1_users).json()["users"] == []
    sandbox.clear_faults()
    assert len(wire.get(wire.v1_users).json()["users"]) == 2


def test_latency_counts_from_arrival(sandbox, wire):
    """Each answer takes at least that long, and the header says so."""
    sandbox.latency(0.05)

    answer = wire.get(CONFIGURATION)

    assert float(answer.headers["Twilio-Request-Duration"]) >= 0.05


def test_faults_leave_the_sandbox_itself_alone(sandbox, wire):
    """Control and page are no services of Twilio's."""
    sandbox.fault("500")

    assert wire.get("/_sandbox/state").status_code == 200
    assert wire.get("/").status_code == 200
