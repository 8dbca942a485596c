"""Users into YAML files, by example: quoting, layout, and files of every kind of make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexres.desired.edit.style import Indent, dumped, styled
from flexres.desired.edit.team_files import Rewritten, rewritten
from flexres.desired.load import load_stack
from flexres.desired.model import DesiredUser
from flexres.errors import SetupError
from tests.unit.desired.stacks import FLEX, TextSource
from tests.unit.reconcile.builders import ANA, BEN, person

PLAIN = "users:\n  ana@example.com:\n    full_name: Ana Ruiz\n    roles: [agent]\n"


def write(team: str | bytes, *users: DesiredUser, prune: tuple[str, ...] = (), by: str | None = None) -> bytes:
    """The team file after these users were written into it."""
    (file,) = files(team, *users, prune=prune, by=by)
    return file.after


def files(team: str | bytes, *users: DesiredUser, **options: Any) -> tuple[Rewritten, ...]:
    source = TextSource({"flex.yaml": FLEX, "users/team.yaml": team})
    stack = load_stack(source, name="test")
    return rewritten(source, stack, {user.username: user for user in users}, **options)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Ana Ruiz", "Ana Ruiz"),
        ("ana@example.com", "ana@example.com"),
        ("Zoë", "Zoë"),
        ("名前", "名前"),
        ("yes", '"yes"'),
        ("NO", '"NO"'),
        ("null", '"null"'),
        ("012", '"012"'),
        ("1e3", '"1e3"'),
        ("2027-01-31", '"2027-01-31"'),
        ("a: b", '"a: b"'),
        ("sip:ana@example.com", '"sip:ana@example.com"'),
        ("a #b", '"a #b"'),
        ("", '""'),
        ("two\nlines", r'"two\nlines"'),
        ("\u202e", r'"\u202E"'),
        ("\u2028", r'"\u2028"'),
        ("\x00\x85", r'"\x00\x85"'),
        ("\U000e0001", r'"\U000E0001"'),
        ("😀", '"😀"'),
        ('"\\', r'"\"\\"'),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        (["en", "no", 1], '[en, "no", 1]'),
        ([], "[]"),
        ({}, "{}"),
        ({"y": None}, '{"y": null}'),
    ],
)
def test_values_are_written_so_that_no_reader_takes_them_for_another(value: Any, written: str) -> None:
    """Quoted wherever YAML 1.1, YAML 1.2 or an eye might differ."""
    assert dumped(styled({"k": [value]}), Indent()).strip() in (f"{{k: [{written}]}}", f"k:\n  - {written}")


def test_a_missing_line_end_is_made_up_for() -> None:
    """Where the file does not end with one, and somebody comes behind."""
    after = write(PLAIN.rstrip("\n"), person(), person(BEN, full_name="Ben Okafor"))
    assert after.decode() == PLAIN + PLAIN.replace("users:\n", "").replace("ana", "ben").replace(
        "Ana Ruiz", "Ben Okafor"
    )


def test_a_byte_order_mark_stays() -> None:
    """Some editor wrote it, and expects it."""
    after = write(b"\xef\xbb\xbf" + PLAIN.encode(), person(full_name="Ana R."))
    assert after == b"\xef\xbb\xbf" + PLAIN.replace("Ana Ruiz", "Ana R.").encode()


def test_what_follows_the_users_stays_behind_them() -> None:
    """Defaults may stand last."""
    team = PLAIN + "\n# For all\ndefaults: {attributes: {level: 1}}\n"
    after = write(team, person(attributes={"level": 1}), person(BEN, attributes={"level": 1}))
    assert after.decode().endswith(
        "  ben@example.com:\n    full_name: Ana Ruiz\n    roles: [agent]\n"
        "\n# For all\ndefaults: {attributes: {level: 1}}\n"
    )


def test_four_spaces_stay_four_spaces() -> None:
    """In the entry that changes, and in one that is new."""
    team = "users:\n    ana@example.com:\n        full_name: Ana Ruiz\n        roles:\n            - agent\n"
    after = write(team, person(attributes={"level": 1}), person(BEN)).decode()
    assert "\n        roles:\n            - agent\n        attributes:\n            level: 1\n" in after
    assert "\n    ben@example.com:\n        full_name: Ana Ruiz\n" in after


def test_an_entry_without_fields_gets_those_that_differ_from_the_defaults() -> None:
    """And none that the defaults say."""
    team = "defaults: {roles: [agent]}\nusers:\n  ana@example.com: {full_name: Ana Ruiz}\n"
    after = write(team, person(roles=("admin", "agent")))
    assert after.decode().endswith("  ana@example.com: {full_name: Ana Ruiz, roles: [agent, admin]}\n")


def test_a_default_that_does_not_hold_is_opted_out_of() -> None:
    """With a null, the one way there is."""
    defaults = "defaults: {roles: [agent], skills: {billing: 3}, attributes: {level: 1}}\n"
    team = f"{defaults}users:\n  ana@example.com: {{full_name: Ana Ruiz}}\n"
    after = write(team, person(attributes={}))
    assert after.decode().endswith(
        "  ana@example.com: {full_name: Ana Ruiz, skills: null, attributes: {level: null}}\n"
    )


def test_users_in_braces_are_written_into_the_braces() -> None:
    """Such a file is written as a whole."""
    team = "# all\nusers: {ana@example.com: {full_name: Ana Ruiz, roles: [agent]}}\n"
    after = write(team, person(full_name="Ana R."))
    assert after.decode() == "# all\nusers: {ana@example.com: {full_name: Ana R., roles: [agent]}}\n"


def test_an_entry_in_an_unusual_spelling_is_refused_with_its_line() -> None:
    """Rather than guessed at; nothing is written."""
    team = "users:\n  ? ana@example.com\n  : full_name: Ana Ruiz\n    roles: [agent]\n"
    with pytest.raises(SetupError, match=r"stacks/test/users/team.yaml:2: ana@example.com is written in"):
        write(team, person(full_name="Ana R."))


def test_names_of_files_come_from_values_safely() -> None:
    """Nothing of a value can lead out of the folder."""
    users = [
        person(f"u{n}@example.com", attributes={"team_name": name})
        for n, name in enumerate(("../../etc", "Zoë & Co", "..", 7))
    ]
    written = {file.name for file in files("users: {}\n", *users, by="team_name")}
    assert written == {"users/etc.yaml", "users/zoë-co.yaml", "users/users.yaml", "users/7.yaml"}


def test_values_that_share_a_file_are_not_made_its_default() -> None:
    """Two spellings of a team come into one file, each user with their own."""
    users = [person(ANA, attributes={"team_name": "Sales"}), person(BEN, attributes={"team_name": "SALES"})]
    (file,) = files("users: {}\n", *users, by="team_name")
    assert b"defaults" not in file.after
    assert file.after.count(b"team_name: ") == 2


def test_users_who_say_it_already_change_no_file() -> None:
    """Wherever the entry stands and however it is written."""
    assert files(PLAIN, replace(person(), file="elsewhere")) == ()
