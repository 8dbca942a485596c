"""Applying a stack to a Flex: what is declared becomes so, everything else stays, and a second plan is empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexres.apply.journal import FileJournal, Run
from flexres.apply.outcome import Result
from flexres.errors import Exit, RefusedError
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import ABSENT

from .conftest import Flow, fields, kinds, results

ANA = """
ana@example.com:
  full_name: Ana Ruiz
  roles: [agent]
  skills: {billing: 3, returns: true}
  attributes: {level: 3, languages: [en, de], home: {city: London, floor: 2}, ratio: 1.5, empty: []}
  channels: {voice: {available: false}, chat: {capacity: 3}}
"""
BOB = """
bob@example.com:
  full_name: Bob Byrne
  roles: [agent]
  attributes: {level: 1}
"""


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_a_new_stack_is_created_and_a_second_plan_is_empty(flow: Flow) -> None:
    """Create, then nothing to do; natural types arrive as they are."""
    flow.write(ANA + BOB)

    applied = flow.apply()

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "done"}
    assert applied.exit is Exit.DONE
    attributes = flow.sandbox.worker_attributes("ana@example.com")
    assert attributes["level"] == 3
    assert attributes["languages"] == ["en", "de"]
    assert attributes["home"] == {"city": "London", "floor": 2}
    assert attributes["ratio"] == 1.5
    assert attributes["empty"] == []
    assert attributes["routing"] == {"skills": ["billing", "returns"], "levels": {"billing": 3}}
    channels = flow.sandbox.channels("ana@example.com")
    assert channels["voice"]["available"] is False
    assert channels["chat"]["configured_capacity"] == 3
    assert flow.plan().changes == ()


def test_a_user_whom_claims_can_describe_costs_one_request(flow: Flow) -> None:
    """One Provision call, typed attributes and marker included."""
    flow.write(BOB)
    flow.plan()
    flow.sandbox.clear_requests()

    flow.apply()

    writes = flow.sandbox.requests(method="POST")
    assert [entry.path.rpartition("/")[2] for entry in writes] == ["Provision"]


def test_what_nobody_declares_is_never_touched(flow: Flow) -> None:
    """Attributes, nested leaves, skills and channels of others survive every kind of edit, byte for byte."""
    flow.write(ANA)
    flow.apply()
    flow.sandbox.edit_attributes(
        "ana@example.com",
        {
            "plugin": {"deep": [1, {"a": None}], "text": "ü €"},
            "home": {"city": "London", "floor": 2, "pet": "cat"},
            "routing": {"skills": ["billing", "returns", "vip"], "levels": {"billing": 3, "vip": 9}},
        },
    )
    flow.write(edited(ANA, "level: 3", "level: 4"))

    flow.apply()

    attributes = flow.sandbox.worker_attributes("ana@example.com")
    assert attributes["level"] == 4
    assert attributes["plugin"] == {"deep": [1, {"a": None}], "text": "ü €"}
    assert attributes["home"] == {"city": "London", "floor": 2, "pet": "cat"}
    assert attributes["routing"] == {"skills": ["billing", "returns", "vip"], "levels": {"billing": 3, "vip": 9}}
    assert flow.plan().changes == ()


def test_a_change_in_flex_is_told_from_a_change_in_git(flow: Flow) -> None:
    """The cause follows per field from the marker."""
    flow.write(ANA)
    flow.apply()
    flow.sandbox.edit_attributes("ana@example.com", {"level": 9, "ratio": 2.5})
    flow.write(edited(ANA, "ratio: 1.5", "ratio: 3.5").replace("[en, de]", "[en]"))

    (change,) = flow.plan().changes

    causes = {item.key.text: str(item.cause) for item in change.fields}
    assert causes == {"attr:level": "Flex", "attr:ratio": "both", "attr:languages": "git"}
    flow.apply()
    assert flow.sandbox.worker_attributes("ana@example.com")["level"] == 3


def test_what_is_no_longer_declared_is_removed_or_let_go(flow: Flow) -> None:
    """Removed where Flex still has our value; let go, once, where somebody changed it."""
    flow.write(ANA)
    flow.apply()
    flow.sandbox.edit_attributes("ana@example.com", {"ratio": 9.5})
    flow.write(edited(edited(ANA, "level: 3, ", ""), "ratio: 1.5, ", "").replace("returns: true", "returns: null"))

    (change,) = flow.plan().changes
    assert fields(change) == {
        "attr:level": (3, ABSENT),
        "attr:ratio": (9.5, 9.5),
        "skill:returns": (True, ABSENT),
    }
    flow.apply()

    attributes = flow.sandbox.worker_attributes("ana@example.com")
    assert "level" not in attributes
    assert attributes["ratio"] == 9.5
    assert attributes["routing"] == {"skills": ["billing"], "levels": {"billing": 3}}
    assert flow.plan().changes == ()


@pytest.mark.parametrize("semantics", ["merge", "ignore_empty"])
def test_a_profile_change_keeps_every_attribute(flow: Flow, semantics: str) -> None:
    """Provision with an empty worker, where Flex keeps the attributes."""
    flow.sandbox.switches(provision_on_existing=semantics)
    flow.write(ANA)
    flow.apply()
    before = flow.sandbox.worker_attributes("ana@example.com")
    flow.write(edited(ANA, "roles: [agent]", "roles: [agent, supervisor]"))

    applied = flow.apply()

    assert results(applied) == {"ana@example.com": "done"}
    after = flow.sandbox.worker_attributes("ana@example.com")
    for name in before.keys() - {"roles", ATTRIBUTE}:
        assert after[name] == before[name]
    assert flow.sandbox.user("ana@example.com")["roles"] == ["agent", "supervisor"]
    assert flow.plan().changes == ()


def test_attributes_that_provision_loses_are_restored_and_nobody_else_is_provisioned(flow: Flow) -> None:
    """Where Provision replaces, the first loss is repaired and stops the others of the run."""
    people = "".join(
        f"u{n}@example.com: {{full_name: User {n}, roles: [agent], attributes: {{level: {n}}}}}\n" for n in range(4)
    )
    flow.write(people)
    flow.apply()
    for n in range(4):
        flow.sandbox.edit_attributes(f"u{n}@example.com", {"plugin": [n]})
    flow.sandbox.switches(provision_on_existing="replace")
    flow.write(people.replace("[agent]", "[agent, supervisor]"))

    applied = flow.apply()

    counts = applied.counts()
    assert (counts[Result.DONE], counts[Result.FAILED]) == (1, 3)
    assert applied.exit is Exit.PARTIAL
    for n in range(4):
        attributes = flow.sandbox.worker_attributes(f"u{n}@example.com")
        assert (attributes["plugin"], attributes["level"]) == ([n], n)
        assert ATTRIBUTE in attributes


def test_adoption_keeps_what_was_there(flow: Flow) -> None:
    """A declared user without a marker is adopted: declared fields are made so, the rest stays."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"level": 7, "theirs": "x"}, remove=[ATTRIBUTE])

    plan = flow.plan()
    assert kinds(plan) == {"bob@example.com": "adopt"}
    assert fields(plan.changes[0]) == {"attr:level": (7, 1)}
    flow.apply()

    attributes = flow.sandbox.worker_attributes("bob@example.com")
    assert (attributes["level"], attributes["theirs"]) == (1, "x")
    assert flow.plan().changes == ()


