"""The verdict that all formats share."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flexres.desired.model import Channel, Limit
from flexres.errors import Exit
from flexres.live.model import WorkerChannel
from flexres.reconcile.change import Kind
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.plan import Plan
from flexres.report.next_step import lift
from flexres.report.plan.model import report_of
from flexres.report.terms import Risk, Verdict
from tests.unit.report import samples
from tests.unit.report.rendering import applied_text, plan_json, plan_markdown, plan_text


@pytest.mark.parametrize(
    ("plan", "verdict", "exit_code"),
    [
        (samples.in_sync_plan(), Verdict.IN_SYNC, Exit.DONE),
        (samples.idp_plan(), Verdict.IN_SYNC, Exit.DONE),
        (samples.safe_plan(), Verdict.SAFE, Exit.PENDING),
        (samples.approved_plan(), Verdict.NEEDS_CARE, Exit.PENDING),
        (samples.refused_plan(), Verdict.REFUSED, Exit.REFUSED),
    ],
)
def test_a_plan_has_one_verdict_and_one_exit(plan: Plan, verdict: Verdict, exit_code: Exit) -> None:
    """In sync, safe, needs care, or refused."""
    summary = report_of(plan)
    assert (summary.verdict, summary.exit) == (verdict, exit_code)


def test_a_plan_with_only_blocked_people_needs_care_and_exits_in_part() -> None:
    """Nothing is pending, yet somebody has to look."""
    gus = samples.desired("gus@example.com")
    plan = samples.plan_of([gus], [samples.in_flex(gus, deactivated=True, deactivated_date="2026-10-01T08:00:00Z")])
    assert (report_of(plan).verdict, report_of(plan).exit) == (Verdict.NEEDS_CARE, Exit.PARTIAL)


@pytest.mark.parametrize("plan", [samples.safe_plan(), samples.approved_plan(), samples.refused_plan()])
def test_the_formats_never_disagree(plan: Plan) -> None:
    """The same verdict is in each of them."""
    verdict = str(report_of(plan).verdict)
    assert verdict in plan_text(plan, width=100, colour=False).splitlines()[0]
    assert verdict in plan_markdown(plan).splitlines()[1]
    assert plan_json(plan)["verdict"] == verdict


def test_risks_are_in_order_and_carry_their_place_and_approval() -> None:
    """The gravest first, each with the line of the YAML and who approved it."""
    risks = report_of(samples.approved_plan(), position=samples.position).risks
    order = list(Risk)
    assert [order.index(item.kind) for item in risks] == sorted(order.index(item.kind) for item in risks)
    assert risks[0].where == "stacks/prod/users/ops.yaml:25"
    assert risks[0].approved_by == samples.committed("").by


def test_somebody_who_comes_back_after_offboarding_is_a_risk() -> None:
    """Approved, and still told."""
    (item,) = [item for item in report_of(samples.leavers_plan()).risks if item.kind is Risk.REACTIVATED]
    assert (item.username, item.approved_by) == ("back@example.com", "--approve by ana")


def test_an_update_of_the_marker_alone_counts_as_noted() -> None:
    """Nobody sees a change in Flex."""
    summary = report_of(samples.kept_plan())
    assert (summary.noted, summary.counts.get(Kind.UPDATE)) == (1, None)


def test_only_those_who_differ_are_looked_up() -> None:
    """Ten thousand users in sync cost a report nothing."""
    asked: list[str] = []

    def position(username: str) -> None:
        asked.append(username)

    plan = samples.large_plan(users=400, changed=4)
    plan_text(plan, width=100, colour=False, position=position)
    plan_markdown(plan, position=position)
    json.dumps(plan_json(plan, position=position))
    assert set(asked) == {change.username for change in plan.changes}


def test_the_command_after_a_run_approves_what_is_left_and_no_more() -> None:
    """The digest of the whole plan does not fit what is left, that of a single change does."""
    digest = samples.busy_plan().digest
    plan = samples.busy_plan(approvals=[Approval(digest, Source.COMMAND_LINE, "ana")])
    run = samples.applied(plan)
    lee = next(item.digest for item in plan.guarded if item.username == "lee@example.com" and item.approved_by)
    assert applied_text(run, width=100, colour=False).endswith(f"flexres apply --stack prod --approve {lee}\n")


def test_a_run_that_leaves_many_approved_changes_asks_for_another_look() -> None:
    """Nobody types forty digests."""
    users = [samples.desired(f"user{number}", attributes={"level": 2}) for number in range(9)]
    live = [samples.in_flex(replace(user, attributes={"level": 1})) for user in users]
    policy = replace(samples.POLICY, max_changes=Limit(count=1))
    digest = samples.plan_of(users, live, policy=policy).digest
    plan = samples.plan_of(users, live, policy=policy, approvals=[Approval(digest, Source.COMMAND_LINE, "ana")])
    assert f"flexres apply --stack prod --approve {digest}" in plan_text(plan, width=100, colour=False)
    assert "flexres plan --stack prod" in applied_text(samples.none_done(plan), width=100, colour=False)


def test_a_date_that_is_none_is_shown_as_it_came() -> None:
    """Flex may say anything."""
    gus = samples.desired("gus@example.com")
    plan = samples.plan_of([gus], [samples.in_flex(gus, deactivated=True, deactivated_date="2026-99-01T08:00:00Z")])
    assert "2026-99-01T08:00:00Z" in plan_text(plan, width=200, colour=False)


@pytest.mark.parametrize(
    ("limit", "advice"),
    [
        (Limit(percent=100.0), "write policy.max_removals as a number, 2 or more"),
        (Limit(percent=10.0), "write policy.max_removals as a number, 2 or more"),
        (Limit(count=1), "raise policy.max_removals"),
    ],
)
def test_no_advice_is_impossible(limit: Limit, advice: str) -> None:
    """A percentage of one managed user never allows two people to leave; one that can be raised is to be raised."""
    gone = [samples.desired(f"gone{n}@example.com") for n in range(2)]
    live = [samples.in_flex(gone[0]), samples.in_flex(gone[1], marked=False)]
    names = tuple(user.username for user in gone)
    plan = samples.plan_of([], live, policy=replace(samples.POLICY, max_removals=limit), leavers=names)
    (refusal,) = [one for one in plan.violations if one.rule is Rule.MAX_REMOVALS]
    assert lift(plan, refusal) == advice


@pytest.mark.parametrize(
    ("fields", "risk"),
    [
        ({"email": "ana@elsewhere.org"}, Risk.OTHER_ADDRESS),
        ({"attributes": {"contact_uri": "+15550100"}}, Risk.CALLS_ELSEWHERE),
        ({"attributes": {"image_url": "https://elsewhere.org/a.png"}}, Risk.PICTURE),
        ({"channels": {"chat": Channel(available=True, capacity=0)}}, Risk.CHANNEL_CLOSED),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_what_a_field_can_do_is_a_risk_for_new_users_too(fields: dict[str, Any], risk: Risk, new: bool) -> None:
    """Another address signs in as them, a contact URI diverts their calls."""
    before = samples.desired("ana@example.com")
    user = replace(before, **fields)
    channels = {name: WorkerChannel(f"WC{name}", name, True, 3) for name in ("chat", "voice")}
    live = [] if new else [samples.in_flex(before, channels=channels)]
    report = report_of(samples.plan_of([user], live))
    assert risk in report.by_risk
    assert report.verdict is Verdict.NEEDS_CARE


def test_an_undeclared_admin_is_shown_with_their_roles() -> None:
    """Nobody declares them, so nothing else would tell."""
    stranger = samples.in_flex(samples.desired("amy@example.com", roles=("admin",)), marked=False)
    (item,) = report_of(samples.plan_of([], [stranger])).risks
    assert (item.kind, item.username, item.detail) == (Risk.UNMANAGED_ADMIN, "amy@example.com", "has admin in Flex")
