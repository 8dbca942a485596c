"""Every format names the same sides, commits and reviewers, from one place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexres.reconcile.drift.findings import drift_of
from flexres.report.origin import origin_of
from tests.unit.report import samples
from tests.unit.report.rendering import (
    READ,
    applied_page,
    applied_text,
    drift_markdown,
    drift_text,
    plan_json,
    plan_markdown,
    plan_page,
    plan_text,
)

BASE, HEAD = "b" * 40, "c" * 40
RUN = replace(READ, base="origin/main", base_commit=BASE, head=HEAD, reviewed_by=("cho", "dee"))


def plain(written: str) -> str:
    """Without what marks foreign names in Markdown and HTML."""
    for mark in ("`", "<dt>", "<dd>", "</dd>", "</div>", "<div>"):
        written = written.replace(mark, "")
    return written.replace("</dt>", " ").casefold()


@pytest.mark.parametrize(
    "written",
    [
        plan_text(samples.busy_plan(), run=RUN, width=200, colour=False),
        plan_markdown(samples.busy_plan(), run=RUN),
        plan_page(samples.busy_plan(), run=RUN),
        applied_text(samples.applied(samples.busy_plan()), run=RUN, width=200, colour=False),
        applied_page(samples.applied(samples.busy_plan()), run=RUN),
    ],
    ids=["text", "markdown", "page", "applied text", "applied page"],
)
def test_base_head_and_reviewers_are_told(written: str) -> None:
    """Whatever the report is of and written in."""
    for says in (
        f"compared with origin/main at {BASE[:7]}",
        f"head commit {HEAD[:7]}",
        "run approved by cho, dee",
        f"commit {(samples.busy_plan().commit or '')[:7]}",
    ):
        assert says in plain(written)


def test_programs_get_the_commits_whole() -> None:
    """They may want to ask git about them."""
    told = plan_json(samples.busy_plan(), run=RUN)
    assert (told["base"], told["base_commit"], told["head"]) == ("origin/main", BASE, HEAD)


def test_of_this_checkout_alone_the_terminal_says_nothing() -> None:
    """Whoever types knows where they are; the second line is of what is compared."""
    assert plan_text(samples.busy_plan(), width=200, colour=False).splitlines()[1] == "  values: Flex → YAML"
    assert [fact.what for fact in origin_of(samples.busy_plan(), READ)] == ["commit"]


def test_which_side_is_which_is_said_once_wherever_there_are_two() -> None:
    """In the head of a text, in the column of a table, among the facts of a page."""
    drift = drift_of(samples.busy_plan())
    assert drift_text(drift, width=200, colour=False).count("Flex → YAML") == 1
    assert "| Flex → YAML |" in drift_markdown(drift)
    assert "| Flex → YAML |" in plan_markdown(samples.busy_plan())
    assert "<dd>Flex → YAML</dd>" in plan_page(samples.busy_plan())
    assert "Flex → YAML" not in plan_text(samples.in_sync_plan(), width=200, colour=False)
    offline = replace(READ, base="origin/main", offline=True)
    assert "values: origin/main → YAML" in plan_text(samples.busy_plan(), run=offline, width=200, colour=False)
