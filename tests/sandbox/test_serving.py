"""The sandbox as a process, its state on disk, and the one inside a test."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.server import Sandbox, Setup, reset, serve
from flexres.sandbox.switches import Switches, parse_switches

PERSON = {
    "username": "ana@example.com", "full_name": "Ana", "email": "ana@example.com", "roles": ["agent"],
    "worker": {"attributes": {"level.int": "3"}},
}  # fmt: skip
PROVISION = f"/v4/Instances/{DEFAULT.instance_sid}/Users/Provision"
PROGRAM = """
import sys, pathlib
from flexres.sandbox.server import Setup, serve
serve(Setup(state=pathlib.Path(sys.argv[1])), ready=lambda url: print("ready", url, flush=True))
print("stopped", flush=True)
"""


@contextlib.contextmanager
def _process(state):
    """A sandbox process on a state file, and its URL."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(state)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().removeprefix("ready ").strip()
        finally:
            process.kill()


def _client(url):
    return httpx.Client(base_url=url, auth=(DEFAULT.api_key, DEFAULT.api_secret), trust_env=False)


def test_state_survives_a_killed_process(tmp_path):
    """What was answered is there after kill -9, and the file serves again at once."""
    state = tmp_path / "new" / "flex.db"
    with _process(state) as (process, url):
        with _client(url) as client:
            assert client.post(PROVISION, json=PERSON).status_code == 201
        process.kill()

    with Sandbox(state=state) as sandbox:
        assert sandbox.worker_attributes("ana@example.com")["level"] == 3
        assert len(sandbox.channels("ana@example.com")) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_gracefully(tmp_path, number):
    """`serve` returns, the process goes on to its end, with exit 0 and nothing to say."""
    with _process(tmp_path / "flex.db") as (process, _):
        os.kill(process.pid, number)
        assert process.stdout.read() == "stopped\n"
        assert process.wait() == 0


def test_restart_keeps_everything(tmp_path):
    """Users, Workers, Configuration, reservations and ETags."""
    state = tmp_path / "flex.db"
    with Sandbox(state=state) as sandbox:
        sandbox.seed(3)
        name = sandbox.users()[0]["username"]
        sandbox.edit_attributes(name, {"by": "hand"}, remove=["level"])
        sandbox.make_busy(name, 2)
        with _client(sandbox.url) as client:
            client.post("/v1/Configuration", json={"account_sid": DEFAULT.account_sid, "ui_version": "9"})
        before = (sandbox.users(), [worker["attributes"] for worker in sandbox.workers()])

    with Sandbox(state=state) as sandbox:
        assert (sandbox.users(), [worker["attributes"] for worker in sandbox.workers()]) == before
        assert sandbox.channels(name)["chat"]["assigned_tasks"] == 2
        with _client(sandbox.url) as client:
            assert client.get("/v1/Configuration").json()["ui_version"] == "9"
            path = f"/v1/Workspaces/{DEFAULT.workspace_sid}/Workers/{sandbox.user(name)['worker_sid']}"
            assert client.get(path).headers["ETag"] == "1"


def test_only_loopback_listens():
    """Other addresses of this machine do not answer, and the URL says 127.0.0.1."""
    with Sandbox() as sandbox:
        host, port = sandbox.url.removeprefix("http://").split(":")
        assert host == "127.0.0.1"
        # 127.0.0.2 is this machine too, and would answer if every interface were bound.
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", int(port)))


def test_port_that_is_taken_is_explained():
    """A sentence, not a traceback."""
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(SandboxError, match=f"port {port} of 127.0.0.1 cannot be had"):
            Sandbox(port=port).__enter__()


