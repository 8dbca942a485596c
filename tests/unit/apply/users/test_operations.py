"""Each operation on users, over a Flex of dictionaries: what it writes, in which order, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexres.apply.outcome import Result
from flexres.desired.model import Channel
from flexres.errors import (
    FlexresError,
    FormatError,
    LostAnswerError,
    PreconditionError,
    TwilioError,
    UnavailableError,
    UnreachableError,
)
from flexres.live.model import LiveUser
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import ownership
from tests.unit.apply.users.flex import Flex, Run, change_of
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    OTHER_ID,
    STACK_ID,
    applied,
    channel,
    in_flex,
    kinds,
    person,
    plan_for,
)

REFUSED = FormatError("Error invalid attribute format", request="POST Provision", status=400)
LOST = LostAnswerError("no answer", request="POST")
BROKEN = TwilioError("broken", request="POST", status=500, request_id="RQ1")


def marker_of(flex: Flex, username: str = ANA) -> Marker:
    """The marker, which has to be there."""
    found = ownership(flex.attributes(username), STACK_ID).ours
    assert found is not None
    return found


class TestCreate:
    """Somebody whom Flex does not have."""

    async def test_is_one_call_where_claims_can_say_all(self) -> None:
        """Attributes and marker go with the user."""
        flex = Flex()
        outcome = await Run(flex).does(change_of(person(attributes={"level": 3})))
        assert outcome.result is Result.DONE
        assert flex.said == [f"provision {ANA}"]
        assert marker_of(flex).stack_id == STACK_ID

    async def test_what_claims_cannot_say_is_completed_on_the_worker(self) -> None:
        """Skills have no typed spelling; the marker that holds them too comes last."""
        flex = Flex()
        await Run(flex).does(change_of(person(skills={"billing": 3})))
        assert flex.said == [f"provision {ANA}", f"update {ANA}"]
        assert flex.attributes(ANA)["routing"] == {"skills": ["billing"], "levels": {"billing": 3}}
        assert "skill:billing" in {key.text for key in marker_of(flex).keys}

    async def test_whoever_is_made_carries_our_marker_from_the_first_write(self) -> None:
        """Nothing that a crash leaves behind is nobody's."""
        flex = Flex()
        flex.will("update", BROKEN)
        outcome = await Run(flex).does(change_of(person(skills={"billing": 3})))
        assert outcome.result is Result.FAILED
        assert marker_of(flex).stack_id == STACK_ID

    async def test_claims_that_are_refused_are_written_on_the_worker(self) -> None:
        """Nobody says which types Flex takes."""
        flex = Flex()
        flex.will("provision", REFUSED)
        outcome = await Run(flex).does(change_of(person(attributes={"level": 3})))
        assert (outcome.result, flex.said[1:]) == (Result.DONE, [f"provision {ANA}", f"update {ANA}"])
        assert flex.attributes(ANA)["level"] == 3

    async def test_whose_claims_are_refused_is_still_ours_from_the_first_write(self) -> None:
        """The marker is a text, which every Flex takes."""
        flex = Flex()
        flex.will("provision", REFUSED)
        flex.will("update", BROKEN)
        assert (await Run(flex).does(change_of(person(attributes={"level": 3})))).result is Result.FAILED
        assert flex.attributes(ANA).keys() == {ATTRIBUTE}
        assert marker_of(flex).keys == {}

    async def test_a_refusal_of_the_user_is_told_with_its_request(self) -> None:
        flex = Flex()
        flex.will("provision", REFUSED, *[replace_request(REFUSED, "RQ2")] * 2)
        outcome = await Run(flex).does(change_of(person(attributes={"level": 3})))
        assert outcome.result is Result.FAILED
        assert "Error invalid attribute format" in outcome.message

    async def test_a_lost_answer_is_looked_up_before_it_is_sent_again(self) -> None:
        """It was not taken: again. A second user of that name would be worse than a second look."""
        flex = Flex()
        flex.will("provision", LOST)
        assert (await Run(flex).does(change_of(person()))).result is Result.DONE
        assert flex.said[:2] == [f"provision {ANA} !", f"provision {ANA}"]

    @pytest.mark.parametrize("error", [UnreachableError("no network"), UnavailableError("down", request="POST")])
    async def test_a_flex_through_to_which_nobody_gets_is_everybodys_matter(self, error: FlexresError) -> None:
        """Whether nothing answers, or everything is refused for now."""
        flex = Flex()
        flex.will("provision", error)
        with pytest.raises(type(error)):
            await Run(flex).does(change_of(person()))

    async def test_a_failure_has_the_requests_name(self) -> None:
        flex = Flex()
        flex.will("provision", BROKEN)
        outcome = await Run(flex).does(change_of(person()))
        assert (outcome.result, outcome.request_id) == (Result.FAILED, "RQ1")


