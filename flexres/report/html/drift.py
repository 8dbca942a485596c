"""Drift as the content of the HTML page: every finding is a row that can be searched, from the JSON shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flexres.reconcile.key import Key
from flexres.report.html.content import Content, Past, Section, Told, facts_of, history_chart, kinds_chart, teams_chart
from flexres.report.html.rows import AS_DECLARED, Person, Rows
from flexres.report.plan.json import Report
from flexres.report.wording import field_label, plural, short_place, value_text
from flexres.text import visible
from flexres.values import ABSENT

_LIMIT: Final = 200


def drift_content(report: Report, people: Iterable[Person], past: Sequence[Past]) -> Content:
    """The page of a drift report."""
    everybody, findings = tuple(people), report["findings"]
    counts = Counter(finding["reason"] for finding in findings)
    drifted = {finding["reason"] for finding in findings if finding["drift"]}
    number = sum(finding["drift"] for finding in findings)
    said = [plural(number, "finding") if number else "nothing drifted"]
    said += [f"{report['new']} new since the last report"] if "new" in report else []
    said += [f"{report['counts']['in_sync']:,} {AS_DECLARED}"]
    return Content(
        report=report["report"],
        stack=visible(report["stack"]),
        verdict="drift" if report["drift"] else "no drift",
        headline=" · ".join(said),
        facts=facts_of(report, report),
        sections=[section for section in _sections(report) if section.lines],
        charts=[
            kinds_chart(
                ((reason, "warm" if reason in drifted else "quiet", count) for reason, count in counts.items()),
                title="Findings by reason",
            ),
            teams_chart(everybody),
            history_chart(past),
        ],
        rows=_rows(report, everybody),
        list_title="Findings and people",
        all_words="all findings",
    )


def _sections(report: Report) -> Iterator[Section]:
    drifted = [finding for finding in report["findings"] if finding["drift"]]
    yield Section("What drifted", [_line(report, finding) for finding in drifted], table=True)
    reasons = {finding["reason"]: finding["action"] for finding in report["findings"]}
    yield Section("What to do", [Told(reason, text=action) for reason, action in reasons.items()])
    gone = [Told(name=visible(one["subject"])) for one in report.get("gone", ())]
    yield Section("No more, since the last report", gone)


def _line(report: Report, finding: Mapping[str, Any]) -> Told:
    return Told(
        bold=finding["reason"],
        name=visible(finding["subject"]),
        text=_said(finding, "new" if finding.get("new") else ""),
        quiet=short_place(report["stack"], finding.get("where", "")),
        care=True,
    )


def _said(finding: Mapping[str, Any], *more: str) -> str:
    return " · ".join(filter(None, (finding.get("what", ""), finding.get("since_says", ""), *more)))


def _rows(report: Report, people: Iterable[Person]) -> Rows:
    rows, by_name = Rows(), {person.username: person for person in people}
    for reason in dict.fromkeys(finding["reason"] for finding in report["findings"]):
        rows.kinds.number(reason)
    rows.kinds.number(AS_DECLARED)
    rows.results.number("")
    found = set()
    for finding in report["findings"]:
        found.add(finding["subject"])
        lines = _lines(finding.get("fields", ()))
        said = [finding.get("since_says", "") if lines else _said(finding)]
        person = by_name.get(finding["subject"])
        rows.add(
            finding["subject"],
            finding["reason"],
            file=finding.get("file", ""),
            full_name=person.full_name if person else "",
            roles=person.roles if person else (),
            place=short_place(report["stack"], finding.get("where", "")),
            said=" · ".join(filter(None, said)),
            lines=lines,
            risks=["new"] if finding.get("new") else [],
        )
    for person in by_name.values():
        if person.username not in found:
            rows.add(person.username, AS_DECLARED, file=person.file, full_name=person.full_name, roles=person.roles)
    return rows


def _lines(fields: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The lines of a finding's fields; of somebody who is not there yet, only what they would have."""
    new = not any("before" in field for field in fields)
    return [
        [field_label(Key.parse(field["key"])), "" if new else _side(field, "before"), _side(field, "after")]
        for field in fields
    ]


def _side(field: Mapping[str, Any], side: str) -> str:
    return value_text(field.get(side, ABSENT), _LIMIT)
