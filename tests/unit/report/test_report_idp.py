"""The identity provider's part as people read it: what is written where, what stands in the way, what to type."""

from __future__ import annotations

from dataclasses import replace

from flexres.errors import Exit
from flexres.report.plan.model import report_of
from flexres.report.terms import Verdict
from tests.unit.report.idp_samples import managed_idp_applied, managed_idp_plan
from tests.unit.report.rendering import applied_markdown, applied_text, plan_markdown, plan_text


def test_the_set_up_is_a_section_of_its_own() -> None:
    text = plan_text(managed_idp_plan(), width=120, colour=False)
    section = text[text.index("At Auth0 (acme.eu.auth0.com)") :]
    for said in (
        "! connection",
        "correct it",
        "signResponse: false → true",
        "is marked as this stack's",
        "certificate is AB:CD, and Auth0 says EF:01",
        "issuer is not set, and Auth0 says urn:acme",
        "kim@example.com",
        "signs in with admin, and nobody declares it",
        "flexres idp import-metadata --stack",
    ):
        assert said in section
    assert "3 settings to change at Auth0, 1 obstacle at Auth0, 2 values of sso: otherwise at Auth0" in section


def test_a_differing_value_is_pending_and_needs_care() -> None:
    summary = report_of(managed_idp_plan())
    assert (summary.verdict, summary.exit) == (Verdict.NEEDS_CARE, Exit.PENDING)


def test_an_outcome_tells_each_part() -> None:
    applied = managed_idp_applied()
    text, markdown = applied_text(applied, width=120, colour=False), applied_markdown(applied)
    for report in (text, markdown):
        assert "the limit is reached" in report
        assert "the action before it failed" in report
    assert applied.exit is Exit.PARTIAL


def test_markdown_has_the_same_facts() -> None:
    markdown = plan_markdown(managed_idp_plan())
    for said in ("git · Flex and Auth0", "`AB:CD` here, `EF:01` there", "there is no connection Staff"):
        assert said in markdown


def test_a_leaver_who_loses_the_roles_at_the_provider_too_is_not_said_to_come_back() -> None:
    """A login brings nobody back to whom the identity provider gives nothing."""
    plan = managed_idp_plan()
    assert [change.username for change in plan.users if change.leaves] == ["max@example.com"]
    texts = (plan_text(plan, width=120, colour=False), plan_markdown(plan))
    assert not [text for text in texts if "brings a leaver back" in text]
    assert "loses the roles at Auth0 too" in texts[0]
    unmanaged = plan.with_users(replace(change, idp=None) for change in plan.users)
    texts = (plan_text(unmanaged, width=120, colour=False), plan_markdown(unmanaged))
    assert all("brings a leaver back" in text for text in texts)
