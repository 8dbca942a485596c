"""The identity provider's part of a plan in words: its set-up, who is not there, what a user's change does there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.reconcile.change import IdpChange, UserChange
from flexres.reconcile.idp.model import IdpPlan
from flexres.reconcile.plan import Plan
from flexres.report.layout import Page, Row, shorten
from flexres.report.markdown import code, prose
from flexres.report.wording import (
    LONG,
    SHORT,
    names_of,
    plural,
    stranger_text,
    value_text,
)
from flexres.text import visible
from flexres.values import ABSENT, Value, normal


def in_text(page: Page, plan: Plan, *, verbose: bool) -> None:
    """The section of a text report; nothing where the provider is as declared."""
    idp = plan.idp
    if idp is None or not untidy(plan):
        return
    page.heading(f"At {visible(idp.wanted.provider)} ({visible(idp.wanted.tenant)})")
    limit, few = (LONG, len(idp.missing) + len(idp.strangers)) if verbose else (SHORT, 3)
    rows: list[Row] = []
    for trouble in idp.troubles:
        rows.append(((f"! {visible(trouble.about)}", "bold red"), (visible(trouble.problem.message), "")))
        rows.append((("", ""), (visible(trouble.problem.hint), "dim")))
    rows += [((f"~ {change.part}", "yellow"), (says(change, limit), "")) for change in plan.at_idp]
    for one in idp.differing:
        declared = shorten(visible(one.declared), limit) if one.declared else "not set"
        shown = (
            f"{one.key} is {declared}, and {visible(idp.wanted.provider)} says {shorten(visible(one.offered), limit)}"
        )
        rows.append((("! sso", "bold red" if one.declared else "cyan"), (shown, "")))
    rows += [(("i not there", "cyan"), (names_of(idp.missing, few=few), ""))] if idp.missing else []
    for stranger in idp.strangers[:few]:
        rows.append(((f"! {visible(stranger.email)}", "bold red"), (stranger_text(stranger), "")))
    if len(idp.strangers) > few:
        rows.append((("!", "bold red"), (f"{len(idp.strangers) - few} more accounts have roles for Flex", "")))
    rows += [(("i connections", "cyan"), (_others(idp, few), ""))] if idp.others else []
    page.table(rows)
    if idp.differing:
        page.write(
            ("take these values over: ", "dim"), (f"flexres idp import-metadata --stack {plan.stack}", "bold"), indent=2
        )


def _others(idp: IdpPlan, few: int) -> str:
    named = names_of(idp.others, few=few)
    return f"{named} can sign in to the application, too: disable them there; the action lets nobody of them in"


def untidy(plan: Plan) -> bool:
    """Whether there is anything to tell besides users' changes."""
    idp = plan.idp
    return idp is not None and bool(
        plan.at_idp or idp.differing or idp.troubles or idp.missing or idp.strangers or idp.others
    )


def says(change: IdpChange, limit: int = SHORT) -> str:
    """One part of the set-up in words."""
    if change.says:
        name = value_text(change.after, limit)
        return (
            change.says
            if change.key in {"code", "flexres"} and change.before is not ABSENT
            else f"{name} {change.says}"
        )
    return f"{visible(change.key)}: {value_text(change.before, limit)} → {value_text(change.after, limit)}"


def counted(plan: Plan) -> str:
    """What is to do there, counted."""
    idp = plan.idp
    if idp is None:
        return ""
    name = visible(idp.wanted.provider)
    counts = [
        f"{plural(len(plan.at_idp), 'setting')} to change at {name}" if plan.at_idp else "",
        f"{plural(len(idp.troubles), 'obstacle')} at {name}" if idp.troubles else "",
        f"{plural(len(idp.differing), 'value')} of sso: otherwise at {name}" if idp.differing else "",
    ]
    return ", ".join(filter(None, counts))


def outcomes_in_text(page: Page, applied: Applied) -> None:
    """What became of the set-up."""
    plan = applied.plan.idp
    if not applied.at_idp or plan is None:
        return
    page.heading(f"At {visible(plan.wanted.provider)} ({visible(plan.wanted.tenant)})")
    page.table(_outcome_row(outcome) for outcome in applied.at_idp)


