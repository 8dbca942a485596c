"""What protects a sandbox from pages that are open in the same browser, and its files from other people."""

from __future__ import annotations

import stat
import time

import pytest

from flexres.sandbox.server import Sandbox

CONTROLS = [("GET", "/_sandbox/state"), ("POST", "/_sandbox/faults"), ("DELETE", "/_sandbox/requests")]


@pytest.mark.parametrize("path", ["/", "/_sandbox/state", "/v1/Configuration", "/idp/sso", "/demo/app"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""]
)
def test_another_name_in_host_is_refused(wire, path, host):
    """A page whose name was made to lead here (DNS rebinding) reads nothing."""
    answer = wire.client.get(path, headers={"Host": host})

    assert answer.status_code == 421
    assert "loopback" in answer.json()["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:4010", "[::1]:4010", "127.0.0.1:9"])
def test_loopback_names_are_answered(wire, host):
    """Whatever the port: a tunnel may have another."""
    assert wire.client.get("/_sandbox/state", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("method", "path"), CONTROLS)
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_from_elsewhere_control_nothing(wire, method, path, headers):
    """By their origin, or by what the browser says of where they are from."""
    assert wire.client.request(method, path, content="500", headers=headers).status_code == 403
    assert wire.get("/_sandbox/faults").json() == {"faults": []}


def test_the_own_page_controls(sandbox, wire):
    """Same origin."""
    headers = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}

    assert wire.post("/_sandbox/faults", content="500:times=0", headers=headers).status_code == 200


def test_no_pattern_holds_the_sandbox_up(wire):
    """One that takes Python's engine for ever is answered at once."""
    wire.get("/v1/" + "a" * 60)
    begun = time.perf_counter()

    assert wire.get("/_sandbox/requests", path="(a+)+$x").json()["matching"] == 0
    assert wire.post("/_sandbox/faults", content="500:match=(a|a)*b").status_code == 200
    assert wire.get("/v1/" + "a" * 60).status_code == 404
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("pattern", ["(", "a{1000}{1000}{1000}", "(?=a)", "a" * 501])
def test_what_is_no_pattern_is_400(wire, pattern):
    """With the reason, for requests and for faults."""
    assert wire.get("/_sandbox/requests", path=pattern).status_code == 400
    assert wire.post("/_sandbox/faults", content=f"500:match={pattern}").status_code == 400


def test_the_state_is_its_owners_alone(tmp_path):
    """A new file, one that was open to others, and what SQLite keeps beside it: there is a private key in it."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with Sandbox(state=old):
        pass
    old.chmod(0o644)

    for state in (new, old):
        with Sandbox(state=state) as sandbox:
            sandbox.seed(3)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{state.name}*")}
        assert set(modes.values()) == {0o600}
        assert state.name in modes
