"""A plan is judged by the stricter of its own policy and the one in force; every difference of flex.yaml is data."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flexres.desired.model import ApprovedEntry, InForce, JudgedBy, Limit, Policy, StackConfig
from flexres.reconcile.change import Kind
from flexres.reconcile.context import Wanted
from flexres.reconcile.guards.approvals import Approval, Source, Standing
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.plan import Plan, make_plan
from flexres.reconcile.stricter import STRICTER, WITHOUT_ORDER, Effect, stack_changes, stricter
from flexres.report.plan.model import report_of
from tests.unit.reconcile.builders import ANA, BEN, NOW, applied, config, only, person, snapshot

LATER = "this very change loosens policy.max_removals, in force one commit later"
PAIRS = [
    ("retire", "keep", "deprovision"),
    ("retire_when", "offline", "now"),
    ("retire_within", timedelta(hours=1), timedelta(hours=24)),
    ("unmanaged", "report", "ignore"),
    ("max_removals", Limit(percent=5.0), Limit(percent=100.0)),
    ("max_changes", Limit(count=3), Limit(count=30)),
    ("min_admins", 2, 0),
    ("protected", (ANA,), ()),
    ("email_domains", ("example.com",), None),
    ("email_domains", ("example.com",), ("example.com", "elsewhere.org")),
    ("unmanaged_admins", "fail", "report"),
    ("console_changes", "fail", "warn"),
    ("queues", {"Billing": 2}, {}),
    ("unknown_skills", "fail", "warn"),
    ("unknown_skills", "warn", "ignore"),
]


def judged(users: Any, live: Any, *, before: dict[str, Any], after: dict[str, Any], as_of: datetime = NOW) -> Plan:
    """The plan of a change that also brings the policy from `before` to `after`."""
    wanted = Wanted("prod", config(**after), {user.username: user for user in users}, commit_time=0)
    in_force = InForce(JudgedBy.FIRST_PARENT, "1a2b3c4", config(**before))
    return make_plan(wanted, snapshot(*live), as_of=as_of, in_force=in_force)


def test_every_key_of_the_policy_has_a_stricter_value_or_is_said_to_have_none():
    """A new key cannot be forgotten."""
    assert {each.name for each in fields(Policy)} == {*STRICTER, *WITHOUT_ORDER, "approved", "queues"}


@pytest.mark.parametrize(("key", "strict", "loose"), PAIRS)
def test_the_stricter_value_wins_whichever_side_has_it(key, strict, loose):
    """In force or new."""
    one, other = Policy(**{key: strict}), Policy(**{key: loose})
    assert getattr(stricter(one, other), key) == getattr(stricter(other, one), key) == strict


@pytest.mark.parametrize(("key", "strict", "loose"), PAIRS)
def test_a_difference_is_loosened_or_tightened(key, strict, loose):
    """And named by its key."""
    there, here = config(**{key: strict}), config(**{key: loose})
    assert [(one.key, one.effect) for one in stack_changes(there, here)] == [(f"policy.{key}", Effect.LOOSENED)]
    assert [(one.key, one.effect) for one in stack_changes(here, there)] == [(f"policy.{key}", Effect.TIGHTENED)]


def test_domains_that_have_nothing_in_common_allow_none():
    """Not any."""
    both = stricter(Policy(email_domains=("a.example",)), Policy(email_domains=("b.example",)))
    assert both.email_domains == ()


def test_a_number_and_a_percentage_both_hold():
    """Neither is stricter at every size."""
    both = stricter(Policy(max_removals=Limit(count=5)), Policy(max_removals=Limit(percent=10.0)))
    assert both.max_removals == Limit(count=5, percent=10.0)


@pytest.mark.parametrize("key", [each.name for each in fields(StackConfig) if each.name not in {"policy", "leavers"}])
def test_what_is_no_policy_is_changed(key):
    """Account, instance, engine, endpoint, id, what is one resource, and whatever is to come: each stands on top."""
    before = config()
    (change,) = stack_changes(before, replace(before, **{key: "other"}))
    assert (change.key, change.effect) == ("pulumi.resources" if key == "resources" else key, Effect.CHANGED)


def test_a_change_cannot_loosen_what_judges_it():
    """Limits, admins, protected and domains emptied with the removal of a team: refused by what was before."""
    team = [applied(person(f"user{n}@example.com")) for n in range(12)]
    live = [*team, applied(person(roles=("admin",)))]
    strict = {"max_removals": Limit(percent=10.0), "min_admins": 1, "protected": (ANA,)}
    loose = {"max_removals": Limit(percent=100.0), "min_admins": 0, "protected": ()}
    plan = judged([], live, before=strict, after=loose)
    assert {one.rule for one in plan.violations} == {Rule.MAX_REMOVALS, Rule.MIN_ADMINS, Rule.PROTECTED}
    assert {one.effect for one in plan.stack_changes} == {Effect.LOOSENED}
    assert judged([], live, before=loose, after=loose).violations == ()


def test_retiring_at_once_takes_effect_one_commit_later():
    """A merged `retire_when: now` cuts nobody off before the next change."""
    live = [applied(person(), busy=True)]
    assert only(judged([], live, before={}, after={"retire_when": "now"})).kind is Kind.WAIT
    assert only(judged([], live, before={"retire_when": "now"}, after={"retire_when": "now"})).kind is Kind.RETIRE


def test_another_time_zone_takes_nobody_out_a_day_early():
    """Where the day is later holds until the change is in force."""
    as_of = datetime(2026, 6, 1, 12, tzinfo=UTC)  # already 2 June on Kiritimati
    user = person(until=as_of.date())
    live = [applied(user)]
    kiritimati = {"timezone": "Pacific/Kiritimati"}
    assert judged([user], live, before={}, after=kiritimati, as_of=as_of).changes == ()
    assert only(judged([user], live, before=kiritimati, after=kiritimati, as_of=as_of)).kind is Kind.RETIRE


@pytest.mark.parametrize(("raised", "advice"), [("100%", LATER), ("30%", "raise policy.max_removals")])
def test_a_limit_that_this_very_change_raises_is_not_to_be_raised_again(raised: str, advice: str):
    """What is in force one commit later would let it pass: that is what to say."""
    live = [applied(person(f"u{number}@example.com")) for number in range(10)]
    plan = judged(
        [person(f"u{number}@example.com") for number in range(6)],
        live,
        before={"max_removals": Limit(percent=10.0), "min_admins": 0},
        after={"max_removals": Limit(percent=float(raised[:-1])), "min_admins": 0},
    )
    assert [one.lifts for one in report_of(plan).refusals] == [advice]


def test_an_approval_that_the_change_itself_adds_is_said_to_be_so():
    """Nobody saw it before, or not as one that holds until then."""
    entry = ApprovedEntry({"a" * 26: ""}, "ana gains admin", NOW.date())
    approval = Approval("a" * 26, Source.COMMITTED, until=entry.until)
    ended, longer = (replace(entry, until=entry.until + timedelta(days=days)) for days in (-1, 1))
    cases = [((), True), ((entry,), False), ((ended,), True), ((longer,), False), ((entry, ended), False)]
    for before, added in cases:
        wanted = Wanted("prod", config(approved=(entry,)), {BEN: person(BEN)}, commit_time=0)
        in_force = InForce(JudgedBy.BASE, "main", config(approved=before))
        plan = make_plan(wanted, snapshot(), as_of=NOW, approvals=[approval], in_force=in_force)
        assert [one.approval.added for one in plan.approvals] == [added]
        assert plan.stack_changes == ()


def test_another_time_zone_brings_back_no_approval_that_has_ended():
    """Of two days the later one counts for it: what holds must hold by both."""
    as_of = datetime(2026, 6, 1, 12, tzinfo=UTC)  # already 2 June on Kiritimati
    approval = Approval("a" * 26, Source.COMMITTED, until=as_of.date())
    kiritimati = {"timezone": "Pacific/Kiritimati"}
    for before, after, held in (({}, {}, True), (kiritimati, {}, False), ({}, kiritimati, False)):
        wanted = Wanted("prod", config(**after), {}, commit_time=0)
        in_force = InForce(JudgedBy.BASE, "main", config(**before))
        plan = make_plan(wanted, snapshot(), as_of=as_of, approvals=[approval], in_force=in_force)
        assert [one.standing is not Standing.EXPIRED for one in plan.approvals] == [held]
