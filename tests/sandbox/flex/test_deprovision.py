"""Deprovision and tokens."""

from __future__ import annotations

import pytest


def test_deprovision_deletes_the_worker_and_keeps_the_user(sandbox, wire):
    """204 without a body; the user is deactivated, the Worker gone."""
    person = wire.provision().json()

    answer = wire.deprovision(person["flex_user_sid"])

    assert (answer.status_code, answer.content) == (204, b"")
    user = sandbox.user("ana@example.com")
    assert (user["deactivated"], user["worker_sid"]) == (True, None)
    assert wire.get(f"{wire.workers}/{person['worker']['worker_sid']}").status_code == 404


@pytest.mark.parametrize("status", [204, 404])
def test_second_deprovision_is_as_the_switch_says(sandbox, wire, status):
    """Done already, or gone: both ways."""
    sandbox.switches(deprovision_repeat=status)
    sid = wire.provision().json()["flex_user_sid"]
    wire.deprovision(sid)
    date = sandbox.user("ana@example.com")["deactivated_date"]

    assert wire.deprovision(sid).status_code == status
    assert sandbox.user("ana@example.com")["deactivated_date"] == date


def test_deprovision_of_a_stranger_is_404(wire):
    """A SID that is no user's."""
    assert wire.deprovision("FU" + "9" * 32).status_code == 404


def test_deprovision_needs_a_sid(wire):
    """The body must name the user."""
    assert wire.post(f"{wire.v4_users}/Deprovision", json={}).json()["code"] == 45004


@pytest.mark.parametrize(("mode", "status"), [("refuse", 400), ("allow", 204)])
def test_deprovision_of_a_busy_worker_is_as_the_switch_says(sandbox, wire, mode, status):
    """With active reservations it is refused and nothing happens, or it is done."""
    sandbox.switches(deprovision_reserved=mode)
    sid = wire.provision().json()["flex_user_sid"]
    sandbox.make_busy("ana@example.com")

    assert wire.deprovision(sid).status_code == status
    assert sandbox.user("ana@example.com")["deactivated"] is (status == 204)


@pytest.mark.parametrize("status", [200, 201])
def test_token_is_minted_with_what_is_known_about_it(sandbox, wire, status):
    """The documented body; its status is unknown."""
    sandbox.switches(tokens_status=status)
    sid = wire.provision().json()["flex_user_sid"]

    answer = wire.post(f"{wire.v4_users}/{sid}/Tokens", json={"ttl": 60})

    info = answer.json()["token_info"]
    assert answer.status_code == status
    assert answer.json()["access_token"]
    assert set(info) == {
        "account_sid", "expiration", "flex_instance_sid", "flex_user_sid", "identity", "permissions", "roles",
        "username",
    }  # fmt: skip
    assert (info["flex_user_sid"], info["identity"], info["roles"]) == (sid, "ana@example.com", ["agent"])


def test_two_tokens_differ(wire):
    """Each minting makes a new one."""
    sid = wire.provision().json()["flex_user_sid"]

    tokens = {wire.post(f"{wire.v4_users}/{sid}/Tokens", json={}).json()["access_token"] for _ in range(2)}

    assert len(tokens) == 2


@pytest.mark.parametrize("ttl", [0, -1, "3600", 1.5, True, None])
def test_token_with_a_wrong_ttl_is_refused(wire, ttl):
    """Seconds are a whole number of at least one."""
    sid = wire.provision().json()["flex_user_sid"]

    assert wire.post(f"{wire.v4_users}/{sid}/Tokens", json={"ttl": ttl}).json()["code"] == 45004


@pytest.mark.parametrize(("longest", "status"), [(0, 201), (3600, 400)])
def test_longest_ttl_is_as_the_switch_says(sandbox, wire, longest, status):
    """A cap on ttl is unknown."""
    sandbox.switches(tokens_max_ttl=longest)
    sid = wire.provision().json()["flex_user_sid"]

    assert wire.post(f"{wire.v4_users}/{sid}/Tokens", json={"ttl": 3601}).status_code == status


def test_deactivated_user_gets_no_token(wire):
    """Somebody who was let go signs in no more."""
    sid = wire.provision().json()["flex_user_sid"]
    wire.deprovision(sid)

    assert wire.post(f"{wire.v4_users}/{sid}/Tokens", json={}).status_code == 400
