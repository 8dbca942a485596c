"""A spreadsheet's rows as users of a stack: new ones upon the defaults of their file, known ones with what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from flexres.desired.edit.team_files import Rewritten, TeamFile, defaults_layer
from flexres.desired.load import CONFIG
from flexres.desired.model import Channel, DesiredUser
from flexres.desired.schema import users_yaml as entries
from flexres.desired.schema.validation_messages import problems_of
from flexres.desired.source import Source
from flexres.desired.spreadsheet.columns import Column, ColumnMap, Row, Sheet, put
from flexres.desired.stack import Stack
from flexres.desired.users import Entry, Findings, Layer, desired_user, merge, merge_maps, read_layer
from flexres.desired.yaml.tree import compose, decode
from flexres.errors import KeyPath, Position, Problem, ProblemError
from flexres.values import fold_case


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the sheet as an entry: `own` is what its cells say."""

    username: str
    row: Row
    own: Layer


class Taking:
    """The rows of a sheet on the way into a stack; everything that is wrong with any of them is in `problems`."""

    def __init__(self, sheet: Sheet, mapping: ColumnMap, shown: str) -> None:
        self._sheet = sheet
        self._mapping = mapping
        self._shown = shown
        self.problems: list[Problem] = []
        self.people = tuple(self._once(self._people()))

    def users(self, stack: Stack, bases: Mapping[str, Layer], otherwise: Layer) -> dict[str, DesiredUser]:
        """Username → the user as the stack is to declare them.

        `bases` are the defaults that hold for each new one, and `otherwise` those of whoever is not in there.
        """
        wanted: dict[str, DesiredUser] = {}
        for person in self.people:
            have = stack.users.get(person.username)
            if have is not None:
                wanted[person.username] = _changed(have, person.own)
                continue
            problems: list[Problem] = []
            merged = merge(bases.get(person.username, otherwise), person.own)
            entry = Entry(person.username, self._shown, "", person.own, merged)
            wanted[person.username] = desired_user(entry, problems)
            self._complain(person.row, (problem for problem in problems if problem.severity == "error"))
        return wanted

    def same_name_otherwise(self, stack: Stack) -> None:
        """Notes a problem for each row whose user the stack spells in another case."""
        declared = {fold_case(name): name for name in stack.users}
        for person in self.people:
            other = declared.get(fold_case(person.username), person.username)
            if other != person.username:
                self._problem(person.row, f"{person.username} is {other} in the stack", "write it as the stack does")

    def _people(self) -> Iterator[tuple[str, Row, Layer | None]]:
        """Username, row and entry, None where something is wrong with it."""
        width = len(self._sheet.columns)
        for row in self._sheet.rows:
            if len(row.cells) > width:
                hint = "quote a cell that holds the delimiter, or take the extra cells out"
                self._problem(row, f"{len(row.cells)} cells, and there are {width} columns", hint)
                continue
            username, own = self._entry(row)
            if username:
                yield username, row, own

    def _entry(self, row: Row) -> tuple[str, Layer | None]:
        layer: dict[str, Any] = {}
        sound = True
        for column in self._mapping.taken:
            cell = row.cells[column.place]
            try:
                put(layer, column.field, cell)
            except ProblemError as error:
                sound = False
                self._problem(row, error.problem.message, error.problem.hint, column)
        username = layer.pop("username", None) or layer.get("email") or ""
        if not username:
            self._problem(row, "the row names no user", "give it a username, or take it out")
            return "", None
        own = self._checked(row, layer)
        return username, own if sound and self._is_name(row, username) else None

    def _checked(self, row: Row, layer: Layer) -> Layer | None:
        """The entry as the YAML's own rules have it; None with problems where they refuse it."""
        try:
            written: Any = entries.entry.validate_python(layer)
        except ValidationError as error:
            self._complain(row, problems_of(error, self._shown, ("users", "")))
            return None
        findings = Findings()
        own = read_layer(written, self._shown, (), findings)
        self._complain(row, findings.problems)
        return own if not findings.problems else None

    def _is_name(self, row: Row, username: str) -> bool:
        try:
            entries.username.validate_python(username)
        except ValidationError as error:
            self._complain(row, problems_of(error, self._shown))
            return False
        return True

    def _once(self, people: Iterator[tuple[str, Row, Layer | None]]) -> Iterator[Person]:
        """Each user once; the second row of one is a problem, and so is a name that differs only by case."""
        seen: dict[str, tuple[str, int]] = {}
        for username, row, own in people:
            earlier, line = seen.setdefault(fold_case(username), (username, row.line))
            if line == row.line:
                if own is not None:
                    yield Person(username, row, own)
            elif earlier == username:
                self._problem(
                    row, f"{username} is there a second time, first in line {line}", "keep one of the two rows"
                )
            else:
                message = f"{username} differs only by case from {earlier} in line {line}"
                self._problem(row, message, "Workers' names ignore case: keep one of the two rows")

    def _complain(self, row: Row, problems: Iterator[Problem] | Sequence[Problem]) -> None:
        for problem in problems:
            self._problem(row, problem.message, problem.hint, self._column_of(problem))

    def _column_of(self, problem: Problem) -> Column | None:
        """The column that a problem's path leads to: `users`, the username, and the field."""
        path = problem.place.path if isinstance(problem.place, KeyPath) else ()
        fields = {str(step) for step in path[2:]}
        return next((one for one in self._mapping.taken if one.field.partition(".")[0] in fields), None)

    def _problem(self, row: Row, message: str, hint: str = "", column: Column | None = None) -> None:
        cell = row.cells[column.place] if column is not None else ""
        where = f" (column {column.name})" if column is not None else ""
        position = Position(self._shown, row.line, self._sheet.column_of(row, cell), max(len(cell), 1))
        self.problems.append(Problem(f"{message}{where}", hint, place=position))


def stack_defaults(source: Source) -> Layer:
    """The defaults of flex.yaml, as a layer to merge users upon."""
    data, _ = decode(source.read(CONFIG), CONFIG)
    root, _ = compose(data, CONFIG)
    return defaults_layer(root.value.get("defaults") if root is not None else None)


def bases_of(files: Sequence[Rewritten], defaults: Layer) -> dict[str, Layer]:
    """The defaults that hold for each new user in the file that they come into; `defaults` are the stack's."""
    bases: dict[str, Layer] = {}
    for file in files:
        base = TeamFile(file.before, file.name, defaults).base if file.before is not None else defaults
        bases.update(dict.fromkeys(file.added, base))
    return bases


def _changed(have: DesiredUser, own: Layer) -> DesiredUser:
    """A declared user with what a row says; what it says nothing of stays."""
    attributes: dict[str, Any] = dict(merge_maps(have.attributes, own.get("attributes") or {}))
    attributes.update(own.get("insights") or {})
    attributes.update({name: own[name] for name in ("contact_uri", "image_url") if name in own})
    channels = dict(have.channels)
    for name, settings in (own.get("channels") or {}).items():
        channels[name] = replace(channels.get(name, Channel()), **settings)
    skills = {**(have.skills or {}), **own["skills"]} if "skills" in own else have.skills
    return replace(
        have,
        full_name=own.get("full_name", have.full_name),
        email=own.get("email", have.email),
        roles=tuple(sorted(own["roles"])) if "roles" in own else have.roles,
        attributes=attributes,
        skills=skills,
        channels=channels,
        until=own.get("until", have.until),
        previously=own.get("previously", have.previously),
    )