class TestWhoCameToExist:
    """Somebody who was not there when the plan was made, and is now."""

    @pytest.mark.parametrize("before", [None, in_flex(deactivated="2026-05-01"), in_flex(worker=False)])
    @pytest.mark.parametrize("arrivals", [1, 1000])
    async def test_is_not_provisioned_over(self, before: LiveUser | None, arrivals: int) -> None:
        """Neither made anew, nor reactivated, nor given another Worker: roles, attributes and marker stay."""
        live = [before] if before else []
        desired = person(roles=("admin",))
        blocked = change_of(desired, live=live)
        change = change_of(desired, live=live, approve=[blocked.digest]) if blocked.digest else blocked
        theirs = in_flex(roles=("supervisor",), attributes={"panel": "left"}, marker=Marker(OTHER_ID, at=0))
        flex = Flex(theirs)
        outcome = await Run(flex, arrivals=arrivals).does(change)
        assert (outcome.result, flex.said) == (Result.FAILED, [])
        assert "since the plan" in outcome.message
        assert (flex.people[ANA].roles, flex.attributes(ANA)["panel"]) == (("supervisor",), "left")

    async def test_the_list_is_read_again_once_for_many(self) -> None:
        """A request for each of ten thousand names would cost as much as making them."""
        flex = Flex()
        run = Run(flex, arrivals=1000)
        for username in (ANA, BEN):
            assert (await run.does(change_of(person(username)))).result is Result.DONE
        assert flex.listed == 1

    async def test_keeps_a_new_name_from_being_taken_by_a_rename(self) -> None:
        """The old name is not even marked as leaving."""
        old = applied(person())
        desired = person(BEN, full_name="Ana Ruiz", email=ANA, previously=ANA)
        flex = Flex(old, in_flex(BEN, roles=("admin",)))
        outcome = await Run(flex).does(change_of(desired, live=[old]))
        assert (outcome.result, flex.said) == (Result.FAILED, [])

    async def test_whom_a_call_without_an_answer_did_not_make_is_left_alone(self) -> None:
        """The profile of whoever has the name by then may be the same: only our marker says that we made them."""
        flex = Flex()
        theirs = in_flex(full_name="Ana Ruiz", roles=("agent",), attributes={"panel": "left"}, marker=Marker(OTHER_ID))
        flex.answers["provision"] = [LOST]
        flex.meanwhile = theirs
        outcome = await Run(flex).does(change_of(person()))
        assert (outcome.result, flex.said) == (Result.FAILED, [f"provision {ANA} !"])
        assert flex.attributes(ANA)["panel"] == "left"

    async def test_whom_no_look_showed_is_told_by_the_answer(self) -> None:
        """Nobody says whether a look by name finds a deactivated user: one who is older than the change is told."""
        flex = Flex()
        flex.created = "2026-01-01T00:00:00Z"
        outcome = await Run(flex).does(change_of(person()))
        assert outcome.result is Result.FAILED
        assert "2026-01-01" in outcome.message


def replace_request(error: FormatError, request_id: str) -> FormatError:
    """The same refusal of another request."""
    return FormatError(error.message, request=error.request, status=error.status, request_id=request_id)


