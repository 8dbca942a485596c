"""Drift as the content of the HTML page: every finding is a row that can be searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flexres.reconcile.change import FieldChange
from flexres.report.drift.model import DriftReport
from flexres.report.drift.model import Told as FindingReport
from flexres.report.html.content import Content, Past, Section, Told, facts_of, history_chart, kinds_chart, teams_chart
from flexres.report.html.rows import AS_DECLARED, Person, Rows, about
from flexres.report.wording import field_label, plural, short_place, value_text
from flexres.text import visible
from flexres.values import ABSENT

_LIMIT: Final = 200


def drift_content(report: DriftReport, people: Iterable[Person], past: Sequence[Past]) -> Content:
    """The page of a drift report."""
    drift, plan = report.drift, report.plan
    counts = Counter(str(one.reason) for one in report.findings)
    drifted = {str(one.reason) for one in report.findings if one.finding.drift}
    number = sum(one.finding.drift for one in report.findings)
    said = [plural(number, "finding") if number else "nothing drifted"]
    said += [f"{len(drift.new)} new since the last report"] if drift.new is not None else []
    said += [f"{plan.in_sync:,} {AS_DECLARED}"]
    return Content(
        report="drift",
        stack=visible(plan.stack),
        verdict="drift" if drift.found else "no drift",
        headline=" · ".join(said),
        facts=facts_of(plan, report.run),
        sections=[section for section in _sections(report) if section.lines],
        charts=[
            kinds_chart(
                ((reason, "warm" if reason in drifted else "quiet", count) for reason, count in counts.items()),
                title="Findings by reason",
            ),
            teams_chart(people),
            history_chart(past),
        ],
        rows=_rows(report, people),
        list_title="Findings and people",
        all_words="all findings",
    )


def _sections(report: DriftReport) -> Iterator[Section]:
    care = [Told(name=visible(one.finding.subject), text=one.care, care=True) for one in report.needs_care]
    yield Section("Needs care", care, grave=True, table=True)
    drifted = [_line(report, one) for one in report.findings if one.finding.drift]
    yield Section("What drifted", drifted, table=True)
    actions = {one.reason: one.action for one in report.findings}
    yield Section("What to do", [Told(str(reason), text=action) for reason, action in actions.items()])
    gone = [Told(name=visible(subject)) for _, subject in report.drift.gone]
    yield Section("No more, since the last report", gone)


def _line(report: DriftReport, one: FindingReport) -> Told:
    return Told(
        bold=str(one.reason),
        name=visible(one.finding.subject),
        text=_joined(one.what, one.since, "new" if one.new else ""),
        quiet=short_place(report.plan.stack, one.where),
        care=True,
    )


def _joined(*texts: str) -> str:
    return " · ".join(filter(None, texts))


def _rows(report: DriftReport, people: Iterable[Person]) -> Rows:
    rows, by_name = Rows(), {person.username: person for person in people}
    for reason in dict.fromkeys(str(one.reason) for one in report.findings):
        rows.kinds.number(reason)
    rows.kinds.number(AS_DECLARED)
    rows.results.number("")
    for one in report.findings:
        finding, lines = one.finding, _lines(one.finding.fields)
        file = (finding.change.file if finding.change else "") or ""
        rows.add(
            finding.subject,
            str(one.reason),
            **about(by_name.get(finding.subject)) | {"file": file},
            place=short_place(report.plan.stack, one.where),
            said=one.since if lines else _joined(one.what, one.since),
            lines=lines,
            risks=[*(["needs care"] if one.care else []), *(["new"] if one.new else [])],
        )
    found = {one.finding.subject for one in report.findings}
    for person in (one for one in by_name.values() if one.username not in found):
        rows.add(person.username, AS_DECLARED, **about(person))
    return rows


def _lines(fields: Sequence[FieldChange]) -> list[list[str]]:
    """The lines of a finding's fields; of somebody who is not there yet, only what they would have."""
    new = all(field.before is ABSENT for field in fields)
    return [
        [field_label(field.key), "" if new else value_text(field.before, _LIMIT), value_text(field.after, _LIMIT)]
        for field in fields
    ]
