"""What is said of one user's change, as the value that every format lays out: fields, their values, and why."""

from __future__ import annotations

import pytest

from flexres.desired.model import DesiredUser
from flexres.reconcile.key import Key
from flexres.reconcile.plan import Plan
from flexres.report.plan.model import report_of
from flexres.report.plan.user import Becomes, Line, UserReport
from flexres.report.wording import LONG_LABEL, field_label, value_text
from tests.unit.report import samples
from tests.unit.report.idp_samples import managed_idp_plan


def said_of(plan: Plan, name: str) -> UserReport:
    return next(one for one in report_of(plan).users if one.change.username == f"{name}@example.com")


def told(line: Line) -> tuple[str, str, str]:
    return line.label, line.values(), line.why


def edited(before: dict[str, object], after: dict[str, object], *, in_flex: dict[str, object] | None = None) -> Plan:
    """Somebody whose attributes change in the YAML, and `in_flex` by hand."""
    old: DesiredUser = samples.desired("ana@example.com", attributes=before)
    then = [(f"attr:{name}", value) for name, value in (in_flex or {}).items()]
    return samples.plan_of(
        [samples.desired("ana@example.com", attributes=after)],
        [samples.in_flex(old, then=then)],  # type: ignore[arg-type]  # a sample's values are JSON
    )


def test_a_field_tells_before_and_after_and_the_cause() -> None:
    """A reader sees what changes and who made it differ."""
    plan = samples.busy_plan()
    assert ("level", "2 → 3", "git") in map(told, said_of(plan, "bob").lines)
    moved = ("location", "Leeds → London", "changed in Flex, put back")
    assert moved in map(told, said_of(plan, "cho").lines)


def test_both_sides_changing_is_said() -> None:
    """When git and somebody in Flex changed the same field, nobody has to guess."""
    (line,) = said_of(edited({"level": 1}, {"level": 2}, in_flex={"level": 3}), "ana").lines
    assert told(line) == ("level", "3 → 2", "git, and changed in Flex")
    assert not line.expected


def test_two_long_values_are_cut_where_they_differ() -> None:
    """Before and after never look alike."""
    (line,) = said_of(edited({"note": "x" * 200 + " old"}, {"note": "x" * 200 + " new"}), "ana").lines
    before, after = line.sides(48)
    assert before.endswith(" old")
    assert after.endswith(" new")
    assert before.startswith("…")


@pytest.mark.parametrize(("before", "after", "values"), [(1, "1", '1 → "1"'), ("x", "", 'x → ""')])
def test_a_text_that_looks_like_another_type_is_quoted(before: object, after: object, values: str) -> None:
    """The change from the number 1 to the text "1" can be seen."""
    (line,) = said_of(edited({"level": before}, {"level": after}), "ana").lines
    assert line.values() == values


def test_what_is_no_longer_declared_is_let_go_and_stays() -> None:
    """It is among what is kept, not among what changes."""
    one = said_of(samples.kept_plan(), "ana")
    assert [(line.label, line.becomes) for line in one.kept] == [("location", Becomes.LET_GO)]
    assert one.changed == ()


def test_a_field_says_at_which_sides_it_is_written() -> None:
    """What goes to both, what a login did, what somebody did at the provider, and who is made there."""
    plan = managed_idp_plan()
    assert list(map(told, said_of(plan, "ana").lines)) == [
        ("roles", "agent → agent, supervisor", "git · Flex and Auth0")
    ]
    assert list(map(told, said_of(plan, "ben").lines)) == [
        ("full_name", "Benn → Ben", "written at a login, put back"),
        ("department", "Ops → Sales", "changed there, put back · at Auth0"),
    ]
    assert said_of(plan, "new").provider == "is made at Auth0: NameID"


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("attr:level", "level"),
        ("attr:shift/pattern", "shift.pattern"),
        ("skill:Billing EN", "skill Billing EN"),
        ("channel:chat.capacity", "chat capacity"),
        ("attr:gains admin", '"gains admin"'),
        ("attr:approved by security: no change", '"approved by security: no change"'),
        ("skill:billing → 5 · approved", 'skill "billing → 5 · approved"'),
        ("attr:x\x1b[2J", '"x\\u001b[2J"'),
    ],
)
def test_a_name_that_could_be_read_as_words_of_ours_is_quoted(key: str, label: str) -> None:
    """An agent can give their own attributes and skills any name, and it stands beside what we say."""
    assert field_label(Key.parse(key)) == label


def test_a_name_is_told_as_far_as_a_line_bears() -> None:
    """However long it is."""
    assert len(field_label(Key.of("attr", "x" * 900))) == LONG_LABEL


def test_a_value_that_holds_our_own_signs_is_quoted() -> None:
    """It would otherwise read as another side, or as another field."""
    assert value_text("2 → 3 · git") == '"2 → 3 · git"'
