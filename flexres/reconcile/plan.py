"""The plan: every user's difference, then every guard, from the YAML and one snapshot; no I/O and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flexres.live.model import Snapshot
from flexres.reconcile.declared import declared_changes
from flexres.reconcile.guards import Approval, GuardInput, console_violations, evaluate
from flexres.reconcile.idp.users import IdpSides, join
from flexres.reconcile.model import Plan, SettingChange, UserChange
from flexres.reconcile.ownership import Context, Wanted
from flexres.reconcile.undeclared import spoken_for, undeclared_changes


def make_plan(
    wanted: Wanted,
    snapshot: Snapshot,
    *,
    as_of: datetime,
    approvals: Sequence[Approval] = (),
    allow_older: bool = False,
    allow_admin: Iterable[str] = (),
    pick: Callable[[UserChange], bool] | None = None,
    settings: Sequence[SettingChange] = (),
    idp: IdpSides | None = None,
) -> Plan:
    """Everything that would happen, and every guard's word on it.

    `as_of` is an aware time: it decides what has expired and who has waited too long. `approvals` lift guards
    for the changes whose digests they hold. With `pick` the plan, and so the guards' word, is of some users' changes
    alone. `settings` are those of single sign-on, `idp` both sides of the identity provider; None: nobody looked.
    """
    policy = wanted.config.policy
    context = Context(
        wanted=wanted,
        snapshot=snapshot,
        as_of=as_of,
        today=as_of.astimezone(ZoneInfo(policy.timezone)).date(),
        scope=wanted.scope,
        approvals=approvals,
        folded={name.casefold(): name for name, live in snapshot.users.items() if not live.user.deactivated},
        gone={name.casefold(): name for name, live in snapshot.users.items() if live.user.deactivated},
        orphans=frozenset(worker.friendly_name.casefold() for worker in snapshot.orphans),
    )
    changes = declared_changes(context)
    others, unmanaged = undeclared_changes(context, spoken_for(context, changes))
    changes.extend(others)
    at_idp = None
    if idp is not None:
        changes, at_idp = join(idp, changes, wanted.users, snapshot.users, context.markers)
    touched = sum(change.desired is not None for change in changes)
    if pick is not None:
        changes = [change for change in changes if pick(change)]
    in_flex = sum(not live.user.deactivated for live in snapshot.users.values())
    guarded = evaluate(
        GuardInput(
            wanted=wanted.config,
            snapshot=snapshot,
            changes=changes,
            markers=context.markers,
            approvals=approvals,
            commit_time=wanted.commit_time,
            allow_older=allow_older,
            allow_admin=frozenset(allow_admin),
            declared=len(wanted.users),
        )
    )
    return Plan(
        stack=wanted.name,
        stack_id=wanted.config.id,
        instance=snapshot.instance,
        policy=policy,
        as_of=as_of,
        changes=tuple(changes),
        unmanaged=tuple(unmanaged) if policy.unmanaged == "report" else (),
        orphans=snapshot.orphans if policy.unmanaged == "report" else (),
        personas=snapshot.personas(),
        declared=len(wanted.users),
        in_flex=in_flex,
        in_sync=len(wanted.users) - touched,
        guarded=guarded.guarded,
        violations=(*guarded.violations, *console_violations(policy, settings)),
        digest=guarded.digest,
        commit=wanted.commit,
        commit_time=wanted.commit_time,
        requests=snapshot.requests,
        seconds=snapshot.seconds,
        settings=tuple(settings),
        idp=at_idp if pick is None else None,
    )
