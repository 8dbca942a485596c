"""What a spreadsheet's columns mean: by their names or as a person says, and each cell as a field of a user's entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
