"""The identity provider through Pulumi: the set-up is a resource, and each user's claims go with the user."""

from __future__ import annotations

import json

import pytest

from tests.flow.auth0 import IDP, SIGN_ON
from tests.pulumi.conftest import TEAM, Project

pytestmark = pytest.mark.engine


def test_up_writes_both_sides_and_a_preview_is_empty_afterwards(applied: Project) -> None:
    """Set-up and users the first time; then a change that only the provider lacks; nothing of it is in the state."""
    sandbox = applied.sandbox
    applied.more |= sandbox.auth0.environment()
    sandbox.auth0.seed((name, name, {"crm": 1}) for name in applied.in_flex())
    applied.write(TEAM, more=SIGN_ON + IDP)

    first = applied.up()

    assert first.code == 0, first.out
    assert sandbox.auth0.flow() == ["Flex claims"]
    held = {email: user["app_metadata"] for email, user in sandbox.auth0.users().items()}
    assert all(data["flex"]["roles"] and data["crm"] == 1 for data in held.values())
    empty = applied.pulumi("preview", "--expect-no-changes")
    assert empty.code == 0, empty.out
    assert "sandbox-management-secret" not in applied.stored()

    (email, *_) = held
    sandbox.auth0.set_app_metadata(email, {"crm": 1})
    again = applied.up()
    assert again.code == 0, again.out
    assert sandbox.auth0.app_metadata(email) == held[email]


def test_a_setup_that_fails_is_told_although_users_were_changed(applied: Project) -> None:
    """Its part, the provider's own words, and the exit of a run that was done in part."""
    sandbox = applied.sandbox
    applied.more |= sandbox.auth0.environment()
    sandbox.auth0.seed((name, name, {}) for name in applied.in_flex())
    applied.write(TEAM.replace("city: London", "city: Leeds"), more=SIGN_ON + IDP)
    sandbox.fault("400:before:match=POST .*/api/v2/actions/actions$")

    ran = applied.flexres("apply", "--yes", "--format", "json")

    assert ran.code == 5, ran.out
    told = json.loads(ran.stdout)
    results = {one["part"]: one["result"] for one in told["idp"]}
    assert results["action"] == "failed"
    assert results["application"] == "done"
    assert {one["username"]: one["result"] for one in told["outcomes"]}["bob@example.com"] == "done"
