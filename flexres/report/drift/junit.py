"""Drift as JUnit XML, which every CI system shows: a failing testcase for each finding, a passing one without any."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from flexres.reconcile.drift.findings import STUCK, Drift, Finding
from flexres.report.drift.wording import ACTIONS, since_text, what_text
from flexres.report.plan.verdict import Position, place_of
from flexres.report.visible import visible


def drift_junit(
    drifts: Sequence[Drift], *, position: Position | None = None, errors: Sequence[tuple[str, str]] = ()
) -> str:
    """A test suite for each stack; `errors` are stacks that could not be looked at, and why.

    What only is to be known, or what an earlier report told, counts as skipped, so that it fails no build.
    """
    suites = ET.Element("testsuites", name="flexres drift")
    for drift in drifts:
        failing = sum(_fails(finding, drift) for finding in drift.findings)
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=f"flexres drift {visible(drift.plan.stack)}",
            tests=str(max(len(drift.findings), 1)),
            failures=str(failing),
            errors="0",
            skipped=str(len(drift.findings) - failing),
            time=f"{drift.plan.seconds:.3f}",
            timestamp=f"{drift.plan.as_of:%Y-%m-%dT%H:%M:%S}",
        )
        for finding in drift.findings:
            _testcase(suite, drift, finding, position)
        if not drift.findings:
            ET.SubElement(suite, "testcase", classname=visible(drift.plan.stack), name="in sync", time="0")
    for stack, message in errors:
        attributes = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
        suite = ET.SubElement(suites, "testsuite", attributes, name=f"flexres drift {visible(stack)}")
        case = ET.SubElement(suite, "testcase", classname=visible(stack), name="read", time="0")
        ET.SubElement(case, "error", message=visible(message))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _fails(finding: Finding, drift: Drift) -> bool:
    told_before = drift.new is not None and finding.id not in drift.new
    return (finding.drift or finding.reason in STUCK) and not told_before


def _testcase(suite: ET.Element, drift: Drift, finding: Finding, position: Position | None) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{visible(drift.plan.stack)}.{finding.reason}",
        name=f"{visible(finding.subject)}: {finding.reason}",
        time="0",
    )
    where = place_of(finding.change, position) if finding.change else None
    if where:
        case.set("file", visible(where).partition(":")[0])
    said = [what_text(finding), since_text(finding), ACTIONS[finding.reason], visible(where or "")]
    message = f"{finding.reason}: {what_text(finding)}" if what_text(finding) else str(finding.reason)
    if _fails(finding, drift):
        failure = ET.SubElement(case, "failure", message=message, type=str(finding.reason))
        failure.text = "\n".join(filter(None, said))
    else:
        ET.SubElement(case, "skipped", message=message)