def test_port_can_be_chosen():
    """The port that was asked for is the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Sandbox(port=port) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{port}"


def test_wrong_fault_is_refused_before_anything_is_served(tmp_path):
    """No state file appears."""
    with pytest.raises(SandboxError, match="no fault"):
        serve(Setup(state=tmp_path / "flex.db", faults=["flood"]), ready=print)
    assert list(tmp_path.iterdir()) == []


def test_file_of_something_else_is_left_alone(tmp_path):
    """Neither used as state nor removed by reset."""
    notes, database = tmp_path / "notes.txt", tmp_path / "other.db"
    notes.write_text("important")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE t (x)")

    for path in (notes, database, tmp_path):
        with pytest.raises(SandboxError):
            Sandbox(state=path).__enter__()
        with pytest.raises(SandboxError):
            reset(path)
    assert notes.read_text() == "important"
    assert database.exists()


def test_state_of_another_account_is_refused(tmp_path):
    """One state never serves two identities."""
    state = tmp_path / "flex.db"
    with Sandbox(state=state):
        pass

    with pytest.raises(SandboxError, match="holds the state of account AC0"):
        Sandbox(state=state, identity=replace(DEFAULT, account_sid="AC" + "2" * 32)).__enter__()


def test_reset_forgets(tmp_path):
    """The file and what SQLite keeps beside it; nothing there is nothing to do."""
    state = tmp_path / "flex.db"
    with Sandbox(state=state) as sandbox:
        sandbox.seed(1)

    reset(state)
    reset(state)

    assert list(tmp_path.iterdir()) == []


def test_sandbox_can_have_another_identity():
    """Its own account, instance, Workspace and credentials."""
    mine = Identity(
        account_sid="AC" + "a" * 32, instance_sid="GO" + "b" * 32, workspace_sid="WS" + "c" * 32,
        api_key="SK" + "d" * 32, api_secret="mine", auth_token="mine too",
    )  # fmt: skip
    with Sandbox(identity=mine) as sandbox, httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        own = client.get("/v1/Configuration", auth=(mine.account_sid, "mine too"))
        usual = client.get("/v1/Configuration", auth=(DEFAULT.api_key, DEFAULT.api_secret))

    assert (own.status_code, usual.status_code) == (200, 401)
    assert own.json()["flex_instance_sid"] == mine.instance_sid


@pytest.mark.parametrize("sid", ["", "AC1", "GO" + "1" * 32, "AC" + "g" * 32, "AC" + "1" * 32 + "\n"])
def test_identity_with_a_wrong_sid_is_refused(sid):
    """Prefix and length are checked."""
    with pytest.raises(SandboxError, match="account_sid"):
        Identity(account_sid=sid)


def test_environment_is_what_a_client_needs(sandbox):
    """The variables, with the API key."""
    environment = sandbox.environment()

    assert environment == {
        "TWILIO_ACCOUNT_SID": DEFAULT.account_sid,
        "TWILIO_API_KEY": DEFAULT.api_key,
        "TWILIO_API_SECRET": DEFAULT.api_secret,
        "FLEXRES_ENDPOINT": sandbox.url,
    }


def test_switches_are_read_from_texts():
    """As a command line has them."""
    switches = parse_switches(
        ["list_attributes=null", "tokens_max_ttl=60", "provision_wfo_roles=false", "tokens_status=200"]
    )

    assert switches == Switches(list_attributes="null", tokens_max_ttl=60, provision_wfo_roles=False, tokens_status=200)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("list_attributes", "expected name=value"), ("colour=red", "no switch is called 'colour'"),
        ("list_attributes=some", "'some' is none of text, null, empty"), ("tokens_max_ttl=long", "whole number"),
        ("tokens_status=202", "none of 200, 201"), ("provision_wfo_roles=maybe", "none of true, false"),
    ],
)  # fmt: skip
def test_wrong_switch_is_explained(setting, problem):
    """With the names or values that there are."""
    with pytest.raises(SandboxError, match=problem):
        parse_switches([setting])


def test_errors_of_a_call_reach_the_caller(sandbox):
    """From the sandbox's thread to the test's."""
    with pytest.raises(SandboxError, match="no Worker"):
        sandbox.make_busy("nobody")
    with pytest.raises(KeyError):
        sandbox.user("nobody")
    with pytest.raises(SandboxError, match="no switch"):
        sandbox.switches(colour="red")


def test_seeding_is_the_same_every_time_and_adds_only_who_is_missing():
    """Two sandboxes agree; a second seed completes the first."""
    with Sandbox() as one, Sandbox() as two:
        assert one.seed(30) == 30
        assert one.seed(50) == 20
        two.seed(50)
        assert one.users() == two.users()
        sizes = [len(worker["attributes"]) for worker in one.workers()]

    assert 500 <= min(sizes) <= max(sizes) <= 1_100


def test_seeded_users_can_carry_a_marker():
    """A function may change each user before it is loaded."""

    def mark(user):
        return replace(user, attributes=json.dumps(json.loads(user.attributes) | {"mark": user.username}))

    with Sandbox() as sandbox:
        sandbox.seed(2, marker=mark)
        names = [user["username"] for user in sandbox.users()]
        assert [sandbox.worker_attributes(name)["mark"] for name in names] == names


def test_requests_are_finished_when_it_stops(tmp_path):
    """A request in flight gets its answer although the sandbox was told to stop."""
    with _process(tmp_path / "flex.db") as (process, url), _client(url) as client:
        client.post("/_sandbox/faults", content="slow:0.5")
        with client.stream("GET", "/v1/Configuration") as answer:
            os.kill(process.pid, signal.SIGTERM)
            body = json.loads(answer.read())
        assert body["status"] == "ok"
        assert select.select([process.stdout], [], [], 10)[0]
        assert process.wait() == 0