def test_somebody_editing_at_the_same_time_loses_nothing(flow: Flow) -> None:
    """A 412 is read again and worked out again."""
    flow.write(ANA)
    flow.apply()
    flow.write(edited(ANA, "level: 3", "level: 4"))
    flow.sandbox.fault("412-editor:times=3")

    applied = flow.apply()

    assert applied.exit is Exit.DONE
    assert flow.sandbox.worker_attributes("ana@example.com")["level"] == 4
    assert flow.sandbox.requests(status=412)


@pytest.mark.parametrize(
    "fault",
    [
        "503:after:match=POST:times=3",
        "500:before:match=POST:times=3",
        "reset:after:match=Provision:times=2",
        "reset:before:match=POST:times=2",
        "429:burst=2:every=5",
        "truncate:match=POST:times=2",
        "html:after:match=POST:times=2",
    ],
)
def test_a_wire_that_fails_now_and_then_changes_nothing_in_the_end(flow: Flow, fault: str) -> None:
    """Whatever is lost on the way, one or two runs end where a run without faults ends."""
    flow.write(ANA + BOB)
    flow.sandbox.fault(fault)

    first = flow.apply()
    flow.sandbox.clear_faults()
    if first.exit is not Exit.DONE:
        assert flow.apply().exit is Exit.DONE

    assert flow.plan().changes == ()
    assert sorted(str(user["username"]) for user in flow.sandbox.users()) == ["ana@example.com", "bob@example.com"]