class TestUpdate:
    """Somebody who is in Flex, with something else than the YAML says."""

    async def test_attributes_are_merged_and_the_profile_is_left_alone(self) -> None:
        before = applied(person(attributes={"level": 1}))
        flex = Flex(before)
        flex.edit(ANA, panel="left")
        await Run(flex).does(change_of(person(attributes={"level": 2}), live=[before]))
        assert flex.said == [f"update {ANA}"]
        assert (flex.attributes(ANA)["level"], flex.attributes(ANA)["panel"]) == (2, "left")

    async def test_whoever_wrote_in_between_is_read_again(self) -> None:
        """A 412 is no failure."""
        before = applied(person(attributes={"level": 1}))
        flex = Flex(before)
        flex.will("update", PreconditionError("moved", request="POST", status=412))
        outcome = await Run(flex).does(change_of(person(attributes={"level": 2}), live=[before]))
        assert (outcome.result, flex.attributes(ANA)["level"]) == (Result.DONE, 2)

    @pytest.mark.parametrize(
        ("now", "says"),
        [
            (Marker(OTHER_ID, at=0).text(), f"managed by stack id {OTHER_ID}"),
            ("v9;what", "unreadable"),
            (Marker(STACK_ID, at=99).text(), "newer commit"),
        ],
    )
    @pytest.mark.parametrize("desired", [{"attributes": {"level": 2}}, {"full_name": "Ana Maria"}])
    async def test_who_became_somebody_elses_since_the_plan_is_left_alone(
        self, now: str, says: str, desired: dict[str, Any]
    ) -> None:
        """Whichever write comes first."""
        before = applied(person(attributes={"level": 1}))
        flex = Flex(before)
        flex.edit(ANA, **{ATTRIBUTE: now})
        change = change_of(person(**{"attributes": {"level": 1}, **desired}), live=[before])
        outcome = await Run(flex).does(change)
        assert (outcome.result, flex.said) == (Result.FAILED, [])
        assert says in outcome.message

    async def test_an_older_checkout_may_be_allowed(self) -> None:
        before = applied(person(attributes={"level": 1}))
        flex = Flex(before)
        flex.edit(ANA, **{ATTRIBUTE: Marker(STACK_ID, at=99).text()})
        change = change_of(person(attributes={"level": 2}), live=[before])
        assert (await Run(flex, allow_older=True).does(change)).result is Result.DONE

    async def test_a_profile_is_written_after_its_attributes_are_kept(self) -> None:
        """Provision might lose them."""
        before = applied(person())
        run = Run(flex := Flex(before))
        await run.does(change_of(person(full_name="Ana Maria"), live=[before]))
        assert flex.said[0] == f"provision {ANA}"
        assert flex.people[ANA].full_name == "Ana Maria"
        assert ATTRIBUTE in run.journal.kept[ANA]

    async def test_lost_attributes_are_restored_and_nobody_else_is_provisioned(self) -> None:
        """The first of a run shows it."""
        ana, ben = applied(person(attributes={"level": 1})), applied(person(BEN))
        run = Run(flex := Flex(ana, ben))
        flex.forgetful = True
        first = await run.does(change_of(person(full_name="Ana Maria", attributes={"level": 1}), live=[ana]))
        second = await run.does(change_of(person(BEN, full_name="Ben Ray"), live=[ben]))
        assert (first.result, flex.attributes(ANA)["level"]) == (Result.DONE, 1)
        assert (second.result, second.message.startswith("not provisioned")) == (Result.FAILED, True)
        assert f"provision {BEN}" not in flex.said

    async def test_channels_are_written_one_by_one_and_only_where_they_differ(self) -> None:
        before = applied(person(channels={"voice": Channel(True, 1), "chat": Channel(True, 2)}))
        flex = Flex(before)
        change = change_of(person(channels={"voice": Channel(True, 1), "chat": Channel(True, 3)}), live=[before])
        assert (await Run(flex).does(change)).result is Result.DONE
        assert flex.said == [f"update_channel {ANA}", f"update {ANA}"]
        assert flex.channels_of[f"WK{ANA}"]["chat"].capacity == 3

    async def test_a_user_without_a_worker_gets_one(self) -> None:
        before = in_flex(worker=False)
        flex = Flex(before)
        assert (await Run(flex).does(change_of(person(), live=[before]))).result is Result.DONE
        assert marker_of(flex).stack_id == STACK_ID

    @pytest.mark.parametrize("worker", [True, False])
    @pytest.mark.parametrize(
        ("now", "says"),
        [
            ({"roles": ("agent",)}, "roles admin → agent"),
            ({"full_name": "Ana R"}, "full name Ana Ruiz → Ana R"),
            ({"email": "new@example.com"}, "email ana@example.com → new@example.com"),
            ({"deactivated": True}, "was deactivated in Flex since the plan"),
        ],
    )
    async def test_a_profile_that_moved_since_the_plan_is_not_written_over(
        self, now: dict[str, Any], says: str, worker: bool
    ) -> None:
        """Provision writes it whole: what the plan did not show would change too."""
        before = in_flex(roles=("admin",), worker=worker, marker=Marker(STACK_ID, at=0) if worker else None)
        flex = Flex(before)
        flex.people[ANA] = replace(flex.people[ANA], **now)
        change = change_of(person(full_name="Ana Maria", roles=("admin",)), live=[before])
        outcome = await Run(flex).does(change)
        assert (outcome.result, flex.said) == (Result.FAILED, [])
        assert says in outcome.message

    @pytest.mark.parametrize("now", [{"roles": ("agent",)}, {"deactivated": True}])
    async def test_a_profile_that_moved_while_no_answer_came_is_not_written_again(self, now: dict[str, Any]) -> None:
        """Neither given back what somebody took, nor brought back."""
        before = applied(person(roles=("admin",)))
        flex = Flex(before)
        flex.will("provision", LOST)
        flex.meanwhile = replace(before, user=replace(before.user, **now))
        outcome = await Run(flex).does(change_of(person(full_name="Ana Maria", roles=("admin",)), live=[before]))
        assert (outcome.result, flex.said) == (Result.FAILED, [f"provision {ANA} !"])
        assert "since the plan" in outcome.message

    async def test_adopting_writes_our_marker_and_nothing_else(self) -> None:
        before = in_flex(attributes={"panel": "left"})
        flex = Flex(before)
        change = change_of(person(), live=[before])
        assert change.kind is Kind.ADOPT
        await Run(flex).does(change)
        assert flex.attributes(ANA).keys() == {"panel", ATTRIBUTE}

    async def test_what_would_no_longer_fit_is_not_sent(self) -> None:
        """Others put more there since the plan: TaskRouter keeps 4,096 characters."""
        before = applied(person(attributes={"level": 1}))
        flex = Flex(before)
        change = change_of(person(attributes={"level": 2, "note": "x" * 100}), live=[before])
        flex.edit(ANA, theirs="y" * 3950)
        outcome = await Run(flex).does(change)
        assert (outcome.result, flex.said) == (Result.FAILED, [])
        assert "TaskRouter keeps 4,096" in outcome.message


