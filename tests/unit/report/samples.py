"""Realistic plans and outcomes for the tests of the reports: made by the real plan, from small values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.desired.model import Channel, DesiredUser, Limit, Policy, Sso, StackConfig
from flexres.errors import Position
from flexres.live.model import FlexUser, Instance, LiveUser, Snapshot, Worker, WorkerChannel
from flexres.reconcile.base import Base, marked, offline_plan
from flexres.reconcile.change import Answer, Kind, SettingChange, SettingState
from flexres.reconcile.context import Wanted
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import PROFILE, skill_key, write_fields
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE
from flexres.reconcile.plan import Plan, make_plan
from flexres.report.next_step import PlanRun

AS_OF = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)
COMMITTED = int(datetime(2026, 11, 21, 8, 0, tzinfo=UTC).timestamp())
OFFLINE = "WA" + "0" * 32
STACK_ID = "k7m2q9"
SUPPORT, OPS = "stacks/prod/users/support.yaml", "stacks/prod/users/ops.yaml"
HOSTILE = [
    "@everyone",
    "a|b\nc",
    r"back\|slash",
    r"ends\\",
    "<img src=x onerror=alert(1)>",
    "</details><script>alert(1)</script>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/login",
    "www.evil.example",
    "fixes #12 GH-12 org/repo#3",
    "``` ` `` `x",
    "`",
    "\u202egpj.exe",
    "ad\u200dmin\u200b@example.com",
    "\x1b[2J\x1b]0;owned\x07",
    "--> <!-- flexres:plan:other -->",
    "$(rm -rf /)'\"",
    "&lt;b&gt;&#64;everyone",
    "**bold** _it_ ~~no~~",
    "| - | - |",
]

POLICY = Policy(
    max_removals=Limit(count=5),
    max_changes=Limit(percent=100.0),
    min_admins=1,
    retire_within=timedelta(hours=24),
)


def committed(digest: str) -> Approval:
    """An approval that a line of flex.yaml holds, with what git tells of the commit that added it."""
    place = Position("stacks/prod/flex.yaml", 21, 7)
    return Approval(
        digest,
        Source.COMMITTED,
        who="Ana Ruiz",
        place=place,
        commit="1a2b3c4" + "0" * 33,
        purpose="lee@example.com gains admin",
        until=date(2026, 12, 1),
        extends=date(2026, 11, 25),
    )


def desired(username: str, file: str = SUPPORT, **changes: Any) -> DesiredUser:
    """A user as the YAML wants them; `changes` replaces fields."""
    user = DesiredUser(
        username=username,
        full_name=username.partition("@")[0].title(),
        email=username,
        roles=("agent",),
        attributes={"location": "London"},
        skills=None,
        skills_exact=False,
        channels={},
        until=None,
        previously=None,
        file=file,
    )
    return replace(user, **changes)


def in_flex(
    user: DesiredUser,
    *,
    marked: bool = True,
    then: Iterable[tuple[str, Any]] = (),
    activity: str = "Offline",
    leaving: int | None = None,
    stack_id: str = STACK_ID,
    channels: Mapping[str, WorkerChannel] | None = None,
    **profile: Any,
) -> LiveUser:
    """What Flex has after `user` was applied and somebody edited attributes (`then`) or the profile since."""
    attributes: dict[str, Any] = json.loads(json.dumps(user.attributes))
    write_fields(attributes, [(skill_key(name), level) for name, level in (user.skills or {}).items()])
    write_fields(attributes, [(Key.parse(key), value) for key, value in then])
    if marked:
        marker = marker_for(user, Scope(stack_id), COMMITTED - 3600)
        attributes[ATTRIBUTE] = replace(marker, leaving=leaving).text()
    worker = Worker(
        sid="WK" + "1" * 32,
        friendly_name=user.username,
        activity_sid=OFFLINE if activity == "Offline" else "WA" + "1" * 32,
        activity_name=activity,
        available=activity != "Offline",
        text=json.dumps(attributes),
    )
    flex_user = FlexUser(
        sid="FU" + "2" * 32,
        username=user.username,
        full_name=user.full_name,
        email=user.email,
        roles=user.roles,
        worker_sid=worker.sid,
    )
    flex_user = replace(flex_user, **profile)
    return LiveUser(flex_user, None if flex_user.deactivated else worker, channels)


def plan_of(
    users: Iterable[DesiredUser],
    live: Iterable[LiveUser],
    *,
    policy: Policy = POLICY,
    approvals: Iterable[Approval] = (),
    orphans: tuple[Worker, ...] = (),
    leavers: tuple[str, ...] = (),
    sso: Sso | None = None,
    commit_time: int = COMMITTED,
    name: str = "prod",
) -> Plan:
    """The real plan of these users against these in Flex, as of a fixed time."""
    config = StackConfig(
        id=STACK_ID,
        account="AC" + "a" * 32,
        instance="GO" + "b" * 28 + "9c41",
        engine="direct",
        policy=policy,
        leavers=leavers,
        sso=sso,
    )
    snapshot = Snapshot(
        instance=Instance(config.account, config.instance, "WS" + "c" * 32, OFFLINE),
        users={user.username: user for user in live},
        orphans=orphans,
        requests=4,
        seconds=0.9,
    )
    wanted = Wanted(name, config, {user.username: user for user in users}, "1a2b3c4d5e6f", commit_time)
    return make_plan(wanted, snapshot, as_of=AS_OF, approvals=tuple(approvals))


def with_settings(plan: Plan, settings: Iterable[SettingChange]) -> Plan:
    """The plan with these settings of single sign-on instead of its own."""
    settings = tuple(settings)
    differing = (each for each in settings if each.state is not SettingState.AS_DECLARED)
    return replace(plan, settings=settings, changes=(*plan.users, *differing, *plan.at_idp))


def position(username: str) -> str | None:
    """The place in the YAML that the samples pretend: a line that depends on the name alone."""
    return f"{OPS if username.startswith(('kim', 'lee')) else SUPPORT}:{10 + len(username)}"


def in_sync_plan(count: int = 312) -> Plan:
    """Everybody is as declared."""
    users = [desired(f"user{number}@example.com") for number in range(count)]
    return plan_of(users, [in_flex(user) for user in users])


def busy_plan(**changes: Any) -> Plan:
    """Every kind of change and cause at once, refused because Lee gains admin unless `approvals` has the digest."""
    steady = [desired(f"steady{number}@example.com") for number in range(30)]
    ana = desired("ana@example.com", roles=("agent", "supervisor"), skills={"billing": 3, "returns": True})
    bob = desired("bob@example.com", attributes={"level": 3, "languages": ["en", "de"]}, skills={"billing": 3})
    bob_before = desired("bob@example.com", attributes={"level": 2, "languages": ["en"], "vip": True}, skills={})
    cho = desired("cho@example.com", attributes={"location": "London", "desk": {"floor": 3, "seat": "3-114"}})
    dee = desired("dee@example.com", previously="d.ruiz@example.com")
    eve = desired("eve@example.com", until=date(2027, 1, 31))
    fay = desired("fay@example.com", until=date(2026, 11, 20))
    gus = desired("gus@example.com")
    hal = desired("hal@example.com", channels={"chat": Channel(available=True, capacity=0)})
    ivy = desired("ivy@example.com", skills={}, skills_exact=True)
    kim = desired("kim@example.com", roles=("agent",), file=OPS)
    lee = desired("lee@example.com", roles=("admin", "supervisor"), file=OPS)
    users = [*steady, ana, bob, cho, dee, eve, fay, gus, hal, ivy, kim, lee, desired("nia@example.com")]
    waiting_since = int((AS_OF - timedelta(hours=30)).timestamp())
    live = [
        *(in_flex(user) for user in steady),
        in_flex(bob_before),
        in_flex(cho, then=[("attr:location", "Leeds"), ("attr:desk/floor", 4)]),
        in_flex(desired("d.ruiz@example.com", full_name=dee.full_name)),
        in_flex(desired("eve@example.com"), marked=False),
        in_flex(replace(fay, until=None)),
        in_flex(gus, deactivated=True, deactivated_date="2026-10-01T08:00:00Z"),
        in_flex(hal, channels={"chat": WorkerChannel("WC1", "chat", True, 3)}),
        in_flex(replace(ivy, skills={"billing": 2})),
        in_flex(replace(kim, roles=("admin", "agent"))),
        in_flex(replace(lee, roles=("supervisor",))),
        in_flex(desired("nia@example.com"), stack_id="zz9"),
        in_flex(desired("max@example.com")),
        in_flex(desired("zoe@example.com"), activity="On a call"),
        in_flex(desired("zed@example.com"), activity="Available", leaving=waiting_since),
        in_flex(desired("pat@example.com"), marked=False),
        in_flex(desired("pat2@example.com"), marked=False, email="pat@example.com"),
        in_flex(desired("amy@example.com", roles=("admin",)), marked=False),
    ]
    orphan = Worker("WK9", "old-bot", OFFLINE, "Offline", False, "{}")
    return plan_of(users, live, orphans=(orphan,), **changes)


def approved_plan() -> Plan:
    """The busy plan after a reviewer approved what was refused."""
    return busy_plan(approvals=[committed(busy_plan().digest)])


def refused_plan() -> Plan:
    """Several guards refuse at once."""
    users = [desired(f"user{number}@example.com", attributes={"location": "Leeds"}) for number in range(20)]
    gone = [desired(f"gone{number}@example.com") for number in range(6)]
    boss = desired("boss@example.com", roles=("admin",))
    outsider = desired("eli@elsewhere.example")
    live = [in_flex(replace(user, attributes={"location": "London"})) for user in users]
    policy = replace(
        POLICY,
        max_removals=Limit(percent=10.0),
        max_changes=Limit(percent=30.0),
        protected=("boss@example.com",),
        email_domains=("example.com",),
    )
    everybody = [*live, *(in_flex(user) for user in gone), in_flex(boss)]
    return plan_of([*users, outsider], everybody, policy=policy)


def safe_plan() -> Plan:
    """A few agents are added, nobody is at risk."""
    steady = [desired(f"user{number}@example.com") for number in range(10)]
    new = [desired(f"new{number}@example.com", skills={"billing": number + 1}) for number in range(3)]
    return plan_of([*steady, *new], [in_flex(user) for user in steady])


def idp_plan() -> Plan:
    """With single sign-on the profile is the identity provider's: differences are told, not written."""
    sso = Sso(type="enhanced", writer="console")
    users = [desired("ana@example.com", roles=("agent", "supervisor")), desired("bob@example.com")]
    live = [in_flex(user, roles=("agent",)) for user in users]
    for_idp = [replace(one, worker=_unmark_profile(one)) for one in live]
    return plan_of(users, for_idp, sso=sso)


