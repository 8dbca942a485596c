"""The plan: every user's difference, then every guard, from the YAML and one snapshot; no I/O and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flexres.desired.model import InForce, JudgedBy, Policy
from flexres.live.model import Instance, Snapshot, Worker
from flexres.reconcile.ahead import Ahead
from flexres.reconcile.change import Block, Change, IdpChange, Kind, SettingChange, SettingState, UserChange, Why
from flexres.reconcile.context import Context, Wanted, held_back
from flexres.reconcile.coverage import Routing, routing_of
from flexres.reconcile.declared import declared_changes, spoken_for, undeclared_changes
from flexres.reconcile.guards.approvals import Approval, Source, Standing, Standings, by_entry
from flexres.reconcile.guards.judge import evaluate
from flexres.reconcile.guards.model import Evidence, Guarded, Verdict, Violation
from flexres.reconcile.guards.watch import HIGH_ROLES, roles_before
from flexres.reconcile.idp.model import IdpPlan
from flexres.reconcile.idp.users import IdpSides, join
from flexres.reconcile.stricter import StackChange, stack_changes, stricter
from flexres.routing.catalogue import SkillTrouble, skill_troubles
from flexres.values import fold_case


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole difference between one stack and one instance at one time.

    `changes` holds everything that would happen: users in the order of the YAML's team files, then by username,
    those nobody declares last; then settings of single sign-on, then the identity provider's set-up.
    `digest` approves all guarded changes that nobody has approved yet; empty when there are none. `approvals` are
    those of flex.yaml and what each does here. `policy` is what the plan was judged by: the stricter, key by key, of
    the YAML's and the one in force, which `judged_by` names (None: nobody looked); `stack_changes` is every difference
    of the two configurations.
    `commit` is the commit that the YAML was read from, if it was read from one; `dirty`: it differs from that.
    `settings` is how every setting of single sign-on stands, in the order of Console's page; empty where the stack
    declares none, or nobody looked. `idp` is the identity provider's part, None where it is not managed, or nobody
    looked. `routing` is what becomes of the task queues; None: nobody looked.
    """

    stack: str
    stack_id: str
    instance: Instance
    policy: Policy
    as_of: datetime
    changes: tuple[Change, ...]
    unmanaged: tuple[UserChange, ...] = ()
    orphans: tuple[Worker, ...] = ()
    personas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    declared: int = 0
    in_flex: int = 0
    in_sync: int = 0
    guarded: tuple[Guarded, ...] = ()
    violations: tuple[Violation, ...] = ()
    digest: str = ""
    approvals: tuple[Standings, ...] = ()
    judged_by: InForce | None = None
    stack_changes: tuple[StackChange, ...] = ()
    commit: str | None = None
    commit_time: int | None = None
    dirty: bool = False
    settings: tuple[SettingChange, ...] = ()
    idp: IdpPlan | None = None
    routing: Routing | None = None
    evidence: Evidence = field(kw_only=True, compare=False, repr=False)

    def with_users(self, users: Iterable[UserChange]) -> Plan:
        """The plan with these changes of users instead of its own."""
        others = (change for change in self.changes if not isinstance(change, UserChange))
        return replace(self, changes=(*users, *others))

    def narrowed(self, keep: Callable[[Change], bool]) -> Plan:
        """The plan of some of its changes and of nothing else, with the guards' word on these alone."""
        changes = tuple(change for change in self.changes if keep(change))
        given = replace(self.evidence, changes=changes, unmanaged=())
        evidence = replace(given, routing=_routing(given))
        verdict = evaluate(evidence)
        at_idp = any(isinstance(change, IdpChange) or _is_at_idp(change) for change in evidence.changes)
        return replace(
            self,
            changes=evidence.changes,
            guarded=verdict.guarded,
            violations=verdict.violations,
            digest=verdict.digest,
            settings=tuple(one for one in self.settings if one in evidence.changes),
            routing=evidence.routing,
            idp=self.idp if at_idp else None,
            unmanaged=(),
            orphans=(),
            personas={},
            evidence=evidence,
        )

    @property
    def users(self) -> tuple[UserChange, ...]:
        """The changes of users."""
        return tuple(change for change in self.changes if isinstance(change, UserChange))

    @property
    def at_idp(self) -> tuple[IdpChange, ...]:
        """The changes of the identity provider's set-up."""
        return tuple(change for change in self.changes if isinstance(change, IdpChange))

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that applying would write."""
        return tuple(change for change in self.changes if change.pending)

    def proposes(self, approval: Approval) -> bool:
        """Whether this change proposes the approval; what the last commit added may be merged long since."""
        merged = self.judged_by is not None and self.judged_by.by is JudgedBy.FIRST_PARENT
        return approval.added and not merged

    @property
    def idle_approvals(self) -> dict[int, Standings]:
        """The entries of policy.approved that lift nothing of this plan, by number, but for what it proposes itself."""
        entries = enumerate(by_entry(self.approvals))
        return {
            number: one
            for number, one in entries
            if one.standing is Standing.EXPIRED
            or (one.standing is not Standing.USED and not self.proposes(one.approval))
        }

    @property
    def unmanaged_admins(self) -> tuple[UserChange, ...]:
        """Those with admin or supervisor in Flex whom no file names, whatever the policy says of the others."""
        return self.evidence.unmanaged

    @property
    def skills(self) -> tuple[SkillTrouble, ...]:
        """The declared skills that Flex's catalogue does not have so, whether or not the plan writes them."""
        return self.evidence.skills

    @property
    def loosened(self) -> frozenset[Violation]:
        """The violations that the YAML's own policy does not have: what it loosens is in force one commit later."""
        own = self.evidence.own
        if own is None or not self.violations:
            return frozenset()
        still = {(one.rule, one.usernames) for one in evaluate(replace(self.evidence, policy=own)).violations}
        return frozenset(one for one in self.violations if (one.rule, one.usernames) not in still)

    @property
    def channels_as_set(self) -> int:
        """Of how many users nobody looked whether their channels are available: what was set last is taken for it."""
        return self.evidence.snapshot.as_set

    @property
    def older_than(self) -> tuple[UserChange, ...]:
        """Those to whom a later commit than this checkout's was applied."""
        return tuple(change for change in self.users if change.block is Block.OLDER_CHECKOUT)

    def of_kind(self, *kinds: Kind) -> Iterator[UserChange]:
        """The changes of users of these kinds, in the plan's order."""
        return (change for change in self.users if change.kind in kinds)

    @property
    def console(self) -> tuple[SettingChange, ...]:
        """The settings that wait for a person in Twilio Console."""
        return tuple(setting for setting in self.settings if setting.waits)

    def settings_in(self, *states: SettingState) -> Iterator[SettingChange]:
        """The settings of single sign-on in these states, in the plan's order."""
        return (setting for setting in self.settings if setting.state in states)


