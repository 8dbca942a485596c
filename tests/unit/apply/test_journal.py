"""The audit journal: whole lines for its owner alone, and an error rather than a silent gap."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flexres.apply.journal import FileJournal, JournalError, Run, open_journal
from flexres.apply.outcome import Outcome, Result
from flexres.errors import SetupError
from flexres.reconcile.change import Answer, Change, IdpChange, Kind, Part, SettingChange, SettingState, UserChange
from flexres.values import ABSENT
from tests.unit.apply.users.flex import change_of
from tests.unit.reconcile.builders import ANA, applied, person

RUN = Run("prod", "ana at laptop", "c0ffee")
AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CHANGES: list[Change] = [
    UserChange(ANA, Kind.BLOCKED, reason="deactivated"),
    SettingChange("login_popup", SettingState.CHANGE, "true", Answer.NO),
    IdpChange(Part.FLOW, "post-login", ABSENT, "Flex claims"),
]


def journal(path: Path) -> FileJournal:
    return FileJournal(path, RUN, now=lambda: AT)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.about))
def test_an_outcome_of_whatever_kind_is_one_line(tmp_path: Path, change: Change) -> None:
    """Who, when, of which commit, what about, and what became of it."""
    it = journal(tmp_path / "journal.jsonl")
    it.outcome(Outcome(change, Result.FAILED, "no: such; thing", request_id="RQ1"))
    (line,) = lines(tmp_path / "journal.jsonl")
    assert (line["event"], line["about"], line["name"]) == ("outcome", change.about, change.name)
    assert (line["result"], line["message"], line["request_id"]) == ("failed", "no: such; thing", "RQ1")
    assert (line["stack"], line["by"], line["commit"]) == ("prod", "ana at laptop", "c0ffee")
    assert line["at"].startswith("2026-11-21T09:30")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.about))
def test_what_is_begun_is_a_line_before_it_is_done(tmp_path: Path, change: Change) -> None:
    """The same of it as in its outcome: a run that is killed in between has said what it touched."""
    it = journal(tmp_path / "journal.jsonl")
    it.begins(change)
    it.outcome(Outcome(change, Result.DONE))
    begin, outcome = lines(tmp_path / "journal.jsonl")
    assert begin.pop("event") == "begin"
    assert begin == {key: value for key, value in outcome.items() if key not in {"event", "result"}}


def test_a_field_has_both_its_sides_and_what_was_not_there_has_none(tmp_path: Path) -> None:
    before = applied(person(attributes={"level": 1}))
    change = change_of(person(attributes={"level": 2, "city": "Leeds"}), live=[before])
    it = journal(tmp_path / "journal.jsonl")
    it.outcome(Outcome(change, Result.DONE))
    fields = {one["key"]: one for one in lines(tmp_path / "journal.jsonl")[0]["fields"]}
    assert (fields["attr:level"]["before"], fields["attr:level"]["after"]) == (1, 2)
    assert ("before" in fields["attr:city"], fields["attr:city"]["after"]) == (False, "Leeds")


def test_what_a_worker_knew_is_kept_as_it_was(tmp_path: Path) -> None:
    """The text itself: numbers and spaces as they came."""
    it = journal(tmp_path / "deep" / "journal.jsonl")
    it.before(ANA, '{"a": 1e400,  "b":"\\ud800"}')
    (line,) = lines(tmp_path / "deep" / "journal.jsonl")
    assert (line["username"], line["attributes"]) == (ANA, '{"a": 1e400,  "b":"\\ud800"}')


def test_only_its_owner_reads_it_and_runs_are_added_to_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for _ in range(2):
        it = journal(path)
        it.before(ANA, "{}")
        it.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(lines(path)) == 2


def test_one_that_others_may_read_is_tightened(tmp_path: Path) -> None:
    """It holds personal data from then on, whoever made the file."""
    path = tmp_path / "journal.jsonl"
    path.touch()
    path.chmod(0o644)
    journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_an_error_and_no_gap() -> None:
    """Whoever writes users has to know."""
    it = journal(Path("/dev/full"))
    with pytest.raises(JournalError, match="cannot be written"):
        it.outcome(Outcome(CHANGES[0], Result.DONE))


def test_a_place_that_cannot_be_written_is_said_before_anything_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        journal(tmp_path / "file" / "journal.jsonl")


def test_a_stacks_own_journal_is_out_of_gits_sight(tmp_path: Path) -> None:
    open_journal(None, tmp_path / "stacks", RUN).close()
    assert (tmp_path / ".flexres" / "journal" / "prod.jsonl").is_file()
    assert (tmp_path / ".flexres" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".flexres").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("link", [".flexres", ".flexres/.gitignore", ".flexres/journal", ".flexres/journal/prod.jsonl"])
@pytest.mark.parametrize("there", [True, False])
def test_a_stacks_own_journal_follows_no_link_of_the_repository(tmp_path: Path, link: str, there: bool) -> None:
    """Somebody commits one to a file that the pipeline, or whoever applies, may write: it stays as it is."""
    place, other = tmp_path / "project" / link, tmp_path / "other"
    place.parent.mkdir(parents=True)
    if there and place.suffix:
        other.write_text("theirs")
        other.chmod(0o644)
    elif there:
        other.mkdir()
    place.symlink_to(other)
    with pytest.raises(SetupError, match=f"{link} is a link") as refused:
        open_journal(None, tmp_path / "project" / "stacks", RUN)
    assert "--journal" in refused.value.hint
    if there and place.suffix:
        assert (other.read_text(), other.stat().st_mode & 0o777) == ("theirs", 0o644)
    else:
        assert list(tmp_path.glob("other/*")) == []
        assert other.exists() is there


def test_a_link_put_there_at_the_last_moment_is_not_followed(tmp_path: Path) -> None:
    """After the look at the folder, before the file is opened."""
    (tmp_path / "other").write_text("theirs")
    (tmp_path / "prod.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(SetupError, match="cannot be written"):
        FileJournal(tmp_path / "prod.jsonl", RUN, follow=False)


def test_a_journal_that_somebody_names_may_be_a_link(tmp_path: Path) -> None:
    """/dev/stdout is one."""
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "journal.jsonl")
    it = open_journal(tmp_path / "link.jsonl", tmp_path / "stacks", RUN)
    it.before(ANA, "{}")
    assert len(lines(tmp_path / "journal.jsonl")) == 1


def test_what_is_not_committed_is_not_told_as_the_commit(tmp_path: Path) -> None:
    """Whoever looks up the commit later would find other YAML there."""
    path = tmp_path / "journal.jsonl"
    it = FileJournal(path, replace(RUN, dirty=True))
    it.before(ANA, "{}")
    it.close()
    assert lines(path)[0]["dirty"] is True
