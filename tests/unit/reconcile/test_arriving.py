"""Arriving: created, reactivated, blocked because Flex spells or keeps them otherwise, and renamed."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest

from flexres.desired.model import DIGEST_LENGTH
from flexres.live.model import Worker
from flexres.reconcile.change import Kind, Why
from flexres.reconcile.guards.model import Rule, Step
from flexres.reconcile.guards.watch import deactivated_on
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    CHO,
    NOW,
    OTHER_ID,
    STACK_ID,
    applied,
    field,
    in_flex,
    kinds,
    only,
    person,
    plan_for,
    snapshot,
)

OLD = "a.ruiz@example.com"
RENAMED = person(previously=OLD)


def test_a_user_who_is_not_in_flex_is_created_with_every_field():
    """Profile, attributes, skills and the last day."""
    user = person(attributes={"level": 3}, skills={"billing": 1}, until=date(2027, 1, 31))
    change = only(plan_for([user]))
    assert change.kind is Kind.CREATE
    assert {item.key.text: item.after for item in change.fields} == {
        "email": ANA,
        "full_name": "Ana Ruiz",
        "roles": ["agent"],
        "attr:level": 3,
        "skill:billing": 1,
        "until": "2027-01-31",
    }
    assert all(item.before is ABSENT for item in change.fields)


def test_changes_come_by_team_file_and_then_by_name_and_undeclared_users_last():
    """As a reviewer reads the YAML."""
    users = [person(CHO, file="users/b.yaml"), person(BEN, file="users/b.yaml"), person(ANA, file="users/c.yaml")]
    plan = plan_for(users, [in_flex("aaa@example.com", marker=Marker(STACK_ID))])
    assert [change.username for change in plan.changes] == [BEN, CHO, ANA, "aaa@example.com"]
    assert [change.file for change in plan.changes] == ["users/b.yaml", "users/b.yaml", "users/c.yaml", None]


@pytest.mark.parametrize(
    ("date_of_it", "shown"),
    [
        ("2026-05-01T00:00:00Z", "on 2026-05-01 00:00 UTC: "),
        ("2026-05-01T02:30:00+02:00", "on 2026-05-01 00:30 UTC: "),
        ("2026-05-01T02:30:00", "on 2026-05-01T02:30:00: "),
        ("", "on a date that Flex does not tell: "),
        ("once upon a time", "on once upon a time: "),
    ],
)
def test_a_deactivated_user_is_blocked_alone_until_their_digest_is_approved(date_of_it, shown):
    """Somebody offboarded them: the plan says when, and what lifts it."""
    live = [in_flex(deactivated=date_of_it)]
    blocked = next(plan_for([person(), person(BEN)], live).of_kind(Kind.BLOCKED))
    assert shown in blocked.reason
    assert len(blocked.digest) == DIGEST_LENGTH
    plan = plan_for([person(), person(BEN)], live, approve=[blocked.digest])
    assert kinds(plan) == {ANA: Kind.REACTIVATE, BEN: Kind.CREATE}
    (found,) = [item for item in plan.guarded if item.rule is Rule.DEACTIVATED]
    assert (found.username, bool(found.approval), found.step) == (ANA, True, Step.COMES_BACK)
    assert found.what == (date_of_it or "a date that Flex does not tell",)


@pytest.fixture
def _in_tokyo(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_times_are_told_in_utc_wherever_the_machine_is():
    """A colleague elsewhere reads the same."""
    assert deactivated_on(in_flex(deactivated="2026-05-01T00:00:00Z")) == "2026-05-01 00:00 UTC"


def test_an_approval_of_one_deactivation_is_none_of_the_next():
    """Deactivated again later: somebody offboarded them again."""
    digest = only(plan_for([person()], [in_flex(deactivated="2026-05-01T00:00:00Z")])).digest
    again = plan_for([person()], [in_flex(deactivated="2026-05-30T00:00:00Z")], approve=[digest])
    assert only(again).kind is Kind.BLOCKED


def test_a_reactivated_user_shows_what_differs_from_the_record():
    """The Worker is new, so all attributes are."""
    user = person(attributes={"level": 3})
    live = [in_flex(full_name="Old Name", deactivated="2026-05-01T00:00:00Z")]
    digest = only(plan_for([user], live)).digest
    change = only(plan_for([user], live, approve=[digest]))
    assert {item.key.text for item in change.fields} == {"full_name", "attr:level"}


class TestSpelling:
    """A Worker's name does not tell case apart."""

    @pytest.mark.parametrize("spelled", ["Ana@example.com", "ANA@EXAMPLE.COM"])
    @pytest.mark.parametrize("marker", [None, Marker(STACK_ID)], ids=["unmarked", "ours"])
    @pytest.mark.parametrize("previously", [None, "Ana@example.com"])
    def test_a_user_whom_flex_spells_otherwise_is_blocked_and_nobody_leaves(self, spelled, marker, previously):
        """Correcting the case in the YAML must not retire the person it is about."""
        plan = plan_for([person(previously=previously)], [in_flex(spelled, marker=marker)])
        change = only(plan)
        assert (change.username, change.kind) == (ANA, Kind.BLOCKED)
        assert spelled in change.reason

    def test_a_deactivated_user_of_another_spelling_blocks_until_approved(self):
        """Nobody says whether Flex tells the case of usernames apart, and so whom a Provision would bring back."""
        gone = in_flex("Ana@example.com", deactivated="x")
        change = only(plan_for([person()], [gone]))
        assert change.kind is Kind.BLOCKED
        assert "Ana@example.com" in change.reason
        assert only(plan_for([person()], [gone], approve=[change.digest])).kind is Kind.REACTIVATE

    def test_an_orphan_of_that_name_blocks(self):
        """A Worker made in TaskRouter is never tied to a user, and its name is taken."""
        orphan = Worker("WK1", "Ana@Example.com", "WA1", "Offline", False, "{}")
        plan = plan_for([person()], snapshot(orphans=[orphan]))
        assert only(plan).kind is Kind.BLOCKED


