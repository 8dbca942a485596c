"""What each guard says: the whole sentence with its numbers, what lifts it, and whom it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flexres.desired.model import Channel, Limit
from flexres.live.model import CatalogueSkill, RoutingSetup, Snapshot, TaskQueue
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.reconcile.context import Wanted
from flexres.reconcile.guards.model import Rule, Step, Violation
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan, make_plan
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    CHO,
    NOW,
    STACK_ID,
    applied,
    channel,
    config,
    in_flex,
    person,
    plan_for,
    snapshot,
)

YESTERDAY = NOW.date() - timedelta(days=1)
NAMES = [f"u{number}@example.com" for number in range(7)]
ADMIN = person(roles=("admin",))
SKILLED = person(skills={"billing": 3, "returns": True})


def one(plan: Plan) -> Violation:
    """The one violation of a plan."""
    (found,) = plan.violations
    return found


def in_queue(*users: str, uncertain: str = "") -> Snapshot:
    """Flex with one queue of those with the skill billing, these in it, and one of whom it cannot be told."""
    live = [applied(person(name, skills={"billing": 3})) for name in users]
    live += [applied(person(uncertain), attributes={"grade": "3"})] if uncertain else []
    queue = TaskQueue("WQ1", "Billing", 'routing.skills HAS "billing" OR grade == 3')
    return replace(snapshot(*live), routing=RoutingSetup((queue,)))


def catalogue(*names: str) -> Snapshot:
    """Flex whose skills catalogue has these."""
    there = snapshot()
    return replace(there, instance=replace(there.instance, skills=tuple(map(CatalogueSkill, names))))


# Each plan is made within its test: what is made while tests are collected holds nothing that breaks later.
@pytest.mark.parametrize(
    ("plan", "rule", "names", "message", "hint"),
    [
        (
            lambda: plan_for(
                [], [in_flex(name, marker=Marker(STACK_ID)) for name in (ANA, BEN)], max_removals=Limit(count=1)
            ),
            Rule.MAX_REMOVALS,
            (ANA, BEN),
            "2 leave or lose admin or supervisor among 2 managed users; max_removals is 1",
            "",
        ),
        (
            lambda: plan_for(
                [person(), person(BEN), person(CHO)], [in_flex(), in_flex(BEN)], max_changes=Limit(percent=30.0)
            ),
            Rule.MAX_CHANGES,
            (ANA, BEN),
            "2 are adopted or changed among 3 declared users; max_changes is 30%",
            "",
        ),
        (
            lambda: plan_for([person()], [applied(ADMIN), in_flex(BEN, roles=("admin",))], min_admins=2),
            Rule.MIN_ADMINS,
            (ANA,),
            "1 of 2 admins would be left; min_admins is 2",
            "",
        ),
        (
            lambda: plan_for([], [applied(person())], protected=(ANA,)),
            Rule.PROTECTED,
            (ANA,),
            f"{ANA} is protected and leaves",
            "",
        ),
        (
            lambda: plan_for([person()], [applied(person(roles=("supervisor", "wfo.full_access")))], protected=(ANA,)),
            Rule.PROTECTED,
            (ANA,),
            f"{ANA} is protected and loses supervisor, wfo.full_access",
            "",
        ),
        (
            lambda: plan_for([person(BEN, previously=ANA)], [applied(person())], protected=(ANA,)),
            Rule.PROTECTED,
            (ANA,),
            f"{ANA} is protected and is renamed to {BEN}",
            "",
        ),
        (
            lambda: plan_for([], [], protected=(ANA,)),
            Rule.PROTECTED_NOBODY,
            (ANA,),
            f"{ANA} is protected, and nobody has that name, declared or in Flex",
            "correct the name in policy.protected, or take it out",
        ),
        (
            lambda: plan_for([person(email="ana@else.org")], email_domains=("example.com", "example.org")),
            Rule.EMAIL_DOMAINS,
            (ANA,),
            f"{ANA} has the e-mail address ana@else.org; email_domains allows example.com, example.org",
            "",
        ),
        (
            lambda: plan_for([person()], email_domains=()),
            Rule.EMAIL_DOMAINS,
            (ANA,),
            f"{ANA} has the e-mail address {ANA}; email_domains allows none",
            "",
        ),
        (lambda: plan_for([ADMIN]), Rule.GAINS_ADMIN, (ANA,), f"{ANA} gains admin", f"--allow-admin {ANA}"),
        (
            lambda: plan_for([person(skills={})], [applied(SKILLED)]),
            Rule.LOSES_SKILLS,
            (ANA,),
            f"{ANA} loses billing, returns: no skill is left",
            "",
        ),
        (
            lambda: plan_for(
                [person(channels={"voice": Channel(available=False)})], [in_flex(channels=[channel("voice")])]
            ),
            Rule.LOSES_CAPACITY,
            (ANA,),
            f"{ANA} takes no task any more: every channel is unavailable or without capacity",
            "",
        ),
        (
            lambda: plan_for(
                [person(previously=BEN)], [applied(person(BEN), full_name="Ben Li", email="ben@else.org")]
            ),
            Rule.RENAME,
            (ANA,),
            f"{ANA} takes over from {BEN}, and that is not plainly the same person",
            "",
        ),
        (
            lambda: plan_for([], [in_flex(name, roles=("supervisor",)) for name in NAMES], unmanaged_admins="fail"),
            Rule.UNMANAGED_ADMINS,
            tuple(NAMES),
            f"7 have admin or supervisor in Flex and no file names them: {', '.join(NAMES[:5])} and 2 more",
            "declare them, or take their roles in Flex",
        ),
        (
            lambda: plan_for(
                [person(skills={"wine": True}), person(BEN, skills={"billing": 3})],
                in_queue(ANA, BEN),
                queues={"Billing": 2},
            ),
            Rule.QUEUES,
            (ANA,),
            "the queue Billing goes below 2: 2 → 1",
            "",
        ),
        (
            lambda: plan_for(
                [person(skills={"wine": True}), person(BEN, skills={"billing": 3}), person(CHO)],
                in_queue(ANA, BEN, uncertain=CHO),
                queues={"Billing": 2},
            ),
            Rule.QUEUES,
            (ANA,),
            "the queue Billing goes below 2: 2 → 1, 1 uncertain",
            "",
        ),
        (
            lambda: plan_for([], [in_flex(name, roles=("admin",)) for name in NAMES[:5]], unmanaged_admins="fail"),
            Rule.UNMANAGED_ADMINS,
            tuple(NAMES[:5]),
            f"5 have admin or supervisor in Flex and no file names them: {', '.join(NAMES[:5])}",
            "declare them, or take their roles in Flex",
        ),
        (
            lambda: plan_for(
                [person(skills={"b": 1, "a": 1}), person(BEN, skills={"b": True, "wine": 1})],
                catalogue("wine"),
                unknown_skills="fail",
            ),
            Rule.UNKNOWN_SKILLS,
            (ANA, BEN),
            "2 would get skills or levels that Flex's skills catalogue does not have: b, a",
            "correct them, or add them in Flex, under Skills",
        ),
        (
            lambda: plan_for(
                [person()], replace(snapshot(), routing=RoutingSetup(unread="403")), queues={"Billing": 1}
            ),
            Rule.QUEUES_UNREAD,
            (),
            "the task queues cannot be read: 403",
            "let the key read task queues and Workflows, or take queues out of the policy",
        ),
    ],
    ids=lambda given: given.replace(" ", "_") if isinstance(given, Rule) else "",
)
def test_a_guard_says_what_it_found_and_what_lifts_it(plan, rule, names, message, hint):
    """So that a person can decide without looking anything up."""
    found = one(plan())
    assert (found.rule, found.usernames, found.message, found.hint) == (rule, names, message, hint)


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        (lambda: plan_for([ADMIN]), 1),
        (lambda: plan_for([], [], protected=(ANA,)), 1),
        (lambda: plan_for([person()], email_domains=()), 1),
    ],
    ids=["gains admin", "protected, nobody", "email domains"],
)
def test_who_is_refused_alone_counts_as_one(plan, count):
    """Reports add these up."""
    assert one(plan()).count == count


@pytest.mark.parametrize(("policy", "refused"), [("fail", True), ("report", False)])
def test_what_waits_in_console_refuses_a_plan_where_the_policy_says_so(policy, refused):
    """Six settings are named by five."""
    waiting = [SettingChange(f"field{n}", SettingState.PENDING, "yes", Answer.UNKNOWN) for n in range(6)]
    changed = SettingChange("login_popup", SettingState.CHANGE, "yes", Answer.NO)
    wanted = Wanted("prod", config(console_changes=policy), {}, commit_time=0)
    plan = make_plan(wanted, snapshot(), as_of=NOW, settings=[changed, *waiting])
    said = [(found.rule, found.usernames, found.count, found.message) for found in plan.violations]
    names = "field0, field1, field2, field3, field4 and 1 more"
    message = f"6 wait for a person in Twilio Console: {names}"
    assert said == ([(Rule.CONSOLE_CHANGES, (), 6, message)] if refused else [])


def test_a_blocked_user_among_others_ends_no_count():
    """Whoever comes after them is counted too."""
    users = [person(roles=("admin",), file="a"), person(BEN, file="b")]
    live = [in_flex(roles=("admin",), marker=Marker("zzz999")), applied(person(BEN, roles=("admin",)))]
    found = one(plan_for(users, live, min_admins=2))
    assert (found.rule, found.count, found.of) == (Rule.MIN_ADMINS, 1, 2)


def test_the_steps_of_what_is_watched_are_told_apart():
    """Each has its word, and what it is about."""
    live = [
        applied(person(BEN, roles=("supervisor",))),
        in_flex(CHO, full_name="Old"),
        applied(person(NAMES[0], attributes={"level": 1}), attributes={"level": 2}),
    ]
    users = [person(BEN), person(CHO), person(NAMES[0], attributes={"level": 1})]
    plan = plan_for(users, live)
    assert {(item.rule, item.username): (item.step, item.what) for item in plan.guarded} == {
        (Rule.MAX_REMOVALS, BEN): (Step.LOSES, ("supervisor",)),
        (Rule.MAX_CHANGES, BEN): (Step.IS_CHANGED, ()),
        (Rule.MAX_CHANGES, CHO): (Step.IS_ADOPTED, ()),
        (Rule.MAX_CHANGES, NAMES[0]): (Step.IS_CHANGED, ()),
    }
