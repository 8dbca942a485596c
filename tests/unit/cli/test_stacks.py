"""Which stack is meant, and what is said when nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexres.cli.stacks import StackFolder, all_stacks, choose_stack
from flexres.errors import SetupError


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Two stacks, a folder that is none, and a file."""
    for name in ("prod", "staging", "notes"):
        (tmp_path / name).mkdir()
    for name in ("prod", "staging"):
        (tmp_path / name / "flex.yaml").touch()
    (tmp_path / "Pulumi.prod.yaml").touch()
    return tmp_path


def test_a_folder_with_a_flex_yaml_is_a_stack(stacks: Path) -> None:
    assert [stack.name for stack in all_stacks(stacks)] == ["prod", "staging"]


def test_a_folder_that_nobody_may_look_into_is_no_absent_stack(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own load says what is wrong with it."""
    lstat = Path.lstat

    def refusing(path: Path) -> object:
        if path.parent.name == "notes":
            raise PermissionError(13, "Permission denied")
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", refusing)
    assert [stack.name for stack in all_stacks(stacks)] == ["notes", "prod", "staging"]


def test_the_only_stack_needs_no_name(stacks: Path) -> None:
    (stacks / "staging" / "flex.yaml").unlink()
    assert choose_stack(None, stacks) == StackFolder("prod", stacks / "prod")


def test_several_stacks_are_listed(stacks: Path) -> None:
    with pytest.raises(SetupError, match="There are prod, staging"):
        choose_stack(None, stacks)


@pytest.mark.parametrize("missing", [True, False])
def test_no_stack_says_how_to_begin_one(tmp_path: Path, missing: bool) -> None:
    with pytest.raises(SetupError) as raised:
        all_stacks(tmp_path / "nowhere" if missing else tmp_path)
    assert "flexres init" in raised.value.hint


@pytest.mark.parametrize("name", ["", ".", "..", "../prod", "a/b", "/etc", "-s", "a b", "a\n", "\u202eprod", "é"])
def test_a_name_that_leaves_the_folder_or_hides_is_refused(stacks: Path, name: str) -> None:
    with pytest.raises(SetupError, match="cannot be the name of a stack"):
        choose_stack(name, stacks)
