"""Flex moved between the plan and its apply, or answers as nobody hopes: nothing of others is lost or overruled."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from flexres.apply.journal import FileJournal, Run
from flexres.apply.users import context
from flexres.cli.commands.adopt import only_adoptions
from flexres.errors import Exit
from flexres.reconcile.idp.model import IdpPlan
from flexres.reconcile.marker import ATTRIBUTE
from flexres.sandbox.store.seed import SeedUser

from .conftest import Flow, kinds, results, without_waiting

ANA = "ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {level: 3}}\n"
BOB = (
    "bob@example.com: {full_name: Bob Byrne, roles: [agent], attributes: {level: 1}, channels: {chat: {capacity: 2}}}\n"
)
ROBERT = BOB.replace("bob@", "robert@").replace("roles:", "previously: bob@example.com, roles:")
FOREIGN = "v1;id=other99;at=0;keys="


def handed_over(flow: Flow, username: str) -> dict[str, Any]:
    """What Flex has of one user, besides versions and times."""
    user = flow.sandbox.user(username)
    channels = {name: one["configured_capacity"] for name, one in flow.sandbox.channels(username).items()}
    said = {name: user[name] for name in ("full_name", "email", "roles", "deactivated")}
    return {**said, "channels": channels, "attributes": flow.sandbox.worker_attributes(username)}


def remake_worker(flow: Flow, username: str) -> None:
    """Deletes a user's Worker, and signs the user in, which makes another one."""
    user, identity = flow.sandbox.user(username), flow.sandbox.identity
    path = f"/v1/Workspaces/{user['workspace_sid']}/Workers/{user['worker_sid']}"
    answer = httpx.delete(flow.sandbox.url + path, auth=(identity.api_key, identity.api_secret))
    assert answer.status_code == 204
    flow.sandbox.sign_in(username)


def test_a_newer_commit_applied_since_the_plan_keeps_its_profile_and_channels(flow: Flow) -> None:
    """The marker is read again before the first write to a user, not only before the last."""
    flow.commit_time = 1_000
    flow.write(BOB)
    flow.apply()
    older = BOB.replace("Bob Byrne", "Older Name").replace("capacity: 2", "capacity: 9")
    flow.write(older)
    stale = flow.plan()
    flow.commit_time = 2_000
    flow.write(BOB.replace("Bob Byrne", "Newer Name").replace("capacity: 2", "capacity: 5"))
    flow.apply()
    before = handed_over(flow, "bob@example.com")
    flow.commit_time = 1_000
    flow.write(older)

    applied = flow.apply(plan=stale)

    assert results(applied) == {"bob@example.com": "failed"}
    assert handed_over(flow, "bob@example.com") == before


@pytest.mark.parametrize(("old", "new"), [("Bob Byrne", "Robert Byrne"), ("capacity: 2", "capacity: 9")])
def test_a_user_whom_another_stack_took_since_the_plan_is_not_touched(flow: Flow, old: str, new: str) -> None:
    """Neither profile nor channels are written over a foreign marker."""
    flow.write(BOB)
    flow.apply()
    flow.write(BOB.replace(old, new))
    stale = flow.plan()
    flow.sandbox.edit_attributes("bob@example.com", {ATTRIBUTE: FOREIGN})
    before = handed_over(flow, "bob@example.com")

    applied = flow.apply(plan=stale)

    assert results(applied) == {"bob@example.com": "failed"}
    assert handed_over(flow, "bob@example.com") == before


def test_a_rename_leaves_the_old_name_alone_once_another_stack_took_it(flow: Flow) -> None:
    """Its marker is read again before ours is written over it, and before anybody is made."""
    flow.write(BOB)
    flow.apply()
    flow.write(ROBERT)
    stale = flow.plan()
    flow.sandbox.edit_attributes("bob@example.com", {ATTRIBUTE: FOREIGN})
    before = handed_over(flow, "bob@example.com")

    applied = flow.apply(plan=stale)

    assert results(applied) == {"robert@example.com": "blocked"}
    assert handed_over(flow, "bob@example.com") == before
    assert [user["username"] for user in flow.sandbox.users()] == ["bob@example.com"]


