"""A plan or what became of it as JSON for programs: a versioned shape, described by docs/schema/report.schema.json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from flexres.apply.outcome import Result, UserOutcome
from flexres.desired.model import InForce
from flexres.reconcile.change import FieldChange, Kind, UserChange
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.guards.model import Guarded
from flexres.reconcile.guards.watch import roles_before
from flexres.reconcile.plan import Plan
from flexres.report.idp import provider as idp
from flexres.report.next_step import approve_command
from flexres.report.plan import skills
from flexres.report.plan.model import AppliedReport, PlanReport, Refusal
from flexres.report.plan.risks import Position, RiskItem, place_of
from flexres.report.routing import queues
from flexres.report.sso import settings as sign_on
from flexres.report.terms import EXITS
from flexres.values import ABSENT, normal

FORMAT: Final = 1
"""The shape's version: it grows by new keys alone; anything else is a new version."""

Report: TypeAlias = dict[str, Any]

COUNTED: Final = {kind: kind.name.lower() for kind in Kind if kind is not Kind.UNMANAGED}


def plan_json(report: PlanReport) -> Report:
    """The plan as JSON values: no secret, and of a Worker's attributes only the fields that change.

    A key is left out where there is nothing: no `before` means that Flex has no such value.
    """
    plan, run = report.plan, report.run
    return {
        "format": FORMAT,
        "report": "plan",
        **_head(plan),
        **_given(base=run.base, base_commit=run.base_commit, head=run.head),
        **({"offline": True} if run.offline else {}),
        "verdict": str(report.verdict),
        "exit": int(report.exit),
        "counts": _counts(report),
        "risks": [_risk(item) for item in report.risks],
        "violations": [_refusal(refusal) for refusal in report.refusals],
        "guarded": [_guarded(item) for item in plan.guarded],
        **({"judged_by": _judged_by(plan.judged_by)} if plan.judged_by is not None else {}),
        "top": [{"what": one.what, "says": one.says, "care": one.care, "grave": one.grave} for one in report.top],
        "stack_changes": [
            {"key": one.key, "before": one.before, "after": one.after, "effect": str(one.effect)}
            for one in plan.stack_changes
        ],
        "approvals": [_approval(one.approval) | {"standing": str(one.standing)} for one in plan.approvals],
        "unmanaged_admins": [
            {"username": change.username, "roles": sorted(roles_before(change))} for change in plan.unmanaged_admins
        ],
        "changes": [_change(change, report.position) for change in plan.users],
        "unmanaged": [_unmanaged(change) for change in plan.unmanaged],
        "orphans": [{"sid": worker.sid, "friendly_name": worker.friendly_name} for worker in plan.orphans],
        "personas": {email: list(usernames) for email, usernames in plan.personas.items()},
        **({"settings": [sign_on.as_json(setting) for setting in plan.settings]} if plan.settings else {}),
        **({"idp": idp.as_json(plan, plan.idp)} if plan.idp is not None else {}),
        **queues.as_json(plan),
        **({"skills": skills.as_json(plan, report.position)} if plan.skills else {}),
        **({"channels_as_set": plan.channels_as_set} if plan.channels_as_set else {}),
        "requests": run.requests,
        "seconds": round(run.seconds, 3),
        **({"digest": plan.digest} if plan.digest else {}),
        **({"next": report.command} if plan.pending and not run.offline else {}),
        **({"approve": approve_command(plan)} if plan.digest else {}),
    }


def applied_json(report: AppliedReport) -> Report:
    """What became of a plan as JSON values, with the plan itself under `plan`."""
    applied = report.applied
    return {
        "format": FORMAT,
        "report": "apply",
        **_head(applied.plan),
        "exit": int(applied.exit),
        "meaning": EXITS[applied.exit],
        "interrupted": applied.interrupted,
        **({"reviewed_by": list(report.plan.run.reviewed_by)} if report.plan.run.reviewed_by else {}),
        "counts": {result.name.lower(): report.counts.get(result, 0) for result in Result},
        "outcomes": [_outcome(outcome) for outcome in applied.users],
        **({"settings": [sign_on.outcome_json(each) for each in applied.settings]} if applied.settings else {}),
        **({"idp": [idp.outcome_json(each) for each in applied.at_idp]} if applied.at_idp else {}),
        **({"errors": list(applied.errors)} if applied.errors else {}),
        "requests": applied.requests,
        "seconds": round(applied.seconds, 3),
        **({"next": report.command} if report.command else {}),
        "plan": plan_json(report.plan),
    }


def _head(plan: Plan) -> Report:
    commit: Report = {"commit": plan.commit} if plan.commit else {}
    dirty: Report = {"dirty": True} if plan.dirty else {}
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
        **dirty,
        **committed,
    }


def _counts(report: PlanReport) -> Report:
    plan = report.plan
    return {
        "declared": plan.declared,
        "in_flex": plan.in_flex,
        "in_sync": plan.in_sync,
        **{name: report.counts.get(kind, 0) for kind, name in COUNTED.items()},
        "noted": report.noted,
        "unmanaged": len(plan.unmanaged),
        "orphans": len(plan.orphans),
    }


def _risk(item: RiskItem) -> Report:
    said: Report = {"kind": str(item.kind), "username": item.username, "care": item.care}
    if item.elsewhere:
        said["elsewhere"] = True
    return said | _given(detail=item.detail, where=item.where, approve=item.approve, approved_by=item.approved_by)


def _refusal(one: Refusal) -> Report:
    found = one.violation
    limit = "" if found.limit is None else str(found.limit)
    said = {"rule": str(one.rule), "message": one.says, "usernames": list(found.usernames)}
    return said | {"count": found.count, "of": found.of} | _given(hint=one.lifts, limit=limit)


def _guarded(item: Guarded) -> Report:
    said: Report = {"rule": str(item.rule), "username": item.username, "detail": item.detail, "digest": item.digest}
    if item.approval is not None:
        said["approval"] = _approval(item.approval)
    return said | _given(approved_by=item.approved_by)


def _judged_by(found: InForce) -> Report:
    return {"by": str(found.by)} | _given(name=found.name, why=found.why)


def _approval(approval: Approval) -> Report:
    said: Report = {"source": str(approval.source)}
    if approval.source is Source.COMMITTED:
        said |= {"proof": str(approval.proof), "added": approval.added}
    return said | _given(
        digest=approval.digest,
        who=approval.who,
        commit=approval.commit,
        place=f"{approval.place.file}:{approval.place.line}" if approval.place else "",
        purpose=approval.purpose,
        until=approval.until.isoformat() if approval.until else "",
        extends=approval.extends.isoformat() if approval.extends else "",
    )


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
