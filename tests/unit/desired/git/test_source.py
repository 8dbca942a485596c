"""A stack's files out of git's objects: the same as from the folder, and one clear line where git has them not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flexres.desired.git_objects import GitSource
from flexres.desired.source import FolderSource, UnreadableFile
from flexres.errors import SetupError
from tests.unit.desired.git.repository import git


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose first commit, tagged `base`, has a stack with a certificate and a folder below users/."""
    folder = tmp_path / "project" / "stacks" / "prod"
    for name, text in {
        "flex.yaml": "version: 1\n",
        "users/support.yaml": "users: {}\n",
        "users/deep/old.YML": "users: {}\n",
        "users/notes.txt": "no\n",
        "certs/idp.pem": "PEM\n",
        "more/flex.yaml": "no\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(tmp_path / "project", "init", "-q")
    git(tmp_path / "project", "add", ".")
    git(tmp_path / "project", "commit", "-qm", "one")
    git(tmp_path / "project", "tag", "base")
    return tmp_path / "project"


def stack_of(project: Path) -> Path:
    return project / "stacks" / "prod"


def test_it_has_the_files_of_the_folder_when_nothing_changed_since(project: Path) -> None:
    """One door to the same files: names and bytes."""
    folder = FolderSource(stack_of(project))
    source = GitSource(stack_of(project), "base")
    assert source.files() == folder.files() == ["flex.yaml", "users/deep/old.YML", "users/support.yaml"]
    for name in (*source.files(), "certs/idp.pem"):
        assert source.read(name) == folder.read(name)


def test_it_reads_the_revision_and_not_the_folder(project: Path) -> None:
    (stack_of(project) / "users" / "support.yaml").write_text("changed\n")
    (stack_of(project) / "users" / "new.yaml").write_text("new\n")
    source = GitSource(stack_of(project), "HEAD")
    assert source.read("users/support.yaml") == b"users: {}\n"
    assert "users/new.yaml" not in source.files()


def test_it_needs_no_folder_in_the_working_tree(project: Path) -> None:
    """A stack that this branch took away is still in its base."""
    git(project, "rm", "-qr", "stacks/prod")
    source = GitSource(stack_of(project), "base")
    assert "flex.yaml" in source.files()


def test_a_stack_at_the_top_of_the_repository_is_found(tmp_path: Path) -> None:
    (tmp_path / "flex.yaml").write_text("version: 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    source = GitSource(tmp_path, "HEAD")
    assert source.files() == ["flex.yaml"]


def test_a_file_is_shown_as_git_spells_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    source = GitSource(Path("stacks/prod"), "base")
    assert source.shown("users/support.yaml") == "base:stacks/prod/users/support.yaml"


@pytest.mark.parametrize("name", ["../flex.yaml", "/etc/passwd", "certs/none.pem", "users"])
def test_a_name_that_is_no_file_of_the_stack_cannot_be_read(project: Path, name: str) -> None:
    source = GitSource(stack_of(project), "base")
    with pytest.raises(UnreadableFile):
        source.read(name)


def test_a_detached_worktree_reads_like_any_other(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "base")
    source = GitSource(tmp_path / "tree" / "stacks" / "prod", "base")
    assert source.read("flex.yaml") == b"version: 1\n"


def test_a_worktree_whose_repository_is_gone_is_named(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "base")
    project.rename(tmp_path / "moved")
    with pytest.raises(SetupError, match="worktree whose repository is gone"):
        GitSource(tmp_path / "tree" / "stacks" / "prod", "base")


def test_a_shallow_clone_without_the_base_says_what_to_fetch(project: Path, tmp_path: Path) -> None:
    (stack_of(project) / "flex.yaml").write_text("version: 2\n")
    git(project, "commit", "-qam", "two")
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{project}", "clone")
    with pytest.raises(SetupError, match="not in this shallow clone") as caught:
        GitSource(tmp_path / "clone" / "stacks" / "prod", "base")
    assert "fetch-depth: 0" in caught.value.hint


@pytest.mark.parametrize("revision", ["nothing", "--help", "base:stacks", "HEAD~9", "0" * 40])
def test_a_revision_that_names_no_commit_is_told(project: Path, revision: str) -> None:
    with pytest.raises(SetupError, match="names no commit here"):
        GitSource(stack_of(project), revision)


@pytest.mark.parametrize("revision", ["", " ", "a\nb"])
def test_what_can_be_no_revision_is_refused(project: Path, revision: str) -> None:
    with pytest.raises(SetupError, match="names no revision"):
        GitSource(stack_of(project), revision)


def test_a_base_without_the_stack_is_told(project: Path) -> None:
    with pytest.raises(SetupError, match="base has no stack at"):
        GitSource(project / "stacks" / "staging", "base")


def test_a_folder_outside_of_git_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="in no git repository"):
        GitSource(tmp_path, "HEAD")


def test_without_git_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match="git is not installed"):
        GitSource(stack_of(project), "base")


def test_as_many_processes_read_one_file_as_many(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files a stack has."""
    for number in range(20):
        (stack_of(project) / "users" / f"team{number}.yaml").write_text("users: {}\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "many")
    started: list[object] = []
    run = subprocess.run

    def counting(command: list[str], **options: object) -> object:
        started.append(command)
        return run(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("flexres.desired.git_objects.subprocess.run", counting)
    source = GitSource(stack_of(project), "HEAD")
    for name in source.files():
        source.read(name)
    assert len([command for command in started if "cat-file" in command]) == 1  # type: ignore[operator]
    assert len(started) <= 5
