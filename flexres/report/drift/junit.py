"""Drift as JUnit XML, which every CI system shows: a failing testcase for each finding, a passing one without any."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from flexres.report.drift.model import DriftReport, Told
from flexres.report.visible import visible


def drift_junit(reports: Sequence[DriftReport], *, errors: Sequence[tuple[str, str]] = ()) -> str:
    """A test suite for each stack; `errors` are stacks that could not be looked at, and why.

    What only is to be known, or what an earlier report told, counts as skipped, so that it fails no build.
    """
    suites = ET.Element("testsuites", name="flexres drift")
    for report in reports:
        plan, failing = report.plan, sum(one.fails for one in report.findings)
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=f"flexres drift {visible(plan.stack)}",
            tests=str(max(len(report.findings), 1)),
            failures=str(failing),
            errors="0",
            skipped=str(len(report.findings) - failing),
            time=f"{report.run.seconds:.3f}",
            timestamp=f"{plan.as_of:%Y-%m-%dT%H:%M:%S}",
        )
        for one in report.findings:
            _testcase(suite, plan.stack, one)
        if not report.findings:
            ET.SubElement(suite, "testcase", classname=visible(plan.stack), name="in sync", time="0")
    for stack, message in errors:
        attributes = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
        suite = ET.SubElement(suites, "testsuite", attributes, name=f"flexres drift {visible(stack)}")
        case = ET.SubElement(suite, "testcase", classname=visible(stack), name="read", time="0")
        ET.SubElement(case, "error", message=visible(message))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _testcase(suite: ET.Element, stack: str, one: Told) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{visible(stack)}.{one.reason}",
        name=f"{visible(one.finding.subject)}: {one.reason}",
        time="0",
    )
    if one.where:
        case.set("file", visible(one.where).partition(":")[0])
    message = f"{one.reason}: {one.what}" if one.what else str(one.reason)
    if one.fails:
        failure = ET.SubElement(case, "failure", message=message, type=str(one.reason))
        failure.text = "\n".join(filter(None, (one.what, one.since, one.action, visible(one.where))))
    else:
        ET.SubElement(case, "skipped", message=message)