class TestRename:
    """A new name for somebody who stays."""

    def moved(self, **live: Any) -> tuple[Flex, UserChange]:
        before = applied(person(attributes={"level": 1}), **{"attributes": {"panel": "left"}, **live})
        desired = person(BEN, full_name="Ana Ruiz", email=ANA, previously=ANA, attributes={"level": 1})
        change = change_of(desired, live=[before])
        assert change.kind is Kind.RENAME
        return Flex(before), change

    async def test_the_new_name_knows_what_the_old_one_knew_and_the_old_one_leaves(self) -> None:
        flex, change = self.moved()
        outcome = await Run(flex).does(change)
        assert outcome.result is Result.DONE
        assert (flex.attributes(BEN)["panel"], flex.attributes(BEN)["level"]) == ("left", 1)
        assert flex.people[ANA].deactivated

    async def test_what_lies_where_the_yaml_has_a_map_is_not_handed_over(self) -> None:
        """Somebody has put a text there: carried over, it would be in the way of the map for ever."""
        home = {"home": {"city": "Rome", "floor": {"number": 1}}}
        before = applied(person(attributes=home))
        change = change_of(person(BEN, full_name="Ana Ruiz", email=ANA, previously=ANA, attributes=home), live=[before])
        flex = Flex(before)
        flex.edit(ANA, home={"city": "Oslo", "floor": "top", "garden": True})
        assert (await Run(flex).does(change)).result is Result.DONE
        assert flex.attributes(BEN)["home"] == {"city": "Rome", "floor": {"number": 1}, "garden": True}

    async def test_the_old_one_is_marked_before_the_new_one_is_ours(self) -> None:
        """From our marker on, `previously` does nothing: a run cut short must find the old name."""
        flex, change = self.moved()
        flex.will("provision", BROKEN)
        outcome = await Run(flex).does(change)
        assert outcome.result is Result.FAILED
        assert flex.said == [f"update {ANA}", f"provision {BEN} !"]
        assert marker_of(flex).leaving is not None

    async def test_one_cut_short_goes_on_or_is_taken_back(self) -> None:
        """The new name is ours from the first write on: the next run completes it, or retires it if it was reverted."""
        flex, change = self.moved()
        flex.will("update", None, BROKEN)
        assert (await Run(flex).does(change)).result is Result.FAILED
        live = [self.now(flex, ANA), self.now(flex, BEN)]
        assert change.desired is not None
        again = change_of(change.desired, live=live)
        assert again.kind is Kind.RENAME
        reverted = plan_for([person(attributes={"level": 1})], live)
        assert kinds(reverted)[BEN] is Kind.RETIRE
        flex.will("update")
        assert (await Run(flex).does(again)).result is Result.DONE
        assert (flex.attributes(BEN)["panel"], flex.people[ANA].deactivated) == ("left", True)
        assert plan_for([change.desired], [self.now(flex, BEN)]).changes == ()

    @staticmethod
    def now(flex: Flex, username: str) -> LiveUser:
        """A user as the next run reads them."""
        return LiveUser(flex.people[username], flex.workers[f"WK{username}"])

    async def test_a_busy_old_name_waits(self) -> None:
        flex, change = self.moved(busy=True)
        outcome = await Run(flex).does(change)
        assert (outcome.result, outcome.message.startswith(f"{ANA}: ")) == (Result.WAITING, True)
        assert not flex.people[ANA].deactivated

    async def test_an_old_name_that_became_somebody_elses_blocks_it(self) -> None:
        flex, change = self.moved()
        flex.edit(ANA, **{ATTRIBUTE: Marker(OTHER_ID, at=0).text()})
        outcome = await Run(flex).does(change)
        assert (outcome.result, flex.said) == (Result.BLOCKED, [])

    async def test_where_nobody_is_retired_the_old_one_is_only_let_go(self) -> None:
        flex, change = self.moved()
        assert (await Run(flex, retire="keep").does(change)).result is Result.DONE
        assert not flex.people[ANA].deactivated
        assert ATTRIBUTE not in flex.attributes(ANA)


