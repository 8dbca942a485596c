"""A stack is plain files: anything else in it is an error with its place, in the folder and in a git revision alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flexres.desired.git_objects import GitSource
from flexres.desired.load import load_stack
from flexres.desired.source import LARGEST_FILE, FolderSource, Source
from flexres.errors import InvalidStack
from tests.unit.desired.git.repository import git
from tests.unit.desired.stacks import FLEX

Open = Callable[[Path], Source]
TEAM = "users:\n  ana@example.com: {full_name: Ana, roles: [agent]}\n"


def from_folder(stack: Path) -> Source:
    return FolderSource(stack, shown_as="prod")


def from_git(stack: Path) -> Source:
    """What a commit of everything has."""
    project = stack.parents[1]
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "all")
    return GitSource(stack, "HEAD")


BOTH = pytest.mark.parametrize("opened", [from_folder, from_git])


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack in order, with a team that stands elsewhere beside it."""
    folder = tmp_path / "stacks" / "prod"
    (folder / "users").mkdir(parents=True)
    (folder / "flex.yaml").write_text(FLEX)
    (folder / "users" / "team.yaml").write_text(TEAM)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "flex.yaml").write_text(FLEX)
    (tmp_path / "elsewhere" / "more.yaml").write_text(TEAM.replace("ana", "eve").replace("agent", "admin"))
    return folder


def told(stack: Path, opened: Open) -> list[str]:
    """File and message of each problem, the file within the stack."""
    with pytest.raises(InvalidStack) as caught:
        load_stack(opened(stack), name="prod")
    assert all(problem.hint for problem in caught.value.problems)
    return [
        f"{problem.position.file.rpartition('prod')[2].lstrip('/')}: {problem.message}"
        for problem in caught.value.problems
    ]


A_LINK = "this is a link, and a stack is plain files"


@BOTH
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("users/eve.yaml", "../../../elsewhere/more.yaml"),
        ("users/again.yaml", "team.yaml"),
        ("users/gone.yaml", "nothing.yaml"),
        ("users/self.yaml", "self.yaml"),
        ("users/more", "../../../elsewhere"),
        ("notes.txt", "../../elsewhere/more.yaml"),
        ("certs", "../../elsewhere"),
    ],
)
def test_a_link_anywhere_is_told(stack: Path, opened: Open, name: str, target: str) -> None:
    """Wherever it leads, inside or out, and whatever it is called: a checkout and a preview may follow it or not."""
    (stack / name).symlink_to(target)
    assert told(stack, opened) == [f"{name}: {A_LINK}"]


@BOTH
def test_a_users_folder_that_is_a_link_is_told(stack: Path, opened: Open) -> None:
    (stack / "users").rename(stack.parent / "moved")
    (stack / "users").symlink_to("../moved")
    assert f"users: {A_LINK}" in told(stack, opened)


@BOTH
def test_a_flex_yaml_that_is_a_link_is_told(stack: Path, opened: Open) -> None:
    (stack / "flex.yaml").unlink()
    (stack / "flex.yaml").symlink_to("../../elsewhere/flex.yaml")
    assert f"flex.yaml: {A_LINK}" in told(stack, opened)


@BOTH
def test_a_stack_that_is_a_link_is_told(stack: Path, opened: Open) -> None:
    stack.rename(stack.parent / "real")
    stack.symlink_to("real")
    assert told(stack, opened) == [f": {A_LINK}"]


@BOTH
def test_a_certificate_behind_a_link_is_told(stack: Path, opened: Open) -> None:
    """Once for the link, and once where it is named."""
    (stack / "certs").symlink_to("../../elsewhere")
    sso = "sso: {type: enhanced, writer: api, issuer: a, sso_url: https://x, certificate: certs/flex.yaml}\n"
    (stack / "flex.yaml").write_text(FLEX + sso)
    found = told(stack, opened)
    assert f"certs: {A_LINK}" in found
    assert any("certs/flex.yaml is a link" in each for each in found)


@BOTH
@pytest.mark.parametrize("empty", [False, True])
def test_a_stack_without_a_team_file_is_told(stack: Path, opened: Open, empty: bool) -> None:
    """An absent folder would read as: everybody leaves. Git knows no empty folders."""
    (stack / "users" / "team.yaml").unlink()
    if not empty:
        (stack / "users").rmdir()
    assert told(stack, opened) == ["flex.yaml: this stack has no team file, so nobody would be declared"]


@BOTH
def test_a_file_beyond_the_limit_is_told(stack: Path, opened: Open) -> None:
    """Its size is looked at first, and nothing of it is read."""
    with (stack / "users" / "team.yaml").open("w") as file:
        file.truncate(LARGEST_FILE + 1)
    assert told(stack, opened) == ["users/team.yaml: the file has 10 MB, and 10 MB is the most"]


@BOTH
def test_hidden_files_are_left_alone(stack: Path, opened: Open) -> None:
    """Editors keep locks as links that lead nowhere while somebody types."""
    (stack / "users" / ".#team.yaml").symlink_to("nobody@nowhere.1234")
    (stack / ".cache").symlink_to("/tmp")
    assert list(load_stack(opened(stack), name="prod").users) == ["ana@example.com"]


def test_a_submodule_is_told(stack: Path, tmp_path: Path) -> None:
    """Its files are in no tree of this repository, so a preview would not see who is in there."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "more.yaml").write_text(TEAM)
    git(inner, "init", "-q")
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "inner")
    git(tmp_path, "init", "-q")
    git(
        tmp_path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "stacks/prod/users/sub"
    )
    git(tmp_path, "add", "-A", "stacks")
    git(tmp_path, "commit", "-qm", "outer")
    found = told(stack, lambda folder: GitSource(folder, "HEAD"))
    assert found == ["users/sub: this is a submodule, and a stack is plain files"]


@pytest.mark.parametrize("name", ["users/pipe.yaml", "users/pipe", "pipe"])
def test_a_pipe_is_told_and_not_waited_for(stack: Path, name: str) -> None:
    os.mkfifo(stack / name)
    assert told(stack, from_folder) == [f"{name}: this is no regular file"]


def test_a_folder_that_cannot_be_listed_is_told(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not read as a folder with nobody in it."""
    scandir = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "users":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("flexres.desired.source.os.scandir", refusing)
    assert "users: this folder may not be read" in told(stack, from_folder)
