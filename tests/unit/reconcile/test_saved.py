"""A saved plan holds exactly while nothing that it rests on has moved, and says what has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from flexres.errors import SetupError
from flexres.reconcile.context import Wanted
from flexres.reconcile.plan import Plan, make_plan
from flexres.reconcile.saved_plan import (
    SavedPlan,
    check_belongs,
    fingerprint,
    moved,
    read_saved,
    saved_json,
    yaml_digest,
)
from tests.unit.reconcile.builders import ANA, BEN, NOW, applied, config, in_flex, only, person, plan_for
from tests.unit.reconcile.strategies import World, worlds

many = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
WANTED = Wanted("prod", config(), {ANA: person(ANA, attributes={"level": 2})}, commit="c" * 40)


def saved(plan: Plan, wanted: Wanted = WANTED) -> SavedPlan:
    return read_saved(json.dumps(saved_json(plan, wanted)), "plan.json")


@many
@given(worlds())
def test_a_plan_made_again_of_the_same_is_held(world: World) -> None:
    """Through JSON and back: every pending change is found again, and nothing moved."""
    plan = make_plan(world.wanted, world.snapshot, as_of=NOW)
    kept = saved(plan, world.wanted)
    matter = [change for change in plan.changes if change.pending or change.leaves]
    assert all(kept.holds(change) for change in matter)
    assert {("user", change.username) for change in matter} == kept.changes.keys()
    assert moved(kept, plan) == ()
    check_belongs(kept, world.wanted, "plan.json")


@many
@given(worlds())
def test_the_yaml_is_told_by_its_meaning(world: World) -> None:
    """Without anybody, or with another rule, it is other YAML; where a user stands in it does not matter."""
    wanted, digest = world.wanted, yaml_digest(world.wanted)
    for username, user in wanted.users.items():
        without = {name: other for name, other in wanted.users.items() if name != username}
        moved_file = {**wanted.users, username: replace(user, file="users/elsewhere.yaml")}
        assert yaml_digest(replace(wanted, users=without)) != digest
        assert yaml_digest(replace(wanted, users=dict(reversed(moved_file.items())))) == digest
    other_rule = replace(wanted.config, policy=replace(wanted.config.policy, min_admins=7))
    assert yaml_digest(replace(wanted, config=other_rule)) != digest


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (lambda ana: [applied(ana, attributes={"level": 9})], "is not as it was"),
        (lambda ana: [applied(replace(ana, attributes={"level": 1, "vip": True}))], "is not as it was"),
        (lambda ana: [in_flex(ANA, attributes={"level": 1})], "was to be: update, is now: adopt"),
        (lambda ana: [], "was to be: update, is now: create"),
        (lambda ana: [applied(ana, at=77)], "was written to by another run"),
    ],
    ids=["value", "more to do", "marker gone", "user gone", "another run"],
)
def test_what_moved_is_told(now: Callable[[Any], Any], says: str) -> None:
    """A value, a marker or the user itself: each is something that the plan rests on."""
    before = person(ANA, attributes={"level": 1})
    kept = saved(plan_for(WANTED.users.values(), [applied(before)]))
    plan = plan_for(WANTED.users.values(), now(before), commit_time=100)
    (found,) = moved(kept, plan)
    assert (found.name, found.what) == (ANA, says)
    assert not kept.holds(only(plan))


def test_who_is_in_a_conversation_does_not_matter() -> None:
    """It is looked at again just before, whatever the plan said."""
    kept = saved(plan_for([], [applied(person(ANA))]))
    assert kept.holds(only(plan_for([], [applied(person(ANA), busy=True)])))


def test_a_leaver_marked_meanwhile_is_still_the_same_leaver() -> None:
    """The first run marked them; the second one goes on with it."""
    kept = saved(plan_for([], [applied(person(ANA), busy=True)]))
    assert kept.holds(only(plan_for([], [applied(person(ANA), leaving=1_700_000_000)])))


def test_a_leaver_with_other_roles_is_another_plan_to_every_engine() -> None:
    """The file of a plan and the fingerprint that Pulumi's run is held to."""
    before = plan_for([], [applied(person(ANA))])
    now = plan_for([], [applied(person(ANA), roles=("admin",))])
    assert not saved(before).holds(only(now))
    assert fingerprint(before) != fingerprint(now)


def test_what_is_done_already_has_not_moved() -> None:
    """A run that was cut short, and is repeated."""
    kept = saved(plan_for(WANTED.users.values(), [applied(person(ANA, attributes={"level": 1}))]))
    assert moved(kept, plan_for(WANTED.users.values(), [applied(WANTED.users[ANA])])) == ()


def test_what_came_up_since_is_not_held() -> None:
    kept = saved(plan_for([], [applied(person(ANA))]))
    assert not kept.holds(only(plan_for([], [applied(person(BEN))])))


def edited(**changes: Any) -> str:
    body = saved_json(plan_for([], [applied(person(ANA))]), WANTED)
    return json.dumps({**body, **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "is no saved plan"),
        ('{"report": "plan"}', "is no saved plan"),
        (edited(format=9), "is of version 9, and this flexres reads version 2"),
        (edited(stack="other"), "was edited"),
        (edited(changes=[]), "was edited"),
        (edited(digest=None), "was edited"),
    ],
)
def test_what_is_no_saved_plan_of_ours_is_refused(text: str, says: str) -> None:
    """One line that names the file."""
    with pytest.raises(SetupError, match=says) as caught:
        read_saved(text, "plan.json")
    assert "plan.json" in caught.value.message


def test_a_plan_of_another_stack_is_refused() -> None:
    kept = saved(plan_for())
    other = replace(WANTED, config=replace(WANTED.config, id="zzz999"))
    with pytest.raises(SetupError, match="is a plan of stack prod"):
        check_belongs(kept, other, "plan.json")


def test_a_plan_of_other_yaml_is_refused_with_both_commits() -> None:
    kept = saved(plan_for())
    other = replace(WANTED, users={ANA: person(ANA, attributes={"level": 3})}, commit="d" * 40)
    with pytest.raises(SetupError, match="made from other YAML than this: it is of no commit, this is commit ddddddd"):
        check_belongs(kept, other, "plan.json")


def test_another_commit_of_the_same_yaml_is_fine() -> None:
    """What was reviewed on a branch is merged as another commit."""
    check_belongs(saved(plan_for()), replace(WANTED, commit="d" * 40), "plan.json")


def test_no_value_of_anybody_is_in_the_file() -> None:
    """Names, keys and hashes: nothing that a Worker knows can be read from it."""
    secretive = person(ANA, attributes={"diagnosis": "confidential-a"})
    text = json.dumps(
        saved_json(plan_for([secretive], [applied(secretive, attributes={"diagnosis": "confidential-b"})]), WANTED)
    )
    assert "confidential" not in text
    assert "attr:diagnosis" in text
