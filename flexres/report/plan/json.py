"""A plan or what became of it as JSON for programs: a versioned shape, described by docs/schema/report.schema.json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from flexres.apply.outcome import Applied, Result, UserOutcome
from flexres.reconcile.change import FieldChange, Kind, UserChange
from flexres.reconcile.guards import Guarded, Violation
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.plan.next_step import apply_command, lift, next_after
from flexres.report.plan.verdict import Position, RiskItem, Summary, place_of, summarise
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.wording import EXITS
from flexres.values import ABSENT, normal

FORMAT: Final = 1
"""The shape's version: it grows by new keys alone; anything else is a new version."""

Report: TypeAlias = dict[str, Any]

COUNTED: Final = {kind: kind.name.lower() for kind in Kind if kind is not Kind.UNMANAGED}


def plan_json(plan: Plan, *, position: Position | None = None) -> Report:
    """The plan as JSON values: no secret, and of a Worker's attributes only the fields that change.

    A key is left out where there is nothing: no `before` means that Flex has no such value. `position` gives the
    place in the YAML of a declared user.
    """
    summary = summarise(plan, position)
    return {
        "format": FORMAT,
        "report": "plan",
        **_head(plan),
        **_given(base=plan.base),
        **({"offline": True} if plan.offline else {}),
        "verdict": str(summary.verdict),
        "exit": int(summary.exit),
        "counts": _counts(plan, summary),
        "risks": [_risk(item) for item in summary.risks],
        "violations": [_violation(plan, violation) for violation in plan.violations],
        "guarded": [_guarded(item) for item in plan.guarded],
        "changes": [_change(change, position) for change in plan.users],
        "unmanaged": [_unmanaged(change) for change in plan.unmanaged],
        "orphans": [{"sid": worker.sid, "friendly_name": worker.friendly_name} for worker in plan.orphans],
        "personas": {email: list(usernames) for email, usernames in plan.personas.items()},
        **({"settings": [sign_on.as_json(setting) for setting in plan.settings]} if plan.settings else {}),
        **({"idp": idp.as_json(plan, plan.idp)} if plan.idp is not None else {}),
        **queues.as_json(plan),
        "requests": plan.requests,
        "seconds": round(plan.seconds, 3),
        **({"digest": plan.digest} if plan.digest else {}),
        **({"next": apply_command(plan)} if plan.pending and not plan.offline else {}),
    }


def applied_json(applied: Applied, *, position: Position | None = None) -> Report:
    """What became of a plan as JSON values, with the plan itself under `plan`."""
    counts, (command, _) = applied.counts(), next_after(applied)
    return {
        "format": FORMAT,
        "report": "apply",
        **_head(applied.plan),
        "exit": int(applied.exit),
        "meaning": EXITS[applied.exit],
        "interrupted": applied.interrupted,
        "counts": {result.name.lower(): counts[result] for result in Result},
        "outcomes": [_outcome(outcome) for outcome in applied.users],
        **({"settings": [sign_on.outcome_json(each) for each in applied.settings]} if applied.settings else {}),
        **({"idp": [idp.outcome_json(each) for each in applied.at_idp]} if applied.at_idp else {}),
        **({"errors": list(applied.errors)} if applied.errors else {}),
        "requests": applied.requests,
        "seconds": round(applied.seconds, 3),
        **({"next": command} if command else {}),
        "plan": plan_json(applied.plan, position=position),
    }


def _head(plan: Plan) -> Report:
    commit = {"commit": plan.commit} if plan.commit else {}
    committed = (
        {} if plan.commit_time is None else {"commit_time": _time(datetime.fromtimestamp(plan.commit_time, UTC))}
    )
    return {
        "stack": plan.stack,
        "stack_id": plan.stack_id,
        "account": plan.instance.account,
        "instance": plan.instance.sid,
        "as_of": _time(plan.as_of),
        **commit,
        **committed,
    }


def _counts(plan: Plan, summary: Summary) -> Report:
    return {
        "declared": plan.declared,
        "in_flex": plan.in_flex,
        "in_sync": plan.in_sync,
        **{name: summary.counts.get(kind, 0) for kind, name in COUNTED.items()},
        "noted": summary.noted,
        "unmanaged": len(plan.unmanaged),
        "orphans": len(plan.orphans),
    }


def _risk(item: RiskItem) -> Report:
    said: Report = {"kind": str(item.kind), "username": item.username, "care": item.care}
    if item.elsewhere:
        said["elsewhere"] = True
    return said | _given(detail=item.detail, where=item.where, approve=item.approve, approved_by=item.approved_by)


def _violation(plan: Plan, violation: Violation) -> Report:
    return {
        "rule": str(violation.rule),
        "message": violation.message,
        "usernames": list(violation.usernames),
    } | _given(hint=lift(plan, violation))


def _guarded(item: Guarded) -> Report:
    said = {"rule": str(item.rule), "username": item.username, "detail": item.detail, "digest": item.digest}
    return said | _given(approved_by=item.approved_by)


def _change(change: UserChange, position: Position | None) -> Report:
    since = change.marker.waiting_since() if change.marker else None
    return {
        "username": change.username,
        "kind": str(change.kind),
        "pending": change.pending,
        "overdue": change.overdue,
        **({"elsewhere": True} if change.elsewhere else {}),
        "fields": [_field(field) for field in change.fields],
        **({"idp": idp.edit_json(change)} if change.idp is not None else {}),
    } | _given(
        file=change.file,
        position=place_of(change, position),
        why=str(change.why or ""),
        reason=change.reason,
        digest=change.digest,
        previously=change.old.username if change.old else "",
        waiting_since=_time(since) if since else "",
    )


def _field(field: FieldChange) -> Report:
    said: Report = {
        "key": field.key.text,
        "cause": str(field.cause),
        "route": str(field.route),
        "writes": field.writes,
        "let_go": field.let_go,
    }
    if field.elsewhere:
        said["elsewhere"] = True
    if field.before is not ABSENT:
        said["before"] = normal(field.before)
    if field.after is not ABSENT:
        said["after"] = normal(field.after)
    return said


def _unmanaged(change: UserChange) -> Report:
    return {"username": change.username} | _given(stack_id=change.marker.stack_id if change.marker else "")


def _outcome(outcome: UserOutcome) -> Report:
    return (
        {
            "username": outcome.change.username,
            "kind": str(outcome.change.kind),
            "result": str(outcome.result),
        }
        | _given(message=outcome.message, request_id=outcome.request_id)
        | ({"not_taken": list(outcome.not_taken)} if outcome.not_taken else {})
    )


def _given(**texts: str | None) -> Report:
    """Those that hold something: a key without a value is left out."""
    return {name: text for name, text in texts.items() if text}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
