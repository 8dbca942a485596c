"""What was found in a SAML response, an appconfig.js or a migration, and what Flex would make of it, in each format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flexres.idp.findings import Finding, Report, Verdict
from flexres.report.layout import Page
from flexres.report.markdown import code, prose
from flexres.report.wording import plural, value_text
from flexres.text import json_text, visible

_SIGNS: Final = {"ok": "✓", "note": "·", "warning": "!", "unknown": "?", "error": "✗"}
_STYLES: Final = {"ok": "green", "note": "dim", "warning": "yellow", "unknown": "yellow", "error": "bold red"}
_ICONS: Final = {"ok": "✅", "note": "ℹ️", "warning": "⚠️", "unknown": "❔", "error": "⛔"}

VERDICT_STYLES: Final[Mapping[Verdict, str]] = {
    "accepted": "bold green",
    "refused": "bold red",
    "cannot know": "bold yellow",
}
VERDICT_ICONS: Final[Mapping[Verdict, str]] = {"accepted": "✅", "refused": "⛔", "cannot know": "❔"}


def findings_in_text(page: Page, findings: Sequence[Finding]) -> None:
    """A line for each finding, and below it why it matters and what to do."""
    for finding in findings:
        style = _STYLES[finding.level]
        page.write((f"{_SIGNS[finding.level]} ", style), (visible(finding.title), style if style != "dim" else ""))
        if finding.detail:
            page.write((visible(finding.detail), "dim"), indent=4)
        if finding.fix:
            page.table([(("→", "bold"), (visible(finding.fix), ""))], indent=4)


def findings_markdown(findings: Sequence[Finding]) -> list[str]:
    """The lines of a table of findings; none where there are none."""
    if not findings:
        return []
    lines = ["| | what | why | to do |", "| --- | --- | --- | --- |"]
    for finding in findings:
        cells = (prose(finding.title, 600), prose(finding.detail, 1200), prose(finding.fix, 600))
        lines.append(f"| {_ICONS[finding.level]} | {' | '.join(cells)} |")
    return [*lines, ""]


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as JSON values; a key is left out where there is nothing."""
    return [
        {"level": finding.level, "title": finding.title}
        | ({"detail": finding.detail} if finding.detail else {})
        | ({"fix": finding.fix} if finding.fix else {})
        for finding in findings
    ]


FORMAT: Final = 1
_VERDICTS: Final[Mapping[Verdict, str]] = {
    "accepted": "Flex would accept it",
    "refused": "Flex would refuse it",
    "cannot know": "cannot know whether Flex would accept it",
}


def saml_text(report: Report, *, width: int, colour: bool) -> str:
    """The verdict, every finding, and what the Worker would get; ends with a newline."""
    page = Page(width, colour)
    origin = [(f"  {visible(report.origin)}", "dim")] if report.origin else []
    page.write((_verdict(report), VERDICT_STYLES[report.verdict]), *origin)
    page.blank()
    findings_in_text(page, report.findings)
    if report.worker_attributes is not None:
        page.heading(f"Worker attributes of {visible(report.name_id or '')} after this sign-in")
        rows = [((visible(name), ""), (value_text(value, 200), "")) for name, value in _attributes(report).items()]
        page.table(rows)
    page.blank()
    page.write((_counts(report), "dim"))
    return page.text()


def saml_markdown(report: Report) -> str:
    """The same as GitHub Markdown."""
    lines = [f"### {VERDICT_ICONS[report.verdict]} SAML response: {_verdict(report)}", ""]
    lines += findings_markdown(report.findings)
    if report.worker_attributes is not None:
        lines += [f"Worker attributes of {code(report.name_id or '')} after this sign-in", "", "| | |", "| --- | --- |"]
        lines += [f"| {code(name)} | {code(value_text(value, 200))} |" for name, value in _attributes(report).items()]
        lines.append("")
    return "\n".join([*lines, f"<sub>{_counts(report)}</sub>", ""])


def saml_json(report: Report) -> str:
    """The same as JSON text; a key is left out where there is nothing."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "report": "saml",
        "verdict": report.verdict,
        "readable": report.readable,
        "findings": findings_json(report.findings),
    }
    if report.origin:
        said["origin"] = report.origin
    if report.name_id:
        said["name_id"] = report.name_id
    if report.worker_attributes is not None:
        said["worker_attributes"] = report.worker_attributes
        said["channels"] = _channels(report)
    return json_text(said)


def _verdict(report: Report) -> str:
    if not report.readable:
        return "there is no SAML response to judge"
    return _VERDICTS[report.verdict]


def _counts(report: Report) -> str:
    counted = Counter(finding.level for finding in report.findings)
    said = [plural(counted["error"], "error"), plural(counted["warning"], "warning")]
    if counted["unknown"]:
        said.append(f"{counted['unknown']} unknown")
    return " · ".join([*said, f"{counted['ok']} in order"])


def _attributes(report: Report) -> dict[str, Any]:
    return {**(report.worker_attributes or {}), **{f"channel {name}": each for name, each in _channels(report).items()}}


def _channels(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, channel in report.channels.items():
        settings = {"available": channel.available, "capacity": channel.capacity}
        found[name] = {key: value for key, value in settings.items() if value is not None}
    return found
