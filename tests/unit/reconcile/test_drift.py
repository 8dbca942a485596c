"""Drift: each finding has its reason, its time as far as Flex tells it, and whether fixing it is ours to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from flexres.errors import Exit
from flexres.live.model import LiveUser, Worker
from flexres.reconcile.change import Answer, Cause, FieldChange, Route, SettingChange, SettingState
from flexres.reconcile.context import Wanted
from flexres.reconcile.drift.findings import FIXED, Drift, Finding, Reason, compared_with, drift_of
from flexres.reconcile.drift.fix import as_deployed, drifted
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan, make_plan
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    NOW,
    OFFLINE,
    OTHER_ID,
    SSO,
    applied,
    config,
    in_flex,
    person,
    plan_for,
    snapshot,
)
from tests.unit.reconcile.strategies import World, worlds
from tests.unit.report import samples

many = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
CHANGED = "2026-05-30T08:00:00Z"


def reasons(drift: Drift) -> dict[str, Reason]:
    """Subject → reason, of everything found."""
    return {finding.subject: finding.reason for finding in drift.findings}


def the_only(drift: Drift) -> Finding:
    (finding,) = drift.findings
    return finding


def changed_at(live: LiveUser, when: str) -> LiveUser:
    assert live.worker is not None
    return replace(live, worker=replace(live.worker, date_updated=when), user=replace(live.user, updated_date=when))


@many
@given(worlds())
def test_there_is_drift_exactly_where_a_plan_has_something_to_tell(world: World) -> None:
    """A projection of the one plan: what it would change, and whom nobody declares; nothing is told twice."""
    plan = make_plan(world.wanted, world.snapshot, as_of=NOW)
    drift = drift_of(plan)
    told = {finding.change.username for finding in drift.findings if finding.change}
    visible = {
        change.username
        for change in plan.changes
        if change.fields == () or any(f.writes or f.route is Route.IDP for f in change.fields) or change.reason
    }
    assert visible <= told
    assert len({finding.id for finding in drift.findings}) == len(drift.findings)
    assert drift_of(plan) == drift


@many
@given(worlds())
def test_fixing_writes_what_others_changed_and_nothing_else(world: World) -> None:
    """Whatever waits in git stays there, on the same user too."""
    plan = make_plan(world.wanted, world.snapshot, as_of=NOW)
    before = as_deployed(world.wanted, plan)
    names = {change.username for change in plan.changes if drifted(change)}
    fix = make_plan(before, world.snapshot, as_of=NOW).narrowed(lambda change: change.name in names)
    lost = {change.username for change in plan.changes if change.live is not None and change.live.worker is None}
    wanted = {key: field.after for key, field in writes(plan, names) if field.cause in FIXED or key[0] in lost}
    assert {key: field.after for key, field in writes(fix, names)} == wanted


def writes(plan: Plan, names: set[str]) -> Iterator[tuple[tuple[str, str], FieldChange]]:
    """What Flex gets for these users, by username and key; what only the marker notes is no part of it."""
    for change in plan.changes:
        for field in change.fields:
            if change.username in names and field.writes and field.route is not Route.MARKER:
                yield (change.username, field.key.text), field


def test_what_somebody_changed_in_flex_and_what_git_has_are_two_findings() -> None:
    """Of one user: one is put back, the other deployed."""
    before, now = person(attributes={"level": 1, "city": "Rome"}), person(attributes={"level": 2, "city": "Rome"})
    live = changed_at(applied(before, attributes={"city": "Bari"}), CHANGED)
    found = {finding.reason: finding for finding in drift_of(plan_for([now], [live])).findings}
    assert found.keys() == {Reason.FLEX, Reason.GIT}
    assert [field.key.text for field in found[Reason.FLEX].fields] == ["attr:city"]
    assert (found[Reason.FLEX].fixed, found[Reason.GIT].fixed) == (True, False)


def test_since_when_is_an_upper_bound_where_flex_tells_no_more() -> None:
    """Something about the Worker changed last then: the field by that time at the latest."""
    ana = person(attributes={"level": 1})
    finding = the_only(drift_of(plan_for([ana], [changed_at(applied(ana, attributes={"level": 2}), CHANGED)])))
    assert (finding.since, finding.exact) == (datetime(2026, 5, 30, 8, tzinfo=UTC), False)


@pytest.mark.parametrize("told", [None, "", "yesterday"])
def test_a_time_that_nobody_can_read_is_no_time(told: str | None) -> None:
    ana = person(attributes={"level": 1})
    live = applied(ana, attributes={"level": 2})
    assert live.worker is not None
    live = replace(live, worker=replace(live.worker, date_updated=told))
    assert the_only(drift_of(plan_for([ana], [live]))).since is None


def test_a_last_day_that_has_passed_counts_from_its_end() -> None:
    ana = person(until=date(2026, 5, 1))
    finding = the_only(drift_of(plan_for([ana], [applied(ana)], timezone="Europe/Madrid")))
    assert (finding.reason, finding.exact) == (Reason.EXPIRED, True)
    assert finding.since == datetime(2026, 5, 1, 22, tzinfo=UTC)


def test_somebody_who_was_offboarded_in_flex_is_told_with_the_day() -> None:
    finding = the_only(drift_of(plan_for([person()], [in_flex(deactivated=CHANGED)])))
    assert (finding.reason, finding.since, finding.exact) == (
        Reason.DEACTIVATED,
        datetime(2026, 5, 30, 8, tzinfo=UTC),
        True,
    )


def test_waiting_is_no_drift_and_waiting_too_long_needs_somebody() -> None:
    hour = int((NOW - timedelta(hours=1)).timestamp())
    waits = drift_of(plan_for([], [applied(person(), busy=True, leaving=hour)]))
    late = drift_of(plan_for([], [applied(person(), busy=True, leaving=hour - 90_000)]))
    assert (the_only(waits).reason, waits.exit) == (Reason.WAITING, Exit.DONE)
    assert (the_only(late).reason, late.exit) == (Reason.OVERDUE, Exit.PARTIAL)


def test_people_whom_nobody_declares_are_drift_unless_ignored() -> None:
    """A user of another stack is not, and two personas are only to be known."""
    stranger = in_flex("pat@example.com", email="pat@example.com")
    console = in_flex("pat", email="pat@example.com")
    theirs = in_flex(BEN, marker=Marker(OTHER_ID))
    bot = Worker("WKbot", "bot", OFFLINE, "Offline", False, "{}")
    live = snapshot(stranger, console, theirs, orphans=[bot])
    found = reasons(drift_of(plan_for([], live)))
    assert found == {
        "pat": Reason.UNMANAGED,
        "pat@example.com": Reason.PERSONA,
        BEN: Reason.OTHER_STACK,
        "bot": Reason.ORPHAN,
    }
    ignored = drift_of(plan_for([], live, unmanaged="ignore"))
    assert not ignored.found


def test_a_worker_that_somebody_deleted_is_put_back() -> None:
    finding = the_only(drift_of(plan_for([person()], [in_flex(worker=False)])))
    assert (finding.reason, finding.fixed) == (Reason.FLEX, True)


def test_what_the_identity_provider_decides_is_no_drift() -> None:
    ana = person(roles=("agent", "supervisor"))
    drift = drift_of(plan_for([ana], [in_flex(marker=Marker("k7m2q9"))], sso=SSO))
    assert (the_only(drift).reason, drift.found) == (Reason.AT_IDP, False)


@pytest.mark.parametrize(
    ("state", "field", "reason", "counts"),
    [
        (SettingState.DRIFT, "sso_url", Reason.SIGN_ON, True),
        (SettingState.DRIFT, "trusted", Reason.UNTRUSTED, True),
        (SettingState.CHANGE, "issuer", Reason.SIGN_ON, True),
        (SettingState.STALE, "issuer", Reason.ATTESTATION, True),
        (SettingState.PENDING, "issuer", Reason.CONSOLE, False),
        (SettingState.REMOVAL, "trusted", Reason.CONSOLE, False),
        (SettingState.AS_DECLARED, "issuer", None, False),
    ],
)
def test_settings_of_single_sign_on_drift_too(
    state: SettingState, field: str, reason: Reason | None, counts: bool
) -> None:
    setting = SettingChange(field, state, "https://a.example", Answer.NO, "https://b.example")
    drift = drift_of(samples.with_settings(plan_for(), [setting]))
    assert [finding.reason for finding in drift.findings] == ([reason] if reason else [])
    assert drift.found is counts


@pytest.mark.parametrize(("days", "told"), [(31, False), (30, True), (0, True), (-1, True)])
def test_a_certificate_is_told_a_month_before_it_expires(days: int, told: bool) -> None:
    sso = replace(SSO, expires=NOW.date() + timedelta(days=days))
    found = drift_of(plan_for(), sso).findings
    assert [finding.reason for finding in found] == ([Reason.CERTIFICATE] if told else [])


def test_beside_an_earlier_report_only_what_is_new_speaks() -> None:
    """The same finding keeps its id from run to run; another value in Flex is another finding."""
    ana = person(attributes={"level": 1})
    first = drift_of(plan_for([ana], [applied(ana, attributes={"level": 2})]))
    told = [(finding.id, finding.subject) for finding in first.findings]
    later = NOW + timedelta(days=1)
    same = compared_with(drift_of(plan_for([ana], [applied(ana, attributes={"level": 2})], as_of=later)), told, "then")
    other = compared_with(drift_of(plan_for([ana], [applied(ana, attributes={"level": 3})])), told, "then")
    over = compared_with(drift_of(plan_for([ana], [applied(ana)])), told, "then")
    assert (same.quiet, same.exit, same.found) == (True, Exit.DONE, True)
    assert (other.quiet, other.exit) == (False, Exit.PENDING)
    assert (over.quiet, over.gone) == (True, tuple(told))


def test_what_is_only_to_be_known_is_never_news() -> None:
    """A leaver who waits as planned does not wake anybody."""
    hour = int((NOW - timedelta(hours=1)).timestamp())
    drift = compared_with(drift_of(plan_for([], [applied(person(), busy=True, leaving=hour)])), [], "then")
    assert drift.quiet


def test_a_new_attribute_in_git_is_not_deployed_by_a_fix() -> None:
    """Nor is a last day, a skill or a channel: the marker says afterwards what it said before."""
    before = person(ANA, attributes={"city": "Rome", "desk": {"floor": 1}}, skills={"billing": 1})
    now = person(
        ANA,
        attributes={"city": "Rome", "desk": {"floor": 2, "seat": "a"}, "vip": True},
        skills={"billing": 2, "returns": True},
        until=date(2027, 1, 1),
    )
    live = applied(before, attributes={"city": "Bari"})
    wanted = Wanted("prod", config(), {ANA: now}, commit_time=0)
    plan = plan_for([now], [live])
    assert as_deployed(wanted, plan).users[ANA] == before
    assert {field.cause for field in plan.changes[0].fields if field.key.text == "attr:city"} == {Cause.FLEX}
