"""Leaving, waiting, renaming and coming back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flexres.errors import Exit
from flexres.reconcile.marker import ATTRIBUTE, parse

from .conftest import Flow, kinds, results

ANA = "ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {level: 3}}\n"
BOB = "bob@example.com: {full_name: Bob Byrne, roles: [agent], attributes: {level: 1}}\n"


def deactivated(flow: Flow, username: str) -> bool:
    return bool(flow.sandbox.user(username)["deactivated"])


def test_who_is_no_longer_declared_leaves(flow: Flow) -> None:
    """Taken out of the YAML and offline: deprovisioned, the user kept by Flex as deactivated."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.write(ANA)

    assert kinds(flow.plan()) == {"bob@example.com": "retire"}
    assert flow.apply().exit is Exit.DONE

    assert deactivated(flow, "bob@example.com")
    assert flow.plan().changes == ()


def test_a_busy_worker_is_marked_and_waits_and_leaves_when_offline(flow: Flow) -> None:
    """Waiting is no failure and leaves nothing to do, until the Worker is offline."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.set_activity("bob@example.com", "Available")
    flow.write(ANA)

    applied = flow.apply()

    assert results(applied) == {"bob@example.com": "waiting"}
    assert applied.exit is Exit.DONE
    waiting = flow.plan()
    assert kinds(waiting) == {"bob@example.com": "wait"}
    assert not waiting.pending
    flow.sandbox.set_activity("bob@example.com", "Offline")
    flow.apply()
    assert deactivated(flow, "bob@example.com")


def test_an_offline_worker_with_a_task_waits_too(flow: Flow) -> None:
    """Assigned tasks are read again just before."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.make_busy("bob@example.com", 1)
    flow.sandbox.set_activity("bob@example.com", "Offline")
    flow.write(ANA)

    assert results(flow.apply()) == {"bob@example.com": "waiting"}
    flow.sandbox.make_busy("bob@example.com", 0)
    assert results(flow.apply()) == {"bob@example.com": "done"}


def test_waiting_too_long_is_told(flow: Flow) -> None:
    """After retire_within the exit code is 5."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.set_activity("bob@example.com", "Available")
    flow.write(ANA)
    flow.apply()
    flow.now += timedelta(hours=25)

    (change,) = flow.plan().changes
    assert change.overdue
    assert flow.apply().exit is Exit.PARTIAL


def test_who_is_declared_again_while_waiting_stays(flow: Flow) -> None:
    """The leaving is called off."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.set_activity("bob@example.com", "Available")
    flow.write(ANA)
    flow.apply()
    flow.write(ANA + BOB)

    assert flow.apply().exit is Exit.DONE
    assert parse(flow.sandbox.worker_attributes("bob@example.com")[ATTRIBUTE]).leaving is None
    assert flow.plan().changes == ()


def test_a_leaver_named_in_the_yaml_leaves_whatever_the_marker_says(flow: Flow) -> None:
    """`leavers` needs no marker."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {}, remove=[ATTRIBUTE])
    flow.write(ANA, more="leavers: [bob@example.com]")

    flow.apply()

    assert deactivated(flow, "bob@example.com")
    assert flow.plan().changes == ()


def test_seasonal_staff_leave_the_day_after(flow: Flow) -> None:
    """`until` is inclusive, in the policy's time zone."""
    seasonal = BOB.replace("roles:", "until: 2026-11-21, roles:")
    flow.write(ANA + seasonal, policy="timezone: Europe/London")
    flow.apply()
    assert flow.plan().changes == ()

    flow.now += timedelta(hours=15)
    assert kinds(flow.plan()) == {"bob@example.com": "retire"}
    flow.apply()

    assert deactivated(flow, "bob@example.com")
    assert flow.plan().changes == ()


def test_keep_lets_go_and_changes_nothing_but_our_marker(flow: Flow) -> None:
    """`retire: keep` removes our marker alone."""
    flow.write(ANA + BOB)
    flow.apply()
    before = flow.sandbox.worker_attributes("bob@example.com")
    flow.write(ANA, policy="retire: keep")

    assert kinds(flow.plan()) == {"bob@example.com": "let go"}
    flow.apply()

    after = flow.sandbox.worker_attributes("bob@example.com")
    assert ATTRIBUTE not in after
    assert {**after, ATTRIBUTE: before[ATTRIBUTE]} == before
    assert flow.plan().changes == ()