def _protected_nobody(wanted: Wanted, snapshot: Snapshot) -> tuple[str, ...]:
    known = {fold_case(name) for name in (*wanted.users, *snapshot.users)}
    return tuple(name for name in wanted.config.policy.protected if fold_case(name) not in known)


def _skill_troubles(wanted: Wanted, snapshot: Snapshot, policy: Policy) -> tuple[SkillTrouble, ...]:
    if policy.unknown_skills == "ignore":
        return ()
    declared = ((user.username, user.skills) for user in wanted.users.values() if user.skills)
    return skill_troubles(declared, snapshot.instance.skills)


def _marked_added(approvals: Sequence[Approval], before: Policy) -> list[Approval]:
    """The approvals, each with whether the change adds it: one that held for less long before is another one."""
    known: dict[str, date] = {}
    for entry in before.approved:
        for digest in entry.digests:
            known[digest] = max(entry.until, known.get(digest, entry.until))

    def added(one: Approval) -> bool:
        seen = known.get(one.digest)
        return one.source is Source.COMMITTED and (seen is None or one.until is None or one.until > seen)

    return [replace(one, added=True, extends=known.get(one.digest)) if added(one) else one for one in approvals]


def _standings(
    approvals: Sequence[Approval], verdict: Verdict, users: Iterable[UserChange], today: date
) -> tuple[Standings, ...]:
    """What each approval of flex.yaml does for the plan."""
    used = {item.approval.digest for item in verdict.guarded if item.approval is not None}
    refused = {violation.rule for violation in verdict.violations}
    refused_users = {item.username for item in verdict.guarded if item.approval is None and item.rule in refused}
    refused_users |= {change.username for change in users if change.block is Block.DEACTIVATED}

    def standing(approval: Approval) -> Standing:
        if not approval.holds(today):
            return Standing.EXPIRED
        if approval.digest in used:
            return Standing.USED
        left = approval.username in refused_users if approval.username else bool(refused_users)
        return Standing.UNUSED if left else Standing.SPENT

    return tuple(Standings(one, standing(one)) for one in approvals if one.source is Source.COMMITTED)


def _is_at_idp(change: Change) -> bool:
    return isinstance(change, UserChange) and change.idp is not None