def test_a_refused_plan_sends_nothing_but_reads(flow: Flow) -> None:
    """A guard stops the whole plan before the first write, and its digest lifts it."""
    flow.write(edited(BOB, "[agent]", "[agent, admin]"))

    plan = flow.plan()
    with pytest.raises(RefusedError, match="gains admin"):
        flow.apply()

    assert {entry.method for entry in flow.sandbox.requests()} == {"GET"}
    assert flow.apply(approve=[plan.digest]).exit is Exit.DONE
    assert flow.plan().changes == ()


def test_an_older_checkout_undoes_nothing(flow: Flow) -> None:
    """The marker tells that a later commit was applied: that user is blocked, and nobody else."""
    flow.commit_time = 2_000
    flow.write(BOB)
    flow.apply()
    flow.commit_time = 1_000
    flow.write(edited(BOB, "level: 1", "level: 2") + ANA)
    assert flow.apply().exit is Exit.PARTIAL
    assert flow.sandbox.worker_attributes("bob@example.com")["level"] == 1
    assert flow.sandbox.worker_attributes("ana@example.com")

    assert flow.apply(allow_older=True).exit is Exit.DONE
    assert flow.sandbox.worker_attributes("bob@example.com")["level"] == 2


def test_a_newer_commit_applied_after_the_plan_is_noticed(flow: Flow) -> None:
    """Two runs: the older one, planned before the newer one wrote, leaves the user alone."""
    flow.commit_time = 1_000
    flow.write(BOB)
    flow.apply()
    flow.write(edited(BOB, "level: 1", "level: 2"))
    stale = flow.plan()
    flow.commit_time = 2_000
    flow.write(edited(BOB, "level: 1", "level: 3"))
    flow.apply()
    flow.commit_time = 1_000
    flow.write(edited(BOB, "level: 1", "level: 2"))

    applied = flow.apply(plan=stale)

    assert results(applied) == {"bob@example.com": "failed"}
    assert flow.sandbox.worker_attributes("bob@example.com")["level"] == 3


def test_one_bad_user_never_stops_the_others(flow: Flow) -> None:
    """Outcomes are per user, and the exit code says so."""
    flow.write(ANA + BOB)
    flow.sandbox.fault("400:match=POST .*/Workers/WK[0-9a-f]+$")

    applied = flow.apply()

    assert results(applied)["bob@example.com"] == "done"
    assert results(applied)["ana@example.com"] == "failed"
    assert applied.exit is Exit.PARTIAL
    flow.sandbox.clear_faults()
    assert flow.apply().exit is Exit.DONE


def test_what_cannot_be_read_back_is_said(flow: Flow) -> None:
    """Written is not yet seen: the outcome says so, and the exit code too."""
    flow.write(BOB)
    flow.sandbox.fault("400:match=GET /v4:skip=1")

    applied = flow.apply()

    assert results(applied) == {"bob@example.com": "not taken"}
    assert "could not be read back" in applied.outcomes[0].message
    assert applied.exit is Exit.PARTIAL


def test_roles_of_insights_that_provision_refuses_end_in_no_perpetual_change(flow: Flow) -> None:
    """Where Provision takes only Flex's own roles, the others are reported as the IdP's to send, once and for all."""
    flow.sandbox.switches(provision_wfo_roles=False)
    flow.write(edited(BOB, "[agent]", "[agent, wfo.full_access]"))

    flow.apply()

    plan = flow.plan()
    assert kinds(plan) == {"bob@example.com": "at the IdP"}
    assert not plan.pending