class TestRetire:
    """Somebody whom the YAML names no longer."""

    def leaver(self, **live: Any) -> tuple[Flex, UserChange]:
        before = applied(person(), **live)
        return Flex(before), change_of(live=[before])

    async def test_whoever_is_offline_leaves_and_what_their_worker_knew_is_kept(self) -> None:
        flex, change = self.leaver()
        run = Run(flex)
        assert (await run.does(change)).result is Result.DONE
        assert flex.said == [f"deprovision {ANA}"]
        assert ATTRIBUTE in run.journal.kept[ANA]

    async def test_whoever_is_busy_is_marked_and_waits(self) -> None:
        flex, change = self.leaver(busy=True)
        assert (await Run(flex).does(change)).result is Result.WAITING
        assert flex.said == [f"update {ANA}"]
        assert marker_of(flex).leaving is not None

    async def test_whoever_waits_already_is_not_written_again(self) -> None:
        flex, change = self.leaver(busy=True, leaving=7)
        assert (await Run(flex).does(change)).result is Result.WAITING
        assert (flex.said, marker_of(flex).leaving) == ([], 7)

    async def test_an_assigned_task_is_work_although_offline(self) -> None:
        flex, change = self.leaver()
        flex.channels_of[f"WK{ANA}"] = {"voice": replace(channel("voice"), assigned_tasks=1)}
        assert (await Run(flex).does(change)).result is Result.WAITING

    async def test_now_is_now(self) -> None:
        flex, change = self.leaver(busy=True)
        assert (await Run(flex, retire_when="now").does(change)).result is Result.DONE

    async def test_a_task_that_came_between_look_and_call_is_waited_for(self) -> None:
        """Flex refuses while a reservation is open."""
        flex, change = self.leaver()
        looks = iter([{}, {"voice": replace(channel("voice"), assigned_tasks=1)}])

        async def channels(_sid: str) -> Any:
            return next(looks)

        flex.channels = channels  # type: ignore[method-assign]
        flex.will("deprovision", REFUSED)
        assert (await Run(flex).does(change)).result is Result.WAITING

    @pytest.mark.parametrize("now", [None, Marker(OTHER_ID, at=0).text(), "v9;what", Marker(STACK_ID, at=99).text()])
    async def test_who_is_no_longer_ours_is_left_alone(self, now: str | None) -> None:
        """Gone, another's, unreadable, or set by a newer commit."""
        flex, change = self.leaver()
        flex.edit(ANA, **{ATTRIBUTE: now})
        outcome = await Run(flex).does(change)
        assert (outcome.result, flex.said) == (Result.BLOCKED, [])
        assert outcome.message.startswith("left alone")

    async def test_a_lost_answer_is_looked_up(self) -> None:
        flex, change = self.leaver()
        flex.will("deprovision", LOST)
        assert (await Run(flex).does(change)).result is Result.DONE
        assert flex.said == [f"deprovision {ANA} !", f"deprovision {ANA}"]

    async def test_whoever_is_gone_already_is_done(self) -> None:
        flex, change = self.leaver()
        flex.people.clear()
        flex.workers.clear()
        assert (await Run(flex).does(change)).result is Result.DONE


