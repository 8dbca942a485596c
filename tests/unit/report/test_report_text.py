"""The text report tells in order of importance, fits the terminal, and shows nothing raw that it was given."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.desired.model import Limit
from flexres.errors import Exit
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.plan import Plan
from tests.unit.report import samples
from tests.unit.report.rendering import (
    applied_json,
    applied_markdown,
    applied_page,
    applied_text,
    plan_markdown,
    plan_page,
    plan_text,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PLANS = [
    samples.in_sync_plan,
    samples.safe_plan,
    samples.busy_plan,
    samples.approved_plan,
    samples.refused_plan,
    samples.idp_plan,
    samples.hostile_plan,
    samples.kept_plan,
    samples.leavers_plan,
]
ANY_TEXT = st.text(st.characters(), min_size=1, max_size=80)


def text_of(plan: Plan, *, width: int = 120, verbose: bool = False) -> str:
    return plan_text(plan, width=width, colour=False, verbose=verbose, position=samples.position)


def line_with(text: str, *words: str) -> str:
    return next(line for line in text.splitlines() if all(word in line for word in words))


def test_a_stack_in_sync_is_one_line() -> None:
    """Nothing to do is said in one breath."""
    text = text_of(samples.in_sync_plan())
    assert text.count("\n") == 1
    assert "in sync: all 312 users are as declared" in text


def test_the_verdict_is_on_the_first_line() -> None:
    """Three seconds are enough to see whether it is safe."""
    firsts = [text_of(plan()).splitlines()[0] for plan in (samples.safe_plan, samples.busy_plan, samples.kept_plan)]
    assert [re.split(r"  +", line)[2] for line in firsts] == ["safe", "refused", "needs care"]


def test_risk_comes_before_the_users_by_team_file() -> None:
    """Who gains admin, who loses it, who leaves, who waits, who is blocked: in this order, then the rest."""
    text = text_of(samples.busy_plan())
    risks = ["gains admin  ", "gains supervisor", "loses admin", "leaves ", "waits too long", "waits ", "blocked "]
    places = [text.index(word, text.index("Needs care")) for word in [*risks, "at the IdP", "\nusers/ops.yaml\n"]]
    assert places == sorted(places)


def test_each_violation_says_what_lifts_it_and_the_command_lifts_all() -> None:
    """A refused plan ends with exactly what to type."""
    plan = samples.refused_plan()
    text = text_of(plan, width=200)
    assert "raise policy.max_removals" in line_with(text, "max_removals is 10%")
    assert f"  flexres apply --stack prod --approve {plan.digest}\n" in text
    assert f"digest {plan.digest}" in text


def test_a_lone_new_admin_is_allowed_by_name() -> None:
    """The one thing that people approve every month can be typed without a digest."""
    lee = samples.desired("lee@example.com", roles=("admin",))
    assert "flexres apply --stack prod --allow-admin lee@example.com" in text_of(samples.plan_of([lee], []))


def test_an_approval_from_the_command_line_is_repeated_in_the_next_command() -> None:
    """A plan that passes only with --approve is not applied without it."""
    digest = samples.busy_plan().digest
    by_option = samples.busy_plan(approvals=[Approval(digest, Source.COMMAND_LINE, "ana")])
    by_commit = samples.busy_plan(approvals=[samples.committed(digest)])
    assert "--approve" in line_with(text_of(by_option), "flexres apply")
    assert "--approve" not in line_with(text_of(by_commit), "flexres apply")


def test_who_approved_is_named() -> None:
    """A lifted guard is told together with who lifted it."""
    text = text_of(samples.approved_plan())
    assert "  stacks/prod/flex.yaml:21, by commit 1a2b3c4" in line_with(text, "gains admin", "by ")


def test_a_blocked_user_comes_with_the_reason_and_the_approval() -> None:
    """Somebody offboarded them: the report says when, and what brings them back."""
    plan = samples.busy_plan()
    digest = next(change.digest for change in plan.changes if change.username == "gus@example.com")
    text = " ".join(text_of(plan, width=200).split())
    assert f"deactivated in Flex on 2026-10-01 08:00 UTC: somebody offboarded them; --approve {digest}" in text


def test_differences_at_the_identity_provider_are_to_know_not_to_decide() -> None:
    """Nothing is written for them, so they do not make a plan unsafe."""
    text = text_of(samples.idp_plan())
    assert "in sync" in text.splitlines()[0]
    assert "roles: agent → agent, supervisor" in line_with(text, "at the IdP", "ana@example.com")
    assert text.endswith("nothing to apply\n")


def test_a_rename_names_the_name_id_to_change() -> None:
    """Without that the next login makes a phantom."""
    assert "change the NameID from d.ruiz@example.com" in text_of(samples.busy_plan())


def test_a_long_list_is_cut_and_says_so_until_everything_is_asked_for() -> None:
    """A first apply of a thousand users does not scroll past the summary."""
    plan = samples.plan_of([samples.desired(f"user{number:04}@example.com") for number in range(1000)], [])
    short, long = text_of(plan), text_of(plan, verbose=True)
    assert "… and 960 more: to add (--verbose shows all)" in short
    assert len(short.splitlines()) < 60
    assert "more: to add" not in long
    assert "user0999@example.com" in long


def test_verbose_tells_what_is_let_go_and_noted_field_by_field() -> None:
    """What only the marker notes is one quiet line otherwise."""
    plan = samples.kept_plan()
    assert "location: stays in Flex, no longer ours" in text_of(plan)
    assert re.search(r"location +Leeds +let go, as changed in Flex", text_of(plan, verbose=True))


@pytest.mark.parametrize("make", PLANS)
@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_the_terminal(make: object, width: int, verbose: bool) -> None:
    """The terminal never wraps what we aligned."""
    plan = make()  # type: ignore[operator]
    assert max(cell_len(line) for line in text_of(plan, width=width, verbose=verbose).splitlines()) <= width


@pytest.mark.parametrize("make", PLANS)
def test_the_words_are_the_same_without_colour(make: object) -> None:
    """Colour only repeats what the words say."""
    plan = make()  # type: ignore[operator]
    coloured = plan_text(plan, width=100, colour=True, position=samples.position)
    assert ANSI.sub("", coloured) == text_of(plan, width=100)
    assert coloured != text_of(plan, width=100)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(name=ANY_TEXT, value=ANY_TEXT, width=st.integers(40, 120))
def test_no_unseen_character_reaches_the_terminal(name: str, value: str, width: int) -> None:
    """Whatever a name or a value holds, lines hold printable characters only, and fit."""
    user = samples.desired(name, attributes={value: value}, skills={value: 1}, file=f"users/{name}.yaml")
    gone = samples.desired(f"gone{name}")
    before = samples.in_flex(replace(user, attributes={value: [name, value]}, skills={}))
    plan = samples.plan_of([user], [before, samples.in_flex(gone, activity=value)], name=name)
    for text in (
        text_of(plan, width=width, verbose=True),
        applied_text(samples.applied(plan), width=width, colour=False),
    ):
        lines = text.removesuffix("\n").split("\n")
        assert all(line.isprintable() for line in lines)
        assert max(cell_len(line) for line in lines) <= width


def test_an_outcome_tells_trouble_first_and_what_to_type_next() -> None:
    """Failed with Twilio's request id, not taken with the fields, then the counts and the command."""
    text = applied_text(samples.applied(samples.approved_plan()), width=120, colour=False)
    assert "RQ0123" in text
    assert "level, skill billing" in text
    assert text.index("\nFailed\n") < text.index("\nDid not take") < text.index("\nWaiting to leave\n")
    assert "9 done · 2 waiting · 1 failed · 2 blocked · 1 not taken\nexit 5: " in text
    assert text.endswith("again, for what is left: flexres apply --stack prod\n")


