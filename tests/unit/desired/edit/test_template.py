"""What `flexres init` writes loads as it is, and so do the examples in its comments."""

from __future__ import annotations

import re
import secrets

import pytest
from ruamel.yaml import YAML

from flexres.desired.edit.flex_file import flex_template, mint_id, team_template
from flexres.desired.model import Policy
from tests.unit.desired.stacks import load

FLEX = flex_template(id="k7m2q9", account="AC" + "0" * 32, instance="GO" + "0" * 32, schema="flex.schema.json")
TEAM = team_template(schema="users.schema.json")


def uncommented(text: str) -> str:
    """The template with its examples taken at their word."""
    return re.sub(r"(?m)^( *)# (?=[ a-z_]+: ?[\[{]|defaults:|users:|  )", r"\1", text).replace("users: {}\n", "")


def test_a_new_stack_is_in_order_and_says_the_defaults() -> None:
    """Nothing in it differs from what leaving it out would mean."""
    stack = load(TEAM, flex=FLEX)

    assert stack.config.id == "k7m2q9"
    assert stack.config.policy == Policy()
    assert stack.users == {}


def test_the_examples_in_the_comments_load_too() -> None:
    """People take the # away and expect it to work."""
    stack = load(uncommented(TEAM), flex=uncommented(FLEX))

    assert sorted(stack.users) == ["ana@example.com", "bob@example.com"]
    assert stack.users["bob@example.com"].attributes == {"location": "London"}
    assert stack.config.policy.protected == ("owner@example.com",)
    assert stack.config.leavers == ("max@example.com",)


def test_templates_lead_an_editor_to_the_schema() -> None:
    """Only where a path is given."""
    assert FLEX.startswith("# yaml-language-server: $schema=flex.schema.json\n")
    assert team_template().startswith("# One team.")


def test_minted_ids_are_accepted_and_differ() -> None:
    """Two stacks must not take each other's Workers for their own."""
    ids = {mint_id() for _ in range(50)}

    assert len(ids) > 45
    assert all(re.fullmatch("[a-z0-9]{6}", one) for one in ids)


@pytest.mark.parametrize("letters", ["6e2372", "234567"])
def test_a_minted_id_needs_no_quotes_in_yaml(letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where chance would make a number, it is a text all the same."""
    drawn = iter(letters)

    def choice(known: str) -> str:
        letter = next(drawn)
        return letter if letter in known else known[0]

    monkeypatch.setattr(secrets, "choice", choice)
    assert isinstance(YAML(typ="safe").load(f"id: {mint_id()}")["id"], str)