def test_a_leaver_who_got_another_worker_since_the_plan_is_looked_at_again(flow: Flow) -> None:
    """The Worker was deleted and a login made a new one, which is not marked as ours."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.write(ANA)
    stale = flow.plan()
    remake_worker(flow, "bob@example.com")

    applied = flow.apply(plan=stale)

    assert results(applied) == {"bob@example.com": "blocked"}
    assert not flow.sandbox.user("bob@example.com")["deactivated"]


def test_a_contact_uri_that_a_person_chose_survives_a_provision_that_replaces(flow: Flow) -> None:
    """Flex writes its own in its place, so that nothing seems to be missing."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"contact_uri": "sip:bob@pbx.example.com"})
    flow.sandbox.switches(provision_on_existing="replace")
    flow.write(BOB.replace("Bob Byrne", "Robert Byrne"))

    assert flow.apply().exit is Exit.DONE

    assert flow.sandbox.worker_attributes("bob@example.com")["contact_uri"] == "sip:bob@pbx.example.com"


def test_a_worker_keeps_its_profile_attributes_where_provision_replaces_without_writing_them(flow: Flow) -> None:
    """What the identity provider wrote there is not emptied: it becomes what was just provisioned."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.switches(provision_on_existing="replace", provision_writes_profile=False)
    flow.write(BOB.replace("Bob Byrne", "Robert Byrne"))

    assert flow.apply().exit is Exit.DONE

    attributes = flow.sandbox.worker_attributes("bob@example.com")
    assert (attributes["full_name"], attributes["roles"]) == ("Robert Byrne", ["agent"])
    assert attributes["email"] == "bob@example.com"


def test_attributes_lost_in_a_provision_whose_answers_are_lost_are_restored(flow: Flow) -> None:
    """Three answers lost and then the lookup too: what the Worker knew is put back all the same."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"plugin": [1]})
    flow.sandbox.switches(provision_on_existing="replace")
    flow.write(BOB.replace("Bob Byrne", "Robert Byrne"))
    flow.sandbox.fault("503:after:match=Provision")
    flow.sandbox.fault("400:match=GET .*/v4/Instances/[^/]+/Users$:times=1")

    flow.apply()
    flow.sandbox.clear_faults()

    assert flow.sandbox.worker_attributes("bob@example.com")["plugin"] == [1]
    assert flow.apply().exit is Exit.DONE
    assert flow.plan().changes == ()


def test_half_a_character_in_somebodys_attributes_stops_nobody(flow: Flow) -> None:
    """JSON may escape half of a surrogate pair: it is written back as it was, and the others go on."""
    flow.write(ANA + BOB)
    flow.apply()
    text = flow.sandbox.worker_attributes_text("bob@example.com")
    flow.sandbox.set_attributes("bob@example.com", text[:-1] + r',"cut":"\ud83d"}')
    flow.write((ANA + BOB).replace("level:", "grade:"))

    assert flow.apply().exit is Exit.DONE

    assert r'"cut":"\ud83d"' in flow.sandbox.worker_attributes_text("bob@example.com")
    assert flow.plan().changes == ()


def test_a_rename_onto_a_worker_with_an_odd_routing_fails_alone(flow: Flow) -> None:
    """Skills cannot be handed over into something that is no map; the others go on."""
    flow.write(ANA + BOB + "carl@example.com: {full_name: Carl, roles: [agent]}\n")
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"routing": {"skills": ["vip"], "levels": {}}})
    flow.sandbox.edit_attributes("carl@example.com", {"routing": "north"}, remove=[ATTRIBUTE])
    flow.write(
        ANA.replace("level: 3", "level: 4")
        + "carl@example.com: {full_name: Carl, roles: [agent], previously: bob@example.com}\n"
    )

    applied = flow.apply()

    assert results(applied)["ana@example.com"] == "done"
    assert results(applied)["carl@example.com"] in {"failed", "blocked"}
    assert flow.sandbox.worker_attributes("carl@example.com")["routing"] == "north"
    assert not flow.sandbox.user("bob@example.com")["deactivated"]


