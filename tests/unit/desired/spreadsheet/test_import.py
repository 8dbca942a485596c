"""Spreadsheets as people really have them: read whatever program wrote them, every wrong row told with its line."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.load import load_stack
from flexres.desired.spreadsheet.columns import map_columns, put, read_sheet
from flexres.desired.spreadsheet.users import Taking
from flexres.errors import ProblemError, SetupError
from tests.unit.desired.stacks import FLEX, TextSource

HEADER = "username,full_name,roles"


def sheet(text: str | bytes) -> Any:
    return read_sheet(text if isinstance(text, bytes) else text.encode(), "people.csv")


def entry(**cells: str) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for field, cell in cells.items():
        put(layer, field.replace("__", "."), cell)
    return layer


def taking(text: str, *told: str) -> Taking:
    read = sheet(text)
    return Taking(read, map_columns(read.columns, told, "people.csv"), "people.csv")


def complaints(text: str, *told: str) -> list[str]:
    return [
        f"{problem.position.line}:{problem.position.column} {problem.message}"
        for problem in taking(text, *told).problems
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"username,full_name\nana,Ana Ruiz\n",
        b"username;full_name\r\nana;Ana Ruiz\r\n",
        b"username\tfull_name\rana\tAna Ruiz\r",
        b"username|full_name\nana|Ana Ruiz",
        b"\xef\xbb\xbfusername,full_name\nana,Ana Ruiz\n",
        "username,full_name\nana,Ana Ruiz\n".encode("utf-16"),
        b'"username","full_name"\n"ana","Ana Ruiz"\n',
        b"sep=;\nusername;full_name\nana;Ana Ruiz\n",
        b"\n\nusername , full_name,,\n ana , Ana Ruiz ,,\n,,,\n",
    ],
    ids=["commas", "semicolons", "tabs", "bars", "BOM", "UTF-16", "quotes", "sep=", "empty cells and lines"],
)
def test_it_is_read_whatever_wrote_it(data: bytes) -> None:
    found = sheet(data)
    assert found.columns == ("username", "full_name")
    assert [row.cells for row in found.rows] == [("ana", "Ana Ruiz")]


def test_what_excel_calls_ansi_is_read_and_said() -> None:
    found = sheet("username,full_name\nana,José\n".encode("cp1252"))
    assert found.rows[0].cells == ("ana", "José")
    assert found.guessed == "line 2 is no UTF-8, so it was read as Windows-1252"


def test_a_row_has_the_line_it_begins_on() -> None:
    """Also behind a cell of several lines."""
    found = sheet('username,full_name\n"ana","Ana\nRuiz"\nben,Ben\n')
    assert [row.line for row in found.rows] == [2, 4]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "people.csv is empty"),
        (b"\n\n", "people.csv is empty"),
        (b"PK\x03\x04\0\0", "is no CSV text"),
        (b"\xff\xfeu\0s", "is no CSV text"),
        (b"a,A\n", "two columns are called a"),
        (b'a,b\nx,"y\n', "people.csv:2: a quote is never closed"),
        (b'a,b\nx,"y"z\n', "people.csv:2: it is no CSV"),
    ],
)
def test_what_is_no_sheet_is_told_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        sheet(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_sheet_or_a_clear_line(data: bytes) -> None:
    """Nothing else comes out."""
    try:
        sheet(data)
    except SetupError as error:
        assert "people.csv" in error.message


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("User Name", "username"),
        ("userPrincipalName", "username"),
        ("E-Mail", "email"),
        ("Display name", "full_name"),
        ("Vorname", "first_name"),
        ("Role(s)", "roles"),
        ("End date", "until"),
        ("Team", "team_name"),
        ("Phone number", "phone"),
        ("attributes.level.int", "attributes.level.int"),
        ("insights.department", "department"),
    ],
)
def test_usual_columns_are_known_by_their_names(column: str, field: str) -> None:
    columns = (column,) if field in {"username", "email"} else ("login", column)
    taken = {one.name: one.field for one in map_columns(columns, (), "people.csv").taken}
    assert taken[column] == field


def test_columns_that_nobody_knows_are_left_out_and_named() -> None:
    assert map_columns(("username", "Cost centre", ""), (), "people.csv").left_out == ("Cost centre",)


def test_what_a_person_says_goes_before_the_usual() -> None:
    mapping = map_columns(("username", "name", "Team"), ["Team=attributes.squad", "name=-"], "people.csv")
    assert [(one.name, one.field) for one in mapping.taken] == [("username", "username"), ("Team", "attributes.squad")]
    assert mapping.left_out == ("name",)


def test_a_full_name_goes_before_its_parts() -> None:
    mapping = map_columns(("username", "first name", "name", "last name"), (), "people.csv")
    assert [one.field for one in mapping.taken] == ["username", "full_name"]


@pytest.mark.parametrize(
    ("columns", "told", "says"),
    [
        (("name", "role"), (), "no column names the users; there are name, role"),
        (("login", "user"), (), "the columns login and user both mean username"),
        (("username",), ("x",), "it reads COLUMN=FIELD"),
        (("username",), ("usrname=email",), "there is no column usrname"),
        (("username",), ("username=usernme",), "there is no field usernme"),
        (("username",), ("username=channels.chat",), "there is no field channels.chat"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(
    columns: tuple[str, ...], told: tuple[str, ...], says: str
) -> None:
    with pytest.raises(SetupError, match=says):
        map_columns(columns, told, "people.csv")


def test_cells_become_fields() -> None:
    """Lists however they are separated, skills with and without levels, days as people write them."""
    assert entry(roles="Agent; SUPERVISOR") == {"roles": ["agent", "supervisor"]}
    assert entry(skills="billing:3, returns (2)|vip") == {"skills": {"billing": 3, "returns": 2, "vip": True}}
    assert entry(skills__billing="4", skills__vip="x", skills__no="no") == {"skills": {"billing": 4, "vip": True}}
    assert entry(first_name="Ana", last_name="Ruiz") == entry(last_name="Ruiz", first_name="Ana")
    assert entry(until="31.1.2027") == entry(until="2027-01-31 00:00:00") == {"until": "2027-01-31"}
    assert entry(attributes__vip__boolean="TRUE") == {"attributes": {"vip": True}}
    assert entry(attributes__languages__stringarray="en; de") == {"attributes": {"languages": ["en", "de"]}}
    assert entry(channels__chat__capacity="3") == {"channels": {"chat": {"capacity": 3}}}
    assert entry(department="Sales", full_name="  Ana   Ruiz ", email="") == {
        "insights": {"department": "Sales"},
        "full_name": "Ana Ruiz",
    }


@pytest.mark.parametrize(
    ("field", "cell", "says"),
    [
        ("until", "03/04/2027", "may be read in two ways"),
        ("skills", "billing:high", 'the level of skill billing is "high"'),
        ("channels.chat.capacity", "-1", "the capacity of chat"),
        ("channels.chat.available", "maybe", "neither yes nor no"),
        ("attributes.level.int", "1.5", "is not a whole number"),
    ],
)
def test_a_cell_that_is_no_value_says_what_to_write(field: str, cell: str, says: str) -> None:
    with pytest.raises(ProblemError, match=says) as caught:
        put({}, field, cell)
    assert caught.value.problem.hint


def test_everything_wrong_is_told_at_once_with_line_and_column() -> None:
    rows = "ana,Ana,agnt,1\nana,Ana,agent,2\nANA,Ana,agent,3\n,Zed,agent,1\nq,Q,agent,1,4\nz,Z,agent,high\n"
    assert complaints(f"{HEADER},level\n{rows}", "level=attributes.level.int") == [
        '2:9 "agnt" is not a role (column roles)',
        "3:1 ana is there a second time, first in line 2",
        "4:1 ANA differs only by case from ana in line 2",
        "5:1 the row names no user",
        "6:1 5 cells, and there are 4 columns",
        '7:11 level.int: "high" is not a whole number (column level)',
    ]


def test_a_declared_user_keeps_what_the_sheet_does_not_say() -> None:
    """An empty cell says nothing."""
    team = (
        "users:\n  ana@example.com:\n    full_name: Ana\n    roles: [admin]\n    skills: {vip: true}\n"
        "    attributes: {desk: {floor: 3}, level: 1}\n    until: 2030-01-01\n"
    )
    stack = load_stack(TextSource({"flex.yaml": FLEX, "users/team.yaml": team}), name="test")
    found = taking("username,skills,attributes.level.int,roles\nana@example.com,billing:2,5,\n")
    user = found.users(stack, {}, {})["ana@example.com"]
    assert (user.roles, user.skills, str(user.until)) == (("admin",), {"vip": True, "billing": 2}, "2030-01-01")
    assert user.attributes == {"desk": {"floor": 3}, "level": 5}


def test_columns_beyond_any_measure_are_compared_in_no_time() -> None:
    """Two hundred thousand names, each compared with each other, took minutes."""
    begun = time.process_time()
    read_sheet(b",".join(b"c%d" % number for number in range(200_000)) + b"\n", "x.csv")
    assert time.process_time() - begun < 5
