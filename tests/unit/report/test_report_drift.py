"""Drift as it is shown: the same findings in every format, hostile names as harmless as anywhere else."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from flexres.errors import SetupError
from flexres.reconcile.drift.findings import Drift, Reason, compared_with, drift_of
from flexres.reconcile.plan import Plan
from flexres.report.drift.json import drift_junit, drift_suite, earlier_of
from flexres.report.drift.model import drift_report_of
from flexres.report.terms import ACTIONS
from tests.unit.report import samples
from tests.unit.report.rendering import drift_json, drift_markdown, drift_message, drift_page, drift_text
from tests.unit.report.test_report_markdown import assert_harmless, tables

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schema/drift.schema.json").read_text(encoding="utf-8"))
PLANS: dict[str, Callable[[], Plan]] = {
    "in sync": samples.in_sync_plan,
    "busy": samples.busy_plan,
    "refused": samples.refused_plan,
    "idp": samples.idp_plan,
    "hostile": samples.hostile_plan,
    "kept": samples.kept_plan,
    "leavers": samples.leavers_plan,
}


def drift(name: str = "busy") -> Drift:
    return drift_of(PLANS[name]())


def told(one: Drift) -> Drift:
    """The drift beside a report that told all of it an hour ago."""
    earlier = [(finding.id, finding.subject) for finding in one.findings]
    return compared_with(one, [*earlier, ("0" * 12, "gone@example.com")], "2026-11-21T08:14:00Z")


@pytest.mark.parametrize("name", PLANS)
def test_the_json_has_the_published_shape(name: str) -> None:
    """Alone and beside an earlier report, after a round trip through text."""
    for one in (drift(name), told(drift(name))):
        report = json.loads(json.dumps(drift_json(one, position=samples.position)))
        Draft202012Validator(SCHEMA).validate(report)


def test_the_schema_lists_exactly_the_reasons_that_the_code_knows() -> None:
    """And each has an action."""
    assert set(SCHEMA["$defs"]["finding"]["properties"]["reason"]["enum"]) == {str(reason) for reason in Reason}
    assert ACTIONS.keys() == set(Reason)


@pytest.mark.parametrize("name", PLANS)
def test_junit_is_well_formed_and_counts_what_it_holds(name: str) -> None:
    """Each finding a testcase: failing, or skipped where it only is to be known; one that passes without any."""
    found = drift(name)
    suite = ET.fromstring(drift_junit([drift_suite(drift_report_of(found, position=samples.position))])).find(
        "testsuite"
    )
    assert suite is not None
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.attrib["tests"]) == max(len(found.findings), 1)
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
    assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"])
    assert (suite.attrib["failures"] != "0") == any(f.drift or f.reason is Reason.BLOCKED for f in found.findings)


def test_what_an_earlier_report_told_fails_no_build() -> None:
    suite = ET.fromstring(drift_junit([drift_suite(drift_report_of(told(drift())))])).find("testsuite")
    assert suite is not None
    assert suite.attrib["failures"] == "0"


def test_a_stack_that_could_not_be_read_is_an_error_of_its_own() -> None:
    suites = ET.fromstring(
        drift_junit([drift_suite(drift_report_of(drift("in sync")))], errors=[("eu<1>", "unreachable & gone")])
    )
    error = suites.find("testsuite/testcase/error")
    assert error is not None
    assert error.attrib["message"] == "unreachable & gone"


def test_the_text_tells_reason_field_time_and_what_to_do() -> None:
    text = drift_text(drift(), width=120, colour=False, position=samples.position)
    assert text.startswith("prod  GO…9c41  drift: ")
    assert "Changed in Flex\n  cho@example.com  location: Leeds → London" in text
    assert "flexres drift --stack prod --fix" in text
    assert "users/support.yaml:25" in text


def role_plan(live: list[str], now: list[str], applied: list[str] | None = None) -> Plan:
    """Somebody with roles in Flex, roles in the YAML, and those that were last applied; None: not declared."""
    before = samples.desired("ana@example.com", roles=tuple(applied or ()))
    after = [samples.desired("ana@example.com", roles=tuple(now))] if applied else []
    return samples.plan_of(after, [samples.in_flex(before, marked=applied is not None, roles=tuple(live))])


@pytest.mark.parametrize(
    ("live", "now", "applied", "beyond"),
    [
        (["admin"], ["agent", "supervisor"], ["agent"], ("admin",)),
        (["admin", "agent"], ["agent"], ["agent"], ("admin",)),
        (["admin", "supervisor"], ["agent"], ["agent", "wfo.full_access"], ("admin", "supervisor")),
        (["agent", "supervisor"], ["admin", "agent"], ["agent"], ("supervisor",)),
        (["admin"], [], None, ("admin",)),
        (["admin", "agent"], ["agent"], ["admin", "agent"], ()),
        (["admin"], ["agent"], ["admin", "agent"], ()),
        (["agent"], ["admin", "agent"], ["agent"], ()),
    ],
    ids=[
        "both changed",
        "made admin",
        "both",
        "another role",
        "undeclared",
        "git takes it",
        "known of old",
        "git gives",
    ],
)
def test_a_role_that_git_never_gave_is_told_before_all_else(
    live: list[str], now: list[str], applied: list[str] | None, beyond: tuple[str, ...]
) -> None:
    """In each format."""
    found = drift_of(role_plan(live, now, applied))
    assert [one.beyond_git for one in found.findings if one.beyond_git] == ([beyond] if beyond else [])
    says = f"has {' and '.join(beyond)} in Flex, "
    text = drift_text(found, width=120, colour=False)
    junit = drift_junit([drift_suite(drift_report_of(found))])
    told = (text, drift_markdown(found), drift_page(found), junit, drift_message(found, text_alone=True)["text"])
    assert [says in one for one in told] == [bool(beyond)] * 5
    said = [finding.get("beyond_git", []) for finding in drift_json(found)["findings"]]
    assert said == [list(one.beyond_git) for one in found.findings]
    if beyond:
        assert "\nNeeds care\n" in text[: text.index(str(found.findings[0].reason)[1:] + "\n")]


def test_the_text_is_one_line_where_nothing_is_new() -> None:
    """A schedule that has nothing to say says so, and what has gone."""
    lines = drift_text(told(drift()), width=200, colour=False).splitlines()
    assert "nothing new since 2026-11-21 08:14 UTC" in lines[0]
    assert lines[1] == "1 finding of then no more: gone@example.com"
    assert len(lines) == 2


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_wider_than_the_terminal_and_nothing_unseen_is_printed(name: str, width: int) -> None:
    text = drift_text(drift(name), width=width, colour=False)
    assert all(line.isprintable() for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= width


def test_markdown_stays_within_a_comment_and_says_what_it_leaves_out() -> None:
    comment = drift_markdown(drift_of(samples.large_plan(2_000, 2_000)), limit=8_000)
    assert len(comment) <= 8_000
    assert "Left out, because a comment may not be longer" in comment


def test_hostile_names_stay_text_in_markdown() -> None:
    """All the usual tricks at once, on every kind of finding."""
    comment = drift_markdown(drift("hostile"), position=samples.position)
    assert_harmless(comment)
    assert list(tables(comment))


def test_a_message_for_slack_is_text_alone_and_escaped() -> None:
    """Anything else gets the findings as JSON, too."""
    found = drift_of(replace(samples.hostile_plan(), stack="<!channel>"))
    message = drift_message(found, text_alone=True)
    assert message.keys() == {"text"}
    assert "<" not in message["text"]
    assert len(message["text"].splitlines()) <= 23
    assert drift_message(found, text_alone=False)["stack"] == "<!channel>"


def test_a_message_speaks_of_what_is_new() -> None:
    assert "findings" in drift_message(told(drift()), text_alone=False)
    assert drift_message(told(drift()), text_alone=False)["findings"] == []


def test_an_earlier_report_is_found_again_alone_or_among_several() -> None:
    report = drift_json(drift())
    several = {"format": 1, "report": "drifts", "exit": 3, "stacks": [{"report": "error", "stack": "x"}, report]}
    alone, among = (earlier_of(one, samples.STACK_ID, "last.json") for one in (report, several))
    assert alone == among
    assert alone is not None
    assert alone.made == "2026-11-21T09:14:00Z"
    assert earlier_of({**several, "stacks": [report, report]}, "zzz", "last.json") is None


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ([], "no report of flexres drift"),
        ({"report": "plan", "format": 1}, "no report of flexres drift"),
        ({"report": "drift", "format": 2}, "is of version 2"),
        ({"report": "drift", "format": 1, "stack": "eu", "stack_id": "zzz"}, "is of stack eu"),
        ({"report": "drift", "format": 1, "stack_id": samples.STACK_ID}, "no report of flexres drift"),
        ({"report": "drift", "format": 1, "stack_id": samples.STACK_ID, "findings": [1]}, "no report of flexres drift"),
    ],
)
def test_a_foreign_file_is_no_earlier_report(report: object, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        earlier_of(report, samples.STACK_ID, "last.json")