def test_a_rename_takes_along_what_nobody_declares(flow: Flow) -> None:
    """The new user gets what the old Worker knew; the old one leaves."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"badge": {"no": 7}, "level": 1})
    renamed = (
        BOB.replace("bob@", "robert@")
        .replace("level: 1", "level: 2")
        .replace("roles:", "previously: bob@example.com, roles:")
    )
    flow.write(ANA + renamed)

    assert kinds(flow.plan()) == {"robert@example.com": "rename"}
    assert flow.apply().exit is Exit.DONE

    attributes = flow.sandbox.worker_attributes("robert@example.com")
    assert attributes["badge"] == {"no": 7}
    assert attributes["level"] == 2
    assert attributes["contact_uri"] != "client:bob_40example_2Ecom"
    assert deactivated(flow, "bob@example.com")
    assert flow.plan().changes == ()


def test_a_renamed_user_whose_old_worker_is_busy_is_in_place_while_the_old_one_waits(flow: Flow) -> None:
    """Nobody loses a conversation to a rename."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.set_activity("bob@example.com", "Available")
    flow.write(BOB.replace("bob@", "robert@").replace("roles:", "previously: bob@example.com, roles:"))

    assert results(flow.apply()) == {"robert@example.com": "waiting"}

    assert not deactivated(flow, "bob@example.com")
    assert kinds(flow.plan()) == {"bob@example.com": "wait"}
    flow.sandbox.set_activity("bob@example.com", "Offline")
    flow.apply()
    assert deactivated(flow, "bob@example.com")
    assert flow.plan().changes == ()


@pytest.mark.parametrize("same", [True, False])
def test_who_was_offboarded_comes_back_only_when_approved(flow: Flow, same: bool) -> None:
    """A deactivated user whom the YAML declares is blocked alone, until a reviewer approves that one digest."""
    flow.sandbox.switches(reprovision_same_user=same)
    flow.write(ANA + BOB)
    flow.apply()
    flow.write(ANA)
    flow.apply()
    flow.write(ANA.replace("level: 3", "level: 4") + BOB)

    plan = flow.plan()
    blocked = next(change for change in plan.changes if change.username == "bob@example.com")
    applied = flow.apply()

    assert kinds(plan) == {"ana@example.com": "update", "bob@example.com": "blocked"}
    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "blocked"}
    assert applied.exit is Exit.PARTIAL
    assert flow.apply(approve=[blocked.digest]).exit is Exit.DONE
    assert flow.plan().changes == ()
    assert flow.sandbox.worker_attributes("bob@example.com")["level"] == 1


@pytest.mark.parametrize("marker", ["v1;id=other99;at=0;keys=", "something else", 7])
def test_a_marker_that_is_not_ours_blocks_that_user_alone(flow: Flow, marker: object) -> None:
    """Another stack's, or an unreadable one: exit 5, the others go on."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {ATTRIBUTE: marker})
    flow.write((ANA + BOB).replace("level:", "grade:"))

    applied = flow.apply()

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "blocked"}
    assert applied.exit is Exit.PARTIAL
    assert flow.sandbox.worker_attributes("bob@example.com")[ATTRIBUTE] == marker


def test_users_nobody_declares_are_reported_and_left_alone(flow: Flow) -> None:
    """No marker and undeclared: unmanaged."""
    flow.write(ANA)
    flow.apply()
    flow.sandbox.seed(3)
    before = [flow.sandbox.worker_attributes_text(str(user["username"])) for user in flow.sandbox.users()]

    plan = flow.plan()
    flow.apply()

    assert len(plan.unmanaged) == 3
    assert plan.changes == ()
    assert before == [flow.sandbox.worker_attributes_text(str(user["username"])) for user in flow.sandbox.users()]


def test_a_rename_under_keep_deprovisions_nobody(flow: Flow) -> None:
    """`retire: keep` holds for the old name too: it is let go of."""
    flow.write(BOB)
    flow.apply()
    renamed = BOB.replace("bob@", "robert@").replace("roles:", "previously: bob@example.com, roles:")
    flow.write(renamed, policy="retire: keep")

    assert flow.apply().exit is Exit.DONE

    assert not deactivated(flow, "bob@example.com")
    assert ATTRIBUTE not in flow.sandbox.worker_attributes("bob@example.com")
    assert flow.plan().changes == ()


def test_a_rename_to_somebody_who_signed_in_already_hands_over_skills(flow: Flow) -> None:
    """The identity provider was first: the new name exists, and keeps what it has."""
    flow.write(BOB + ANA)
    flow.apply()
    routing = {"skills": ["billing", "vip"], "levels": {"billing": 4}}
    flow.sandbox.edit_attributes("bob@example.com", {"routing": routing, "desk": 1})
    flow.sandbox.edit_attributes(
        "ana@example.com", {"routing": {"skills": ["billing"], "levels": {"billing": 1}}}, remove=[ATTRIBUTE]
    )
    flow.write(ANA.replace("roles:", "previously: bob@example.com, roles:"))

    assert kinds(flow.plan()) == {"ana@example.com": "rename"}
    flow.apply(approve=[flow.plan().digest])

    attributes = flow.sandbox.worker_attributes("ana@example.com")
    assert attributes["routing"] == {"skills": ["billing", "vip"], "levels": {"billing": 1}}
    assert attributes["desk"] == 1


def test_a_forged_commit_time_blocks_its_own_worker_alone(flow: Flow) -> None:
    """Agents can edit their marker: a time of the future refuses nobody else's changes."""
    flow.commit_time = int(flow.now.timestamp())
    flow.write(ANA + BOB)
    flow.apply()
    forged = str(flow.sandbox.worker_attributes("bob@example.com")[ATTRIBUTE])
    future = forged.replace(f"at={flow.commit_time}", "at=99999999999")
    flow.sandbox.edit_attributes("bob@example.com", {ATTRIBUTE: future})
    flow.write((ANA + BOB).replace("level:", "grade:"))

    applied = flow.apply()

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "blocked"}


