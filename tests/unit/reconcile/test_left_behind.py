"""What a change leaves in Flex: of that the next step thinks, without having read it again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from flexres.desired.model import Channel
from flexres.live.model import FlexUser, LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import Arrival, Edit, Kind, Rename
from flexres.reconcile.diff import Scope, marker_for, retired, written
from flexres.reconcile.marker import Marker
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    SSO,
    STACK_ID,
    applied,
    channel,
    idp_scope,
    in_flex,
    only,
    person,
    plan_for,
)

SCOPE = Scope(STACK_ID)
COMMIT = 1_760_000_000
FULL = person(
    full_name="Zoë Núñez",
    roles=("agent", "supervisor"),
    attributes={"level": 3, "home": {"city": "Köln"}},
    skills={"billing": 3, "returns": True},
    channels={"voice": Channel(available=True, capacity=2), "chat": Channel(capacity=4)},
    until=date(2027, 1, 31),
)
GONE = in_flex(deactivated="2026-05-01T00:00:00Z", full_name="Old", roles=("admin",))
THERE = in_flex(
    full_name="Old",
    email="old@example.com",
    roles=("agent",),
    attributes={"level": 1, "plugin": {"theme": "dark"}, "routing": {"skills": ["wine"], "levels": {}}},
    channels=[channel("voice", available=False, capacity=9), channel("chat", available=False), channel("sms")],
    busy=True,
)


def left(user, *live, **options) -> LiveUser:
    """The user after the one change of their plan, approved where it takes that."""
    plan = plan_for([user], live, commit_time=COMMIT, **options)
    digest = next((change.digest for change in plan.users if change.digest), "")
    if digest:
        plan = plan_for([user], live, commit_time=COMMIT, approve=[digest], **options)
    change = next(change for change in plan.users if change.username == user.username)
    assert isinstance(change, Arrival | Edit | Rename)
    return written(change, idp_scope() if "sso" in options else SCOPE, COMMIT)


@pytest.mark.parametrize(
    "live",
    [
        [],
        [GONE],
        [in_flex(worker=False, full_name="Old")],
        [THERE],
        [applied(replace(FULL, attributes={"level": 9, "tier": 1}, skills={"wine": 1}), at=5)],
        [applied(person(BEN))],
    ],
    ids=["created", "reactivated", "without a Worker", "adopted", "updated", "renamed"],
)
@pytest.mark.parametrize("sso", [None, SSO], ids=["ours", "the IdP's"])
def test_a_plan_over_what_a_change_leaves_finds_nothing_to_do(live, sso):
    """It is what the YAML declares, and marked so by this commit."""
    user = replace(FULL, previously=BEN) if live and live[0].username == BEN else FULL
    options = {"sso": sso} if sso else {}
    after = left(user, *live, **options)
    again = plan_for([user], [after], commit_time=COMMIT, **options)
    assert [change for change in again.users if change.kind is not Kind.AT_IDP] == []
    assert after.worker is not None
    attributes = after.worker.attributes() or {}
    assert attributes["flexres"] == marker_for(user, idp_scope() if sso else SCOPE, COMMIT).text()


def test_somebody_new_has_no_sid_that_anybody_knows():
    """And is offline, in an activity that nobody has read."""
    after = left(FULL)
    assert after.user == FlexUser("", ANA, "Zoë Núñez", ANA, ("agent", "supervisor"), "")
    assert after.worker is not None
    assert replace(after.worker, text="") == Worker("", ANA, "", "Offline", False, "")
    assert json.loads(after.worker.text) == {
        "level": 3,
        "home": {"city": "Köln"},
        "routing": {"skills": ["billing", "returns"], "levels": {"billing": 3}},
        "flexres": marker_for(FULL, SCOPE, COMMIT).text(),
    }
    assert "Köln" in after.worker.text, "as TaskRouter keeps and counts it"
    assert after.channels == {
        "voice": WorkerChannel("", "voice", True, 2),
        "chat": WorkerChannel("", "chat", False, 4),
    }


def test_a_channel_that_is_opened_without_a_capacity_takes_nothing_yet():
    """What TaskRouter gives it is not known."""
    assert left(person(channels={"voice": Channel(available=True)})).channels == {
        "voice": WorkerChannel("", "voice", True, 0)
    }


def test_somebody_who_was_there_keeps_what_nobody_declares():
    """Their SIDs, activity, attributes and channels; what was fetched before is no state to write against."""
    assert THERE.worker is not None
    there = replace(THERE, worker=replace(THERE.worker, etag="7"))
    after = left(FULL, there)
    assert after.worker is not None
    assert replace(after.worker, text="") == replace(THERE.worker, text="")
    assert json.loads(after.worker.text) == {
        "level": 3,
        "plugin": {"theme": "dark"},
        "home": {"city": "Köln"},
        "routing": {"skills": ["wine", "billing", "returns"], "levels": {"billing": 3}},
        "flexres": marker_for(FULL, SCOPE, COMMIT).text(),
    }
    assert after.user == replace(THERE.user, full_name="Zoë Núñez", email=ANA, roles=("agent", "supervisor"))
    assert after.channels == {
        "voice": channel("voice", available=True, capacity=2),
        "chat": channel("chat", available=False, capacity=4),
        "sms": channel("sms"),
    }


def test_what_only_the_marker_notes_is_not_written_over():
    """A field that somebody took over is let go, with the value that it has."""
    before = applied(person(attributes={"level": 3}), attributes={"level": 7})
    after = left(person(), before)
    assert after.worker is not None
    assert json.loads(after.worker.text) == {"level": 7, "flexres": marker_for(person(), SCOPE, COMMIT).text()}
    assert after.channels is None


def test_a_profile_that_the_idp_writes_stays_as_it_is():
    """Until the next login."""
    after = left(FULL, THERE, sso=SSO)
    assert after.user == THERE.user
    let_go = applied(FULL, full_name="Somebody", roles=("admin",))
    assert left(FULL, let_go, sso=SSO).user == let_go.user


def test_somebody_brought_back_is_deactivated_no_more():
    """With a Worker that is new."""
    after = left(FULL, GONE)
    assert after.user == replace(
        GONE.user,
        deactivated=False,
        deactivated_date=None,
        worker_sid="",
        full_name="Zoë Núñez",
        roles=("agent", "supervisor"),
    )


def test_somebody_retired_has_no_worker():
    """As Deprovision leaves them."""
    after = retired(THERE)
    assert after == LiveUser(replace(THERE.user, deactivated=True, worker_sid=None))
    assert only(plan_for([FULL], [after])).kind is Kind.BLOCKED
    assert plan_for([], [after]).changes == ()


def test_without_a_commit_the_marker_names_none():
    """A folder that is no commit is older than any."""
    assert marker_for(person(), SCOPE, None) == replace(marker_for(person(), SCOPE, 5), at=0)
    assert marker_for(FULL, SCOPE, 5).until == date(2027, 1, 31)
    assert isinstance(marker_for(FULL, SCOPE, 5), Marker)
