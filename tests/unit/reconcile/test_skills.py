"""Declared skills beside Flex's catalogue: told with what may be meant, refused where the policy says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexres.desired.model import DesiredUser
from flexres.live.model import CatalogueSkill, LiveUser
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import BEN, STACK_ID, applied, in_flex, person, plan_for, snapshot

CATALOGUE = (CatalogueSkill("billing", 1, 5), CatalogueSkill("returns"))


def planned(
    user: DesiredUser, *live: LiveUser, catalogue: tuple[CatalogueSkill, ...] = CATALOGUE, **policy: Any
) -> Plan:
    there = snapshot(*live)
    there = replace(there, instance=replace(there.instance, skills=catalogue))
    return plan_for([user, person(BEN, skills={"billing": 3, "returns": True})], there, **policy)


@pytest.mark.parametrize(
    ("skills", "says"),
    [
        ({"biling": 3}, "not in Flex's skills catalogue; did you mean billing?"),
        ({"xyz": True}, "not in Flex's skills catalogue"),
        ({"billing": 0}, "its level is below 1, the least in Flex's skills catalogue"),
        ({"billing": 6}, "its level is above 5, the most in Flex's skills catalogue"),
    ],
)
def test_a_skill_that_flex_does_not_have_so_is_told(skills: dict[str, Any], says: str) -> None:
    user = person(skills=skills)
    for plan in (planned(user), planned(user, applied(user))):
        (found,) = plan.skills
        assert (found.message, found.usernames) == (says, (user.username,))
        assert plan.violations == ()


@pytest.mark.parametrize("skills", [{"billing": 5}, {"billing": True}, {"returns": 99}, None, {}])
def test_what_the_catalogue_has_is_not_told(skills: Any) -> None:
    assert planned(person(skills=skills)).skills == ()


def test_an_empty_catalogue_is_none() -> None:
    assert planned(person(skills={"biling": 3}), catalogue=()).skills == ()


def test_the_policy_may_refuse_to_write_one_and_nobody_is_held_up_by_one_that_is_there() -> None:
    """What refuses is this plan's doing; no approval lifts it, since Flex or the YAML has to be corrected."""
    user = person(skills={"biling": 3})
    (refusal,) = planned(user, unknown_skills="fail").violations
    assert (refusal.rule, refusal.usernames, refusal.detail) == (Rule.UNKNOWN_SKILLS, (user.username,), "biling")
    assert planned(user, applied(user), unknown_skills="fail").violations == ()
    corrected = person(skills={"billing": 3})
    assert planned(corrected, applied(user), unknown_skills="fail").violations == ()


@pytest.mark.parametrize(
    "live",
    [
        applied(person(skills={"biling": 3})),
        in_flex(attributes={"routing": {"skills": ["biling"], "levels": {"biling": 3}}}, marker=Marker(STACK_ID)),
    ],
    ids=["set before", "only noted"],
)
def test_a_skill_that_is_not_written_refuses_nothing_else_of_its_name(live: LiveUser) -> None:
    """An attribute of that name is no skill."""
    user = person(skills={"biling": 3}, attributes={"biling": 1})
    plan = planned(user, live, unknown_skills="fail")
    assert plan.pending
    assert plan.violations == ()


def test_the_policy_may_ignore_them() -> None:
    assert planned(person(skills={"biling": 3}), unknown_skills="ignore").skills == ()