class TestLettingGo:
    """`retire: keep`: our marker goes, and nothing else."""

    async def test_only_our_marker_goes(self) -> None:
        before = applied(person(), attributes={"panel": "left"})
        flex = Flex(before)
        change = change_of(live=[before], retire="keep")
        assert change.kind is Kind.LET_GO
        assert (await Run(flex, retire="keep").does(change)).result is Result.DONE
        assert flex.attributes(ANA) == {"panel": "left"}

    async def test_anothers_marker_stays(self) -> None:
        before = applied(person())
        flex = Flex(before)
        flex.edit(ANA, **{ATTRIBUTE: Marker(OTHER_ID, at=0).text()})
        await Run(flex, retire="keep").does(change_of(live=[before], retire="keep"))
        assert flex.said == []


async def test_who_is_blocked_stays_so_with_the_plans_reason() -> None:
    """A deactivated user whom the YAML declares: somebody offboarded them."""
    before = in_flex(deactivated="2026-05-01T00:00:00Z")
    flex = Flex(before)
    change = change_of(person(), live=[before])
    outcome = await Run(flex).does(change)
    assert (outcome.result, outcome.message) == (Result.BLOCKED, change.reason)
    assert flex.said == []


async def test_reactivating_is_a_provision() -> None:
    """Once somebody approved it."""
    before = in_flex(deactivated="2026-05-01T00:00:00Z")
    blocked = change_of(person(), live=[before])
    change = change_of(person(), live=[before], approve=[blocked.digest])
    assert change.kind is Kind.REACTIVATE
    flex = Flex(before)
    assert (await Run(flex).does(change)).result is Result.DONE
    assert not flex.people[ANA].deactivated
