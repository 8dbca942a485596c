"""Approvals: a digest lifts the guards for exactly the changes that somebody has seen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from flexres.desired.model import DIGEST_PATTERN, Limit
from flexres.errors import Position
from flexres.reconcile.context import Wanted
from flexres.reconcile.guards.approvals import (
    Approval,
    Source,
    Standing,
    Standings,
    by_entry,
    change_digest,
    plan_digest,
)
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan, make_plan
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    CHO,
    NOW,
    STACK_ID,
    applied,
    config,
    in_flex,
    person,
    plan_for,
    snapshot,
)

ADMIN = {"roles": ("admin",)}
NONE_LEAVE = {"max_removals": Limit(count=0)}


def own_digests(plan: Plan) -> dict[str, str]:
    """Username → the digest that approves what is guarded about them."""
    return {item.username: item.digest for item in plan.guarded}


def test_without_a_violation_there_is_nothing_to_approve():
    """Watched is not refused."""
    plan = plan_for([person()], [in_flex()])
    assert plan.guarded
    assert (plan.violations, plan.digest) == ((), "")


def test_the_plans_digest_lifts_all_of_it():
    """One approval, and the report says whose."""
    users = [person(**ADMIN), person(BEN, **ADMIN)]
    digest = plan_for(users).digest
    plan = plan_for(users, approve=[digest])
    assert plan.violations == ()
    assert {item.approval for item in plan.guarded} == {Approval(digest, Source.COMMAND_LINE, "ana")}


@pytest.mark.parametrize(
    "now",
    [
        [person(**ADMIN), person(BEN, **ADMIN), person(CHO, **ADMIN)],
        [person(**ADMIN)],
        [person(**ADMIN), person(CHO, **ADMIN)],
    ],
    ids=["one more", "one fewer", "another"],
)
def test_the_plans_digest_lifts_no_other_set(now):
    """Exactly these and no others."""
    digest = plan_for([person(**ADMIN), person(BEN, **ADMIN)]).digest
    plan = plan_for(now, approve=[digest])
    assert plan.violations
    assert plan.digest != digest


def test_a_digest_does_not_depend_on_what_is_not_guarded():
    """A reviewer's approval survives another team's new agent."""
    digest = plan_for([person(**ADMIN)]).digest
    plan = plan_for([person(**ADMIN), person(BEN)], approve=[digest])
    assert plan.violations == ()


def test_own_digests_lift_one_by_one():
    """What is left has a digest of its own, another than the whole."""
    users = [person(**ADMIN), person(BEN, **ADMIN)]
    whole = plan_for(users)
    plan = plan_for(users, approve=[own_digests(whole)[ANA]])
    assert [violation.usernames for violation in plan.violations] == [(BEN,)]
    assert plan.digest not in {"", whole.digest}
    assert plan_for(users, approve=own_digests(whole).values()).violations == ()


def test_an_own_digest_still_holds_after_a_run_cut_short():
    """Half is applied; the other half is as approved as before."""
    users = [person(**ADMIN), person(BEN, **ADMIN)]
    digests = own_digests(plan_for(users))
    assert plan_for(users, [applied(users[0])], approve=digests.values()).violations == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (person(attributes={"level": 3}), person(attributes={"level": 4})),
        (person(full_name="Ana"), person(full_name="Anna")),
        (person(attributes={"level": 3}), person(attributes={"tier": 3})),
        (person(attributes={"level": 1}), person(attributes={"level": True})),
    ],
)
def test_an_approved_edit_is_of_these_values(before, after):
    """Another value is another change."""
    live = [in_flex(full_name="Old", attributes={"level": 9})]
    limits = {"max_changes": Limit(count=0)}
    digest = plan_for([before], live, **limits).digest
    assert plan_for([before], live, approve=[digest], **limits).violations == ()
    assert plan_for([after], live, approve=[digest], **limits).violations


def test_an_approved_removal_is_of_this_person_and_this_sort():
    """Losing supervisor is not leaving."""
    live = [applied(person(roles=("supervisor",)))]
    guarded = plan_for([person()], live, **NONE_LEAVE).guarded
    (demoted,) = [item.digest for item in guarded if item.rule is Rule.MAX_REMOVALS]
    assert plan_for([person()], live, approve=[demoted], **NONE_LEAVE).violations == ()
    assert plan_for([], live, approve=[demoted], **NONE_LEAVE).violations


def test_approved_removals_leave_the_limit_to_the_others():
    """What somebody has seen does not use it up."""
    live = [in_flex(name, marker=Marker(STACK_ID)) for name in (ANA, BEN)]
    refused = plan_for([], live, max_removals=Limit(count=1))
    digest = own_digests(refused)[ANA]
    assert refused.violations
    assert plan_for([], live, max_removals=Limit(count=1), approve=[digest]).violations == ()


def test_an_approval_of_one_rule_is_none_of_another():
    """A removal that is fine may still be of a protected user."""
    live = [in_flex(marker=Marker(STACK_ID))]
    digest = own_digests(plan_for([], live, **NONE_LEAVE))[ANA]
    plan = plan_for([], live, protected=(ANA,), approve=[digest], **NONE_LEAVE)
    assert [violation.rule for violation in plan.violations] == [Rule.PROTECTED]


def test_an_approval_in_one_stack_is_none_in_another():
    """The stack's id is part of it."""
    digests = {change_digest(stack, Rule.GAINS_ADMIN, ANA, ["gains", "admin"], []) for stack in (STACK_ID, "zzz999")}
    assert len(digests) == 2


