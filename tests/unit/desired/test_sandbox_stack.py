"""The stack that is shipped to try things on: forty people, every feature, no warning, the sandbox's own identity."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flexres.desired.load import Stack, load_stack
from flexres.desired.source import FolderSource
from flexres.sandbox.identity import Identity

FOLDER = Path(__file__).parents[3] / "stacks" / "sandbox"


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The shipped stack."""
    return load_stack(FolderSource(FOLDER, shown_as="stacks/sandbox"), name="sandbox", as_of=date(2026, 11, 21))


def test_it_is_for_the_sandbox_and_nothing_else(stack: Stack) -> None:
    """Its account and instance are those that the sandbox serves."""
    identity = Identity()

    assert (stack.config.account, stack.config.instance) == (identity.account_sid, identity.instance_sid)
    assert stack.config.endpoint == "http://127.0.0.1:4010"
    assert stack.config.engine == "auto"


def test_it_has_forty_people_in_four_teams_and_three_admins(stack: Stack) -> None:
    """Enough to look real."""
    assert len(stack.users) == 40
    assert len({user.file for user in stack.users.values()}) == 4
    assert sum("admin" in user.roles for user in stack.users.values()) == 3


def test_it_shows_every_feature(stack: Stack) -> None:
    """Whoever looks for an example finds one."""
    users = stack.users.values()
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml"))

    assert all(f".{kind}:" in text for kind in ("string", "int", "boolean", "stringarray", "intarray", "booleanarray"))
    contacts = [str(user.attributes.get("contact_uri", "")) for user in users]
    assert all(any(contact.startswith(kind) for contact in contacts) for kind in ("client:", "sip:", "+"))
    assert any("image_url" in user.attributes for user in users)
    assert any(user.until for user in users)
    assert any(user.skills_exact for user in users)
    assert any(True in (user.skills or {}).values() for user in users)
    assert any(role.startswith("wfo.") for user in users for role in user.roles)
    assert any(user.email != user.username for user in users)
    assert ": null" in text


def test_nothing_in_it_is_warned_of(stack: Stack) -> None:
    """An example should not need excuses."""
    assert stack.warnings == ()
