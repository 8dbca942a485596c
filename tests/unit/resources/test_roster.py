"""What the Roster declares: plain values alone, since Pulumi keeps nothing else in its state."""

from __future__ import annotations

import json

from flexres.resources.roster import roster_properties
from tests.unit.desired.stacks import FLEX, load


def test_approvals_and_limits_are_plain_values() -> None:
    """An entry of policy.approved is a text there."""
    entry = f"{{digest: {'a' * 26}, for: ana gains admin, until: 2027-02-14}}"
    stack = load(flex=FLEX + f"policy:\n  approved: [{entry}]\n")
    policy = roster_properties(stack)["policy"]
    assert json.loads(json.dumps(policy))["approved"] == [f"{'a' * 26} until 2027-02-14: ana gains admin"]
