"""Stacks beside each other: whose is an id, and whose is a user of an instance that two of them share."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.desired.checks import clashes, glance, may_clash
from flexres.desired.load import load_stack
from flexres.desired.stack import Stack
from tests.unit.desired.stacks import FLEX, TextSource

OTHER_ID = FLEX.replace("k7m2q9", "zzz999")
OTHER_INSTANCE = OTHER_ID.replace("b" * 32, "c" * 32)
ANA = "users:\n  ana@example.com: {full_name: Ana, roles: [agent]}\n"
BEN = "users:\n  ben@example.com: {full_name: Ben, roles: [agent]}\n"


def stack(name: str, flex: str, team: str = ANA) -> Stack:
    return load_stack(TextSource({"flex.yaml": flex, "users/team.yaml": team}), name=name)


@pytest.mark.parametrize(
    ("flex", "team"),
    [(OTHER_ID, BEN), (OTHER_INSTANCE, ANA), (OTHER_INSTANCE, BEN)],
    ids=["one instance, other people", "other instance, same people", "nothing in common"],
)
def test_stacks_that_leave_each_other_alone_may_stand_together(flex: str, team: str) -> None:
    assert clashes([stack("prod", FLEX), stack("eu", flex, team)]) == ()


def test_one_id_is_one_stacks() -> None:
    """Even over two instances: it is what a Worker's marker says."""
    (problem,) = clashes([stack("prod", FLEX), stack("eu", FLEX.replace("b" * 32, "c" * 32))])
    assert problem.message == "the id k7m2q9 is also that of prod, at stacks/test/flex.yaml:2"
    assert (problem.position.file, problem.position.line) == ("stacks/test/flex.yaml", 2)


@pytest.mark.parametrize("name", ["ana@example.com", "Ana@Example.com"])
def test_a_user_of_one_instance_is_declared_once(name: str) -> None:
    """With both places; a Worker's name does not tell case apart."""
    (problem,) = clashes([stack("prod", FLEX), stack("eu", OTHER_ID, ANA.replace("ana@example.com", name))])
    assert problem.message.startswith(f"{name} is declared in stack prod of the same instance, too, at stacks/test/")
    assert problem.position.line == 2


def test_many_users_in_common_are_told_in_few_lines() -> None:
    team = "users:\n" + "".join(f"  u{n}@example.com: {{full_name: U, roles: [agent]}}\n" for n in range(50))
    found = clashes([stack("prod", FLEX, team), stack("eu", OTHER_ID, team)])
    assert len(found) == 20
    assert found[-1].message.endswith("and so are 30 others")


def test_nobody_is_a_leaver_of_one_and_declared_by_the_other() -> None:
    """One would retire whom the other brings back."""
    (problem,) = clashes([stack("prod", FLEX), stack("eu", f"{OTHER_ID}leavers: [ana@example.com]\n", BEN)])
    assert "is a leaver here, and is declared in stack prod" in problem.message


def previously(name: str, old: str) -> str:
    return f"users:\n  {name}@example.com:\n    full_name: X\n    roles: [agent]\n    previously: {old}\n"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("old", ["ana@example.com", "Ana@Example.com"])
def test_nobody_takes_the_place_of_a_user_of_another_stack(old: str, turned: bool) -> None:
    """A rename would take over whom the other stack declares; told at the line that says so."""
    stacks = [stack("prod", FLEX), stack("eu", OTHER_ID, previously("eve", old))]
    (problem,) = clashes(stacks[::-1] if turned else stacks)
    assert problem.message.startswith(f"eve@example.com was previously {old}, who is declared in stack prod ")
    assert problem.position.line == 5


def test_one_former_name_is_not_claimed_twice() -> None:
    """Only one of the two can have been that person."""
    old = "old@example.com"
    (problem,) = clashes([stack("eu", FLEX, previously("ben", old)), stack("us", OTHER_ID, previously("eve", old))])
    assert "who is claimed as a former name in stack eu" in problem.message


ANCHORED = FLEX.replace("id: k7m2q9", "id: &anchor k7m2q9")


@pytest.mark.parametrize(
    ("flex", "may"),
    [
        (FLEX, True),
        (ANCHORED, True),
        (OTHER_ID, True),
        (OTHER_INSTANCE, False),
        ("[", False),
        ("[]", False),
        ("", False),
    ],
)
def test_a_glance_tells_which_stacks_have_to_be_read(flex: Any, may: bool) -> None:
    """One that cannot be read says so itself, when it is validated."""
    assert may_clash(stack("prod", FLEX), glance(TextSource({"flex.yaml": flex}))) is may
