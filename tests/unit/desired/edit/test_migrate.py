"""Attributes respelled: the same stack afterwards, in natural types, with comments, order and all else as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.edit.migrate import with_natural_types
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.desired.stack import Stack
from flexres.errors import InvalidStack

FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
"""


class Folder:
    """A stack of one team file, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "users").mkdir(exist_ok=True)

    def write(self, team: str, *, flex: str = "") -> None:
        (self.path / "flex.yaml").write_text(FLEX + flex)
        (self.path / "users" / "team.yaml").write_text(team)

    def load(self) -> Stack:
        return load_stack(FolderSource(self.path, "stacks/prod"), name="prod")

    def respell(self) -> dict[str, str]:
        """File → its text afterwards, of those that change; they are written, too."""
        files = with_natural_types(FolderSource(self.path, "stacks/prod"), self.load())
        for file in files:
            (self.path / file.name).write_bytes(file.after)
        return {file.name: file.after.decode() for file in files}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


USER = "users:\n  ana@example.com:\n    full_name: Ana Ruiz\n    roles: [agent]\n    attributes:\n"


@pytest.mark.parametrize(
    ("typed", "natural"),
    [
        ('level.int: "3"', "level: 3"),
        ("level.int: 3", "level: 3"),
        ("level.int: null", "level: null"),
        ('vip.boolean: "true"', "vip: true"),
        ("nick.string: Bobby", "nick: Bobby"),
        ('nick.string: "12"', 'nick: "12"'),
        ('nick.string: "yes"', 'nick: "yes"'),
        ("languages.stringarray: en,de", "languages: [en, de]"),
        ('desks.intarray: "101,102"', "desks: [101, 102]"),
        ('days.booleanarray: "true,false"', "days: [true, false]"),
        ("level.int: 3   # of five", "level: 3       # of five"),
    ],
)
def test_a_typed_name_becomes_a_natural_value(folder: Folder, typed: str, natural: str) -> None:
    """In its place, with its comment, and every other line as it was."""
    around = USER + "      # before\n      {}\n      after: 1\n"
    folder.write(around.format(typed))
    assert folder.respell() == {"users/team.yaml": around.format(natural)}


@pytest.mark.parametrize("kept", ["a.int.int: 4", "odd.bool.string: x", "plain: 3", "more.keys: x"])
def test_what_would_mean_something_else_stays(folder: Folder, kept: str) -> None:
    """A bare name that is read as a type itself has no natural spelling."""
    folder.write(f"{USER}      {kept}\n")
    assert folder.respell() == {}


def test_defaults_are_respelled_too(folder: Folder) -> None:
    """Those of the stack and of a file, in braces or not."""
    team = "defaults: {roles: [agent], attributes: {vip.boolean: true}}\nusers: {ana@example.com: {full_name: Ana}}\n"
    folder.write(team, flex='defaults:\n  attributes:\n    site.string: "12"\n')
    after = folder.respell()
    assert after["flex.yaml"].endswith('    site: "12"\n')
    assert "vip: true" in after["users/team.yaml"]


def test_a_stack_that_is_wrong_is_left_alone(folder: Folder) -> None:
    """First it has to load."""
    folder.write(USER + "      level.int: a\n")
    with pytest.raises(InvalidStack):
        folder.respell()


NAMES = st.text("abc", min_size=1, max_size=3)
TYPED = st.one_of(
    st.tuples(st.just("int"), st.integers(-5, 5)),
    st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("string"), st.text("abn013 yes:#-é", min_size=1, max_size=5).map(str.strip).filter(bool)),
    st.tuples(st.just("stringarray"), st.lists(st.sampled_from(["en", "1", "no"]), min_size=1).map(",".join)),
)


@given(st.dictionaries(NAMES, TYPED, max_size=5))
def test_every_user_is_as_before(tmp_path_factory: Any, attributes: dict[str, tuple[str, Any]]) -> None:
    """And nothing is left to do."""
    folder = Folder(tmp_path_factory.mktemp("stack"))
    lines = [f"      {name}.{kind}: {_scalar(value)}\n" for name, (kind, value) in attributes.items()]
    folder.write(USER + ("".join(lines) or "      x: 1\n"))
    before = folder.load().users
    folder.respell()
    assert folder.load().users == before
    assert folder.respell() == {}


def _scalar(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