def test_a_committed_approval_holds_in_the_next_version_too():
    """Digests stand in people's flex.yaml: whatever they are made of stays as it is."""
    sides, state = [["gains", "admin"], [["roles", ["agent"], ["admin"]]]], ["FU1", None, "v1;id=k7m2q9;at=0;keys="]
    assert change_digest(STACK_ID, Rule.GAINS_ADMIN, ANA, sides, state) == "v2rez4qsqa4knuo3bkqycvez73"
    assert plan_digest(STACK_ID, ["b", "a"]) == "emik22slsldvysijhlii2qsuie"


def test_a_digest_is_too_long_to_be_forged():
    """130 bits, so that no second change with the same one can be found."""
    plan = plan_for([person(**ADMIN)])
    for digest in (plan.digest, plan.guarded[0].digest):
        assert re.fullmatch(DIGEST_PATTERN, digest)


def test_an_approval_does_not_hold_for_the_same_step_at_a_later_time():
    """Approved, demoted since, and promoted again: nobody has seen that."""
    agent = applied(person(), at=100)
    first = plan_for([person(**ADMIN)], [agent], commit_time=200)
    assert plan_for([person(**ADMIN)], [agent], commit_time=200, approve=[first.digest]).violations == ()
    demoted = applied(person(), at=300)
    assert plan_for([person(**ADMIN)], [demoted], commit_time=400, approve=[first.digest]).violations


@pytest.mark.parametrize("commit_time", [200, 250])
def test_an_approval_holds_after_a_rebase(commit_time):
    """The commit that is applied is another one; what it is approved for is not."""
    agent = applied(person(), at=100)
    digest = plan_for([person(**ADMIN)], [agent], commit_time=150).digest
    assert plan_for([person(**ADMIN)], [agent], commit_time=commit_time, approve=[digest]).violations == ()


@pytest.mark.parametrize(("until", "refused"), [(0, False), (-1, True), (14, False)])
def test_an_approval_ends_by_itself(until, refused):
    """Its last day is the last on which it holds."""
    entry = Approval(plan_for([person(**ADMIN)]).digest, Source.COMMITTED, until=NOW.date() + timedelta(days=until))
    plan = make_plan(
        Wanted("prod", config(), {ANA: person(**ADMIN)}, commit_time=0), snapshot(), as_of=NOW, approvals=[entry]
    )
    assert bool(plan.violations) is refused
    assert [one.standing for one in plan.approvals] == [Standing.EXPIRED if refused else Standing.USED]


@pytest.mark.parametrize(
    ("about", "wanted", "standing"),
    [
        (ANA, ADMIN, Standing.UNUSED),
        ("", ADMIN, Standing.UNUSED),
        (BEN, ADMIN, Standing.SPENT),
        (ANA, {}, Standing.SPENT),
        ("", {}, Standing.SPENT),
    ],
)
def test_an_approval_is_used_up_once_nothing_is_refused_of_what_it_is_about(about, wanted, standing):
    """While something is, it was given for something else: that has changed since."""
    entry = Approval("a" * 26, Source.COMMITTED, username=about)
    users = {ANA: person(**wanted)}
    plan = make_plan(Wanted("prod", config(), users, commit_time=0), snapshot(), as_of=NOW, approvals=[entry])
    assert [one.standing for one in plan.approvals] == [standing]


def test_an_entry_of_many_digests_stands_for_the_one_that_does_the_most():
    """Entries in their order; of two that do the same, the first."""
    day = NOW.date()

    def standing(digest: str, line: int, does: Standing, purpose: str = "", until: date = day) -> Standings:
        place = Position("flex.yaml", line, 1)
        return Standings(Approval(digest, Source.COMMITTED, place=place, purpose=purpose, until=until), does)

    first = [
        standing("a", 1, Standing.EXPIRED),
        standing("b", 1, Standing.SPENT),
        standing("c", 1, Standing.UNUSED),
        standing("d", 1, Standing.USED),
        standing("e", 1, Standing.USED),
        standing("f", 1, Standing.SPENT),
    ]
    others = [
        standing("g", 2, Standing.UNUSED),
        standing("h", 2, Standing.USED, "another purpose"),
        standing("i", 2, Standing.SPENT, until=day + timedelta(days=1)),
    ]
    assert by_entry([*first, *others]) == (first[3], *others)
    for number in range(1, 4):
        assert by_entry(first[:number]) == (first[number - 1],)


@pytest.mark.parametrize("digest", ["", "00000000", "9f3c"])
def test_a_wrong_digest_lifts_nothing(digest):
    """Nor does an empty one."""
    assert plan_for([person(**ADMIN)], approve=[digest]).violations
    assert plan_for([person(**ADMIN)], approve=[plan_for([person(**ADMIN)]).digest.upper() + "x"]).violations


def test_the_digest_does_not_depend_on_the_order_of_users():
    """Nor on the files they are in."""
    users = [person(**ADMIN), person(BEN, **ADMIN)]
    moved = [replace(user, file=f"users/{number}.yaml") for number, user in enumerate(reversed(users))]
    assert plan_for(users).digest == plan_for(moved).digest


def test_watched_items_of_rules_that_are_not_refused_stay_unapproved():
    """Nobody has seen them."""
    users = [person(**ADMIN), person(BEN)]
    live = [in_flex(BEN)]
    plan = plan_for(users, live, approve=[plan_for(users, live).digest])
    assert {item.rule: bool(item.approval) for item in plan.guarded} == {
        Rule.GAINS_ADMIN: True,
        Rule.MAX_CHANGES: False,
    }
