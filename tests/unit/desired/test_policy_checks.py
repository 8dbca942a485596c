"""What the guards would refuse, told by validate as a warning at the line that it is about."""

from __future__ import annotations

from datetime import date

import pytest

from flexres.desired.stack import Stack
from flexres.errors import InvalidStack
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


def with_approval(until: str, more: str = "") -> Stack:
    flex = f"{FLEX}{more}policy:\n  approved: [{{digest: {'a' * 26}, for: x, until: {until}}}]\n"
    return load(TEAM % "", flex=flex, as_of=date(2026, 11, 21))


def test_no_approval_holds_for_more_than_ninety_days():
    """Written by hand: flexres approve takes no more either."""
    assert with_approval("2027-02-19").warnings == ()
    with pytest.raises(InvalidStack) as found:
        with_approval("2027-02-20")
    (problem,) = found.value.problems
    assert (problem.position.line, problem.hint) == (7, "write 2027-02-19 or earlier")


def test_of_a_sandbox_an_approval_may_hold_for_years():
    """There is nothing to protect."""
    assert with_approval("2036-12-31", "endpoint: http://127.0.0.1:4010\n").config.policy.approved