def _outcome_row(outcome: Outcome[IdpChange]) -> Row:
    done = outcome.result is Result.DONE
    what = says(outcome.change) if done else f"{outcome.result}: {visible(outcome.message)}"
    return (f"{'✓' if done else '✗'} {outcome.change.part}", "green" if done else "bold red"), (what, "")


def markdown_rows(plan: Plan, idp: IdpPlan) -> Iterator[Sequence[str]]:
    """The cells of a table of the set-up: sign, part, what."""
    for trouble in idp.troubles:
        yield "`!`", prose(trouble.about), prose(f"{trouble.problem.message}: {trouble.problem.hint}", 600)
    for change in plan.at_idp:
        yield "`~`", prose(str(change.part)), prose(says(change, LONG), 600)
    for one in idp.differing:
        yield "`!`", code(f"sso.{one.key}"), f"{code(one.declared or 'not set')} here, {code(one.offered)} there"
    if idp.missing:
        yield "`i`", "not there", prose(names_of(idp.missing))
    if idp.strangers:
        for one_of in idp.strangers[:20]:
            yield "`!`", prose(one_of.email), prose(stranger_text(one_of), 400)
        if len(idp.strangers) > 20:
            yield "`!`", "", f"{len(idp.strangers) - 20} more accounts have roles for Flex"
    if idp.others:
        yield "`i`", "connections", prose(_others(idp, 5), 400)


def outcome_rows(applied: Applied) -> Iterator[Sequence[str]]:
    """The cells of a table of what became of the set-up."""
    for outcome in applied.at_idp:
        done = outcome.result is Result.DONE
        what = (
            prose(says(outcome.change, LONG), 600) if done else f"**{outcome.result}**: {prose(outcome.message, 400)}"
        )
        yield "`~`", prose(str(outcome.change.part)), what


def as_json(plan: Plan, idp: IdpPlan) -> dict[str, Any]:
    """The provider's part as JSON values; the action's code is left out, as it follows from the YAML."""
    return {
        "provider": idp.wanted.provider,
        "tenant": idp.wanted.tenant,
        "users": idp.users,
        "changes": [_change(change) for change in plan.at_idp],
        "differing": [
            {"key": one.key, "offered": one.offered} | ({"declared": one.declared} if one.declared else {})
            for one in idp.differing
        ],
        "troubles": [
            {"about": one.about, "message": one.problem.message, "hint": one.problem.hint} for one in idp.troubles
        ],
        "missing": list(idp.missing),
        "strangers": [
            {"email": one.email, "user_id": one.user_id, "roles": list(one.roles), "claim": str(one.claim)}
            | ({"name_id": one.name_id} if one.name_id else {})
            for one in idp.strangers
        ],
        "other_connections": list(idp.others),
    }


def _change(change: IdpChange) -> dict[str, Any]:
    said: dict[str, Any] = {"part": str(change.part), "key": change.key}
    if change.says:
        return {**said, "says": says(change)}
    return said | _sides(change.before, change.after)


def edit_json(change: UserChange) -> dict[str, Any]:
    """What a user's change does there, as JSON values."""
    edit = change.idp
    assert edit is not None
    fields = [{"key": one.key.text, "cause": str(one.cause)} | _sides(one.before, one.after) for one in edit.fields]
    said: dict[str, Any] = {"provider": edit.provider, "email": edit.email, "fields": fields}
    return said | ({"user_id": edit.user_id} if edit.user_id is not None else {"create": True})


def outcome_json(outcome: Outcome[IdpChange]) -> dict[str, Any]:
    """What became of one part of the set-up, as JSON values."""
    said = {"part": str(outcome.change.part), "key": outcome.change.key, "result": str(outcome.result)}
    return said | ({"message": outcome.message} if outcome.message else {})


def _sides(before: Value, after: Value) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if before is not ABSENT:
        said["before"] = normal(before)
    if after is not ABSENT:
        said["after"] = normal(after)
    return said