def test_an_interrupted_run_names_who_was_not_started() -> None:
    """Ctrl-C leaves a list of what is still to do."""
    text = applied_text(samples.applied(samples.approved_plan(), interrupted=True), width=120, colour=False)
    assert "interrupted" in text.splitlines()[0]
    assert "zoe@example.com" in text[text.index("Not started") :]


def test_a_run_that_did_everything_asks_for_nothing() -> None:
    """No next step is invented."""
    plan = samples.safe_plan()
    run = Applied(plan, tuple(Outcome(change, Result.DONE) for change in plan.changes), seconds=1.0, requests=6)
    text = applied_text(run, width=100, colour=False)
    assert text.endswith("3 done\nexit 0: done\n")


def test_who_left_is_told_by_name_with_the_warning_of_single_sign_on() -> None:
    """An SSO login brings a leaver back."""
    text = applied_text(samples.applied(samples.approved_plan()), width=120, colour=False)
    assert "max@example.com" in text[text.index("\nLeft\n") :]
    assert "An SSO login brings a leaver back" in text


def test_who_is_let_go_of_has_not_left() -> None:
    """They stay in Flex, so that no login brings them back: in no format."""
    plan = samples.kept_plan()
    run = Applied(plan, tuple(Outcome(change, Result.DONE) for change in plan.changes), seconds=1.0, requests=6)
    text = applied_text(run, width=120, colour=False)
    assert text[text.index("\nLet go\n") :].split()[2:7] == ["-", "gone@example.com", "let", "go:", "no"]
    assert "\nLeft\n" not in text
    assert "let go: no longer declared" in applied_markdown(run)
    told = [render(plan) for render in (text_of, plan_markdown, plan_page)]
    assert not [text for text in (*told, text, applied_markdown(run), applied_page(run)) if "SSO login brings" in text]


def test_a_wide_character_keeps_the_columns_aligned() -> None:
    """Names are measured in terminal cells, not characters."""
    users = [samples.desired("山田太郎"), samples.desired("ana")]
    lines = [line for line in text_of(samples.plan_of(users, [])).splitlines() if line.endswith(" agent")]
    assert len({cell_len(line) for line in lines}) == 1


def test_dates_are_in_utc() -> None:
    """Whoever reads it, wherever."""
    since = int(datetime(2026, 11, 21, 7, 30, tzinfo=UTC).timestamp())
    plan = samples.plan_of([], [samples.in_flex(samples.desired("zoe"), activity="Available", leaving=since)])
    assert "since 2026-11-21 07:30 UTC" in text_of(plan)


def test_waiting_as_planned_is_no_reason_for_care() -> None:
    """Somebody marked as leaving is neither a change nor drift until it takes too long."""
    since = int(datetime(2026, 11, 21, 7, 30, tzinfo=UTC).timestamp())
    zoe = samples.in_flex(samples.desired("zoe"), activity="Available", leaving=since)
    policy = replace(samples.POLICY, max_removals=Limit(count=0))
    assert "in sync" in text_of(samples.plan_of([], [zoe], policy=policy)).splitlines()[0]


def test_what_failed_beside_the_changes_is_told() -> None:
    """A failure of the engine's own, whoever was done."""
    failed = replace(samples.applied(samples.safe_plan()), errors=("the state could not be saved",))
    assert failed.exit is Exit.PARTIAL
    assert "✗ the state could not be saved" in applied_text(failed, width=100, colour=False)
    assert "the state could not be saved" in applied_markdown(failed)
    assert applied_json(failed)["errors"] == ["the state could not be saved"]
