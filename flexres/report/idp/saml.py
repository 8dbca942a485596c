"""What Flex would make of a SAML response, as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from flexres.idp.findings import Report, Verdict
from flexres.report.idp.findings import (
    VERDICT_ICONS,
    VERDICT_STYLES,
    findings_in_text,
    findings_json,
    findings_markdown,
)
from flexres.report.layout import Page
from flexres.report.markdown_escape import code
from flexres.report.visible import visible
from flexres.report.wording import plural, value_text

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
    return json.dumps(said, indent=2, ensure_ascii=False)


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
