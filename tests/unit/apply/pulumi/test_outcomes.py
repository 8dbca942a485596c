"""What became of a plan: from what the provider sent and the engine stepped, whatever else went well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.apply.pulumi.channel import PROGRAM, VARIABLE, Ended, Failure, Receiver, Sender
from flexres.apply.pulumi.events import Steps
from flexres.errors import Exit, Problem, RefusedError, SetupError, UnreachableError
from flexres.reconcile.change import Answer, Change, IdpChange, Kind, Part, SettingChange, SettingState
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT
from tests.unit.apply.pulumi.events import ana, diagnostic, plan, step, steps

STACK = "test"
LOGIN = SettingChange("login_popup", SettingState.CHANGE, "true", Answer.NO)
ENTRY = SettingChange("trusted", SettingState.CHANGE, "https://a", Answer.NO, entry="https://a")
FLOW = IdpChange(Part.FLOW, "post-login", ABSENT, "Flex claims")
ANA_DONE = (ana("resourcePreEvent", "create"), ana("resOutputsEvent", "create"))


class Provider:
    """The sending side, and all that it sent taken in."""

    def __init__(self, folder: Path) -> None:
        path = folder / "outcomes.jsonl"
        path.touch()
        self.sender = Sender({VARIABLE: str(path)})
        self.receiver = Receiver(path, STACK)

    def did(self, *outcomes: Outcome[Change], stack: str = STACK) -> None:
        for outcome in outcomes:
            self.sender.outcome(stack, outcome)

    def failed(self, kind: str, name: str, message: str, code: Exit = Exit.FAILED, **more: bool) -> None:
        self.sender.failure(STACK, Failure(kind, name, code, Problem(message), **more))

    def ended(self, taken: Steps | None = None) -> Ended:
        self.receiver.receive()
        return Ended(taken or steps(), self.receiver)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


def applied(ended: Ended, planned: Plan) -> Applied:
    """As the engine's driver puts it together."""
    outcomes = (*ended.users(planned), *ended.of(planned.settings), *ended.of(planned.at_idp))
    return Applied(planned, outcomes, errors=tuple(failure.problem.message for failure in ended.others(planned)))


def and_also(planned: Plan, change: SettingChange | IdpChange) -> Plan:
    settings = (change,) if isinstance(change, SettingChange) else ()
    return replace(planned, changes=(*planned.changes, change), settings=settings)


@pytest.mark.parametrize("result", list(Result))
def test_a_user_is_as_the_provider_says_whatever_the_engine_made_of_it(provider: Provider, result: Result) -> None:
    """With message, request and the fields that were not taken, none of them spelled in a sentence."""
    (change,) = plan(ana=Kind.CREATE).users
    outcome = Outcome(change, result, "a: b; c: d", ("attr:level",), "RQ1")
    provider.did(outcome)
    assert provider.ended(steps(*ANA_DONE)).user(change) == outcome


def test_what_failed_without_an_outcome_has_the_calls_words(provider: Provider) -> None:
    """The call was refused before there was anything to do."""
    planned = plan(ana=Kind.CREATE)
    provider.failed("User", "ana@example.com", "changed since the roster was checked", Exit.REFUSED)
    ended = provider.ended(steps(ana("resourcePreEvent", "create"), ana("resOpFailedEvent", "create")))
    assert [(one.result, one.message) for one in ended.users(planned)] == [
        (Result.FAILED, "changed since the roster was checked")
    ]
    assert ended.others(planned) == []


def test_what_failed_without_a_word_of_ours_has_the_engines(provider: Provider) -> None:
    """The provider's process was killed."""
    planned = plan(ana=Kind.CREATE)
    events = (ana("resOpFailedEvent", "create"), diagnostic("error: transport is closing", "ana@example.com"))
    ended = provider.ended(steps(ana("resourcePreEvent", "create"), *events))
    assert [(one.result, one.message) for one in ended.users(planned)] == [(Result.FAILED, "transport is closing")]


def test_what_was_begun_or_not_even_that_is_not_started(provider: Provider) -> None:
    found = provider.ended(steps(ana("resourcePreEvent", "create"))).users(plan(ana=Kind.CREATE, bob=Kind.UPDATE))
    assert [one.result for one in found] == [Result.NOT_STARTED, Result.NOT_STARTED]


