"""The Flex Configuration service."""

from __future__ import annotations

import pytest

from flexres.sandbox.identity import DEFAULT


def test_configuration_names_what_a_client_needs(wire):
    """Account, instance, Workspace, offline activity; any UiVersion is accepted."""
    body = wire.get("/v1/Configuration", UiVersion="undefined").json()

    assert body["account_sid"] == DEFAULT.account_sid
    assert body["flex_instance_sid"] == DEFAULT.instance_sid
    assert body["taskrouter_workspace_sid"] == DEFAULT.workspace_sid
    assert body["status"] == "ok"
    activities = wire.get(f"{wire.workspace}/Activities").json()["activities"]
    [offline] = [activity["sid"] for activity in activities if activity["friendly_name"] == "Offline"]
    assert body["taskrouter_offline_activity_sid"] == offline


def test_configuration_need_not_name_the_instance(sandbox, wire):
    """The sample in the docs has no flex_instance_sid."""
    sandbox.switches(configuration_names_instance=False)

    assert "flex_instance_sid" not in wire.get("/v1/Configuration").json()


def test_update_replaces_named_properties_whole(wire):
    """A JSON-valued property is replaced entirely; the others stay."""
    first = {"account_sid": DEFAULT.account_sid, "public_attributes": {"a": 1, "b": 2}}
    wire.post("/v1/Configuration", json=first)

    second = {"account_sid": DEFAULT.account_sid, "public_attributes": {"loginPopup": True}}
    answer = wire.post("/v1/Configuration", json=second)

    assert answer.status_code == 200
    assert answer.json()["public_attributes"] == {"loginPopup": True}
    assert answer.json()["ui_version"]
    assert wire.get("/v1/Configuration").json() == answer.json()


@pytest.mark.parametrize("account", [None, "AC" + "9" * 32])
def test_update_must_carry_the_account(wire, account):
    """Without account_sid nothing is changed."""
    body = {"ui_version": "9"} | ({"account_sid": account} if account else {})

    answer = wire.post("/v1/Configuration", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 45004)
    assert wire.get("/v1/Configuration").json()["ui_version"] != "9"


@pytest.mark.parametrize("name", ["taskrouter_workspace_sid", "flex_instance_sid", "url", "status", "runtime_domain"])
def test_read_only_property_is_refused_by_name(wire, name):
    """Twilio's own sentence, and nothing else in the request takes effect."""
    body = {"account_sid": DEFAULT.account_sid, "ui_version": "9", name: "x"}

    answer = wire.post("/v1/Configuration", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 45004)
    assert answer.json()["message"] == f"You are not allowed to modify property for [{name}]."
    assert wire.get("/v1/Configuration").json()["ui_version"] != "9"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"AccountSid": DEFAULT.account_sid}, 1),
        ({"RuntimeDomain": DEFAULT.runtime_domain}, 1),
        ({"AccountSid": "AC" + "9" * 32}, 0),
        ({"RuntimeDomain": "other.twil.io"}, 0),
        ({}, 0),
    ],
)
def test_public_configuration_needs_no_credentials(sandbox, client_of, query, found):
    """By account or runtime domain; anyone else finds an empty list."""
    answer = client_of(sandbox, None).get("/v1/Configuration/Public", params=query)

    assert answer.status_code == 200
    configurations = answer.json()["configurations"]
    assert len(configurations) == found
    assert all(set(one) == {"account_sid", "runtime_domain", "public_attributes"} for one in configurations)
