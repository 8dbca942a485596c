"""What a plan is judged by: the first parent, HEAD with uncommitted changes, or nothing, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexres.desired.load import load_config
from flexres.desired.model import InForce, JudgedBy
from flexres.desired.revision import config_in_force, read_revision
from flexres.desired.source import FolderSource
from tests.unit.desired.git.repository import git

FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
policy: {min_admins: %s}
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack of one commit, which asks for one admin."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "stacks" / "prod"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "-q")
    write(folder, "1")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def write(folder: Path, admins: str) -> None:
    (folder / "flex.yaml").write_text(FLEX % admins)


def found(folder: Path) -> InForce:
    return config_in_force(folder, read_revision(folder))


def admins(folder: Path) -> tuple[JudgedBy, int | None]:
    in_force = found(folder)
    return in_force.by, in_force.config.policy.min_admins if in_force.config else None


def test_a_commit_is_judged_by_its_first_parent(stack: Path) -> None:
    write(stack, "2")
    git(stack, "commit", "-qam", "two")
    assert admins(stack) == (JudgedBy.FIRST_PARENT, 1)


def test_uncommitted_changes_are_judged_by_head(stack: Path) -> None:
    write(stack, "2")
    git(stack, "commit", "-qam", "two")
    write(stack, "3")
    assert admins(stack) == (JudgedBy.HEAD, 2)


def test_a_detached_head_has_a_first_parent_too(stack: Path) -> None:
    write(stack, "2")
    git(stack, "commit", "-qam", "two")
    git(stack, "checkout", "-q", "--detach")
    assert admins(stack) == (JudgedBy.FIRST_PARENT, 1)


def test_the_first_commit_is_judged_by_nothing(stack: Path) -> None:
    assert admins(stack) == (JudgedBy.NOTHING, None)
    assert found(stack).why == "this is the first commit"
    assert not found(stack).lost


def test_a_shallow_clone_says_that_the_parent_is_not_there(stack: Path, tmp_path: Path) -> None:
    write(stack, "2")
    git(stack, "commit", "-qam", "two")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{stack.parent}", "copy")
    in_force = found(tmp_path / "copy" / "prod")
    assert in_force.by is JudgedBy.NOTHING
    assert "shallow" in in_force.why
    assert in_force.lost


def test_breaking_the_policy_in_one_commit_does_not_end_the_comparison(stack: Path) -> None:
    (stack / "flex.yaml").write_text("policy: [")
    git(stack, "commit", "-qam", "broken")
    write(stack, "0")
    git(stack, "commit", "-qam", "mended, and looser")
    assert admins(stack) == (JudgedBy.FIRST_PARENT, 1)


def test_a_policy_that_was_broken_for_longer_than_anybody_looks_back_is_lost(stack: Path) -> None:
    """Nothing is compared then, and the report says so in red."""
    for number in range(11):
        (stack / "flex.yaml").write_text(f"policy: [  # {number}")
        git(stack, "commit", "-qam", "broken")
    write(stack, "0")
    git(stack, "commit", "-qam", "mended, and looser")
    assert (found(stack).by, found(stack).lost) == (JudgedBy.NOTHING, True)


LOOSE = FLEX % "0"


def test_a_stack_that_was_broken_and_then_renamed_is_judged_as_before(stack: Path) -> None:
    """What cannot be read is not: no stack."""
    (stack / "flex.yaml").write_text("policy: [")
    git(stack, "commit", "-qam", "broken")
    assert judged_after_rename(stack, LOOSE) == (JudgedBy.FIRST_PARENT, 1)


def test_a_stack_of_another_id_and_instance_in_between_is_judged_as_before(stack: Path) -> None:
    """A stack that is new in one commit is looked for in the commits before it."""
    (stack / "flex.yaml").write_text(LOOSE.replace("k7m2q9", "zzz999").replace("GO0", "GO1"))
    git(stack, "commit", "-qam", "another id and instance")
    assert judged_after_rename(stack, LOOSE) == (JudgedBy.FIRST_PARENT, 1)


def test_no_neighbour_of_the_instance_judges_in_place_of_a_broken_stack(stack: Path) -> None:
    """It may well be looser."""
    (stack / "flex.yaml").write_text("policy: [")
    lab = stack.parent / "lab"
    lab.mkdir()
    (lab / "flex.yaml").write_text(LOOSE.replace("k7m2q9", "lab999"))
    git(stack, "add", "..")
    git(stack, "commit", "-qm", "broken, beside another")
    assert judged_after_rename(stack, LOOSE) == (JudgedBy.FIRST_PARENT, 1)


def judged_after_rename(stack: Path, flex: str) -> tuple[JudgedBy, int | None]:
    """By what a stack is judged that the next commit renames and writes anew."""
    live = stack.parent / "live"
    stack.rename(live)
    (live / "flex.yaml").write_text(flex)
    git(live, "add", "-A", "..")
    git(live, "commit", "-qm", "renamed, and looser")
    in_force = config_in_force(live, read_revision(live), now=load_config(FolderSource(live)))
    return in_force.by, in_force.config.policy.min_admins if in_force.config else None


def test_outside_of_git_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert found(tmp_path) == InForce(JudgedBy.NOTHING, why="this is not a git repository")