def test_of_those_without_a_resource_each_is_told_alone(provider: Provider) -> None:
    """One of them failed; no name is looked for in the words of the engine."""
    planned = plan(cho=Kind.RETIRE, dan=Kind.RETIRE)
    provider.did(Outcome(planned.changes[0], Result.DONE), Outcome(planned.changes[1], Result.FAILED, "marker: gone"))
    provider.failed("Departures", "departures", "dan@example.com: marker: gone", told=True)
    leaving = ["cho@example.com", "dan@example.com"]
    ended = provider.ended(
        steps(
            step("resourcePreEvent", "update", "departures", "Departures", leaving=leaving),
            diagnostic("Failed: dan@example.com: marker: gone", "departures", "Departures"),
        )
    )
    found = applied(ended, planned)
    assert [(one.result, one.message) for one in found.users] == [
        (Result.DONE, ""),
        (Result.FAILED, "marker: gone"),
    ]
    assert found.errors == ()


def test_departures_that_are_refused_are_told_of_each(provider: Provider) -> None:
    planned = plan(dan=Kind.RETIRE)
    provider.failed("Departures", "departures", "refused", Exit.REFUSED)
    events = (
        step("resourcePreEvent", "update", "departures", "Departures", leaving=["dan@example.com"]),
        step("resOpFailedEvent", "update", "departures", "Departures"),
    )
    found = applied(provider.ended(steps(*events)), planned)
    assert [(one.result, one.message) for one in found.users] == [(Result.FAILED, "refused")]


def test_a_part_of_the_identity_provider_that_failed_fails_the_run_whoever_was_done(provider: Provider) -> None:
    planned = and_also(plan(ana=Kind.CREATE), FLOW)
    provider.did(Outcome(planned.changes[0], Result.DONE), Outcome(FLOW, Result.FAILED, "no such trigger"))
    provider.failed("IdentityProvider", "identity-provider", "login flow: no such trigger", told=True)
    complaint = diagnostic("error: Failed: login flow: no such trigger", "identity-provider", "IdentityProvider")
    found = applied(provider.ended(steps(*ANA_DONE, complaint)), planned)
    assert [(one.result, one.message) for one in found.at_idp] == [(Result.FAILED, "no such trigger")]
    assert (found.exit, found.errors) == (Exit.PARTIAL, ())


def test_a_part_of_which_nobody_says_anything_was_not_started(provider: Provider) -> None:
    found = applied(provider.ended(steps(*ANA_DONE)), and_also(plan(ana=Kind.CREATE), FLOW))
    assert [one.result for one in found.at_idp] == [Result.NOT_STARTED]
    assert found.exit is Exit.PARTIAL


@pytest.mark.parametrize("setting", [LOGIN, ENTRY])
def test_a_setting_that_failed_fails_the_run_whoever_was_done(provider: Provider, setting: SettingChange) -> None:
    """A field of the connection, or a trusted entry with a resource of its own."""
    planned = and_also(plan(ana=Kind.CREATE), setting)
    done = Outcome(planned.changes[0], Result.DONE)
    provider.did(done, Outcome(setting, Result.FAILED, "503", request_id="RQ7"))
    found = applied(provider.ended(steps(*ANA_DONE)), planned)
    assert [(one.result, one.message, one.request_id) for one in found.settings] == [(Result.FAILED, "503", "RQ7")]
    assert found.exit is Exit.PARTIAL


@pytest.mark.parametrize("kind", ["Roster", "Departures", "IdentityProvider", "SsoConnection", "TrustedDomain", "User"])
def test_a_failure_of_no_change_fails_the_run_whoever_was_done(provider: Provider, kind: str) -> None:
    """A call that failed before it came to any outcome, by a resource that is not the plan's."""
    planned = plan(ana=Kind.CREATE)
    provider.did(Outcome(planned.changes[0], Result.DONE))
    provider.failed(kind, "somebody", "401 unauthorised", Exit.UNREACHABLE)
    found = applied(provider.ended(steps(*ANA_DONE)), planned)
    assert (found.exit, found.errors) == (Exit.PARTIAL, ("401 unauthorised",))


