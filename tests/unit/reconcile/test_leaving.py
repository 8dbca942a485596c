"""Leaving: who leaves and why, who waits, for how long, and who is only let go."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from flexres.reconcile.change import Kind, Why
from flexres.reconcile.context import is_busy
from flexres.reconcile.guards.watch import counts_as_removal
from flexres.reconcile.marker import Marker
from tests.unit.reconcile.builders import (
    ANA,
    AVAILABLE,
    NOW,
    OTHER_ID,
    STACK_ID,
    applied,
    config,
    in_flex,
    only,
    person,
    plan_for,
    snapshot,
)

OURS = Marker(STACK_ID)
YESTERDAY, TODAY = NOW.date() - timedelta(days=1), NOW.date()


@pytest.mark.parametrize(
    ("desired", "live", "leavers", "why"),
    [
        ([], in_flex(marker=OURS), [], Why.UNDECLARED),
        ([], in_flex(marker=OURS), [ANA], Why.LEAVER),
        ([], in_flex(), [ANA], Why.LEAVER),
        ([], in_flex(worker=False), [ANA], Why.LEAVER),
        ([], in_flex(text="["), [ANA], Why.LEAVER),
        ([], in_flex(marker=Marker(OTHER_ID)), [ANA], Why.LEAVER),
        ([], in_flex(marker="hello"), [ANA], Why.LEAVER),
        ([person(until=YESTERDAY)], in_flex(marker=OURS), [], Why.EXPIRED),
        ([person(until=YESTERDAY)], in_flex(), [], Why.EXPIRED),
    ],
)
def test_somebody_idle_retires(desired, live, leavers, why):
    """Undeclared, named in leavers whatever the marker says, or expired."""
    change = only(plan_for(desired, [live], leavers=leavers))
    assert (change.kind, change.why, change.pending) == (Kind.RETIRE, why, True)


@pytest.mark.parametrize("leavers", [[], [ANA]])
def test_nobody_leaves_twice(leavers):
    """A deactivated user has left."""
    assert plan_for([], [in_flex(deactivated="2026-05-01T00:00:00Z")], leavers=leavers).changes == ()


def test_a_leaver_who_is_not_in_flex_is_no_change():
    """Leavers may stay in the YAML."""
    assert plan_for([], [], leavers=[ANA]).changes == ()


@pytest.mark.parametrize("live", [[], [in_flex(deactivated="2026-05-01T00:00:00Z")]])
def test_somebody_expired_is_not_brought_back(live):
    """Neither created nor blocked."""
    plan = plan_for([person(until=YESTERDAY)], live)
    assert plan.changes == ()
    assert plan.in_sync == 1


@pytest.mark.parametrize(
    ("now", "timezone", "leaves"),
    [
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "UTC", False),
        (datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC), "UTC", False),
        (datetime(2026, 6, 2, 0, 0, tzinfo=UTC), "UTC", True),
        (datetime(2026, 6, 1, 23, 0, tzinfo=UTC), "Europe/London", True),
        (datetime(2026, 6, 1, 22, 59, tzinfo=UTC), "Europe/London", False),
        (datetime(2026, 6, 2, 3, 59, tzinfo=UTC), "America/New_York", False),
        (datetime(2026, 6, 2, 4, 0, tzinfo=UTC), "America/New_York", True),
    ],
)
def test_until_is_the_last_day_in_the_policys_time_zone(now, timezone, leaves):
    """Inclusive: they leave the day after."""
    user = person(until=date(2026, 6, 1))
    plan = plan_for([user], [applied(user)], as_of=now, timezone=timezone)
    assert bool(plan.changes) is leaves


class TestWaiting:
    """A busy Worker is marked as leaving and waits."""

    def test_a_busy_leaver_waits_and_has_to_be_marked(self):
        """One write: our marker."""
        change = only(plan_for([], [in_flex(marker=OURS, busy=True)]))
        assert (change.kind, change.pending, change.overdue) == (Kind.WAIT, True, False)

    def test_once_marked_waiting_is_nothing_to_do(self):
        """No failure and no drift."""
        plan = plan_for([], [in_flex(marker=Marker(STACK_ID, leaving=int(NOW.timestamp()) - 60), busy=True)])
        assert only(plan).kind is Kind.WAIT
        assert not plan.pending

    @pytest.mark.parametrize(("hours", "overdue"), [(23, False), (24, False), (25, True)])
    def test_after_retire_within_it_is_overdue(self, hours, overdue):
        """The default is a day."""
        since = int((NOW - timedelta(hours=hours)).timestamp())
        change = only(plan_for([], [in_flex(marker=Marker(STACK_ID, leaving=since), busy=True)]))
        assert change.overdue is overdue

    def test_marked_in_1970_is_marked(self):
        """Zero is a time."""
        change = only(plan_for([], [in_flex(marker=Marker(STACK_ID, leaving=0), busy=True)]))
        assert (change.pending, change.overdue) == (False, True)

    def test_who_waited_retires_when_idle(self):
        """The next run finds them offline."""
        assert only(plan_for([], [in_flex(marker=Marker(STACK_ID, leaving=5))])).kind is Kind.RETIRE

    def test_retire_when_now_does_not_wait(self):
        """The policy says so."""
        assert only(plan_for([], [in_flex(marker=OURS, busy=True)], retire_when="now")).kind is Kind.RETIRE

    def test_an_expired_user_waits_too(self):
        """Declared, but past the last day."""
        user = person(until=YESTERDAY)
        change = only(plan_for([user], [applied(user, busy=True)]))
        assert (change.kind, change.desired) == (Kind.WAIT, user)

    def test_another_stacks_leaving_is_not_ours(self):
        """A leaver with a foreign marker is marked by us, and since then."""
        live = in_flex(marker=Marker(OTHER_ID, leaving=5), busy=True)
        change = only(plan_for([], [live], leavers=[ANA]))
        assert (change.kind, change.pending, change.overdue) == (Kind.WAIT, True, False)
        assert counts_as_removal(change, {})

    @pytest.mark.parametrize(
        ("offline", "activity", "busy"),
        [
            (AVAILABLE, in_flex(busy=True), False),
            (AVAILABLE, in_flex(), True),
            (None, in_flex(busy=True), True),
            (None, in_flex(), False),
        ],
    )
    def test_only_the_workspaces_offline_activity_is_idle(self, offline, activity, busy):
        """By its SID; by name where the configuration does not tell."""
        assert is_busy(activity.worker, offline, config().policy) is busy

    def test_without_a_worker_nobody_is_busy(self):
        """Nothing to wait for."""
        assert not is_busy(None, AVAILABLE, config().policy)


class TestKeep:
    """`retire: keep` lets go of the user and changes nothing but our marker."""

    @pytest.mark.parametrize("busy", [True, False])
    def test_a_managed_user_is_let_go_at_once(self, busy):
        """Nothing to wait for."""
        change = only(plan_for([], [in_flex(marker=OURS, busy=busy)], retire="keep"))
        assert (change.kind, change.pending) == (Kind.LET_GO, True)

    @pytest.mark.parametrize("marker", [None, "hello", Marker(OTHER_ID)], ids=["none", "unreadable", "foreign"])
    def test_a_leaver_without_our_marker_is_left_alone(self, marker):
        """There is nothing of ours to remove."""
        assert plan_for([], [in_flex(marker=marker)], retire="keep", leavers=[ANA]).changes == ()

    def test_an_expired_user_is_let_go_and_stays_so(self):
        """Without the marker they are not adopted again."""
        user = person(until=YESTERDAY)
        assert only(plan_for([user], [applied(user)], retire="keep")).kind is Kind.LET_GO
        assert plan_for([user], [in_flex()], retire="keep").changes == ()


def test_a_leaver_marked_while_busy_stays_readable_to_the_next_plan():
    """The mark alone makes them ours."""
    plan = plan_for([], snapshot(in_flex(marker=Marker(STACK_ID, leaving=5), busy=True)), leavers=[ANA])
    assert (only(plan).why, plan.pending) == (Why.LEAVER, ())


def test_today_is_not_yet_over():
    """Somebody whose last day is today is in sync."""
    user = person(until=TODAY)
    assert plan_for([user], [applied(user)]).changes == ()