def test_orphans_and_two_personas_are_named():
    """Each Worker is billed."""
    orphan = Worker("WK1", "somebody", "WA1", "Offline", False, "{}")
    users = [in_flex(email="Shared@example.com"), in_flex(BEN, email="shared@example.com"), in_flex(CHO)]
    plan = plan_for([], snapshot(*users, orphans=[orphan]))
    assert plan.orphans == (orphan,)
    assert plan.personas == {"shared@example.com": (ANA, BEN)}
    assert plan_for([], snapshot(orphans=[orphan]), unmanaged="ignore").orphans == ()


def test_a_deactivated_persona_does_not_count():
    """Only active users are billed."""
    users = [in_flex(email="s@example.com"), in_flex(BEN, email="s@example.com", deactivated="x")]
    assert plan_for([], users).personas == {}


class TestRename:
    """The new name comes first, then the old one leaves; a crash between any two steps loses nobody."""

    def old(self, **changes):
        """The old name as we keep it."""
        return applied(person(OLD), **changes)

    def test_before_anything_happened(self):
        """One change for both names, and the NameID named."""
        change = only(plan_for([RENAMED], [self.old()]))
        assert (change.kind, change.username, change.old.username) == (Kind.RENAME, ANA, OLD)
        assert OLD in change.reason
        assert "NameID" in change.reason

    @pytest.mark.parametrize(
        "new",
        [
            in_flex(),
            in_flex(full_name="Half Written"),
            in_flex(attributes={"roles": ["agent"]}),
            in_flex(worker=False),
        ],
        ids=["provisioned", "half", "carried over", "worker missing"],
    )
    def test_the_new_name_is_there_without_our_marker(self, new):
        """Go on: the old Worker still knows what the new one does not."""
        change = only(plan_for([RENAMED], [self.old(), new]))
        assert (change.kind, change.old.username) == (Kind.RENAME, OLD)

    def test_the_old_name_is_marked_already(self):
        """Still a rename while the new one lacks our marker."""
        change = only(plan_for([RENAMED], [self.old(leaving=5), in_flex()]))
        assert (change.kind, change.old.username) == (Kind.RENAME, OLD)

    @pytest.mark.parametrize(("busy", "kind"), [(False, Kind.RETIRE), (True, Kind.WAIT)])
    def test_the_new_name_is_done_and_the_old_one_leaves(self, busy, kind):
        """`previously` does nothing any more."""
        change = only(plan_for([RENAMED], [self.old(leaving=5, busy=busy), applied(RENAMED)]))
        assert (change.username, change.kind, change.why) == (OLD, kind, Why.RENAMED)

    @pytest.mark.parametrize(
        "live",
        [
            [],
            [in_flex(OLD, deactivated="2026-05-01T00:00:00Z")],
            [in_flex(OLD, worker=False)],
        ],
    )
    def test_without_an_old_worker_there_is_nothing_to_carry_over(self, live):
        """A plain creation."""
        assert kinds(plan_for([RENAMED], live)) == {ANA: Kind.CREATE}

    def test_once_done_and_gone_nothing_is_left(self):
        """Validate suggests dropping `previously`."""
        live = [in_flex(OLD, deactivated="2026-05-01T00:00:00Z"), applied(RENAMED)]
        assert plan_for([RENAMED], live).changes == ()

    def test_an_old_name_nobody_marked_is_renamed_too(self):
        """`previously` names who it was, managed or not."""
        assert only(plan_for([RENAMED], [in_flex(OLD)])).kind is Kind.RENAME

    @pytest.mark.parametrize(
        "old",
        [
            in_flex(OLD, marker=Marker(OTHER_ID)),
            in_flex(OLD, marker="hello"),
            in_flex(OLD, text="["),
            in_flex(OLD, attributes={"routing": "wine"}, marker=Marker(STACK_ID)),
        ],
        ids=["foreign", "unreadable", "no object", "odd routing"],
    )
    @pytest.mark.parametrize("new", [[], [in_flex()]], ids=["new", "half done"])
    def test_an_old_name_that_cannot_be_carried_over_blocks_the_new_one(self, old, new):
        """Else the person would lose what the old Worker knows, or be two."""
        change = only(plan_for([RENAMED], [old, *new]))
        assert (change.username, change.kind) == (ANA, Kind.BLOCKED)
        assert OLD in change.reason

    @pytest.mark.parametrize(
        "new",
        [in_flex(deactivated="2026-05-01T00:00:00Z"), in_flex(marker=Marker(OTHER_ID)), in_flex(text="[")],
        ids=["deactivated", "foreign", "no object"],
    )
    def test_while_the_new_name_is_blocked_the_old_one_stays(self, new):
        """Nobody loses Flex because their new name is taken."""
        assert kinds(plan_for([RENAMED], [self.old(), new])) == {ANA: Kind.BLOCKED}

    def test_a_rename_onto_an_approved_deactivated_name_goes_on(self):
        """Renamed back, for example."""
        live = [self.old(), in_flex(deactivated="2026-05-01T00:00:00Z")]
        digest = only(plan_for([RENAMED], live)).digest
        assert only(plan_for([RENAMED], live, approve=[digest])).kind is Kind.RENAME

    def test_a_previously_on_somebody_managed_already_is_no_excuse(self):
        """The one it names leaves like any other, and counts."""
        plan = plan_for([RENAMED], [self.old(), applied(RENAMED)])
        assert [item.username for item in plan.guarded if item.rule is Rule.MAX_REMOVALS] == [OLD]

    def test_an_expired_new_name_renames_nobody(self):
        """Both are leaving: the old one as somebody whom nobody declares."""
        user = replace(RENAMED, until=NOW.date().replace(month=1))
        change = only(plan_for([user], [self.old()]))
        assert (change.username, change.kind, change.why) == (OLD, Kind.RETIRE, Why.UNDECLARED)

    def test_what_differs_from_a_half_made_new_name_is_listed(self):
        """The rest is as wanted already."""
        change = only(plan_for([RENAMED], [self.old(), in_flex(full_name="Half")]))
        assert field(change, "full_name").after == "Ana Ruiz"
        assert len(change.fields) == 1
