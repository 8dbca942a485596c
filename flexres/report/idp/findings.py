"""Findings about a captured SAML response, an appconfig.js or a migration, as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flexres.idp.findings import Finding, Verdict
from flexres.report.layout import Page
from flexres.report.markdown_escape import prose
from flexres.report.visible import visible

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