def test_who_is_offline_with_a_task_that_never_ends_waits_too_long_as_well(flow: Flow) -> None:
    """The list shows no tasks, so the plan retires; the operation finds them, and knows since when."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.make_busy("bob@example.com", 1)
    flow.write(ANA)
    assert flow.apply().exit is Exit.DONE
    flow.now += timedelta(hours=25)

    applied = flow.apply()

    assert results(applied) == {"bob@example.com": "waiting"}
    assert applied.exit is Exit.PARTIAL


@pytest.mark.parametrize("sensitive", [True, False])
def test_who_was_offboarded_under_another_spelling_comes_back_only_when_approved(flow: Flow, sensitive: bool) -> None:
    """Nobody says whether Flex tells the case of usernames apart: provisioning one may revive the other."""
    flow.sandbox.switches(username_case_sensitive=sensitive)
    flow.write(ANA + BOB)
    flow.apply()
    flow.write(ANA)
    flow.apply()
    flow.write(ANA + BOB.replace("bob@", "Bob@"))

    plan = flow.plan()
    flow.apply()

    assert kinds(plan) == {"Bob@example.com": "blocked"}
    assert "bob@example.com" in plan.changes[0].reason
    assert flow.sandbox.user("bob@example.com")["deactivated"]


def test_one_worker_that_twilio_never_tells_stops_nobody_else(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that breaks off every time is that user's trouble: the others were reached."""
    without_waiting(monkeypatch)
    people = "".join(f"u{n}@example.com: {{full_name: User {n}, roles: [agent]}}\n" for n in range(8))
    flow.write(people)
    flow.apply()
    flow.write(people.replace("roles:", "attributes: {level: 1}, roles:"))
    sick = str(flow.sandbox.user("u0@example.com")["worker_sid"])
    plan = flow.plan()
    flow.sandbox.fault(f"cut:match=GET .*/Workers/{sick}$")

    applied = flow.apply(plan=plan)

    assert applied.counts()["done"] == 7
    assert results(applied)["u0@example.com"] == "failed"
    assert not applied.interrupted


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full"])
def test_a_journal_that_cannot_be_kept_loses_no_report(flow: Flow, path: str) -> None:
    """A device that cannot be synced is as good as another; a full one stops the run, which says so."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.write((ANA + BOB).replace("level: 1", "level: 2").replace("Ana Ruiz", "Ana Maria Ruiz"))
    journal = FileJournal(Path(path), Run("test", "a test", None))

    applied = flow.apply(journal=journal)
    journal.close()

    assert set(results(applied)) == {"ana@example.com", "bob@example.com"}
    full = path == "/dev/full"
    assert applied.exit is (Exit.PARTIAL if full else Exit.DONE)
    if full:
        # What a Worker knows is on disk before a Provision could lose it, or there is none.
        assert flow.sandbox.user("ana@example.com")["full_name"] == "Ana Ruiz"
        assert any("journal" in outcome.message for outcome in applied.outcomes)


def test_the_journal_tells_what_the_read_back_found(flow: Flow, tmp_path: Path) -> None:
    """An operation that went well is not the last word where Flex did not keep the value."""
    flow.write(BOB)
    flow.sandbox.fault("400:match=GET /v4:skip=1")
    journal = FileJournal(tmp_path / "journal.jsonl", Run("test", "a test", None))

    flow.apply(journal=journal)
    journal.close()

    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line.get("result") for line in lines] == [None, "done", "not taken"]


def test_an_admin_stays_until_the_one_who_takes_over_is_in_place(flow: Flow) -> None:
    """min_admins counted on somebody whom Flex then refused: the account is not left without an admin."""
    old = ANA.replace("[agent]", "[admin]")
    flow.write(old)
    flow.apply(approve=[flow.plan().digest])
    flow.write(BOB.replace("[agent]", "[admin]"))
    plan = flow.plan()
    flow.sandbox.fault("400:match=Provision")

    applied = flow.apply(approve=[plan.digest])

    assert results(applied) == {"bob@example.com": "failed", "ana@example.com": "not started"}
    assert applied.exit is Exit.PARTIAL
    assert not flow.sandbox.user("ana@example.com")["deactivated"]
    flow.sandbox.clear_faults()
    assert flow.apply(approve=[flow.plan().digest]).exit is Exit.DONE
    assert flow.sandbox.user("ana@example.com")["deactivated"]


@pytest.mark.parametrize("leavers", ["", "leavers: [bob@example.com]\n"])
def test_who_became_an_admin_since_the_plan_does_not_leave_by_it(flow: Flow, leavers: str) -> None:
    """No guard has seen an admin leave, and it may be the last one; the next plan is judged with them in it."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.write(ANA, more=leavers)
    stale = flow.plan()
    flow.sandbox.provision("bob@example.com", "Bob Byrne", roles=["admin"])

    applied = flow.apply(plan=stale)

    assert results(applied) == {"bob@example.com": "blocked"}
    assert "left alone: became admin in Flex since the plan; plan again" in [one.message for one in applied.users]
    assert not flow.sandbox.user("bob@example.com")["deactivated"]
    assert results(flow.apply()) == {"bob@example.com": "done"}


