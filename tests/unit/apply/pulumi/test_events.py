"""The engine's events, taken in without an engine: which resources it steps, and what it says itself."""

from __future__ import annotations

from flexres.apply.pulumi.events import Complaint, State, Step, plain_error, seen_by_engine
from flexres.reconcile.change import Kind
from tests.unit.apply.pulumi.events import ana, diagnostic, plan, step, steps


def test_refreshing_and_reading_are_no_steps() -> None:
    assert steps(ana("resourcePreEvent", "refresh"), ana("resourcePreEvent", "same")).users == {}


def test_what_the_engine_does_not_plan_is_blocked() -> None:
    """Flex moved between the two readings; nobody is told that it will be done."""
    seen, noted = seen_by_engine(plan(ana=Kind.CREATE, bob=Kind.UPDATE), steps(ana("resourcePreEvent", "create")))
    assert [change.kind for change in seen.users] == [Kind.CREATE, Kind.BLOCKED]
    assert noted == 0


def test_users_of_whom_only_the_state_takes_note_are_counted() -> None:
    assert seen_by_engine(plan(), steps(ana("resourcePreEvent", "create")))[1] == 1


def test_what_the_engine_says_is_kept_once_and_consequences_are_left_out() -> None:
    """With the resource it is about, where that is one of ours."""
    taken = steps(
        diagnostic("error: update failed"),
        diagnostic("<{%fg 1%}>error: <{%reset%}>transport is closing\n", "roster", "Roster"),
        diagnostic("error: transport is closing", "roster", "Roster"),
        diagnostic("error: no such plugin"),
        diagnostic("only a note", severity="info"),
    )
    assert taken.complaints == [
        Complaint("Roster", "roster", "transport is closing"),
        Complaint("", "", "no such plugin"),
    ]


def test_the_one_who_ends_is_told_when_it_ends() -> None:
    """For progress; whatever comes of it."""
    said: list[str] = []
    steps(
        ana("resourcePreEvent", "create"),
        ana("resOpFailedEvent", "create"),
        step("resOutputsEvent", "update", "departures", "Departures"),
        ended=said.append,
    )
    assert said == ["ana@example.com"]


ANA, BOB = {"attr:level": 3}, {"attr:level": 1}


def test_a_teams_step_is_that_of_each_of_its_users() -> None:
    """Whose properties stay may have something to be done all the same: the engine plans their team."""
    before = {"users": {"ana@example.com": ANA, "bob@example.com": BOB}}
    users = {"ana@example.com": {"attr:level": 4}, "bob@example.com": BOB}
    taken = steps(step("resourcePreEvent", "update", "support", "Team", before=before, users=users))
    seen, noted = seen_by_engine(plan(ana=Kind.UPDATE, bob=Kind.UPDATE, cho=Kind.UPDATE), taken)
    assert [change.kind for change in seen.users] == [Kind.UPDATE, Kind.UPDATE, Kind.BLOCKED]
    assert noted == 0


def test_moving_between_teams_and_granularities_is_noted_and_carried_out_where_they_are_now() -> None:
    """The delete of what held them before comes last, and is not what became of them."""
    ana = {"users": {"ana@example.com": ANA}}
    taken = steps(
        step("resourcePreEvent", "create", "care", "Team", **ana),
        step("resOpFailedEvent", "create", "care", "Team", **ana),
        step("resourcePreEvent", "delete", "support", "Team", before=ana, gone=True),
        step("resOutputsEvent", "delete", "support", "Team", before=ana, gone=True),
        step("resourcePreEvent", "delete", "ana@example.com", before={"username": "ana@example.com"}, gone=True),
    )
    assert seen_by_engine(plan(), taken)[1] == 1
    found = taken.step_of(plan(ana=Kind.UPDATE).users[0])
    assert found == Step("create", "Team", "care", State.FAILED)


def test_whoever_leaves_a_team_is_retired_by_departures() -> None:
    before = {"users": {"ana@example.com": ANA, "bob@example.com": BOB}}
    taken = steps(
        step("resourcePreEvent", "update", "support", "Team", before=before, users={"ana@example.com": ANA}),
        step("resourcePreEvent", "update", "departures", "Departures", leaving=["bob@example.com"]),
    )
    found = taken.step_of(plan(bob=Kind.RETIRE).users[0])
    assert found is taken.departures


def test_an_error_of_the_engine_is_told_without_colours_and_prefix() -> None:
    assert plain_error("<{%fg 1%}>error: <{%reset%}>no backend\n\n") == "no backend"
