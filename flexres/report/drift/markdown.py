"""Drift as GitHub Markdown, for an issue or a job's summary: the same text for the same findings, never too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flexres.reconcile.drift.fix import lost_queues
from flexres.report.drift.model import DriftReport, Told, counts_text, lost_text, unnamed_lines
from flexres.report.markdown import LEAST_LIMIT, LIMIT, Comment, code, footer, hidden_line, prose
from flexres.report.terms import ACTIONS
from flexres.report.wording import plural, short_place


def drift_markdown(report: DriftReport, *, limit: int = LIMIT) -> str:
    """The findings as one comment of at most `limit` characters (4,096 or more), what only is to be known folded."""
    comment, plan, drift = Comment(max(limit, LEAST_LIMIT)), report.plan, report.drift
    comment.add(hidden_line("drift", plan.stack))
    icon = "⚠️" if drift.found else "✅"
    comment.add(f"### {icon} flexres · {code(plan.stack)} · {report.headline}\n")
    if report.findings:
        comment.add(f"{counts_text(drift)} · {plan.in_sync:,} as declared\n")
    for reason, found in report.by_reason():
        title = f"{reason[0].upper()}{reason[1:]}: {len(found):,}"
        around = (f"**{title}**\n", f"\n{ACTIONS[reason]}\n")
        if found[0].quiet:
            around = (f"<details><summary>{title}</summary>\n", f"\n{ACTIONS[reason]}\n\n</details>\n")
        rows = list(_rows(plan.stack, found))
        comment.table(("", "who", "Flex → YAML", "since", "where"), rows, str(reason), around=around)
    queues = ((code(one.coverage.queue.name), prose(lost_text(one), 400)) for one in lost_queues(plan))
    comment.table(("queue that lost somebody by a change in Flex", "who"), queues, "queues", around=("", ""))
    for line in unnamed_lines(drift):
        comment.add(f"{prose(line, 400)}\n")
    if drift.gone:
        comment.add(f"No more: {plural(len(drift.gone), 'finding')} of then.\n")
    comment.tell_left_out("")
    comment.add(footer(plan, report.run))
    return comment.text()


def _rows(stack: str, found: Sequence[Told]) -> Iterator[Sequence[str]]:
    for one in found:
        yield (
            "🆕" if one.new else "",
            code(one.finding.subject),
            prose(one.what, 400),
            prose(one.since),
            code(short_place(stack, one.where)) if one.where else "",
        )
