"""Drift as GitHub Markdown, for an issue or a job's summary: the same text for the same findings, never too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from flexres.reconcile.drift.findings import NEWS, STUCK, Drift, Finding
from flexres.reconcile.drift.queues import lost_queues
from flexres.report.comment import LEAST_LIMIT, LIMIT, Comment, footer
from flexres.report.drift.wording import ACTIONS, counts_text, headline, lost_text, since_text, what_text
from flexres.report.markdown_escape import code, hidden_line, prose
from flexres.report.plan.verdict import Position, place_of
from flexres.report.wording import plural, short_place


def drift_markdown(drift: Drift, *, limit: int = LIMIT, position: Position | None = None) -> str:
    """The findings as one comment of at most `limit` characters (4,096 or more), what only is to be known folded."""
    comment, plan = Comment(max(limit, LEAST_LIMIT)), drift.plan
    comment.add(hidden_line("drift", plan.stack))
    icon = "⚠️" if drift.found else "✅"
    comment.add(f"### {icon} flexres · {code(plan.stack)} · {headline(drift)}\n")
    if drift.findings:
        comment.add(f"{counts_text(drift)} · {plan.in_sync:,} as declared\n")
    for reason, found in groupby(drift.findings, key=lambda finding: finding.reason):
        findings = list(found)
        title = f"{reason[0].upper()}{reason[1:]}: {len(findings):,}"
        around = (f"**{title}**\n", f"\n{ACTIONS[reason]}\n")
        if reason in NEWS - STUCK:
            around = (f"<details><summary>{title}</summary>\n", f"\n{ACTIONS[reason]}\n\n</details>\n")
        rows = _rows(drift, findings, position)
        comment.table(("", "who", "Flex → YAML", "since", "where"), list(rows), str(reason), around=around)
    queues = ((code(one.coverage.queue.name), prose(lost_text(one), 400)) for one in lost_queues(plan))
    comment.table(("queue that lost somebody by a change in Flex", "who"), queues, "queues", around=("", ""))
    if drift.gone:
        comment.add(f"No more: {plural(len(drift.gone), 'finding')} of then.\n")
    comment.tell_left_out("")
    comment.add(footer(plan))
    return comment.text()


def _rows(drift: Drift, findings: Sequence[Finding], position: Position | None) -> Iterator[Sequence[str]]:
    for finding in findings:
        new = drift.new is not None and finding.id in drift.new
        where = place_of(finding.change, position) if finding.change else None
        yield (
            "🆕" if new else "",
            code(finding.subject),
            prose(what_text(finding), 400),
            prose(since_text(finding)),
            code(short_place(drift.plan.stack, where)) if where else "",
        )
