"""A plan or what became of it as GitHub Markdown for a reviewer: the verdict first, the rest folded, never too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from flexres.apply.outcome import Applied, Result, UserOutcome
from flexres.errors import Exit
from flexres.reconcile.base import from_this_change, not_from_this_change
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.plan import Plan
from flexres.report.comment import LEAST_LIMIT, LIMIT, Comment, footer
from flexres.report.idp import provider as idp
from flexres.report.markdown_escape import code, hidden_line, prose, summary_tag
from flexres.report.plan.next_step import (
    apply_command,
    checklist_command,
    lift,
    next_after,
    plan_command,
    waits_for_console,
)
from flexres.report.plan.verdict import Position, Risk, RiskItem, Summary, Verdict, place_of, summarise
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.sso.settings import settings_to_tell
from flexres.report.wording import (
    ELSEWHERE,
    EXITS,
    KINDS,
    SHORT,
    SSO_BRINGS_BACK,
    arrival_text,
    field_label,
    offline_words,
    outcome_message,
    plural,
    quiet,
    short_place,
    values_text,
)

_ICONS: Final = {
    Risk.LEAVES: "➖",
    Risk.LET_GO: "➖",
    Risk.WAITS: "⏳",
    Risk.OVERDUE: "⏳",
    Risk.BLOCKED: "⛔",
    Risk.AT_IDP: "🔑",
}
_VERDICT_ICONS: Final = {
    Verdict.IN_SYNC: "✅",
    Verdict.SAFE: "✅",
    Verdict.NEEDS_CARE: "⚠️",
    Verdict.REFUSED: "⛔",
}


def plan_markdown(plan: Plan, *, limit: int = LIMIT, position: Position | None = None) -> str:
    """The plan as one comment of at most `limit` characters (4,096 or more); the same plan gives the same text.

    The first line is hidden and names the stack: by it a bot finds the comment to edit. `position` gives the
    place in the YAML of a declared user.
    """
    comment, summary = Comment(max(limit, LEAST_LIMIT)), summarise(plan, position)
    comment.add(hidden_line("plan", plan.stack))
    comment.add(f"### {_VERDICT_ICONS[summary.verdict]} flexres · {code(plan.stack)} · {summary.verdict}\n")
    comment.add(_headline(plan, summary) + "\n")
    if plan.offline:
        comment.add(f"{offline_words(code(plan.base or ''))}\n")
    _what_to_type(comment, plan)
    _refusals(comment, plan)
    _risks(comment, plan, summary.risks)
    _approvals(comment, summary)
    comment.table(queues.COLUMNS, queues.markdown_rows(plan), "queues", around=("", ""))
    for line in queues.remarks(plan):
        comment.add(f"{prose(line, 400)}\n")
    _team_files(comment, plan)
    comment.table(
        ("", "single sign-on", "what", "how"),
        sign_on.markdown_rows(settings_to_tell(plan)),
        "settings of single sign-on",
        around=("", f"\nWhat to enter where: {code(checklist_command(plan))}\n" if plan.console else ""),
    )
    if plan.idp is not None:
        head = ("", f"at {prose(plan.idp.wanted.provider)}", "what")
        comment.table(head, idp.markdown_rows(plan, plan.idp), "parts of the identity provider", around=("", ""))
    _elsewhere(comment, plan)
    _undeclared(comment, plan)
    comment.tell_left_out("" if plan.offline else f"; {code(plan_command(plan))} shows all")
    comment.add(footer(plan))
    return comment.text()


def applied_markdown(applied: Applied, *, limit: int = LIMIT, position: Position | None = None) -> str:
    """What became of a plan, as one comment of at most `limit` characters (4,096 or more)."""
    comment, plan = Comment(max(limit, LEAST_LIMIT)), applied.plan
    done = applied.exit is Exit.DONE
    says = "interrupted" if applied.interrupted else "applied" if done else "applied in part"
    comment.add(hidden_line("apply", plan.stack))
    comment.add(f"### {'✅' if done else '⚠️'} flexres · {code(plan.stack)} · {says}\n")
    counted = applied.counts()
    counts = " · ".join(f"{counted[one]:,} {one}" for one in Result if counted[one]) or "0 done"
    comment.add(f"**{counts}** · exit {int(applied.exit)}: {EXITS[applied.exit]}\n")
    command, why = next_after(applied)
    if command:
        comment.add(f"{why[0].upper()}{why[1:]}:\n\n{_shell(command)}\n")
    trouble = [*_of(applied, Result.FAILED, Result.NOT_TAKEN, Result.BLOCKED, Result.NOT_STARTED, Result.WAITING)]
    rows = _outcome_rows(trouble, plan, position)
    comment.table(("", "who", "why", "where"), rows, "who were left out", around=("", ""))
    outcome_rows = sign_on.outcome_rows(applied)
    comment.table(("", "single sign-on", "what"), outcome_rows, "settings of single sign-on", around=("", ""))
    at_idp = idp.outcome_rows(applied)
    comment.table(("", "identity provider", "what"), at_idp, "parts of the identity provider", around=("", ""))
    failed = (("`✗`", prose(error, 400)) for error in applied.errors)
    comment.table(("", "what else failed"), failed, "failures", around=("", ""))
    if plan.console:
        comment.add(f"{sign_on.counted(plan)}: {code(checklist_command(plan))}\n")
    summary = summarise(plan, position)
    _risks(comment, plan, [item for item in summary.risks if item.kind is Risk.AT_IDP])
    _approvals(comment, summary)
    finished = [*_of(applied, Result.DONE)]
    folded = f"<details><summary>{len(finished):,} done</summary>\n", "\n</details>\n"
    comment.table(("", "who", "what", "where"), _outcome_rows(finished, plan, position), "done", around=folded)
    if any(one.change.leaves and one.change.idp is None for one in finished):
        comment.add(f"{SSO_BRINGS_BACK}\n")
    comment.tell_left_out("")
    comment.add(footer(plan))
    return comment.text()


def _headline(plan: Plan, summary: Summary) -> str:
    same = f"as in {code(plan.base or '')}" if plan.offline else "as declared"
    if not summary.counts and not summary.noted:
        users = f"{plural(plan.in_sync, 'user')} {same}"
        return " · ".join(filter(None, (sign_on.counted(plan), idp.counted(plan), users)))
    said = [f"**{kind.counted(count)}**" for kind, count in summary.by_risk.items()]
    counted = [f"{count:,} {KINDS[kind].to_do}" for kind, count in summary.counts.items() if kind not in _TOLD_AS_RISK]
    if summary.noted:
        counted.append(f"{summary.noted:,} to note")
    others = len(not_from_this_change(plan.users))
    if others:
        counted.append(f"{others:,} {ELSEWHERE}")
    counted += filter(None, (sign_on.counted(plan), idp.counted(plan)))
    counted.append(f"{plan.in_sync:,} {same}")
    return " · ".join(filter(None, (", ".join(said), ", ".join(counted[:-1]), counted[-1])))


_TOLD_AS_RISK: Final = {Kind.RETIRE, Kind.LET_GO, Kind.WAIT, Kind.BLOCKED, Kind.AT_IDP}


def _what_to_type(comment: Comment, plan: Plan) -> None:
    if not plan.violations:
        return
    if waits_for_console(plan):
        command = _shell(checklist_command(plan))
        comment.add(f"Nothing is sent until the settings are entered in Console and attested\n\n{command}\n")
        return
    comment.add(f"Nothing is sent. Exactly this plan passes with\n\n{_shell(apply_command(plan))}\n")
    if plan.digest:
        comment.add(f"or with a commit that adds `{plan.digest}` to `policy.approved`.\n")


def _refusals(comment: Comment, plan: Plan) -> None:
    rows = (
        (
            f"**{prose(violation.rule)}**",
            prose(violation.message, 400),
            prose(lift(plan, violation)) or f"approve `{plan.digest}`",
        )
        for violation in plan.violations
    )
    comment.table(("⛔ refused by", "because", "lifted by"), rows, "refusals", around=("", ""))


def _risks(comment: Comment, plan: Plan, risks: Sequence[RiskItem]) -> None:
    rows = (
        (
            _ICONS.get(item.kind, "⚠️"),
            code(item.username),
            f"**{item.kind}**"
            + (f": {prose(item.detail, 400)}" if item.detail else "")
            + (f" · *{ELSEWHERE}*" if item.elsewhere else ""),
            _where(plan, item.where) + (f" approve `{item.approve}`" if item.approve else ""),
        )
        for item in risks
    )
    comment.table(("", "who", "what", "where"), rows, "at risk", around=("", ""))
    if any(item.kind in {Risk.CUT_OFF, Risk.LEAVES, Risk.OVERDUE, Risk.WAITS} for item in risks):
        comment.add(f"{SSO_BRINGS_BACK}\n")


def _approvals(comment: Comment, summary: Summary) -> None:
    rows = (
        (prose(item.rule), plural(len(item.usernames), "user") + f": {_few(item.usernames)}", code(item.by))
        for item in summary.approved
    )
    comment.table(("approved", "whom", "by"), rows, "approvals", around=("", ""))


def _team_files(comment: Comment, plan: Plan) -> None:
    declared = [
        change for change in from_this_change(plan.users) if change.file and change.kind not in _TOLD_COMPLETELY
    ]
    declared.sort(key=lambda change: change.file or "")
    for file, found in groupby(declared, key=lambda change: change.file or ""):
        changes = list(found)
        counted = Counter(change.kind for change in changes)
        says = ", ".join(f"{counted[kind]:,} {KINDS[kind].name}" for kind in KINDS if counted[kind])
        folded = f"<details>{summary_tag(short_place(plan.stack, file), says)}\n", "\n</details>\n"
        rows = [row for kind in KINDS for change in changes if change.kind is kind for row in _rows(change)]
        comment.table(_CHANGES, rows, "lines of changes", around=folded)


def _elsewhere(comment: Comment, plan: Plan) -> None:
    """What would happen without this change, too: Flex or an earlier change causes it."""
    changes = not_from_this_change(plan.users)
    folded = f"<details><summary>Not from this change: {len(changes):,}</summary>\n", "\n</details>\n"
    rows = [row for change in changes for row in _rows(change)]
    comment.table(_CHANGES, rows, f"lines {ELSEWHERE}", around=folded)


_CHANGES: Final = ("", "who", "field", "before → after", "why")
_TOLD_COMPLETELY: Final = {Kind.BLOCKED, Kind.AT_IDP, Kind.WAIT}


def _rows(change: UserChange) -> Iterator[Sequence[str]]:
    sign, who = f"`{KINDS[change.kind].sign}`", code(change.username)
    for said in _details(change):
        yield sign, who, *said
        sign, who = "", ""


def _details(change: UserChange) -> Iterator[Sequence[str]]:
    name = KINDS[change.kind].name
    if change.kind in {Kind.CREATE, Kind.REACTIVATE, Kind.RENAME} and (change.live is None or not change.live.worker):
        texts = [text for text in arrival_text(change) if text]
        origin = f"from {code(change.old.username)}" if change.old else ""
        yield f"*{name}*", " · ".join(code(text) for text in texts), origin
        if change.idp is not None:
            yield "", prose(idp.in_one_line(change)), ""
        return
    fields = [one for one in change.fields if not quiet(one)]
    if change.kind is not Kind.UPDATE or change.reason:
        yield f"*{name}*", "" if fields or change.reason else "as declared", prose(change.reason, 400)
    for one in fields:
        yield code(field_label(one.key)), code(values_text(one)), idp.cause_here(change, one)
    if not change.leaves:
        for name_there, values, why in idp.rows_of_user(change, SHORT):
            yield code(name_there), code(values), why
    kept = [field_label(one.key) for one in change.fields if quiet(one)]
    if kept:
        yield f"*{plural(len(kept), 'field')}*", _few(kept), "noted or let go; Flex stays as it is"


def _undeclared(comment: Comment, plan: Plan) -> None:
    rows = [
        *(
            (code(one.username), f"user of stack id {code(one.marker.stack_id)}" if one.marker else "user")
            for one in plan.unmanaged
        ),
        *((code(worker.friendly_name), "Worker without a user") for worker in plan.orphans),
        *((_few(names), f"billed more than once: {code(email)}") for email, names in plan.personas.items()),
    ]
    folded = f"<details><summary>Not declared here: {len(rows):,}</summary>\n", "\n</details>\n"
    comment.table(("who", "what"), rows, "not declared here", around=folded)


def _outcome_rows(found: Sequence[UserOutcome], plan: Plan, position: Position | None) -> Iterator[Sequence[str]]:
    for one in found:
        said = outcome_message(one)
        what = f"**{one.result}**: {prose(said, 400)}" if one.result is not Result.DONE else prose(said, 400)
        where = _where(plan, place_of(one.change, position))
        yield f"`{KINDS[one.change.kind].sign}`", code(one.change.username), what, where


def _of(applied: Applied, *results: Result) -> Iterator[UserOutcome]:
    for result in results:
        yield from applied.of(result)


def _where(plan: Plan, place: str | None) -> str:
    return code(short_place(plan.stack, place)) if place else ""


def _few(names: Sequence[str], few: int = 5) -> str:
    shown = ", ".join(code(name) for name in names[:few])
    return f"{shown} and {len(names) - few:,} more" if len(names) > few else shown


def _shell(command: str) -> str:
    """A fenced block; the fence is longer than any run of backticks in the command."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", command)), default=0) + 1)
    return f"{fence}sh\n{command}\n{fence}"
