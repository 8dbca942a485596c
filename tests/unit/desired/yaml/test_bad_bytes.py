"""Files that are no text, or too large, or no files at all: found by position, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flexres.desired.load import load_stack
from flexres.desired.source import LARGEST_FILE, FolderSource
from flexres.desired.yaml.problems import render_text
from flexres.errors import InvalidStack, Problem, SetupError
from tests.unit.desired.stacks import FLEX, TextSource, load, problems_of

USER = "users:\n  ana@example.com:\n    full_name: Ana Ruíz\n    roles: [agent]\n"


def only(problems: tuple[Problem, ...]) -> Problem:
    """The one problem there is."""
    assert len(problems) == 1, problems
    return problems[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack in order, named prod, in a folder of stacks."""
    stack = tmp_path / "stacks" / "prod"
    (stack / "users").mkdir(parents=True)
    (stack / "flex.yaml").write_text(FLEX, encoding="utf-8")
    (stack / "users" / "team.yaml").write_text(USER, encoding="utf-8")
    return stack


def problems_in(folder: Path) -> list[tuple[str, str]]:
    """The problems of a folder as (file:line:column, message)."""
    try:
        load_stack(FolderSource(folder, shown_as="prod"), name="prod")
    except InvalidStack as error:
        return [(str(one.position), one.message) for one in error.problems]
    return []


@pytest.mark.parametrize(
    "encoded", [USER.encode("utf-8-sig"), USER.replace("\n", "\r\n").encode()], ids=["bom", "crlf"]
)
def test_a_byte_order_mark_and_windows_line_ends_are_fine(encoded: bytes) -> None:
    """Editors on Windows write both."""
    assert load(encoded).users["ana@example.com"].full_name == "Ana Ruíz"


def test_positions_after_a_byte_order_mark_count_without_it() -> None:
    """What an editor shows as column 1 is column 1."""
    problem = only(problems_of(b"\xef\xbb\xbfuser: {}\nusers: {}\n"))

    assert (problem.position.line, problem.position.column) == (1, 1)


def test_windows_line_ends_count_as_one() -> None:
    """Lines are those that an editor shows."""
    problem = only(problems_of(USER.replace("agent", "Agent").replace("\n", "\r\n").encode()))

    assert (problem.position.line, problem.position.column) == (4, 13)


def test_latin_1_is_refused_at_its_first_byte() -> None:
    """Names would be garbled in Flex."""
    problem = only(problems_of(USER.encode("latin-1")))

    assert (problem.position.line, problem.position.column) == (3, 22)
    assert "0xed" in problem.message
    assert "UTF-8" in problem.hint


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused(encoding: str) -> None:
    """libyaml would read it; other tools that look at the same files would not."""
    problem = only(problems_of(("\ufeff" + USER).encode(encoding)))

    assert "UTF-16" in problem.message
    assert "UTF-8" in problem.hint


@pytest.mark.parametrize(
    ("mark", "named"),
    [("\0", "a NUL byte"), ("\x07", "U+0007"), ("\x85", "U+0085"), ("\u2028", "U+2028"), ("\ufeff", "U+FEFF")],
)
def test_invisible_characters_are_refused_where_they_stand(mark: str, named: str) -> None:
    """Some of them are line breaks to YAML and to no editor: every later line number would be off."""
    problem = only(problems_of(USER.replace("Ana R", f"Ana{mark}R")))

    assert named in problem.message
    assert (problem.position.line, problem.position.column) == (3, 19)


def test_a_file_of_fifty_megabytes_is_refused_unread(folder: Path) -> None:
    """The size is looked at before the content."""
    with (folder / "users" / "huge.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    [(place, message)] = problems_in(folder)

    assert place == "prod/users/huge.yaml:1:1"
    assert "50 MB" in message
    assert f"{LARGEST_FILE // 1024 // 1024} MB" in message


def test_a_line_of_a_megabyte_is_shown_around_the_fault() -> None:
    """An excerpt that nobody can read helps nobody."""
    team = "users: {ana@example.com: {full_name: " + "x" * 1_000_000 + ", roles: [Agent]}}\n"
    source = TextSource({"flex.yaml": FLEX, "users/team.yaml": team})

    text = render_text(problems_of(team), source)

    assert max(map(len, text.splitlines())) < 200
    assert "roles: [Agent]" in text


def test_a_folder_that_ends_in_yaml_is_told(folder: Path) -> None:
    """Reading it would fail with the system's own words."""
    (folder / "users" / "emea.yaml").mkdir()

    assert problems_in(folder) == [("prod/users/emea.yaml:1:1", "this is a folder, not a file")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(folder: Path) -> None:
    """The hint names the command."""
    (folder / "users" / "team.yaml").chmod(0)

    assert problems_in(folder) == [("prod/users/team.yaml:1:1", "the file may not be read")]


def test_a_missing_stack_names_those_that_exist(folder: Path) -> None:
    """A slip in the name is the usual reason."""
    with pytest.raises(SetupError) as caught:
        load_stack(FolderSource(folder.parent / "prud", shown_as="stacks/prud"), name="prud")

    assert caught.value.message == "there is no stack at stacks/prud"
    assert "did you mean prod?" in caught.value.hint


def test_an_empty_folder_is_no_stack(tmp_path: Path) -> None:
    """Nothing in it says whose Flex it would be."""
    with pytest.raises(SetupError) as caught:
        load_stack(FolderSource(tmp_path, shown_as="stacks/new"), name="new")

    assert caught.value.message == "stacks/new/flex.yaml does not exist"
    assert "flexres init" in caught.value.hint


def test_flex_yml_is_told_apart_from_nothing(tmp_path: Path) -> None:
    """The other suffix is the likely reason."""
    (tmp_path / "flex.yml").write_text(FLEX, encoding="utf-8")

    with pytest.raises(SetupError) as caught:
        load_stack(FolderSource(tmp_path), name="new")

    assert caught.value.hint == "rename flex.yml to flex.yaml"


def test_a_flex_yaml_that_cannot_be_read_blames_no_user() -> None:
    """Roles may well come from the defaults that are not known now."""
    team = "users: {ana@example.com: {full_name: Ana}}\n"

    problem = only(problems_of(team, flex=FLEX + "defaults: {roles: [agent]\n"))

    assert problem.position.file.endswith("flex.yaml")


def test_values_of_megabytes_are_told_in_a_line() -> None:
    """Wherever a text is quoted in a message, and wherever the nearest word is looked for."""
    huge, key = "x" * 3_000_000, "k" * 1_000
    entry = f"full_name: A, roles: [{huge}], email: {huge}, contact_uri: {huge}, {key}: 1, attributes: {{{key}.Int: 1}}"

    problems = problems_of(f"users: {{ana@example.com: {{{entry}}}}}\n")

    assert len(problems) == 5
    assert all(len(one.message) <= 400 and len(one.hint) <= 400 for one in problems)
