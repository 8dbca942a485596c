"""The fingerprint of a plan: two plans have the same one when applying them would do the same to the same people."""

from __future__ import annotations

import hashlib

from flexres.reconcile.change import Change, FieldChange, Kind, UserChange
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT, Json, Value, canonical


def fingerprint(plan: Plan) -> str:
    """Sixteen hexadecimal digits over all that is pending, whoever approved it and whatever it was counted among.

    A leaver counts alike whether busy or not: the operation reads that again just before.
    """
    described = [_described(change) for change in plan.changes if change.pending or _leaves(change)]
    text = canonical([plan.stack_id, plan.instance.sid, sorted(described, key=canonical)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _leaves(change: Change) -> bool:
    return isinstance(change, UserChange) and change.leaves


def _described(change: Change) -> Json:
    if not isinstance(change, UserChange):
        return [change.about, change.name, _sides(change.written)]
    kind = Kind.RETIRE if change.kind is Kind.WAIT else change.kind
    at_idp = change.idp.fields if change.idp else ()
    old = change.old.username if change.old else ""
    return [change.about, change.name, kind, old, _sides(change.fields), _sides(at_idp)]


def _sides(fields: tuple[FieldChange, ...]) -> Json:
    return sorted(([item.key.text, _side(item.before), _side(item.after)] for item in fields), key=canonical)


def _side(value: Value) -> Json:
    return [] if value is ABSENT else [value]