def test_an_error_of_the_engines_own_fails_the_run_whoever_was_done(provider: Provider) -> None:
    planned = plan(ana=Kind.CREATE)
    provider.did(Outcome(planned.changes[0], Result.DONE))
    found = applied(provider.ended(steps(*ANA_DONE, diagnostic("error: the state could not be saved"))), planned)
    assert (found.exit, found.errors) == (Exit.PARTIAL, ("the state could not be saved",))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(Exit.REFUSED, RefusedError), (Exit.SETUP, SetupError), (Exit.UNREACHABLE, UnreachableError)],
)
def test_a_run_that_did_not_begin_exits_as_the_failure_says(provider: Provider, code: Exit, kind: type) -> None:
    """By its number, whatever words it has, and once, however many resources repeat it."""
    for name in ("ana@example.com", "bob@example.com"):
        provider.failed("User", name, "these words say nothing", code)
    complaint = diagnostic("error: User resource 'ana@example.com' has a problem: these words", "ana@example.com")
    ended = provider.ended(steps(complaint))
    assert not ended.begun
    error = ended.error()
    assert isinstance(error, kind)
    assert error.message == "these words say nothing"


def test_what_the_program_says_is_not_repeated_in_the_engines_words(provider: Provider) -> None:
    provider.failed(PROGRAM, STACK, "1 problem\nteam.yaml:3:4: unknown key", Exit.SETUP)
    error = provider.ended(steps(diagnostic("error: 1 problem\nteam.yaml:3:4: unknown key"))).error()
    assert error is not None
    assert error.message == "1 problem\nteam.yaml:3:4: unknown key"


def test_blocked_and_at_the_idp_are_as_in_the_direct_engine(provider: Provider) -> None:
    found = provider.ended().users(plan(ana=Kind.BLOCKED, bob=Kind.AT_IDP))
    assert [(one.result, one.message) for one in found] == [(Result.BLOCKED, "why"), (Result.DONE, "")]


def test_requests_are_those_of_all_stacks_and_processes_as_each_last_said(provider: Provider) -> None:
    for count in (3, 12):
        provider.sender.requests(STACK, count)
    provider.sender.requests("other", 5)
    assert provider.ended().received.requests == 17


def test_outcomes_of_another_stack_are_not_taken_for_ours(provider: Provider) -> None:
    """One program may declare several, with the same people."""
    (change,) = plan(ana=Kind.CREATE).users
    provider.did(Outcome(change, Result.FAILED, "elsewhere"), stack="other")
    assert provider.ended(steps(*ANA_DONE)).user(change).result is Result.DONE


def test_a_line_that_is_being_written_waits_for_the_next_look(provider: Provider) -> None:
    """The run was interrupted, or the driver looks in the middle of a write."""
    (change,) = plan(ana=Kind.CREATE).users
    provider.did(Outcome(change, Result.DONE))
    whole = provider.receiver.path.read_bytes()
    provider.receiver.path.write_bytes(whole[:20])
    assert provider.ended().received.outcomes == {}
    provider.receiver.path.write_bytes(whole)
    assert len(provider.ended().received.outcomes) == 1


def test_nobody_is_told_where_nobody_drives(tmp_path: Path) -> None:
    """A `pulumi up` by hand, or a driver that is gone."""
    (change,) = plan(ana=Kind.CREATE).users
    Sender({}).outcome(STACK, Outcome(change, Result.DONE))
    Sender({VARIABLE: str(tmp_path / "gone" / "file")}).outcome(STACK, Outcome(change, Result.DONE))
    assert list(tmp_path.iterdir()) == []


def test_a_team_that_was_refused_says_so_for_each_of_its_users(provider: Provider) -> None:
    """Once, and not as a failure of its own besides."""
    planned = plan(ana=Kind.UPDATE, bob=Kind.UPDATE)
    users = {"users": {"ana@example.com": {}, "bob@example.com": {}}}
    provider.failed("Team", "support", "has changed in the YAML", Exit.REFUSED)
    taken = steps(
        step("resourcePreEvent", "update", "support", "Team", **users),
        step("resOpFailedEvent", "update", "support", "Team", **users),
    )
    found = applied(provider.ended(taken), planned)
    assert [(one.result, one.message) for one in found.users] == [(Result.FAILED, "has changed in the YAML")] * 2
    assert found.errors == ()
