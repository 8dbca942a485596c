"""What a spreadsheet's columns mean: by their names or as a person says, and each cell as a field of a user's entry."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flexres.desired.schema.attributes import parse_typed
from flexres.desired.schema.users_yaml import INSIGHTS
from flexres.errors import Problem, ProblemError, SetupError
from flexres.text import nearest
from flexres.values import Json

IGNORED: Final = "-"
_PLAIN: Final = (
    "username", "full_name", "first_name", "last_name", "email", "roles", "skills", "until", "previously",
    "contact_uri", "image_url", *INSIGHTS,
)  # fmt: skip
_PREFIXES: Final = ("attributes.", "skills.", "channels.", "insights.")
_USUAL: Final[Mapping[str, str]] = {
    **{re.sub(r"[^a-z0-9]", "", name): name for name in _PLAIN},
    **dict.fromkeys(("user", "userid", "login", "loginname", "identity", "workername", "upn", "nameid"), "username"),
    "userprincipalname": "username",
    **dict.fromkeys(("mail", "emailaddress", "workemail"), "email"),
    **dict.fromkeys(("name", "displayname", "agentname", "employeename", "agent"), "full_name"),
    **dict.fromkeys(("givenname", "forename", "vorname"), "first_name"),
    **dict.fromkeys(("surname", "familyname", "nachname"), "last_name"),
    **dict.fromkeys(("role", "flexrole", "flexroles"), "roles"),
    **dict.fromkeys(("skill", "flexskills"), "skills"),
    **dict.fromkeys(("enddate", "lastday", "contractend", "expires"), "until"),
    **dict.fromkeys(("picture", "photo", "avatar"), "image_url"),
    **dict.fromkeys(("dept", "abteilung"), "department"),
    **dict.fromkeys(("office", "site", "standort"), "location"),
    **dict.fromkeys(("linemanager", "managername"), "manager"),
    **dict.fromkeys(("phonenumber", "telephone", "mobile"), "phone"),
    "team": "team_name",
}
"""A column's name, letters and digits alone → the field that such a column usually means."""

