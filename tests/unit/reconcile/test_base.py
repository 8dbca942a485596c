"""A plan beside its base: what would happen without this change is told apart, and the base may stand for Flex."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, given, settings

from flexres.live.model import LiveUser
from flexres.reconcile.base import (
    Base,
    as_applied,
    compared,
    from_this_change,
    marked,
    not_from_this_change,
    offline_plan,
)
from flexres.reconcile.change import FieldChange, Kind, UserChange
from flexres.reconcile.context import Wanted
from flexres.reconcile.plan import Plan, make_plan
from tests.unit.reconcile.builders import ANA, BEN, CHO, NOW, applied, config, in_flex, only, person, plan_for
from tests.unit.reconcile.strategies import World, worlds

many = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def beside(head: list[object], base: list[object], live: list[LiveUser], **options: object) -> Plan:
    """The plan of `head` with what the plan of `base` has, too, marked."""
    return marked(plan_for(head, live, **options), plan_for(base, live, **options))  # type: ignore[arg-type]


def wanted_of(*users: object, **settings: object) -> Wanted:
    return Wanted("prod", config(**settings), {user.username: user for user in users})  # type: ignore[arg-type, attr-defined]


def elsewhere(change: UserChange) -> dict[str, bool]:
    return {field.key.text: field.elsewhere for field in change.fields}


@many
@given(worlds())
def test_compared_with_itself_nothing_is_from_this_change(world: World) -> None:
    """Whatever the difference is, somebody else caused it."""
    plan = make_plan(world.wanted, world.snapshot, as_of=NOW)
    same = compared(plan, Base("main", world.wanted), world.snapshot)
    assert all(change.elsewhere for change in same.changes)
    assert from_this_change(same.changes) == ()


@many
@given(worlds(), worlds())
def test_every_change_is_told_once(one: World, other: World) -> None:
    """The two parts hold all fields of all users between them, and no field twice."""
    plan = compared(make_plan(one.wanted, one.snapshot, as_of=NOW), Base("main", other.wanted), one.snapshot)
    parts = [*from_this_change(plan.changes), *not_from_this_change(plan.changes)]

    def fields(changes: tuple[UserChange, ...] | list[UserChange]) -> list[tuple[str, FieldChange]]:
        found = ((change.username, field) for change in changes for field in change.fields)
        return sorted(found, key=lambda each: (each[0], each[1].key.text))

    assert fields(parts) == fields(plan.changes)
    assert {change.username for change in parts} == {change.username for change in plan.changes}


@many
@given(worlds())
def test_over_a_flex_that_is_as_its_yaml_says_nothing_is_to_do(world: World) -> None:
    """The base stands for Flex exactly: offline, a stack compared with itself is in sync."""
    plan = offline_plan(world.wanted, Base("main", world.wanted), as_of=NOW)
    expired = {name for name, user in world.wanted.users.items() if user.until and user.until < NOW.date()}
    renamed = {user.previously for user in world.wanted.users.values()}
    left = [change for change in plan.changes if change.username not in expired | renamed]
    assert [change for change in left if change.kind is not Kind.RENAME] == []


def test_a_field_that_somebody_changed_in_flex_is_not_from_this_change() -> None:
    before, after = person(attributes={"level": 2}), person(attributes={"level": 2}, skills={"billing": 3})
    plan = beside([after], [before], [applied(before, attributes={"level": 9})])
    assert elsewhere(only(plan)) == {"attr:level": True, "skill:billing": False}
    assert not only(plan).elsewhere


def test_what_an_earlier_change_left_undeployed_is_not_from_this_change() -> None:
    deployed, merged = person(attributes={"level": 1}), person(attributes={"level": 2})
    plan = beside([merged], [merged], [applied(deployed)])
    assert only(plan).elsewhere


def test_a_field_that_both_change_to_other_values_is_from_this_change() -> None:
    """Merging decides what it becomes."""
    deployed = person(attributes={"level": 1})
    base, head = person(attributes={"level": 2}), person(attributes={"level": 3})
    assert elsewhere(only(beside([head], [base], [applied(deployed)]))) == {"attr:level": False}


def test_who_leaves_is_from_the_change_that_takes_them_out() -> None:
    ana, ben = person(ANA), person(BEN)
    plan = beside([], [ana], [applied(ana), applied(ben)])
    assert {change.username: change.elsewhere for change in plan.changes} == {ANA: False, BEN: True}


def test_an_expiry_is_from_a_change_only_where_it_sets_the_day() -> None:
    old, new = person(ANA, until=date(2026, 5, 1)), person(BEN, until=date(2026, 5, 1))
    plan = beside([old, new], [old, person(BEN)], [applied(person(ANA)), applied(person(BEN))])
    assert {change.username: change.elsewhere for change in plan.changes} == {ANA: True, BEN: False}


def test_an_approval_that_this_change_commits_makes_the_return_its_own() -> None:
    """Blocked in the base, reactivated here: another thing happens to the user."""
    ana = person(ANA)
    live = [in_flex(ANA, deactivated="2026-05-01T00:00:00Z")]
    digest = only(plan_for([ana], live)).digest
    approved = plan_for([ana], live, approve=[digest])
    assert not only(marked(approved, plan_for([ana], live))).elsewhere


def test_whether_a_leaver_is_in_a_conversation_makes_no_difference() -> None:
    ana = person(ANA)
    waits, leaves = plan_for([], [applied(ana, busy=True)]), plan_for([], [applied(ana)])
    assert only(marked(waits, leaves)).elsewhere


def test_offline_the_base_stands_for_flex() -> None:
    """Who is new, who changes and who leaves, as the two YAMLs alone tell it."""
    base = wanted_of(person(ANA), person(BEN, attributes={"level": 1}))
    head = wanted_of(person(BEN, attributes={"level": 2}), person(CHO))
    plan = offline_plan(head, Base("main", base), as_of=NOW)
    assert {change.username: change.kind for change in plan.changes} == {
        BEN: Kind.UPDATE,
        CHO: Kind.CREATE,
        ANA: Kind.RETIRE,
    }


def test_offline_the_guards_have_their_say() -> None:
    """The limits are of the stack's own policy, over the users of the base."""
    base, head = wanted_of(person(ANA)), wanted_of(person(ANA, roles=("admin",)))
    assert offline_plan(head, Base("main", base), as_of=NOW).violations


def test_offline_a_branch_older_than_its_base_is_no_older_checkout() -> None:
    """Nothing was applied anywhere."""
    base = Wanted("prod", config(), {ANA: person(ANA)}, commit_time=2_000)
    head = Wanted("prod", config(), {ANA: person(ANA)}, commit_time=1_000)
    assert not offline_plan(head, Base("main", base), as_of=NOW).violations


def test_who_had_left_by_the_base_is_not_there() -> None:
    base = wanted_of(person(ANA, until=date(2026, 5, 1)), person(BEN))
    assert set(as_applied(base, NOW).users) == {BEN}
