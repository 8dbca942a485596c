"""Plans that change who is in which task queue."""

from __future__ import annotations

import json
from dataclasses import replace

from flexres.live.model import CatalogueSkill, RoutingSetup, TaskQueue, Workflow
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import ANA, BEN, CHO, applied, in_flex, person, plan_for, snapshot

NIGHT = 'routing.skills HAS "billing" AND shift == "night"'
QUEUES = (
    TaskQueue("WQ1", "Billing EN", 'routing.skills HAS "billing"'),
    TaskQueue("WQ2", "Billing at night", NIGHT),
    TaskQueue("WQ3", "Returns", 'routing.skills HAS "returns"'),
    TaskQueue("WQ4", "Everybody", "1==1"),
    TaskQueue("WQ5", "Broken", "routing.skills HAS"),
    TaskQueue("WQ6", "Level 3", "level >= 3"),
)
FILTERS = {
    "filters": [
        {
            "filter_friendly_name": "Bills",
            "expression": "topic == 'bill'",
            "targets": [{"queue": "WQ1"}, {"queue": "WQ2"}],
        }
    ],
    "default_filter": {"queue": "WQ4"},
}
ROUTING = RoutingSetup(QUEUES, (Workflow("WW1", "Calls", json.dumps({"task_routing": FILTERS})),))


def queues_plan() -> Plan:
    """Ana, who alone does billing at night, does returns from now on; Ben's level becomes a text."""
    users = [
        person(ANA, skills={"billing": 3}, attributes={"shift": "night"}),
        person(BEN, skills={"billing": 2}, attributes={"level": 3}),
        person(CHO, skills={"billing": 1}),
    ]
    others = in_flex("dov@example.com", attributes={"level": 5})
    there = replace(snapshot(*map(applied, users), others), routing=ROUTING)
    wanted = [replace(users[0], skills={"returns": True}), replace(users[1], attributes={"level": "3"}), users[2]]
    return plan_for(wanted, there, queues={"Billing at night": 1, "Everybody": 9})


def standing_plan() -> Plan:
    """Ana's shift changes; nobody is in four queues, each of which is to keep one."""
    there = replace(snapshot(applied(person(ANA))), routing=ROUTING)
    return plan_for([person(ANA, attributes={"shift": "night"})], there, queues={"*": 1})


def unread_plan() -> Plan:
    """The key may not read the queues."""
    there = replace(snapshot(applied(person(ANA))), routing=RoutingSetup(unread="Authorization denied"))
    return plan_for([person(ANA, attributes={"shift": "night"})], there)


def skills_plan() -> Plan:
    """A skill that Flex's catalogue lacks, a level out of its bounds, and channels that nobody looked at.

    Somebody goes from the way that a Workflow's target leads by, and stays in the queue.
    """
    cho = person(CHO, attributes={"level": 3})
    target = {"queue": "WQ4", "expression": "worker.level >= 3"}
    filters = {"filters": [{"filter_friendly_name": "Hard", "targets": [target]}]}
    routing = RoutingSetup(QUEUES[3:4], (Workflow("WW1", "Calls", json.dumps({"task_routing": filters})),))
    there = replace(snapshot(applied(person(ANA)), applied(cho)), as_set=120, routing=routing)
    there = replace(there, instance=replace(there.instance, skills=(CatalogueSkill("billing", 1, 5),)))
    users = [person(ANA, skills={"biling": 3}), person(BEN, skills={"billing": 9})]
    users.append(replace(cho, attributes={"level": 1}))
    return plan_for(users, there, unknown_skills="fail")
