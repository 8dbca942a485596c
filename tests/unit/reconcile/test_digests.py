"""What approvals are digests of: they stand in people's flex.yaml, so what goes into them stays as it is.

Where one of these has to change, what was approved before an upgrade has to be approved again: the changelog says so.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexres.desired.model import Channel
from flexres.live.model import RoutingSetup, Snapshot, TaskQueue
from flexres.reconcile.guards.judge import evaluate
from flexres.reconcile.guards.model import Guarded, Rule
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    OTHER_ID,
    SSO,
    applied,
    channel,
    in_flex,
    person,
    plan_for,
    snapshot,
)

GONE = in_flex(deactivated="2026-05-01T00:00:00Z")
SUPERVISOR = person(roles=("agent", "supervisor"))
SKILLED = person(skills={"billing": 3})


def queue(user: str = ANA, **policy: object) -> Plan:
    """Somebody leaves the queue for billing."""
    live = [applied(person(name, skills={"billing": 3}), at=5) for name in (user, "cho@example.com")]
    setup = RoutingSetup((TaskQueue("WQ1", "Billing", 'routing.skills HAS "billing"'),))
    there: Snapshot = replace(snapshot(*live), routing=setup)
    users = [person(user, skills={"wine": True}), person("cho@example.com", skills={"billing": 3})]
    return plan_for(users, there, commit_time=9, **(policy or {"queues": {"Billing": 2}}))


def brought_back() -> Plan:
    """Somebody deactivated whose digest was approved."""
    digest = next(change.digest for change in plan_for([person()], [GONE]).users)
    return plan_for([person()], [GONE], approve=[digest])


CASES = {
    "leaves": (Rule.MAX_REMOVALS, lambda: plan_for([], [applied(SUPERVISOR, at=7)], commit_time=9)),
    "loses a role": (Rule.MAX_REMOVALS, lambda: plan_for([person()], [applied(SUPERVISOR, at=7)], commit_time=9)),
    "is renamed": (
        Rule.MAX_REMOVALS,
        lambda: plan_for([person(BEN, previously=ANA)], [applied(person(), at=7)], commit_time=9),
    ),
    "adopted": (Rule.MAX_CHANGES, lambda: plan_for([SKILLED], [in_flex(attributes={"level": 1})])),
    "updated": (
        Rule.MAX_CHANGES,
        lambda: plan_for(
            [person(attributes={"level": 2, "new": None})],
            [applied(person(attributes={"level": 1, "old": 5}), at=7)],
            commit_time=9,
        ),
    ),
    "many fields": (
        Rule.MAX_CHANGES,
        lambda: plan_for(
            [person(attributes={"a": 2, "a!": 2, "Zoë": 2})], [applied(person(attributes={"a": 1, "a!": 1}))]
        ),
    ),
    "loses admin": (
        Rule.MIN_ADMINS,
        lambda: plan_for([person()], [applied(person(roles=("admin",)), at=7)], commit_time=9),
    ),
    "protected": (Rule.PROTECTED, lambda: plan_for([], [applied(person(), at=7)], protected=(ANA,), commit_time=9)),
    "address": (
        Rule.EMAIL_DOMAINS,
        lambda: plan_for([person(email="a@else.org")], [applied(person())], email_domains=()),
    ),
    "new address": (Rule.EMAIL_DOMAINS, lambda: plan_for([person(email="a@else.org")], email_domains=())),
    "gains admin": (Rule.GAINS_ADMIN, lambda: plan_for([person(roles=("admin",))], [applied(person())])),
    "created as admin": (Rule.GAINS_ADMIN, lambda: plan_for([person(roles=("admin",))])),
    "loses skills": (Rule.LOSES_SKILLS, lambda: plan_for([person()], [applied(SKILLED)])),
    "loses capacity": (
        Rule.LOSES_CAPACITY,
        lambda: plan_for(
            [person(channels={"voice": Channel(available=False)})], [in_flex(channels=[channel("voice")])]
        ),
    ),
    "comes back": (Rule.DEACTIVATED, brought_back),
    "takes over": (
        Rule.RENAME,
        lambda: plan_for([person(previously=BEN)], [applied(person(BEN), full_name="Ben Li", email="b@else.org")]),
    ),
    "queue": (Rule.QUEUES, queue),
}


def watched(name: str) -> Guarded:
    """The one thing that a case is about."""
    rule, plan = CASES[name]
    (found,) = [item for item in plan().guarded if item.rule is rule]
    return found


EXPECTED = {
    "many fields": "gkzde2fgqh4squtagnuwluojcb",
    "leaves": "2gfyqrikcfqxmuvfziral2c5oy",
    "loses a role": "2dovfoa7bp3jvrt22m75sqikxw",
    "is renamed": "znquleef6z4zpgy77rro6lmxk4",
    "adopted": "ng6npklo6fxrllqtzvnnsa63l2",
    "updated": "6yoqois2jmr52eon4b246zfpwa",
    "loses admin": "h4lifqwlno4flq22oy3pvot7wk",
    "protected": "rhyaolzbpgkkjcfqetjizjymal",
    "address": "oj2vbs6te7kxtjzazb53pmtkb2",
    "new address": "ugr3pwhvbvh4ap773ujltre6jq",
    "gains admin": "cvidvrehqq4m3qat7yl3ns4l7l",
    "created as admin": "m6r7eokqla7oiiaey6ktxa7rb7",
    "loses skills": "oa4zzoctjy43pazrx4oip62lwn",
    "loses capacity": "ay5esr5v3rzaneot6q7yvngprx",
    "comes back": "nmc7vkyh6blw2initxb3crwksk",
    "takes over": "g3wvnqc3ph2mjzepwqb56nbfhz",
    "queue": "t6wf4g23x4ncizwcep65clns7s",
}


@pytest.mark.parametrize("name", CASES)
def test_a_committed_approval_holds_in_the_next_version_too(name):
    """Of every guarded thing."""
    assert watched(name).digest == EXPECTED[name]


def test_no_two_guarded_things_share_a_digest():
    """Not one approval lifts two."""
    assert len({watched(name).digest for name in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("other", "holds"),
    [
        ({"user": BEN, "queues": {"Billing": 2}}, False),
        ({"queues": {"Billing": 3}}, False),
        ({"queues": {"*": 2}}, True),
        ({"queues": {"Billing": 2}, "sso": SSO}, True),
    ],
    ids=["another person", "another least", "the same for all queues", "under single sign-on"],
)
def test_an_approval_of_leaving_a_queue_is_of_this_person_and_this_least(other, holds):
    """Where the policy asks for more people, somebody has to look again."""
    assert (watched("queue").digest in {item.digest for item in queue(**other).guarded}) is holds


def test_an_approval_in_one_stack_is_none_in_another_whatever_it_is_about():
    """The stack's id is part of each."""
    for rule, made in CASES.values():
        plan = made()
        given = replace(plan.evidence, scope=replace(plan.evidence.scope, stack_id=OTHER_ID))
        other = {item.digest for item in evaluate(given).guarded if item.rule is rule}
        assert not other & {item.digest for item in plan.guarded}


def test_an_approval_does_not_hold_once_something_else_was_applied():
    """Nor once the account is another: who leaves now is not who was looked at."""
    live = applied(SUPERVISOR, at=7)
    first = plan_for([], [live], commit_time=9)
    (digest,) = {item.digest for item in first.guarded}
    waiting = applied(SUPERVISOR, at=7, leaving=5)
    another = replace(live, user=replace(live.user, sid="FU9"))
    later = [applied(SUPERVISOR, at=8), applied(person(roles=SUPERVISOR.roles, attributes={"x": 1}), at=7), another]
    assert all(digest not in {item.digest for item in plan_for([], [one], commit_time=9).guarded} for one in later)
    demoted = [plan_for([person()], [one], commit_time=9) for one in (live, waiting)]
    removal = [{item.digest for item in plan.guarded if item.rule is Rule.MAX_REMOVALS} for plan in demoted]
    assert removal[0] == removal[1], "waiting to leave is no part of it"