def _unmark_profile(live: LiveUser) -> Worker:
    assert live.worker is not None
    attributes = json.loads(live.worker.text)
    marker = marker_for(desired(live.username), Scope(STACK_ID, frozenset(PROFILE)), COMMITTED)
    attributes[ATTRIBUTE] = marker.text()
    return replace(live.worker, text=json.dumps(attributes))


def hostile_plan() -> Plan:
    """Names and values that try to break whatever shows them, on every kind of change."""
    new = [desired(name, file=f"users/{name}.yaml", skills={name: True}) for name in HOSTILE[::2]]
    known = [desired(name, file=f"users/{name}.yaml", attributes={name: name[::-1]}) for name in HOSTILE[1::2]]
    admins = [desired(f"x{name}", roles=("admin",), full_name=name) for name in HOSTILE]
    live = [in_flex(replace(user, attributes={user.username: "before|" + user.username})) for user in known]
    gone = [in_flex(desired(f"gone {name}"), activity=name) for name in HOSTILE]
    kept = [in_flex(desired(f"kept {name}"), marked=False) for name in HOSTILE]
    return plan_of([*new, *known, *admins], [*live, *gone, *kept], name="pr--od|<b>`")


def large_plan(users: int = 10_000, changed: int = 200) -> Plan:
    """Ten thousand users of whom two hundred differ, in forty team files."""
    wanted = [desired(f"user{n:05}@example.com", file=f"stacks/prod/users/team{n % 40:02}.yaml") for n in range(users)]
    live = [in_flex(user) for user in wanted]
    for number in range(0, users, users // changed):
        edit = {"level": number, "location": "Leeds"}
        wanted[number] = replace(wanted[number], attributes=edit, roles=("agent", "supervisor"))
    return plan_of(wanted, live)


def applied(plan: Plan, *, interrupted: bool = False) -> Applied:
    """A run in which most went well: one user failed, one did not take, the last was not reached if interrupted."""
    outcomes: list[Outcome] = []
    for change in plan.users:
        result, message = Result.DONE, ""
        if change.kind is Kind.WAIT:
            result, message = Result.WAITING, "has 1 assigned task"
        elif change.kind is Kind.BLOCKED:
            result, message = Result.BLOCKED, change.reason
        elif change.kind is Kind.AT_IDP:
            continue
        outcomes.append(Outcome(change, result, message))
    refused = "Error invalid attribute format (400/45004 to POST /v4/Users/Provision, request RQ0123)"
    outcomes[0] = replace(outcomes[0], result=Result.FAILED, message=refused, request_id="RQ0123")
    outcomes[1] = replace(outcomes[1], result=Result.NOT_TAKEN, not_taken=("attr:level", "skill:billing"))
    if interrupted:
        outcomes[-1] = replace(outcomes[-1], result=Result.NOT_STARTED, message="")
    return Applied(plan, tuple(outcomes), seconds=11.2, requests=31, interrupted=interrupted)


def kept_plan() -> Plan:
    """A stack that only lets go of its leavers, a field somebody else changed, and a user of another stack."""
    ana = desired("ana@example.com", attributes={})
    before = desired("ana@example.com", attributes={"location": "London"})
    live = [
        in_flex(before, then=[("attr:location", "Leeds")]),
        in_flex(desired("gone@example.com")),
        in_flex(desired("other@example.com"), stack_id="zz9"),
    ]
    return plan_of([ana], live, policy=replace(POLICY, retire="keep", max_removals=Limit(count=9)))


def leavers_plan() -> Plan:
    """Somebody is named a leaver, somebody who was offboarded is approved to come back, a waiting one stays."""
    back = desired("back@example.com", skills={"billing": 2})
    stays = desired("stays@example.com")
    live = [
        in_flex(back, deactivated=True, deactivated_date="2026-10-01T08:00:00Z"),
        in_flex(desired("max@example.com"), marked=False),
        in_flex(stays, leaving=COMMITTED),
    ]
    digest = plan_of([back], live[:1]).changes[0].digest
    approvals = [Approval(digest, Source.COMMAND_LINE, "ana")]
    return plan_of([back, stays], live, leavers=("max@example.com",), approvals=approvals)


def none_done(plan: Plan) -> Applied:
    """A run that was stopped before the first change."""
    outcomes = tuple(Outcome(change, Result.NOT_STARTED) for change in plan.changes)
    return Applied(plan, outcomes, seconds=0.2, requests=4, interrupted=True)


BASED = PlanRun(0.9, 4)
"""How `based_plan` came about."""
OFFLINE_RUN = PlanRun(base="origin/main", offline=True)
"""How `offline` did."""


BASED = PlanRun(0.9, 4)
"""How `based_plan` came about."""
OFFLINE_RUN = PlanRun(base="origin/main", offline=True)
"""How `offline` did."""


BASED = PlanRun(0.9, 4)
"""How `based_plan` came about."""
OFFLINE_RUN = PlanRun(base="origin/main", offline=True)
"""How `offline` did."""


BASED = PlanRun(0.9, 4, "main")
"""How `based_plan` came about."""
OFFLINE_RUN = PlanRun(base="origin/main", offline=True)
"""How `offline` did."""


def based_plan() -> Plan:
    """A change that adds and promotes people, while somebody edited Flex and an earlier change waits to be deployed."""
    lee, ana, cho = desired("lee@example.com", file=OPS), desired("ana@example.com"), desired("cho@example.com")
    bob = desired("bob@example.com", attributes={"location": "Leeds"})
    head = [replace(lee, roles=("admin",)), replace(cho, skills={"billing": 3}), bob, desired("new@example.com"), ana]
    base = [lee, cho, bob, desired("gone@example.com"), ana]
    live = [
        in_flex(lee),
        in_flex(cho, then=[("attr:location", "Leeds")]),
        in_flex(replace(bob, attributes={"location": "London"})),
        in_flex(desired("gone@example.com")),
        in_flex(desired("max@example.com", roles=("supervisor",))),
        in_flex(replace(ana, roles=("admin",))),
    ]
    return marked(plan_of(head, live), plan_of(base, live))


def offline() -> Plan:
    """The same change where nobody may look at Flex."""
    config = StackConfig(STACK_ID, "AC" + "a" * 32, "GO" + "b" * 28 + "9c41", "direct", POLICY)
    lee, gone = desired("lee@example.com", file=OPS), desired("gone@example.com")
    head = {"lee@example.com": replace(lee, roles=("admin",))}
    base = Base("origin/main", Wanted("prod", config, {"lee@example.com": lee, "gone@example.com": gone}))
    return offline_plan(Wanted("prod", config, head, "1a2b3c4d5e6f", COMMITTED), base, as_of=AS_OF)


def cut_off_plan() -> Plan:
    """Somebody leaves at once, whatever they are doing."""
    live = [in_flex(desired("zoe@example.com"), activity="On a call"), in_flex(desired("max@example.com"))]
    return plan_of([], live, policy=replace(POLICY, retire_when="now"))


def sign_on_plan(*states: SettingState) -> Plan:
    """A setting in each of these states (all of them, unless some are named), beside a user who is as declared."""
    sides = {
        SettingState.AS_DECLARED: SettingChange(
            "issuer", SettingState.AS_DECLARED, "urn:acme", Answer.UNKNOWN, why="unseen"
        ),
        SettingState.PENDING: SettingChange(
            "certificate", SettingState.PENDING, "AB:CD", Answer.YES, "AB:CD", "settings API"
        ),
        SettingState.STALE: SettingChange("sso_url", SettingState.STALE, "https://idp.example.com", Answer.UNKNOWN),
        SettingState.REMOVAL: SettingChange(
            "trusted",
            SettingState.REMOVAL,
            "not trusted",
            Answer.NO,
            "trusted",
            entry="https://old.example.com",
            removal=True,
        ),
        SettingState.CHANGE: SettingChange(
            "login_popup", SettingState.CHANGE, "true", Answer.NO, "false", "Flex Configuration"
        ),
        SettingState.DRIFT: SettingChange(
            "connection", SettingState.DRIFT, "JQ1", Answer.NO, "JQ2", "Authentication/Config", digest="12345678"
        ),
    }
    chosen = [sides[state] for state in states or sides]
    settings = [
        replace(each, step=step if each.waits else 0, steps=6 if each.waits else 0)
        for step, each in enumerate(chosen, 1)
    ]
    return with_settings(in_sync_plan(), settings)


def sign_on_applied() -> Applied:
    """A run that wrote one setting and failed with another."""
    plan = sign_on_plan()
    (change,) = plan.settings_in(SettingState.CHANGE)
    trusted = SettingChange("trusted", SettingState.CHANGE, "trusted", Answer.NO, entry="https://flex.example.com")
    failed = Outcome(trusted, Result.FAILED, "url is trusted already (400/45004)", request_id="RQ1")
    return Applied(plan, (Outcome(change, Result.DONE), failed))
