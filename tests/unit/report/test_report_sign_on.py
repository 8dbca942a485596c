"""Single sign-on in the reports: what waits for a person has its own place and fails nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from flexres.errors import Exit
from flexres.reconcile.change import SettingState
from flexres.reconcile.guards.model import Rule, Violation
from flexres.report.next_step import next_after
from flexres.report.plan.model import report_of
from flexres.report.sso.status import checklist_markdown, checklist_text
from flexres.report.terms import Verdict
from tests.unit.report import samples
from tests.unit.report.rendering import READ, applied_json, applied_markdown, applied_text, plan_markdown, plan_text
from tests.unit.report.test_report_json import SCHEMA


def text(plan: object, width: int = 120, **options: object) -> str:
    return plan_text(plan, width=width, colour=False, **options)  # type: ignore[arg-type]


def test_each_state_has_its_own_words() -> None:
    """A sign, what is to be done, and how it is known."""
    told = " ".join(text(samples.sign_on_plan()).split())

    assert "… certificate enter in Console, step 2 of 6 is seen as declared: attest it" in told
    assert "… sso_url changed since it was attested: enter in Console, step 3 of 6" in told
    assert "… trusted https://old.example.com remove in Console, step 4 of 6" in told
    assert "~ login_popup false → true" in told
    assert "! connection is JQ2, declared JQ1 seen by the Authentication/Config" in told
    assert "issuer" not in told
    assert "1 setting to change, 3 settings to enter in Console, 1 setting otherwise than attested" in told
    assert "flexres sso checklist --stack prod" in told


def test_everything_is_told_where_everything_is_asked_for() -> None:
    """Also what is as declared."""
    assert "✓ issuer" in text(samples.sign_on_plan(), verbose=True)


def test_two_long_values_that_begin_alike_are_told_whole() -> None:
    """JQ…1 → JQ…1 says nothing of what differs."""
    one, two = f"https://idp.example.com/{'a' * 80}1", f"https://idp.example.com/{'a' * 80}2"
    drift = next(samples.sign_on_plan().settings_in(SettingState.DRIFT))
    plan = samples.with_settings(samples.sign_on_plan(), [replace(drift, observed=one, declared=two)])

    told = "".join(text(plan, width=300).split())

    assert one in told
    assert two in told


@pytest.mark.parametrize(
    ("state", "exit_code", "verdict"),
    [
        (SettingState.AS_DECLARED, Exit.DONE, Verdict.IN_SYNC),
        (SettingState.PENDING, Exit.DONE, Verdict.IN_SYNC),
        (SettingState.STALE, Exit.DONE, Verdict.IN_SYNC),
        (SettingState.REMOVAL, Exit.DONE, Verdict.IN_SYNC),
        (SettingState.CHANGE, Exit.PENDING, Verdict.SAFE),
        (SettingState.DRIFT, Exit.PENDING, Verdict.NEEDS_CARE),
    ],
)
def test_only_what_is_written_or_drifted_is_pending(state: SettingState, exit_code: Exit, verdict: Verdict) -> None:
    """What waits for a person is told, and no check fails for it."""
    summary = report_of(samples.sign_on_plan(state))

    assert (summary.exit, summary.verdict) == (exit_code, verdict)


def test_settings_as_declared_take_no_room() -> None:
    """The plan is as short as without them."""
    assert text(samples.sign_on_plan(SettingState.AS_DECLARED)) == text(samples.in_sync_plan())
    assert plan_markdown(samples.sign_on_plan(SettingState.AS_DECLARED)) == plan_markdown(samples.in_sync_plan())


def test_a_policy_that_refuses_says_what_to_do() -> None:
    """Not a digest: nobody can approve what nobody entered."""
    waits = Violation(Rule.CONSOLE_CHANGES, "1 setting waits", (), "enter it")
    plan = replace(samples.sign_on_plan(SettingState.PENDING), violations=(waits,))

    told, comment = " ".join(text(plan).split()), plan_markdown(plan)

    assert "refused until it is entered in Console and attested: flexres sso checklist --stack prod" in told
    assert "--approve" not in told
    assert "flexres sso checklist" in comment
    assert "passes with" not in comment


def test_what_became_of_settings_is_told_with_what_is_next() -> None:
    """In every format, and the run is to be repeated."""
    applied = samples.sign_on_applied()

    told = " ".join(applied_text(applied, width=120, colour=False).split())

    assert "✓ login_popup false → true" in told
    assert "✗ trusted https://flex.example.com failed: url is trusted already (400/45004)" in told
    assert "3 settings to enter in Console: flexres sso checklist --stack prod" in told
    assert "**failed**" in applied_markdown(applied)
    assert applied.exit is Exit.PARTIAL
    assert next_after(applied, READ)[0] == "flexres apply --stack prod"
    Draft202012Validator(SCHEMA).validate(applied_json(applied))


@pytest.mark.parametrize("foreign", samples.HOSTILE)
def test_foreign_values_stay_values(foreign: str) -> None:
    """What a strange server answers can neither steer a terminal nor write Markdown."""
    plan = samples.sign_on_plan(SettingState.DRIFT)
    plan = samples.with_settings(plan, [replace(plan.settings[0], observed=foreign, how=foreign)])

    told, comment = text(plan), plan_markdown(plan)

    assert all(mark.isprintable() or mark == "\n" for mark in told + comment)
    assert "<img" not in comment.replace("`", " ` ") or "`" in comment
    assert comment.count("\n|") == plan_markdown(samples.sign_on_plan(SettingState.DRIFT)).count("\n|")


def test_a_checklist_of_nothing_does_not_say_that_all_is_entered() -> None:
    """Where `sso:` has only begun, there is something to declare before there is something to enter."""
    texts = (checklist_text("prod", (), width=100, colour=False), checklist_markdown("prod", ()))
    assert all("Nothing is declared yet" in text and "Nothing is left" not in text for text in texts)