def make_plan(
    wanted: Wanted,
    snapshot: Snapshot,
    *,
    as_of: datetime,
    approvals: Sequence[Approval] = (),
    allow_older: bool = False,
    allow_admin: Iterable[str] = (),
    settings: Sequence[SettingChange] = (),
    idp: IdpSides | None = None,
    in_force: InForce | None = None,
    whole: bool = True,
    ahead: Ahead | None = None,
) -> Plan:
    """Everything that would happen, and every guard's word on it.

    `as_of` is an aware time: it decides what has expired and who has waited too long. `approvals` lift guards
    for the changes whose digests they hold. `settings` are those of single sign-on, `idp` both sides of the identity
    provider; None: nobody looked. `in_force` is the configuration before this change: the plan is judged by the
    stricter of both policies, key by key. `whole`: the snapshot has everybody who is in Flex. `ahead` is what was
    compared while it was read.
    """
    before = in_force.config if in_force is not None else None
    policy = stricter(wanted.config.policy, before.policy) if before is not None else wanted.config.policy
    zones = {wanted.config.policy.timezone, before.policy.timezone if before is not None else policy.timezone}
    days = {as_of.astimezone(ZoneInfo(zone)).date() for zone in zones}
    # A time zone that is only now to be another takes nobody out a day early, and brings no approval back.
    today, approvals_end = min(days), max(days)
    if before is not None:
        approvals = _marked_added(approvals, before.policy)
    valid = [approval for approval in approvals if approval.holds(approvals_end)]
    context = Context(
        wanted=wanted,
        snapshot=snapshot,
        as_of=as_of,
        today=today,
        scope=wanted.scope,
        policy=policy,
        ahead=ahead,
        commit_time=None if allow_older else wanted.commit_time or 0,
        approvals=valid,
        folded={fold_case(name): name for name, live in snapshot.users.items() if not live.user.deactivated},
        gone={fold_case(name): name for name, live in snapshot.users.items() if live.user.deactivated},
        orphans=frozenset(fold_case(worker.friendly_name) for worker in snapshot.orphans),
    )
    users = [held_back(context, change) for change in declared_changes(context)]
    others, unmanaged = undeclared_changes(context, spoken_for(context, users))
    users.extend(held_back(context, change) for change in others)
    at_idp: IdpPlan | None = None
    setup: tuple[IdpChange, ...] = ()
    if idp is not None:
        users, at_idp, setup = join(idp, users, wanted.users, snapshot.users, context.markers)
    touched = sum(change.desired is not None for change in users)
    differing = [setting for setting in settings if setting.state is not SettingState.AS_DECLARED]
    in_flex = sum(not live.user.deactivated for live in snapshot.users.values())
    given = Evidence(
        scope=context.scope,
        policy=policy,
        snapshot=snapshot,
        changes=(*users, *differing, *setup),
        markers=context.markers,
        approvals=valid,
        today=today,
        allow_admin=frozenset(allow_admin),
        declared=len(wanted.users),
        skills=_skill_troubles(wanted, snapshot, policy) if whole else (),
        protected_nobody=_protected_nobody(wanted, snapshot) if whole else (),
        unmanaged=tuple(change for change in unmanaged if HIGH_ROLES & roles_before(change)),
        commit_time=wanted.commit_time,
        own=wanted.config.policy if before is not None else None,
    )
    evidence = replace(given, routing=_routing(given))
    verdict = evaluate(evidence)
    return Plan(
        stack=wanted.name,
        stack_id=wanted.config.id,
        instance=snapshot.instance,
        policy=policy,
        as_of=as_of,
        changes=evidence.changes,
        unmanaged=tuple(unmanaged) if policy.unmanaged == "report" else (),
        orphans=snapshot.orphans if policy.unmanaged == "report" else (),
        personas=snapshot.personas(),
        declared=len(wanted.users),
        in_flex=in_flex,
        in_sync=len(wanted.users) - touched,
        guarded=verdict.guarded,
        violations=verdict.violations,
        digest=verdict.digest,
        approvals=_standings(approvals, verdict, users, approvals_end),
        judged_by=in_force,
        stack_changes=stack_changes(before, wanted.config) if before is not None else (),
        commit=wanted.commit,
        commit_time=wanted.commit_time,
        dirty=wanted.dirty,
        settings=tuple(settings),
        idp=at_idp,
        routing=evidence.routing,
        evidence=evidence,
    )


def _routing(given: Evidence) -> Routing | None:
    """What these changes, and no others, do to the queues."""
    return routing_of(given.snapshot, given.users, given.scope, given.policy, given.commit_time)


def due(change: Change) -> bool:
    """Whether somebody leaves now whose leaving was applied before: their last day, or that they wait to leave.

    The marker says so. What git wants since then, and what others changed in Flex, is not due: that takes a run
    that somebody looked at.
    """
    if not isinstance(change, UserChange) or not change.leaves or change.marker is None:
        return False
    if change.marker.leaving is not None:
        return True
    same_day = change.desired is not None and change.marker.until == change.desired.until
    return change.why is Why.EXPIRED and same_day