_SPLIT: Final = re.compile(r"[,;|\n]+")
_SKILL: Final = re.compile(r"(?P<name>.*?)\s*(?:[:=]\s*(?P<level>\S+)|\(\s*(?P<bracketed>[^)\s]+)\s*\))?")
_YES: Final = frozenset({"true", "yes", "y", "1", "x", "ja"})
_NO: Final = frozenset({"false", "no", "n", "0", "nein"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet by its place, its name, and the field that it is taken for."""

    place: int
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which columns are taken, and the names of those that are left out."""

    taken: tuple[Column, ...]
    left_out: tuple[str, ...]


def map_columns(columns: Sequence[str], told: Sequence[str], shown: str) -> ColumnMap:
    """The columns with their fields; `told` are `COLUMN=FIELD` of the command line, which go before the usual names.

    Raises:
        SetupError: a column or a field that does not exist, two columns for one field, or none that names users.
    """
    given = dict(_told(one, columns) for one in told)
    taken: dict[str, Column] = {}
    left_out = []
    for place, name in enumerate(columns):
        if not name:
            continue
        field = given[name] if name in given else _usual(name)
        if field is None or field == IGNORED:
            left_out.append(name)
            continue
        if field in taken and name not in given and taken[field].name in given:
            left_out.append(name)
            continue
        if field in taken and not (name in given and taken[field].name not in given):
            raise SetupError(
                f"{shown}: the columns {taken[field].name} and {name} both mean {field}",
                hint=f"say which one: --map '{name}={field}', or leave one out: --map '{taken[field].name}=-'",
            )
        if field in taken:
            left_out.append(taken[field].name)
        taken[field] = Column(place, name, field)
    if "full_name" in taken:
        for part in [taken[name] for name in ("first_name", "last_name") if name in taken]:
            left_out.append(part.name)
            del taken[part.field]
    if not {"username", "email"} & taken.keys():
        raise SetupError(
            f"{shown}: no column names the users; there are {', '.join(filter(None, columns))}",
            hint="say which one does: --map 'COLUMN=username'",
        )
    return ColumnMap(tuple(taken.values()), tuple(left_out))


def _told(one: str, columns: Sequence[str]) -> tuple[str, str]:
    name, equals, field = one.rpartition("=")
    if not equals or not name.strip() or not field.strip():
        raise SetupError(f"--map {one}: it reads COLUMN=FIELD", hint="such as --map 'Team lead=manager'")
    name, field = name.strip(), field.strip()
    found = next((column for column in columns if column.lower() == name.lower()), None)
    if found is None:
        near = nearest(name, [column for column in columns if column])
        hint = f"did you mean {near}?" if near else f"the columns are {', '.join(filter(None, columns))}"
        raise SetupError(f"--map {one}: there is no column {name}", hint=hint)
    if field != IGNORED and field not in _PLAIN and not _is_prefixed(field):
        near = nearest(field, _PLAIN)
        raise SetupError(
            f"--map {one}: there is no field {field}",
            hint=(f"did you mean {near}? " if near else "")
            + f"the fields are {', '.join(_PLAIN)}, attributes.NAME, skills.NAME, channels.NAME.capacity, and -",
        )
    return found, field.removeprefix("insights.") if field.removeprefix("insights.") in INSIGHTS else field


def _is_prefixed(field: str) -> bool:
    prefix = next((prefix for prefix in _PREFIXES if field.startswith(prefix)), None)
    if prefix is None or not field.removeprefix(prefix):
        return False
    if prefix == "insights.":
        return field.removeprefix(prefix) in INSIGHTS
    return prefix != "channels." or field.endswith((".capacity", ".available"))


def _usual(name: str) -> str | None:
    if _is_prefixed(name):
        return name.removeprefix("insights.")
    return _USUAL.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def put(layer: dict[str, Any], field: str, cell: str) -> None:
    """Put a cell into a user's entry as the field it is of; an empty cell says nothing. Raises ProblemError."""
    if not cell:
        return
    space, _, name = field.partition(".")
    if name and space in _INTO:
        _INTO[space](layer, name, cell)
    elif field in INSIGHTS:
        layer.setdefault("insights", {})[field] = cell
    elif field == "roles":
        layer["roles"] = list(dict.fromkeys(part.lower() for part in _parts(cell)))
    elif field == "skills":
        for part in _parts(cell):
            _put_skill(layer, part)
    elif field == "until":
        layer["until"] = _day(cell)
    elif field in {"first_name", "last_name"}:
        names = [layer.get("full_name", ""), cell] if field == "last_name" else [cell, layer.get("full_name", "")]
        layer["full_name"] = " ".join(filter(None, names))
    else:
        layer[field] = " ".join(cell.split()) if field == "full_name" else cell


def _parts(cell: str) -> Iterable[str]:
    return [part.strip() for part in _SPLIT.split(cell) if part.strip()]


def _put_skill(layer: dict[str, Any], part: str) -> None:
    found = _SKILL.fullmatch(part)
    name, level = (found["name"], found["level"] or found["bracketed"]) if found else (part, None)
    layer.setdefault("skills", {})[name] = True if level is None else _whole(level, f"the level of skill {name}")


def _skill(layer: dict[str, Any], name: str, cell: str) -> None:
    folded = cell.lower()
    if folded in _NO and folded != "0":
        return
    yes = folded in _YES - {"1"}
    layer.setdefault("skills", {})[name] = True if yes else _whole(cell, f"the level of skill {name}")


def _attribute(layer: dict[str, Any], name: str, cell: str) -> None:
    value = cell.lower() if name.endswith((".boolean", ".booleanarray")) else cell
    if name.endswith("array"):
        value = ",".join(_parts(value))
    bare, natural = parse_typed(name, value)
    layer.setdefault("attributes", {})[bare] = natural


def _channel(layer: dict[str, Any], name: str, cell: str) -> None:
    channel, _, setting = name.rpartition(".")
    value: Json = _yes_or_no(cell) if setting == "available" else _whole(cell, f"the capacity of {channel}")
    layer.setdefault("channels", {}).setdefault(channel, {})[setting] = value


_INTO: Final[Mapping[str, Callable[[dict[str, Any], str, str], None]]] = {
    "skills": _skill,
    "attributes": _attribute,
    "channels": _channel,
}


def _whole(text: str, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise ProblemError(Problem(f'{what} is "{text}"', "write a whole number"))
    return int(text)


def _yes_or_no(cell: str) -> bool:
    if cell.lower() in _YES | _NO:
        return cell.lower() in _YES
    raise ProblemError(Problem(f'"{cell}" is neither yes nor no', "write true or false"))


def _day(cell: str) -> str:
    """A day as YYYY-MM-DD; the German form is clear as well, and with slashes nobody can tell day from month."""
    german = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", cell)
    if german:
        return f"{german[3]}-{int(german[2]):02}-{int(german[1]):02}"
    if re.fullmatch(r"\d{1,2}/\d{1,2}/\d{2,4}", cell):
        raise ProblemError(Problem(f'"{cell}" may be read in two ways', "write year-month-day, such as 2027-01-31"))
    return cell.partition("T")[0].partition(" ")[0] if re.match(r"\d{4}-\d\d-\d\d[ T]", cell) else cell


LARGEST: Final = 32 * 1024 * 1024
_DELIMITERS: Final = ",;\t|"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the `line` of the file that it begins on (from 1), and a cell for each column."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows beneath the header. `columns` are its cells; `guessed` tells of an encoding that had to be assumed."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    guessed: str = ""

    def column_of(self, row: Row, cell: str) -> int:
        """Where in its line a cell stands, from 1; 1 as well where the file has it in other words."""
        between = r'["\s,;|]'
        found = (
            re.search(rf"(?:^|{between}){re.escape(cell)}(?=$|{between})", self.lines[row.line - 1]) if cell else None
        )
        return found.end() - len(cell) + 1 if found else 1


def read_sheet(data: bytes, shown: str) -> Sheet:
    """The sheet in a file's bytes: UTF-8, UTF-16 or what Excel calls ANSI; commas, semicolons, tabs or bars.

    Raises:
        SetupError: no text, no header, columns of one name, or a quote that is never closed.
    """
    text, guessed = _decoded(data, shown)
    delimiter = _delimiter(text)
    lines = [(line, row) for line, row in _rows(text, delimiter, shown) if any(cell.strip() for cell in row)]
    if lines and delimiter.join(lines[0][1]).strip().lower() == f"sep={delimiter}":
        lines = lines[1:]  # Excel's own hint to itself
    if not lines:
        raise SetupError(f"{shown} is empty", hint="its first line names the columns, such as username,full_name,roles")
    columns = tuple(cell.strip() for cell in lines[0][1])
    while columns and not columns[-1]:
        columns = columns[:-1]
    named = Counter(column.lower() for column in columns)
    twice = next((column for column in columns if column and named[column.lower()] > 1), None)
    if twice is not None:
        raise SetupError(f"{shown}:{lines[0][0]}: two columns are called {twice}", hint="rename one of them")
    rows = tuple(Row(line, _of_width(row, len(columns))) for line, row in lines[1:])
    return Sheet(columns, rows, tuple(re.split(r"\r\n|\r|\n", text)), guessed)


def _decoded(data: bytes, shown: str) -> tuple[str, str]:
    if len(data) > LARGEST:
        raise SetupError(f"{shown} has {len(data) / 1024 / 1024:.0f} MB, and 32 MB is the most", hint="split it")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError:
                raise _no_text(shown) from None
    if b"\0" in data:
        raise _no_text(shown)
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return data.decode("cp1252", "replace"), f"line {line} is no UTF-8, so it was read as Windows-1252"


def _no_text(shown: str) -> SetupError:
    return SetupError(f"{shown} is no CSV text", hint="save it from the spreadsheet as CSV, UTF-8")


def _delimiter(text: str) -> str:
    """The delimiter that splits the header most; what stands in quotes counts for none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        return first.strip()[4]
    outside = "".join(part for index, part in enumerate(first.split('"')) if index % 2 == 0)
    return max(_DELIMITERS, key=lambda mark: (outside.count(mark), -_DELIMITERS.index(mark)))


def _rows(text: str, delimiter: str, shown: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quote is never closed" if "end of data" in str(error) else f"it is no CSV ({error})"
        raise SetupError(f"{shown}:{line}: {reason}", hint="save the file anew from the spreadsheet as CSV") from None


def _of_width(row: list[str], width: int) -> tuple[str, ...]:
    """The row's cells, as many as there are columns, and those beyond the last one that hold something."""
    cells = [cell.strip() for cell in row]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return (*cells, *[""] * (width - len(cells)))
