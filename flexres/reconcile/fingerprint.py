"""The fingerprint of a plan: two plans have the same one when applying them would do the same to the same people."""

from __future__ import annotations

import hashlib

from flexres.reconcile.model import FieldChange, Kind, Plan, SettingState, UserChange
from flexres.values import ABSENT, Json, Value, canonical


def fingerprint(plan: Plan) -> str:
    """Sixteen hexadecimal digits over all that is pending, whoever approved it and whatever it was counted among.

    A leaver counts alike whether busy or not: the operation reads that again just before.
    """
    pending = [_described(change) for change in plan.changes if change.pending or change.leaves]
    for setting in plan.idp.changes if plan.idp else ():
        pending.append([f"{setting.part} {setting.key}", _side(setting.before), _side(setting.after)])
    for each in plan.settings_in(SettingState.CHANGE):
        pending.append([each.name, each.observed, each.declared, each.removal])
    text = canonical([plan.stack_id, plan.instance.sid, sorted(pending, key=canonical)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _described(change: UserChange) -> Json:
    fields = [[item.key, _side(item.before), _side(item.after)] for item in change.fields]
    fields += [[f"idp:{item.key}", _side(item.before), _side(item.after)] for item in _at_idp(change)]
    kind = Kind.RETIRE if change.kind is Kind.WAIT else change.kind
    return [change.username, kind, change.old.username if change.old else "", sorted(fields, key=canonical)]


def _at_idp(change: UserChange) -> tuple[FieldChange, ...]:
    return change.idp.fields if change.idp else ()


def _side(value: Value) -> Json:
    return [] if value is ABSENT else [value]