def test_an_admin_who_waits_to_leave_refuses_no_later_run(flow: Flow) -> None:
    """Approved once, when marked; the runs until then are not held up."""
    admins = (ANA + BOB).replace("[agent]", "[agent, admin]")
    flow.write(admins, policy="approved: []")
    flow.apply(approve=[flow.plan().digest])
    flow.sandbox.set_activity("bob@example.com", "Available")
    flow.folder.joinpath("flex.yaml").write_text(
        flow.folder.joinpath("flex.yaml").read_text().replace("min_admins: 0", "min_admins: 2")
    )
    text = flow.folder.joinpath("users/team.yaml").read_text()
    flow.folder.joinpath("users/team.yaml").write_text("\n".join(text.splitlines()[:2]) + "\n")

    refused = flow.plan()
    assert [str(violation.rule) for violation in refused.violations] == ["min_admins"]
    flow.apply(approve=[refused.digest])

    assert flow.plan().violations == ()


def test_what_somebody_put_where_the_yaml_declares_a_map_is_not_overwritten(flow: Flow) -> None:
    """Blocked alone, until a person has looked."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"home": "on the hill"})
    flow.write(BOB.replace("{level: 1}", "{level: 1, home: {city: London}}"))

    assert results(flow.apply()) == {"bob@example.com": "blocked"}
    assert flow.sandbox.worker_attributes("bob@example.com")["home"] == "on the hill"


def test_attributes_nested_absurdly_deep_block_that_user_alone(flow: Flow) -> None:
    """An agent's own attributes cannot stop a plan."""
    flow.write(ANA + BOB)
    flow.apply()
    text = flow.sandbox.worker_attributes_text("bob@example.com")
    flow.sandbox.set_attributes("bob@example.com", text[:-1] + ', "deep": ' + "[" * 3000 + "]" * 3000 + "}")
    flow.write((ANA + BOB).replace("level:", "grade:"))

    assert results(flow.apply()) == {"ana@example.com": "done", "bob@example.com": "blocked"}


DEEP = "[" * 300 + "]" * 300
NOTE = '"' + "[" * 101 + '"'


@pytest.mark.parametrize("value", [DEEP, NOTE])
@pytest.mark.parametrize("how", ["undeclared", "leaver", "until"])
def test_nobody_holds_on_to_flex_by_what_their_worker_knows(flow: Flow, value: str, how: str) -> None:
    """Agents write their own attributes; who is retired has none of them written, however they nest."""
    declared = "{full_name: Bob, roles: [agent]}"
    flow.write(f"bob@example.com: {declared}\n")
    flow.apply()
    text = flow.sandbox.worker_attributes_text("bob@example.com")
    flow.sandbox.set_attributes("bob@example.com", f'{text[:-1]},"note":{value}}}')
    until = declared.replace("roles", "until: 2026-01-31, roles")
    flow.write(
        f"bob@example.com: {until}\n" if how == "until" else "",
        more="leavers: [bob@example.com]" if how == "leaver" else "",
    )

    applied = flow.apply()

    assert results(applied) == {"bob@example.com": "done"}
    assert flow.sandbox.user("bob@example.com")["deactivated"]


def test_who_is_busy_and_cannot_be_marked_as_waiting_is_told_why(flow: Flow) -> None:
    """Waiting takes a note among attributes that nest too deep: a failure, not a wait that nobody counts."""
    flow.write("bob@example.com: {full_name: Bob, roles: [agent]}\n")
    flow.apply()
    text = flow.sandbox.worker_attributes_text("bob@example.com")
    flow.sandbox.set_attributes("bob@example.com", f'{text[:-1]},"note":{DEEP}}}')
    flow.sandbox.make_busy("bob@example.com", 1)
    flow.write("")

    applied = flow.apply()

    assert results(applied) == {"bob@example.com": "failed"}
    assert "cannot be marked as waiting" in applied.users[0].message
    assert "nest too deep" in applied.users[0].message
