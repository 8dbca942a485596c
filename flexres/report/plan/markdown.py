"""A plan or what became of it as GitHub Markdown for a reviewer: the verdict first, the rest folded, never too long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from flexres.apply.outcome import Result, UserOutcome
from flexres.errors import Exit
from flexres.reconcile.change import Kind
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.markdown import LEAST_LIMIT, LIMIT, Comment, code, footer, hidden_line, prose, summary_tag
from flexres.report.next_step import PlanRun, approve_command, checklist_command, passes_with, plan_command
from flexres.report.origin import sides_of
from flexres.report.plan import skills
from flexres.report.plan.model import AppliedReport, PlanReport, Step, Undeclared, Where, where_of
from flexres.report.plan.risks import RiskItem
from flexres.report.plan.user import UserReport
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.terms import EXITS, KINDS, RISKS, VERDICTS
from flexres.report.wording import (
    ELSEWHERE,
    SSO_BRINGS_BACK,
    as_set_words,
    offline_words,
    outcome_message,
    plural,
    short_place,
)


def plan_markdown(report: PlanReport, *, limit: int = LIMIT) -> str:
    """The plan as one comment of at most `limit` characters (4,096 or more); the same plan gives the same text.

    The first line is hidden and names the stack: by it a bot finds the comment to edit.
    """
    comment, plan, run = Comment(max(limit, LEAST_LIMIT)), report.plan, report.run
    comment.add(hidden_line("plan", plan.stack))
    comment.add(f"### {VERDICTS[report.verdict].icon} flexres · {code(plan.stack)} · {report.verdict}\n")
    comment.add(_headline(report) + "\n")
    if run.offline:
        comment.add(f"{offline_words(code(run.base))}\n")
    if plan.channels_as_set and plan.users:
        comment.add(f"{as_set_words(plan.channels_as_set)}\n")
    _top(comment, report)
    _what_to_type(comment, report)
    _refusals(comment, report)
    _risks(comment, plan, report.risks)
    if report.brings_back:
        comment.add(f"{SSO_BRINGS_BACK}\n")
    _approvals(comment, report)
    comment.table(queues.COLUMNS, queues.markdown_rows(plan), "queues", around=("", ""))
    for line in filter(None, (queues.standing_words(plan), *queues.remarks(plan))):
        comment.add(f"{prose(line, 400)}\n")
    comment.table(skills.COLUMNS, skills.markdown_rows(plan, report.position), "skills", around=("", ""))
    _team_files(comment, report)
    comment.table(
        ("", "single sign-on", "what", "how"),
        sign_on.markdown_rows(report.settings),
        "settings of single sign-on",
        around=("", f"\nWhat to enter where: {code(checklist_command(plan))}\n" if plan.console else ""),
    )
    if plan.idp is not None:
        head = ("", f"at {prose(plan.idp.wanted.provider)}", "what")
        comment.table(head, idp.markdown_rows(plan, plan.idp), "parts of the identity provider", around=("", ""))
    _elsewhere(comment, report)
    _undeclared(comment, report)
    comment.tell_left_out("" if run.offline else f"; {code(plan_command(plan, run))} shows all")
    comment.add(footer(plan, run))
    return comment.text()


def applied_markdown(report: AppliedReport, *, limit: int = LIMIT) -> str:
    """What became of a plan, as one comment of at most `limit` characters (4,096 or more)."""
    comment, applied = Comment(max(limit, LEAST_LIMIT)), report.applied
    plan, done = applied.plan, applied.exit is Exit.DONE
    comment.add(hidden_line("apply", plan.stack))
    comment.add(f"### {'✅' if done else '⚠️'} flexres · {code(plan.stack)} · {report.says}\n")
    counts = " · ".join(f"{count:,} {result}" for result, count in report.counts.items()) or "0 done"
    comment.add(f"**{counts}** · exit {int(applied.exit)}: {EXITS[applied.exit]}\n")
    if report.command:
        comment.add(f"{report.why[0].upper()}{report.why[1:]}:\n\n{_shell(report.command)}\n")
    _top(comment, report.plan)
    rows = _outcome_rows(report.troubled, report)
    comment.table(("", "who", "why", "where"), rows, "who were left out", around=("", ""))
    outcome_rows = sign_on.outcome_rows(applied)
    comment.table(("", "single sign-on", "what"), outcome_rows, "settings of single sign-on", around=("", ""))
    at_idp = idp.outcome_rows(applied)
    comment.table(("", "identity provider", "what"), at_idp, "parts of the identity provider", around=("", ""))
    failed = (("`✗`", prose(error, 400)) for error in applied.errors)
    comment.table(("", "what else failed"), failed, "failures", around=("", ""))
    if plan.console:
        comment.add(f"{sign_on.counted(plan)}: {code(checklist_command(plan))}\n")
    _risks(comment, plan, report.at_idp)
    _approvals(comment, report.plan)
    folded = f"<details><summary>{len(report.done):,} done</summary>\n", "\n</details>\n"
    comment.table(("", "who", "what", "where"), _outcome_rows(report.done, report), "done", around=folded)
    if report.brings_back:
        comment.add(f"{SSO_BRINGS_BACK}\n")
    comment.tell_left_out("")
    comment.add(footer(plan, report.plan.run))
    return comment.text()


def _headline(report: PlanReport) -> str:
    plan, run = report.plan, report.run
    same = f"as in {code(run.base)}" if run.offline else "as declared"
    if not report.counts and not report.noted:
        users = f"{plural(plan.in_sync, 'user')} {same}"
        return " · ".join(filter(None, (sign_on.counted(plan), idp.counted(plan), users)))
    said = [f"**{kind.counted(count)}**" for kind, count in report.by_risk.items()]
    kinds = ((KINDS[kind], count) for kind, count in report.counts.items())
    counted = [f"{count:,} {terms.to_do}" for terms, count in kinds if not terms.counted_as_risk]
    if report.noted:
        counted.append(f"{report.noted:,} to note")
    if report.elsewhere:
        counted.append(f"{len(report.elsewhere):,} {ELSEWHERE}")
    counted += filter(None, (sign_on.counted(plan), idp.counted(plan)))
    return " · ".join(filter(None, (", ".join(said), ", ".join(counted), f"{plan.in_sync:,} {same}")))


def _top(comment: Comment, report: PlanReport) -> None:
    rows = (
        ("🔴" if line.grave else "⚠️" if line.care else "", f"**{prose(line.what)}**", prose(line.says, 400))
        for line in report.top
    )
    comment.table(("", "", "before anything else"), rows, "lines on what judges this plan", around=("", ""))


def _what_to_type(comment: Comment, report: PlanReport) -> None:
    if report.step is Step.CONSOLE:
        command = _shell(checklist_command(report.plan))
        comment.add(f"Nothing is sent until the settings are entered in Console and attested\n\n{command}\n")
    elif report.step is Step.APPROVE:
        says = passes_with((refusal.rule for refusal in report.refusals), some_approval=bool(report.plan.digest))
        comment.add(f"Nothing is sent: {says}\n\n{_shell(report.command)}\n")
        if report.plan.digest:
            comment.add(f"or with a commit: {code(approve_command(report.plan))}\n")


def _refusals(comment: Comment, report: PlanReport) -> None:
    rows = (
        (f"**{prose(one.rule)}**", prose(one.says, 400), prose(one.lifts) or f"approve `{report.plan.digest}`")
        for one in report.refusals
    )
    comment.table(("⛔ refused by", "because", "lifted by"), rows, "refusals", around=("", ""))


def _risks(comment: Comment, plan: Plan, risks: Sequence[RiskItem]) -> None:
    rows = (
        (
            RISKS[item.kind].icon,
            code(item.username),
            f"**{item.kind}**"
            + (f": {prose(item.detail, 400)}" if item.detail else "")
            + (f" · *{ELSEWHERE}*" if item.elsewhere else ""),
            _where(plan, item.where) + (f" approve `{item.approve}`" if item.approve else ""),
        )
        for item in risks
    )
    comment.table(("", "who", "what", "where"), rows, "at risk", around=("", ""))


def _approvals(comment: Comment, report: PlanReport) -> None:
    rows = (
        (prose(item.rule), plural(len(item.usernames), "user") + f": {_few(item.usernames)}", code(item.by))
        for item in report.approved
    )
    comment.table(("approved", "whom", "how"), rows, "approvals", around=("", ""))


def _team_files(comment: Comment, report: PlanReport) -> None:
    columns = _columns(report.run)
    for one in report.files:
        says = ", ".join(f"{one.counts[kind]:,} {KINDS[kind].name}" for kind in KINDS if one.counts[kind])
        folded = f"<details>{summary_tag(short_place(report.plan.stack, one.file), says)}\n", "\n</details>\n"
        rows = [row for user in one.changes for row in _rows(user)]
        comment.table(columns, rows, "lines of changes", around=folded)


def _elsewhere(comment: Comment, report: PlanReport) -> None:
    """What would happen without this change, too: Flex or an earlier change causes it."""
    folded = f"<details><summary>Not from this change: {len(report.elsewhere):,}</summary>\n", "\n</details>\n"
    rows = [row for user in report.elsewhere for row in _rows(user)]
    comment.table(_columns(report.run), rows, f"lines {ELSEWHERE}", around=folded)


def _columns(run: PlanRun) -> Sequence[str]:
    return "", "who", "field", sides_of(run, code), "why"


def _rows(one: UserReport) -> Iterator[Sequence[str]]:
    sign, who = f"`{KINDS[one.change.kind].sign}`", code(one.change.username)
    for said in _details(one):
        yield sign, who, *said
        sign, who = "", ""


def _details(one: UserReport) -> Iterator[Sequence[str]]:
    change, name = one.change, KINDS[one.change.kind].name
    if one.comes:
        texts = [
            *filter(None, one.arrival),
            *(f"{line.label}: {line.wanted()}" for line in one.lines if not line.repeats),
        ]
        origin = f"from {code(one.origin)}" if one.origin else ""
        yield f"*{name}*", " · ".join(map(code, texts)), origin
        if one.provider:
            yield "", prose(one.provider), ""
        return
    if change.kind is not Kind.UPDATE or change.reason:
        yield f"*{name}*", "" if one.changed or change.reason else "as declared", prose(change.reason, 400)
    for line in one.changed:
        yield code(line.label), code(line.values()), line.why
    if one.kept:
        kept = [line.label for line in one.kept]
        yield f"*{plural(len(kept), 'field')}*", _few(kept), "noted or let go; Flex stays as it is"


def _undeclared(comment: Comment, report: PlanReport) -> None:
    rows = list(map(_undeclared_row, report.undeclared))
    folded = f"<details><summary>Not declared here: {len(rows):,}</summary>\n", "\n</details>\n"
    comment.table(("who", "what"), rows, "not declared here", around=folded)


def _undeclared_row(one: Undeclared) -> Sequence[str]:
    match one.what:
        case Where.USER:
            return code(one.name), "user"
        case Where.OTHER_STACK:
            return code(one.name), f"user of stack id {code(one.stack_id)}"
        case Where.WORKER:
            return code(one.name), "Worker without a user"
        case Where.PERSON:
            return _few(one.names), f"billed more than once: {code(one.name)}"


def _outcome_rows(found: Iterable[UserOutcome], report: AppliedReport) -> Iterator[Sequence[str]]:
    for one in found:
        said = outcome_message(one)
        what = f"**{one.result}**: {prose(said, 400)}" if one.result is not Result.DONE else prose(said, 400)
        where = _where(report.applied.plan, where_of(report.plan, one.change))
        yield f"`{KINDS[one.change.kind].sign}`", code(one.change.username), what, where


def _where(plan: Plan, place: str | None) -> str:
    return code(short_place(plan.stack, place)) if place else ""


def _few(names: Sequence[str], few: int = 5) -> str:
    shown = ", ".join(code(name) for name in names[:few])
    return f"{shown} and {len(names) - few:,} more" if len(names) > few else shown


def _shell(command: str) -> str:
    """A fenced block; the fence is longer than any run of backticks in the command."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", command)), default=0) + 1)
    return f"{fence}sh\n{command}\n{fence}"
