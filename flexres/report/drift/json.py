"""Drift for programs: as JSON, described by docs/schema/drift.schema.json, and as JUnit XML, which every CI shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from flexres.errors import SetupError
from flexres.reconcile.change import FieldChange
from flexres.reconcile.drift.findings import Drift
from flexres.reconcile.drift.fix import LostQueue, lost_queues
from flexres.reconcile.drift.who import Made
from flexres.report.drift.model import DriftReport, Told
from flexres.text import visible
from flexres.values import ABSENT, normal

FORMAT: Final = 1
"""The shape's version: it grows by new keys alone; anything else is a new version."""


def drift_json(report: DriftReport) -> dict[str, Any]:
    """Every finding as JSON values, those of before too; a key is left out where there is nothing."""
    drift, plan = report.drift, report.plan
    return {
        "format": FORMAT,
        "report": "drift",
        "stack": plan.stack,
        "stack_id": plan.stack_id,
        "account": plan.instance.account,
        "instance": plan.instance.sid,
        "as_of": f"{plan.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        **({"commit": plan.commit} if plan.commit else {}),
        **({"dirty": True} if plan.dirty else {}),
        "drift": drift.found,
        "exit": int(drift.exit),
        "counts": {
            "declared": plan.declared,
            "in_flex": plan.in_flex,
            "in_sync": plan.in_sync,
            "reasons": {str(reason): count for reason, count in drift.counts.items()},
        },
        "findings": [_finding(one, drift, addresses=report.addresses) for one in report.findings],
        **({"earlier": drift.earlier, "new": len(drift.new)} if drift.new is not None else {}),
        **({"queues": queues} if (queues := [_queue(one) for one in lost_queues(plan)]) else {}),
        **({"not_asked_who": drift.unasked} if drift.unasked else {}),
        **({"who_unread": list(drift.unread)} if drift.unread else {}),
        **({"gone": [{"id": id, "subject": subject} for id, subject in drift.gone]} if drift.gone else {}),
    }


def _queue(one: LostQueue) -> dict[str, Any]:
    return {"sid": one.coverage.queue.sid, "name": one.coverage.queue.name, "lost": list(one.usernames)}


def _finding(one: Told, drift: Drift, *, addresses: bool) -> dict[str, Any]:
    finding = one.finding
    texts = {
        "what": one.what,
        "since_says": one.since,
        "where": one.where,
        "file": finding.change.file if finding.change else "",
    }
    said: dict[str, Any] = {
        "id": finding.id,
        "reason": str(finding.reason),
        "subject": finding.subject,
        "drift": finding.drift,
        "fixed_by_drift_fix": finding.fixed,
        "action": one.action,
        **{name: text for name, text in texts.items() if text},
    }
    if finding.since is not None:
        moment = f"{finding.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        said["since"] = {"at": moment, "exact": finding.exact}
    if finding.made:
        said["made_by"] = [_made(made, addresses=addresses) for made in finding.made]
    if finding.fields:
        said["fields"] = [_field(field) for field in finding.fields]
    if finding.beyond_git:
        said["beyond_git"] = list(finding.beyond_git)
    if finding.names:
        said["usernames"] = list(finding.names)
    if drift.new is not None:
        said["new"] = one.new
    return said


def _made(made: Made, *, addresses: bool) -> dict[str, Any]:
    texts = {"name": made.name, "source": made.source, "address": made.address if addresses else ""}
    return {
        "fields": [key.text for key in made.keys],
        "whose": str(made.whose),
        **{name: text for name, text in texts.items() if text},
        "at": f"{made.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "exact": made.exact,
        "event": made.event,
    }


def _field(field: FieldChange) -> dict[str, Any]:
    sides = {"before": field.before, "after": field.after}
    return {
        "key": field.key.text,
        "cause": str(field.cause),
        **{name: normal(value) for name, value in sides.items() if value is not ABSENT},
    }


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier report found: `(id, subject)` of each finding, and when it was made."""

    found: tuple[tuple[str, str], ...]
    made: str


def earlier_of(report: object, stack_id: str, shown: str) -> Earlier | None:
    """The part of an earlier JSON report that is of this stack; None where it holds other stacks alone.

    Raises SetupError for a file that is no report of drift, or of another version.
    """
    parts = _parts(report, shown)
    for part in parts:
        if part.get("stack_id") == stack_id:
            try:
                found = tuple((_text(one["id"]), _text(one["subject"])) for one in part["findings"])
                return Earlier(found, _text(part["as_of"]))
            except (KeyError, TypeError):
                raise _foreign(shown) from None
    if len(parts) == 1:
        raise SetupError(f"{shown} is of stack {parts[0].get('stack')}", hint="name that stack's own earlier report")
    return None


def _parts(report: object, shown: str) -> list[Mapping[str, Any]]:
    if not isinstance(report, dict) or report.get("report") not in ("drift", "drifts"):
        raise _foreign(shown)
    if report.get("format") != FORMAT:
        raise SetupError(
            f"{shown} is of version {report.get('format')}, and this flexres reads version {FORMAT}",
            hint="make a new one with flexres drift --format json --out",
        )
    inner = report.get("stacks") if report["report"] == "drifts" else [report]
    if not isinstance(inner, list):
        raise _foreign(shown)
    return [part for part in inner if isinstance(part, dict) and part.get("report") == "drift"]


def _foreign(shown: str) -> SetupError:
    return SetupError(
        f"{shown} is no report of flexres drift", hint="make one with flexres drift --format json --out FILE"
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def drift_suite(report: DriftReport) -> ET.Element:
    """A stack's test suite.

    What only is to be known, or what an earlier report told, counts as skipped, so that it fails no build.
    """
    plan, failing = report.plan, sum(one.fails for one in report.findings)
    suite = ET.Element(
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
    return suite


def drift_junit(found: Sequence[ET.Element], *, errors: Sequence[tuple[str, str]] = ()) -> str:
    """The suites of several stacks; `errors` are stacks that could not be looked at, and why."""
    suites = ET.Element("testsuites", name="flexres drift")
    suites.extend(found)
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
    message = f"{one.reason}: {'; '.join(filter(None, (one.care, one.what)))}".removesuffix(": ")
    if one.fails:
        failure = ET.SubElement(case, "failure", message=message, type=str(one.reason))
        failure.text = "\n".join(filter(None, (one.care, one.what, one.since, one.action, visible(one.where))))
    else:
        ET.SubElement(case, "skipped", message=message)
