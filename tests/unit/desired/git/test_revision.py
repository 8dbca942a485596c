"""Git's facts about a stack's folder, and what is said where git has none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from flexres.desired.revision import Author, Revision, authors_of, operator, read_revision
from tests.unit.desired.git.repository import BOB, git


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A committed stack: line 1 of flex.yaml by Ana, line 2 by Bob."""
    folder = tmp_path / "project" / "stacks" / "prod"
    folder.mkdir(parents=True)
    (folder / "flex.yaml").write_text("one\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    (folder / "flex.yaml").write_text("one\ntwo\n")
    git(folder, "commit", "-qam", "two", by=BOB)
    return folder


def test_the_commit_its_time_and_its_author_are_read(stack: Path) -> None:
    revision = read_revision(stack)
    assert revision.commit is not None
    assert len(revision.commit) == 40
    assert revision.time == 1_769_904_000
    assert (revision.author, revision.dirty, revision.shallow, revision.unknown) == ("Bob Okafor", False, False, "")


@pytest.mark.parametrize("name", ["flex.yaml", "new.yaml"])
def test_a_change_in_the_folder_makes_it_dirty(stack: Path, name: str) -> None:
    (stack / name).write_text("changed\n")
    assert read_revision(stack).dirty


def test_a_change_elsewhere_does_not(stack: Path) -> None:
    (stack.parent / "other.txt").write_text("changed\n")
    assert not read_revision(stack).dirty


def test_blame_names_who_wrote_a_line_and_that_nobody_verified_it(stack: Path) -> None:
    found = authors_of([1, 2], read_revision(stack))
    assert {line: (one.name, len(one.commit), one.signed) for line, one in found.items()} == {
        1: ("Ana Ruiz", 40, False),
        2: ("Bob Okafor", 40, False),
    }


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen to sign with")
def test_a_good_signature_names_the_signer_instead_of_what_the_author_typed(stack: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "signers").write_text(f"cho@example.com {(tmp_path / 'key.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh", "user.signingKey": str(key), "gpg.ssh.allowedSignersFile": str(tmp_path / "signers"),
    }.items():  # fmt: skip
        git(stack, "config", name, value)
    (stack / "flex.yaml").write_text("one\ntwo\nthree\n")
    git(stack, "commit", "-q", "-S", "-am", "three")
    found = authors_of([1, 3], read_revision(stack))
    assert (found[3].name, found[3].signed) == ("cho@example.com", True)
    assert (found[1].name, found[1].signed) == ("Ana Ruiz", False)


def test_a_line_that_nobody_committed_says_so(stack: Path) -> None:
    (stack / "flex.yaml").write_text("one\ntwo\nthree\n")
    found = authors_of([3, 2], read_revision(stack))
    assert (found[3].commit, found[3].unknown) == ("", "not committed yet")
    assert found[2].name == "Bob Okafor"


def test_a_shallow_clone_does_not_blame_the_wrong_person(stack: Path, tmp_path: Path) -> None:
    """There, every old line looks like the newest commit's."""
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{stack.parent.parent / 'stacks' / 'prod'}", "copy")
    revision = read_revision(tmp_path / "copy")
    assert revision.shallow
    (found,) = authors_of([1], revision).values()
    assert found.unknown.endswith("(a shallow clone)")
    assert (found.name, found.commit) == ("", "")


def test_a_folder_outside_of_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert read_revision(tmp_path) == Revision(tmp_path, unknown="this is not a git repository")


def test_a_repository_without_commits_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read_revision(tmp_path) == Revision(tmp_path, unknown="nothing is committed here yet")


def test_without_git_nothing_fails(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    revision = read_revision(stack)
    assert (revision.commit, revision.unknown) == (None, "git is not installed")
    assert authors_of([1], revision) == {1: Author(unknown="author unknown: git is not installed")}
    assert operator(stack, {"USER": "cho"}) == "cho"


def test_a_missing_folder_has_no_commit(tmp_path: Path) -> None:
    assert read_revision(tmp_path / "nowhere").commit is None


def test_a_repository_cannot_make_git_run_its_programs(stack: Path, tmp_path: Path) -> None:
    """A checkout's own configuration may name a program for git status; reading a stack must not start it."""
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    evil.chmod(0o755)
    git(stack, "config", "core.fsmonitor", str(evil))
    read_revision(stack)
    assert not (tmp_path / "ran").exists()


def test_the_operator_is_the_ci_actor_then_git_then_the_machine(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert operator(stack, {}) == "an unnamed user"
    assert operator(stack, {"USER": "cho"}) == "cho"
    git(stack, "config", "user.name", "Ana Ruiz")
    assert operator(stack, {"USER": "cho"}) == "Ana Ruiz"
    assert operator(stack, {"USER": "cho", "GITHUB_ACTOR": "ana-r"}) == "ana-r"
