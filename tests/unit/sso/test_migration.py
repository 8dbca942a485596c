"""The way from legacy to enhanced SSO, from wherever an account stands."""

from __future__ import annotations

from flexres.desired.model import Policy, Sso, StackConfig
from flexres.sso.difference import Sighting
from flexres.sso.migration import Migration, Standing, migration

CONNECTION = "JQ" + "1" * 32
LEGACY = Sso("legacy", "console", trusted=("*.example.com", "flex.example.com", "localhost"), login_popup=True)
NONE = Sighting("", "Authentication/Config")
UNKNOWN = Sighting(None, "Authentication/Config", "no network")


def way(sso: Sso, connection: Sighting = NONE, *, ui: str | None = None) -> Migration:
    config = StackConfig("k7m2q9", "AC" + "a" * 32, "GO" + "b" * 32, "direct", Policy(), sso=sso)
    return migration(config, Standing(connection, Sighting("https://idp.example.com", "legacy"), ui))


def test_wildcards_and_bare_hosts_break() -> None:
    """Enhanced SSO trusts full URLs alone."""
    found = {one.title: (one.level, one.fix) for one in way(LEGACY).breaks}

    assert found["*.example.com has no enhanced form"] == (
        "error",
        "list every URL behind it, such as https://agents.example.com",
    )
    assert found["localhost has to become a full URL"][1] == "write http://localhost, with its port if it has one"
    assert "There is no default redirect URL" in found
    assert "Entity ID and ACS change at the identity provider" in found
    assert "NameID has to stay what it is" in found
    assert "The login in a window of its own goes on working" in found


def test_the_new_names_stand_beside_the_old_ones() -> None:
    """They are what the identity provider's person needs."""
    step = next(one for one in way(LEGACY, Sighting(CONNECTION, "x")).steps if "entity ID" in one.title)

    assert f"urn:flex:{CONNECTION}" in step.detail
    assert "https://iam.twilio.com/v1/Accounts/AC" in step.detail


def test_an_old_flex_ui_is_in_the_way() -> None:
    """Enhanced SSO needs 2.7; what cannot be read is told as it is."""
    levels = {
        ui: next(one.level for one in way(LEGACY, ui=ui).stands if "Flex UI" in one.title)
        for ui in ("2.6.1", "~2.17.0", "latest")
    }

    assert levels == {"2.6.1": "error", "~2.17.0": "ok", "latest": "note"}


def test_a_migrated_account_has_nothing_left_to_break() -> None:
    """The declared connection is active."""
    done = way(Sso("enhanced", "console", connection=CONNECTION), Sighting(CONNECTION, "x"))

    assert done.breaks == ()
    assert done.steps == ()


def test_what_cannot_be_seen_is_said() -> None:
    """And everything is still told as if it were ahead."""
    found = way(LEGACY, UNKNOWN)

    assert any(one.title == "It is not known whether enhanced SSO is active" for one in found.stands)
    assert found.steps