def test_an_adoption_changes_nothing_of_the_identity_providers_set_up(flow: Flow) -> None:
    """It is about people who are in Flex already, and about nothing else of the plan."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {}, remove=[ATTRIBUTE])
    whole = replace(flow.plan(), idp=cast("IdpPlan", object()))

    plan = only_adoptions(whole, frozenset({"bob@example.com"}))

    assert kinds(plan) == {"bob@example.com": "adopt"}
    assert plan.idp is None


def test_what_somebody_writes_right_before_a_provision_that_replaces_is_put_back_too(flow: Flow) -> None:
    """Between our look and the write: the Events of TaskRouter know it."""
    flow.sandbox.switches(provision_on_existing="replace")
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"panel": "left", "gone": 1})
    flow.write(BOB.replace("Bob Byrne", "Robert Byrne"))

    def meddle(method: str, path: str) -> None:
        if path.endswith("/Provision"):
            flow.sandbox.between(None)
            flow.sandbox.edit_attributes("bob@example.com", {"panel": "right", "desk": 7}, remove=["gone"])

    flow.sandbox.between(meddle)

    assert results(flow.apply()) == {"bob@example.com": "done"}
    attributes = flow.sandbox.worker_attributes("bob@example.com")
    assert (attributes["panel"], attributes["desk"], attributes["level"]) == ("right", 7, 1)
    assert "gone" not in attributes


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize("old", ["", "previously: robert@example.com, "])
def test_somebody_who_came_between_the_last_look_and_the_write_gets_the_attributes_back(
    flow: Flow, tmp_path: Path, mode: str, old: str
) -> None:
    """Another stack's marker, too; the profile is told, and the journal has what they had."""
    flow.sandbox.switches(provision_on_existing=mode)
    if old:
        flow.write(ROBERT.replace("previously: bob@example.com, ", ""))
        flow.apply()
    flow.write(BOB.replace("full_name", f"{old}full_name"))
    plan = flow.plan()

    def slip_in(method: str, path: str) -> None:
        if path.endswith("/Provision"):
            flow.sandbox.between(None)
            known = {ATTRIBUTE: FOREIGN, "vip": "yes", "level": "theirs"}
            flow.sandbox.provision("bob@example.com", "Bob the Boss", roles=["admin"], attributes=known)
            before.append(
                (handed_over(flow, "bob@example.com"), flow.sandbox.worker_attributes_text("bob@example.com"))
            )

    before: list[tuple[dict[str, Any], str]] = []
    flow.sandbox.between(slip_in)
    path = tmp_path / "journal.jsonl"
    journal = FileJournal(path, Run("test", "me", None))
    applied = flow.apply(plan=plan, journal=journal, approve=[plan.digest] if plan.digest else [])
    journal.close()

    assert results(applied) == {"bob@example.com": "failed"}
    message = applied.users[0].message
    assert "as before again" in message
    assert 'said full_name "Bob the Boss", email "bob@example.com", roles ["admin"]' in message
    profile = {"full_name": "Bob Byrne", "email": "bob@example.com", "roles": ["agent"]}
    after = {**before[0][0], **profile, "attributes": {**before[0][0]["attributes"], **profile}}
    assert handed_over(flow, "bob@example.com") == after
    kept = [line for line in map(json.loads, path.read_text().splitlines()) if line["event"] == "before"]
    assert kept[-1]["attributes"] == before[0][1]


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_who_says_on_their_own_worker_to_be_an_admin_is_not_made_one(flow: Flow, mode: str) -> None:
    """An agent who signs in between the last look and the write: giving back takes nothing from what they can edit."""
    flow.sandbox.switches(provision_on_existing=mode)
    flow.write(BOB)
    plan = flow.plan()

    def slip_in(method: str, path: str) -> None:
        if path.endswith("/Provision"):
            flow.sandbox.between(None)
            flow.sandbox.provision("bob@example.com", "Bob Byrne", roles=["agent"])
            said = {"roles": ["admin"], "email": "ana@example.com", "full_name": "Ana Ruiz", "mine": 1}
            flow.sandbox.edit_attributes("bob@example.com", said)

    flow.sandbox.between(slip_in)

    applied = flow.apply(plan=plan)

    assert results(applied) == {"bob@example.com": "failed"}
    user, attributes = flow.sandbox.user("bob@example.com"), flow.sandbox.worker_attributes("bob@example.com")
    assert (user["roles"], user["email"], user["full_name"]) == (["agent"], "bob@example.com", "Bob Byrne")
    assert (attributes["mine"], attributes["roles"]) == (1, ["agent"])


