"""The Post Login action that flexres writes, run as JavaScript: what it sends, whom it stops, whom it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.idp.auth0.answers import action_code, author_of
from flexres.sandbox.auth0.actions import Asked, run_flow

STACK, USERS = "k7m2q9", "Username-Password-Authentication"
NAME_ID = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
CLAIMS = {
    "department": "department",
    "level": "level.int",
    "vip": "vip.boolean",
    "languages": "languages.stringarray",
    "scores": "scores.intarray",
    "image_url": "image_url",
}


def login(flex: Any = None, *, owner: str | None = STACK, connection: Any = USERS, **user: Any) -> Asked:
    """What the action asks for when this user signs in to an application of this owner."""
    metadata = {} if flex is None else {"flex": flex}
    event = {
        "connection": {"name": connection, "strategy": "auth0"} if connection is not None else None,
        "client": {"client_id": "c", "name": "Twilio Flex", "metadata": {"flexres": owner} if owner else {}},
        "user": {"user_id": "auth0|1", "email": "ana@example.com", "name": "Ana R.", "app_metadata": metadata, **user},
    }
    code = action_code(STACK, USERS, CLAIMS)
    return run_flow([{"display_name": "Flex claims", "action": {"deployed_version": {"code": code}}}], event)


def test_every_declared_claim_is_sent_under_its_typed_name() -> None:
    """Lists by commas, numbers and booleans as text, as Flex reads them."""
    flex = {"roles": ["agent"], "department": "Sales", "level": 3, "vip": False, "languages": ["en", "de"]}

    asked = login({**flex, "scores": [1, 2], "theme": "dark"})

    assert asked.attributes == {
        NAME_ID: "ana@example.com",
        "email": "ana@example.com",
        "full_name": "Ana R.",
        "roles": ["agent"],
        "department": "Sales",
        "level.int": "3",
        "vip.boolean": "false",
        "languages.stringarray": "en,de",
        "scores.intarray": "1,2",
    }
    assert asked.probes == [NAME_ID]


def test_what_we_keep_there_goes_before_the_profile() -> None:
    asked = login({"roles": ["agent"], "full_name": "Ana Ruiz", "email": "Ana@Example.com", "name_id": "a.ruiz"})
    sent = {name: asked.attributes[name] for name in (NAME_ID, "email", "full_name")}
    assert sent == {NAME_ID: "a.ruiz", "email": "Ana@Example.com", "full_name": "Ana Ruiz"}


def test_an_empty_claim_is_sent_and_clears_and_an_absent_one_is_not() -> None:
    asked = login({"roles": ["agent"], "department": "", "languages": []})
    assert (asked.attributes["department"], asked.attributes["languages.stringarray"]) == ("", "")
    assert "level.int" not in asked.attributes


def test_the_picture_is_the_image_unless_declared() -> None:
    assert login({"roles": ["agent"]}, picture="https://x/1.png").attributes["image_url"] == "https://x/1.png"


@pytest.mark.parametrize("flex", [None, {}, {"roles": []}, {"roles": ""}, {"roles": None}, "agent", ["agent"], 7])
def test_a_user_without_roles_is_stopped_with_a_reason(flex: Any) -> None:
    """Instead of failing, as the code of Twilio's guide would."""
    asked = login(flex)
    assert asked.denied is not None
    assert "no role in Twilio Flex" in asked.denied
    assert asked.attributes == {}


def test_roles_may_be_a_text_with_commas() -> None:
    assert login({"roles": "agent, supervisor"}).attributes["roles"] == ["agent", "supervisor"]


def test_a_user_without_app_metadata_does_not_break_it() -> None:
    assert login(app_metadata=None).denied is not None


@pytest.mark.parametrize("connection", ["google-oauth2", "username-password-authentication", "", None, 7])
def test_users_of_another_connection_are_stopped(connection: Any) -> None:
    """Nobody looked at what they keep: a social account with somebody's name_id would sign in as them."""
    asked = login({"roles": ["admin"], "name_id": "boss@example.com"}, connection=connection)

    assert asked.denied is not None
    assert asked.attributes == {}


@pytest.mark.parametrize(
    "wrong", [{"name_id": {"a": 1}}, {"email": ["a"]}, {"full_name": 7}, {"roles": [["admin"]]}, {"roles": {}}]
)
def test_values_of_another_type_are_stopped(wrong: Any) -> None:
    """Their text would be a name that nobody gave."""
    asked = login({"roles": ["agent"], **wrong})

    assert asked.denied is not None
    assert asked.attributes == {}


@pytest.mark.parametrize("owner", [None, "zzzzzz"])
def test_other_applications_are_left_alone(owner: str | None) -> None:
    asked = login(None, owner=owner)
    assert (asked.attributes, asked.probes, asked.denied) == ({}, [], None)


def test_the_author_is_known_by_the_first_line() -> None:
    assert author_of(action_code(STACK, USERS, {})) == STACK
    assert author_of("exports.onExecutePostLogin = async () => {}") is None
    assert author_of("// x\n" + action_code(STACK, USERS, {})) is None
