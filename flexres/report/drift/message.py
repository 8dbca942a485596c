"""Drift as one message for a webhook: a text that Slack and its kin show, and the same as JSON for anything else."""

from __future__ import annotations

from typing import Any, Final

from flexres.report.drift.model import DriftReport, Told
from flexres.report.drift.wording import counts_text
from flexres.report.visible import shorten, visible

_MOST: Final = 20
_LONGEST: Final = 200


def drift_message(report: DriftReport, *, text_alone: bool) -> dict[str, Any]:
    """`text`, and unless `text_alone` the stack, whether there is drift, the counts, and the first findings.

    Values of Worker attributes are in the text alone as far as they differ; credentials are nowhere.
    """
    drift = report.drift
    news = [one for one in report.findings if drift.new is None or one.new]
    lines = [f"*flexres* · {_plain(drift.plan.stack)} · {_plain(report.headline)}"]
    lines += [f"• {_line(one)}" for one in news[:_MOST]]
    if len(news) > _MOST:
        lines.append(f"… and {len(news) - _MOST:,} more")
    if drift.counts:
        lines.append(_plain(counts_text(drift)))
    text = "\n".join(lines)
    if text_alone:
        return {"text": text}
    return {
        "text": text,
        "report": "drift",
        "stack": drift.plan.stack,
        "instance": drift.plan.instance.sid,
        "drift": drift.found,
        "new": len(drift.new) if drift.new is not None else len(drift.findings),
        "counts": {str(reason): count for reason, count in drift.counts.items()},
        "findings": [
            {"id": one.finding.id, "reason": str(one.reason), "subject": one.finding.subject, "what": one.what}
            for one in news[:_MOST]
        ],
    }


def _line(one: Told) -> str:
    said = " · ".join(filter(None, (one.what, one.since)))
    return _plain(f"{one.reason}: {visible(one.finding.subject)}" + (f" · {said}" if said else ""))


def _plain(text: str) -> str:
    """A text that mentions nobody and links nowhere: in Slack's markup only these three characters begin anything.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    shown = shorten(visible(text), _LONGEST)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