@pytest.mark.parametrize("few", [0, 100])
def test_somebody_who_came_while_the_plan_waited_is_not_overwritten(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Neither roles nor attributes nor another stack's marker; looked for by name, or in the list of all."""
    monkeypatch.setattr(context, "FEW", few)
    flow.write(ANA + BOB)
    stale = flow.plan()
    known = json.dumps({ATTRIBUTE: FOREIGN, "vip": True})
    theirs = SeedUser("bob@example.com", "Bob the Boss", "bob@example.com", roles=("admin",), attributes=known)
    flow.sandbox.load([theirs])
    before = handed_over(flow, "bob@example.com")

    applied = flow.apply(plan=stale)

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "failed"}
    assert applied.exit is Exit.PARTIAL
    assert handed_over(flow, "bob@example.com") == before


@pytest.mark.parametrize(("was", "now"), [("admin", "agent"), ("agent", "admin")])
def test_roles_that_somebody_changed_since_the_plan_are_not_written_back(flow: Flow, was: str, now: str) -> None:
    """A plan that shows a full name alone makes nobody an admin, and takes it from nobody."""
    before = BOB.replace("agent", was)
    flow.write(ANA + before)
    flow.apply(approve=[digest] if (digest := flow.plan().digest) else [])
    flow.write((ANA + before).replace("Bob Byrne", "Robert Byrne").replace("Ana Ruiz", "Ana Maria Ruiz"))
    stale = flow.plan()
    flow.sandbox.provision("bob@example.com", "Bob Byrne", roles=[now])

    applied = flow.apply(plan=stale)

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "failed"}
    assert applied.exit is Exit.PARTIAL
    assert f"changed in Flex since the plan: roles {was} → {now}; run it again" in [
        one.message for one in applied.users
    ]
    user = flow.sandbox.user("bob@example.com")
    assert (user["roles"], user["full_name"]) == ([now], "Bob Byrne")


def test_a_full_name_that_became_the_declared_one_since_the_plan_is_no_hindrance(flow: Flow) -> None:
    """Two runs of one commit write the same."""
    flow.write(BOB)
    flow.apply()
    flow.write(BOB.replace("Bob Byrne", "Robert Byrne"))
    stale = flow.plan()
    flow.sandbox.provision("bob@example.com", "Robert Byrne", roles=["agent"])

    assert flow.apply(plan=stale).exit is Exit.DONE


@pytest.mark.parametrize(("was", "now"), [("admin", "agent"), ("agent", "admin")])
def test_roles_that_somebody_changed_right_after_our_write_stay_and_are_told(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, was: str, now: str
) -> None:
    """The read-back finds them, and repairs no more than the plan showed."""
    without_waiting(monkeypatch)
    bob = BOB.replace("agent", was)
    flow.write(ANA + bob)
    flow.apply(approve=[digest] if (digest := flow.plan().digest) else [])
    flow.write(ANA + bob.replace("level: 1", "level: 2"))
    plan = flow.plan()
    worker = str(flow.sandbox.user("bob@example.com")["worker_sid"])
    written: list[str] = []

    def meddle(method: str, path: str) -> None:
        if method == "POST" and path.endswith(worker):
            written.append(path)
        elif written:
            flow.sandbox.between(None)
            flow.sandbox.provision("bob@example.com", "Bob Byrne", roles=[now])

    flow.sandbox.between(meddle)

    applied = flow.apply(plan=plan)

    assert results(applied) == {"bob@example.com": "not taken"}
    assert "somebody changed that since" in applied.users[0].message
    assert applied.exit is Exit.PARTIAL
    assert flow.sandbox.user("bob@example.com")["roles"] == [now]
