"""What TaskRouter has no room for: attributes beyond 4,096 characters, and task channels that are not there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flexres.desired.model import Channel
from flexres.live.exact_json import LONGEST, length
from flexres.reconcile.change import Kind
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.marker import ATTRIBUTE
from tests.unit.reconcile.builders import ANA, BEN, STACK_ID, applied, in_flex, kinds, only, person, plan_for, snapshot

FAX = {"fax": Channel(True, 1)}
RENAMED = person(BEN, full_name="Ana Ruiz", email=ANA, previously=ANA)


def test_a_user_whose_attributes_would_not_fit_is_blocked_alone():
    """Counted is the whole text: what the YAML has, our marker, and what others put there; the numbers are told."""
    full = in_flex(attributes={"theirs": "x" * 3900})
    plan = plan_for([person(attributes={"note": "y" * 200}), person(BEN)], [full])
    assert kinds(plan) == {ANA: Kind.BLOCKED, BEN: Kind.CREATE}
    (blocked,) = (change for change in plan.users if change.username == ANA)
    assert "TaskRouter keeps 4,096" in blocked.reason


def test_white_space_counts():
    """TaskRouter keeps the text, not what it means."""
    spread = in_flex(text=json.dumps({"theirs": [1] * 100}, indent=40))
    assert length(spread.worker.text) > 4000
    assert only(plan_for([person()], [spread])).kind is Kind.BLOCKED


@pytest.mark.parametrize(("over", "kind"), [(0, Kind.ADOPT), (1, Kind.BLOCKED)])
def test_the_last_character_decides(over: int, kind: Kind):
    """What just fits is written."""
    desired = person(attributes={"level": 1})
    marker = f',"{ATTRIBUTE}":"{marker_for(desired, Scope(STACK_ID), 0).text()}"'
    around = json.dumps({"level": 1, "theirs": ""})
    theirs = "x" * (LONGEST - len(marker) - len(around) + over)
    live = in_flex(attributes={"level": 1, "theirs": theirs})
    assert only(plan_for([desired], [live])).kind is kind


def test_the_marker_of_many_fields_counts():
    """Each managed field takes its name: what fits without the marker need not fit with it."""
    many = {f"field_{number:03}": number for number in range(200)}
    assert length(json.dumps(many)) < LONGEST
    assert only(plan_for([person(attributes=many)])).kind is Kind.BLOCKED


def test_what_an_old_name_hands_over_counts():
    """Somebody renamed brings along what others put on the old Worker."""
    old = applied(person(), attributes={"theirs": "x" * 3700})
    change = next(c for c in plan_for([RENAMED], [old]).users if c.username == BEN)
    assert change.kind is Kind.RENAME
    desired = replace(RENAMED, attributes={"note": "y" * 300})
    change = next(c for c in plan_for([desired], [old]).users if c.username == BEN)
    assert change.kind is Kind.BLOCKED


def test_who_is_in_sync_is_not_counted():
    """Nothing is sent for them."""
    desired = person()
    assert plan_for([desired], [applied(desired, attributes={"theirs": "x" * 4000})]).changes == ()


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        (person(channels=FAX), []),
        (person(channels=FAX), [in_flex(worker=False)]),
        (replace(RENAMED, channels=FAX), [applied(person())]),
    ],
)
def test_a_task_channel_that_is_not_there_is_told_before_somebody_is_made(desired: Any, live: Any):
    """Whoever is new, has no Worker, or gets another name."""
    workspace = replace(snapshot(*live), task_channels=frozenset({"voice", "chat"}))
    change = next(c for c in plan_for([desired], workspace).users if c.username == desired.username)
    assert change.kind is Kind.BLOCKED
    assert "no task channel fax" in change.reason


def test_task_channels_that_nobody_looked_at_block_nobody():
    """Unknown is not missing."""
    assert only(plan_for([person(channels=FAX)])).kind is Kind.CREATE


def test_a_marker_that_leaves_makes_room():
    """Fewer managed fields than before are always written, however full the Worker is."""
    more = person(attributes={f"a{number}": 1 for number in range(60)})
    full = in_flex(attributes={"theirs": "x" * 3000}, marker=marker_for(more, Scope(STACK_ID), 0))
    assert only(plan_for([person()], [full])).kind is Kind.UPDATE
