"""A plan beside the plan of a base revision: what would happen without this change, and the base instead of Flex."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flexres.desired.model import DesiredUser, InForce, JudgedBy
from flexres.live.model import FlexUser, Instance, LiveUser, Snapshot, Worker, WorkerChannel
from flexres.reconcile.change import FieldChange, Kind, Route, UserChange
from flexres.reconcile.context import Wanted
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import desired_fields, route, write_fields
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.marker import ATTRIBUTE
from flexres.reconcile.plan import Plan, make_plan
from flexres.reconcile.stricter import Effect, StackChange
from flexres.values import same

_NOT_READ: Final = ""
"""The SID of what nobody looked at."""


@dataclass(frozen=True, slots=True)
class Base:
    """The YAML of the revision that a plan is compared with; `name` is how the user named it.

    `new`: the revision has no such stack, so that nothing was in force, and `wanted` declares nobody.
    """

    name: str
    wanted: Wanted
    new: bool = False

    @property
    def in_force(self) -> InForce:
        """The base's configuration, by which what is compared with it is judged too."""
        if self.new:
            return InForce(JudgedBy.NOTHING, why=f"the stack is new, {self.name} has none")
        return InForce(JudgedBy.BASE, self.name, self.wanted.config)

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """What the base's own YAML approves."""
        entries = self.wanted.config.policy.approved if not self.new else ()
        return tuple(
            Approval(digest, Source.COMMITTED, until=entry.until) for entry in entries for digest in entry.digests
        )


def compared(plan: Plan, base: Base, snapshot: Snapshot) -> Plan:
    """The plan, made from `snapshot`, with everything marked that the base's YAML would do there as well."""
    there = make_plan(
        base.wanted, replace(snapshot, routing=None), as_of=plan.as_of, approvals=base.approvals, allow_older=True
    )
    return marked(plan, there)


def marked(plan: Plan, base: Plan) -> Plan:
    """The plan with everything marked that `base` holds as well: the plan of the base's YAML for the same Flex.

    A field is not from this change where the base would set the same value, and a user where the base would do all
    of the same to them.
    """
    there = {change.username: change for change in base.users}
    changes = tuple(_beside(change, there.get(change.username)) for change in plan.users)
    return plan.with_users(changes)


def offline_plan(
    wanted: Wanted,
    base: Base,
    *,
    as_of: datetime,
    approvals: Sequence[Approval] = (),
    allow_admin: Iterable[str] = (),
) -> Plan:
    """YAML against YAML: what `wanted` would change in a Flex that already is as the base says."""
    snapshot = as_applied(base.wanted, as_of)
    plan = make_plan(
        wanted,
        snapshot,
        as_of=as_of,
        approvals=approvals,
        allow_admin=allow_admin,
        allow_older=True,
        in_force=base.in_force,
        whole=False,
    )
    # A digest is of the state that it is given for, which nobody has looked at.
    return replace(plan, digest="")


def deleted_plan(base: Base, *, as_of: datetime, moved_to: str = "") -> Plan:
    """What becomes of a stack that `base` has and this change deletes: nothing is written, and nobody looks after it.

    `moved_to` is another stack that goes on under the same id in the same Flex.
    """
    config = base.wanted.config
    nobody = Wanted(base.wanted.name, replace(config, policy=replace(config.policy, unmanaged="report")), {})
    there = as_applied(base.wanted, as_of)
    left = {name: replace(live, worker=_without_marker(live.worker)) for name, live in there.users.items()}
    plan = make_plan(nobody, replace(there, users={} if moved_to else left), as_of=as_of, whole=False)
    count = len(base.wanted.users)
    after = f"moved to {moved_to}" if moved_to else _LEFT_BEHIND
    change = StackChange("stack", f"{count} user{'s' if count != 1 else ''}", after, Effect.CHANGED)
    return replace(plan, judged_by=base.in_force, stack_changes=(change,), digest="")


_LEFT_BEHIND: Final = (
    "deleted; its users stay in Flex as they are, managed by nobody. "
    "To let them leave, take them out of users/ and deploy that before"
)


def _without_marker(worker: Worker | None) -> Worker | None:
    return replace(worker, text="{}") if worker is not None else None


def as_applied(wanted: Wanted, as_of: datetime) -> Snapshot:
    """The Flex in which everything of `wanted` has been applied, and everybody is offline."""
    config = wanted.config
    today = as_of.astimezone(ZoneInfo(config.policy.timezone)).date()
    there = (user for user in wanted.users.values() if user.until is None or today <= user.until)
    instance = Instance(config.account, config.instance, _NOT_READ, _NOT_READ)
    return Snapshot(instance, {user.username: _applied(user, wanted.scope) for user in there})


def _applied(user: DesiredUser, scope: Scope) -> LiveUser:
    attributes: dict[str, Any] = {}
    fields = desired_fields(user)
    write_fields(attributes, ((key, value) for key, value in fields.items() if route(key) is Route.ATTRIBUTE))
    # No commit's time: a branch may well be older than its base without undoing anything.
    attributes[ATTRIBUTE] = marker_for(user, scope, None).text()
    channels = {
        name: WorkerChannel(_NOT_READ, name, channel.available is not False, channel.capacity or 0)
        for name, channel in user.channels.items()
    }
    return LiveUser(
        FlexUser(_NOT_READ, user.username, user.full_name, user.email, user.roles, _NOT_READ),
        Worker(_NOT_READ, user.username, _NOT_READ, "Offline", False, json.dumps(attributes)),
        channels,
    )


def _beside(change: UserChange, base: UserChange | None) -> UserChange:
    if base is None or _target(change) != _target(base):
        return change
    known = {field.key: field for field in base.fields}
    fields = tuple(_field_beside(field, known.get(field.key)) for field in change.fields)
    if not any(field.elsewhere for field in fields) and (fields or base.fields):
        return change
    whole = all(field.elsewhere for field in fields) and len(fields) == len(base.fields)
    return replace(change, fields=fields, elsewhere=whole)


def _target(change: UserChange) -> tuple[Any, ...]:
    """What is done to the user as a whole. Who waits and who leaves at once is Flex's matter alone."""
    kind = _ALIKE.get(change.kind, change.kind)
    reason = change.reason if kind is Kind.BLOCKED else ""
    return kind, change.why, reason, change.old.username if change.old else None


_ALIKE: Final = {Kind.WAIT: Kind.RETIRE, Kind.AT_IDP: Kind.UPDATE}


def _field_beside(field: FieldChange, base: FieldChange | None) -> FieldChange:
    if base is None or field.let_go is not base.let_go or field.route is not base.route:
        return field
    return replace(field, elsewhere=True) if same(field.after, base.after) else field


def from_this_change(changes: Iterable[UserChange]) -> tuple[UserChange, ...]:
    """The changes without what is not from this one: users left out whole, or only some of their fields."""
    kept = (change for change in changes if not change.elsewhere)
    return tuple(_only(change, elsewhere=False) for change in kept)


def not_from_this_change(changes: Iterable[UserChange]) -> tuple[UserChange, ...]:
    """What Flex or an earlier change causes: users whole, or only some of their fields."""
    return tuple(
        _only(change, elsewhere=True)
        for change in changes
        if change.elsewhere or any(field.elsewhere for field in change.fields)
    )


def _only(change: UserChange, *, elsewhere: bool) -> UserChange:
    if change.elsewhere or not any(field.elsewhere for field in change.fields):
        return change
    return replace(change, fields=tuple(field for field in change.fields if field.elsewhere is elsewhere))