@pytest.mark.parametrize("values", ["keep", "convert", "refuse"])
def test_typed_values_that_flex_reads_otherwise_are_repaired(flow: Flow, values: str) -> None:
    """Whatever Flex makes of a JSON number in a claim, the Worker ends with the declared type."""
    flow.sandbox.switches(provision_json_values=values)
    flow.write(edited(BOB, "{level: 1}", "{level: 1, vip: true, codes: [1, 2], flags: [true, false], tags: [a, b]}"))

    flow.apply()

    attributes = flow.sandbox.worker_attributes("bob@example.com")
    assert (attributes["level"], attributes["vip"], attributes["codes"]) == (1, True, [1, 2])
    assert (attributes["flags"], attributes["tags"]) == ([True, False], ["a", "b"])
    assert flow.plan().changes == ()


@pytest.mark.parametrize("lists", ["null", "empty", "text"])
def test_lists_that_keep_attributes_back_never_read_as_empty(flow: Flow, lists: str) -> None:
    """Null or empty attributes in a list mean unknown: that one is fetched."""
    flow.write(ANA + BOB)
    flow.apply()
    flow.sandbox.switches(list_attributes=lists)

    assert flow.plan().changes == ()


def test_workers_without_etags_are_still_written(flow: Flow) -> None:
    """A missing ETag is no reason to lose a write."""
    flow.sandbox.switches(worker_etag="absent")
    flow.write(ANA)
    flow.apply()
    flow.write(edited(ANA, "level: 3", "level: 4"))

    assert flow.apply().exit is Exit.DONE
    assert flow.plan().changes == ()


def test_the_journal_keeps_what_a_worker_knew(flow: Flow, tmp_path) -> None:
    """Before a Provision on an existing user the attributes are on disk; every outcome follows; no secret is in it."""
    flow.write(BOB)
    flow.apply()
    flow.sandbox.edit_attributes("bob@example.com", {"theirs": "keep me"})
    flow.write(edited(BOB, "Bob Byrne", "Robert Byrne"))
    path = tmp_path / "journal" / "test.jsonl"
    journal = FileJournal(path, Run("test", "a test", "c0ffee"))

    flow.apply(journal=journal)
    journal.close()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["begin", "before", "outcome"]
    assert json.loads(lines[1]["attributes"])["theirs"] == "keep me"
    assert lines[0]["fields"] == lines[2]["fields"]
    assert lines[2]["fields"] == [{"key": "full_name", "before": "Bob Byrne", "after": "Robert Byrne", "cause": "git"}]
    assert lines[2]["by"] == "a test"
    assert path.stat().st_mode & 0o077 == 0
    assert flow.sandbox.identity.api_secret not in path.read_text()


def test_the_journal_has_who_approved_what(flow: Flow, tmp_path: Path) -> None:
    """Before anything is written: the guard, the person, the digest and where it came from."""
    flow.write("lee@example.com: {full_name: Lee, roles: [admin]}")
    (item,) = flow.plan().guarded
    journal = FileJournal(tmp_path / "journal.jsonl", Run("test", "a test", "c0ffee"))
    flow.apply(journal=journal, approve=[item.digest])
    journal.close()

    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["approval", "begin", "outcome"]
    approval = lines[0]
    assert (approval["rule"], approval["username"], approval["digest"]) == (item.rule, "lee@example.com", item.digest)
    assert approval["by"] == "--approve by a test"


def test_a_task_channel_that_the_workspace_lacks_blocks_who_is_new(flow: Flow) -> None:
    """Told in the plan, not once the user is half made."""
    flow.write(ANA + edited(BOB, "{level: 1}", "{level: 1}\n  channels: {fax: {capacity: 1}}"))

    applied = flow.apply()

    assert results(applied) == {"ana@example.com": "done", "bob@example.com": "blocked"}
    assert [user["username"] for user in flow.sandbox.users()] == ["ana@example.com"]


def test_a_task_channel_that_the_workspace_lacks_blocks_its_user_alone(flow: Flow) -> None:
    """Told by the plan, and not at every run by Flex."""
    flow.write(BOB)
    flow.apply()
    flow.write(ANA + edited(BOB, "{level: 1}", "{level: 1}\n  channels: {fax: {capacity: 1}}"))

    blocked = next(change for change in flow.plan().changes if change.username == "bob@example.com")

    assert blocked.kind == "blocked"
    assert "no task channel fax" in blocked.reason
    assert results(flow.apply())["ana@example.com"] == "done"
