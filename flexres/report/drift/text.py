"""Drift as text: for a terminal, as GitHub Markdown for an issue or a summary, and as one message for a webhook."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

from flexres.reconcile.drift.findings import Drift, Reason
from flexres.reconcile.drift.fix import lost_queues
from flexres.report.drift.model import DriftReport, Told, counts_text, lost_text, unnamed_lines
from flexres.report.layout import Page, Row, shorten
from flexres.report.markdown import LEAST_LIMIT, LIMIT, Comment, code, footer, hidden_line, prose
from flexres.report.plan.sections import MOST, head_line, rest, stack_name
from flexres.report.terms import ACTIONS
from flexres.report.wording import names_of, plural, short_place
from flexres.text import visible


def drift_text(report: DriftReport, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The findings in at most `width` terminal cells, ending with a newline; nothing but a line where none is new."""
    page, plan, drift = Page(width, colour), report.plan, report.drift
    style = "bold yellow" if drift.found else "bold green"
    if drift.quiet:
        page.write(*stack_name(plan), (f"  {report.headline}", "dim"))
        _gone(page, drift)
        return page.text()
    cost = f"{plan.declared:,} declared · {plan.in_flex:,} in Flex · read {report.run.seconds:.1f} s"
    page.ends([*stack_name(plan), (f"  {report.headline}", style)], (cost, "dim"))
    head_line(page, plan, report.run, sides=any(one.finding.fields for one in report.findings))
    _care(page, report, verbose=verbose)
    for reason, found in report.by_reason():
        _section(page, plan.stack, reason, found, verbose=verbose)
    _queues(page, drift)
    for line in unnamed_lines(drift):
        page.write((line, "dim"))
    _gone(page, drift)
    if report.findings:
        page.blank()
        page.write((counts_text(drift), ""))
    _closing(page, report)
    return page.text()


def _care(page: Page, report: DriftReport, *, verbose: bool) -> None:
    found = report.needs_care
    if found:
        page.heading("Needs care")
        shown = found if verbose else found[:MOST]
        rows: list[Row] = [((visible(one.finding.subject), "bold red"), (one.care, "")) for one in shown]
        page.table([*rows, *rest(len(shown), len(found), "needs care")])


def _section(page: Page, stack: str, reason: Reason, found: Sequence[Told], *, verbose: bool) -> None:
    page.heading(f"{reason[0].upper()}{reason[1:]}")
    shown = found if verbose else found[:MOST]
    page.table([*_rows(stack, shown), *rest(len(shown), len(found), str(reason))])
    page.write((ACTIONS[reason], "dim"), indent=2)


def _rows(stack: str, shown: Sequence[Told]) -> Iterator[Row]:
    for one in shown:
        yield (
            (f"{'* ' if one.new else ''}{visible(one.finding.subject)}", "dim" if one.quiet else "yellow"),
            (one.what, ""),
            (one.since, "dim"),
            (short_place(stack, one.where), "dim"),
        )


def _queues(page: Page, drift: Drift) -> None:
    found = lost_queues(drift.plan)
    if found:
        page.heading("Queues that lost somebody by a change in Flex")
        page.table([[(visible(one.coverage.queue.name), "yellow"), (lost_text(one), "")] for one in found[:MOST]])


def _gone(page: Page, drift: Drift) -> None:
    if drift.gone:
        said = f"{plural(len(drift.gone), 'finding')} of then no more: "
        page.write((said, "green"), (names_of([subject for _, subject in drift.gone]), ""))


def _closing(page: Page, report: DriftReport) -> None:
    stack = visible(shlex.quote(report.plan.stack))
    if report.fixed:
        says = f"puts back {report.fixed}, and deploys nothing: "
        page.write((says, ""), (f"flexres drift --stack {stack} --fix", "bold"))
    if report.undeployed:
        page.write(("what is in git takes effect with: ", ""), (f"flexres plan --stack {stack}", "bold"))


_MOST: Final = 20
_LONGEST: Final = 200


def drift_message(report: DriftReport, *, text_alone: bool) -> dict[str, Any]:
    """`text`, and unless `text_alone` the stack, whether there is drift, the counts, and the first findings.

    Values of Worker attributes are in the text alone as far as they differ; credentials are nowhere.
    """
    drift = report.drift
    news = sorted((one for one in report.findings if drift.new is None or one.new), key=lambda one: not one.care)
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
    said = " · ".join(filter(None, (one.care, one.what, one.since)))
    return _plain(f"{one.reason}: {visible(one.finding.subject)}" + (f" · {said}" if said else ""))


def _plain(text: str) -> str:
    """A text that mentions nobody and links nowhere: in Slack's markup only these three characters begin anything.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    shown = shorten(visible(text), _LONGEST)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def drift_markdown(report: DriftReport, *, limit: int = LIMIT) -> str:
    """The findings as one comment of at most `limit` characters (4,096 or more), what only is to be known folded."""
    comment, plan, drift = Comment(max(limit, LEAST_LIMIT)), report.plan, report.drift
    comment.add(hidden_line("drift", plan.stack))
    icon = "⚠️" if drift.found else "✅"
    comment.add(f"### {icon} flexres · {code(plan.stack)} · {report.headline}\n")
    if report.findings:
        comment.add(f"{counts_text(drift)} · {plan.in_sync:,} as declared\n")
    care = ((code(one.finding.subject), prose(one.care, 400)) for one in report.needs_care)
    comment.table(("needs care", "what"), care, "needs care", around=("", ""))
    for reason, found in report.by_reason():
        title = f"{reason[0].upper()}{reason[1:]}: {len(found):,}"
        around = (f"**{title}**\n", f"\n{ACTIONS[reason]}\n")
        if found[0].quiet:
            around = (f"<details><summary>{title}</summary>\n", f"\n{ACTIONS[reason]}\n\n</details>\n")
        rows = list(_cells(plan.stack, found))
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


def _cells(stack: str, found: Sequence[Told]) -> Iterator[Sequence[str]]:
    for one in found:
        yield (
            "🆕" if one.new else "",
            code(one.finding.subject),
            prose(one.what, 400),
            prose(one.since),
            code(short_place(stack, one.where)) if one.where else "",
        )
