"""What the guards would refuse, told by validate as a warning at the line that it is about."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.desired.stacks import FLEX, load

TEAM = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [admin]%s}\n"


@pytest.mark.parametrize(
    ("policy", "more", "place", "says"),
    [
        ("email_domains: [example.org]", "", "users/team.yaml:2", "email_domains"),
        ("min_admins: 2", "", "flex.yaml:7", "declares 1"),
        ("protected: [ana@example.com]", ", until: 2027-01-31", "users/team.yaml:2", "is protected"),
        ("protected: [old@example.com]", ", previously: old@example.com", "users/team.yaml:2", "no plan renames"),
        ("approved: [{digest: %s, for: x, until: 2026-01-31}]" % ("a" * 26), "", "flex.yaml:7", "ended on 2026-01-31"),
    ],
)
def test_what_a_guard_would_refuse_is_a_warning_with_file_and_line(policy, more, place, says):
    """Nobody has to wait for a plan to hear it."""
    stack = load(TEAM % more, flex=FLEX + f"policy:\n  {policy}\n", as_of=date(2026, 11, 21))
    found = [one for one in stack.warnings if says in one.message]
    assert [f"{one.position.file}:{one.position.line}" for one in found] == [f"stacks/test/{place}"]
