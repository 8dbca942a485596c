"""What is said of one user's change: worked out once for the model of the report, cut and escaped by each format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

from flexres.reconcile.change import Cause, FieldChange, Kind, Route, UserChange
from flexres.reconcile.key import EMAIL, NAME_ID, ROLES, UNTIL
from flexres.report.layout import shorten
from flexres.report.terms import KINDS
from flexres.report.wording import SHORT, cause_text, field_label, fitted, names_of, sides
from flexres.text import visible
from flexres.values import ABSENT, same


class Becomes(Enum):
    """What becomes of a field: it gets another value, or stays in Flex as it is and only our marker takes note."""

    CHANGED = "changed"
    NOTED = "noted"
    LET_GO = "let go"


class Repeats(Enum):
    """What says the same as a line already: the line on somebody's arrival, or the username."""

    ARRIVAL = auto()
    USERNAME = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what it is called, the values in full, and why; without `after`, `before` tells both at once.

    `added`: there is no value yet. `expected`: nothing is behind it but the change of the YAML.
    """

    label: str
    before: str
    after: str
    why: str
    becomes: Becomes = Becomes.CHANGED
    added: bool = False
    expected: bool = True
    repeats: Repeats | None = None

    def sides(self, limit: int = SHORT) -> tuple[str, ...]:
        """Before and after in at most so many cells each; one text alone where it tells both."""
        return fitted((self.before, self.after) if self.after else (self.before,), limit)

    def values(self, limit: int = SHORT) -> str:
        """Before → after."""
        return " → ".join(self.sides(limit))

    def wanted(self, limit: int = SHORT) -> str:
        """What the field is to be, of somebody who has no value for it yet; before → after of anybody else."""
        return shorten(self.after or self.before, limit) if self.added else self.values(limit)


@dataclass(frozen=True)
class UserReport:
    """All that any format says of one user's change, in texts that can be seen, and that nobody has cut."""

    change: UserChange

    @property
    def noted(self) -> bool:
        """Whether it is an update that writes nothing but our marker, because Flex already is as declared."""
        change = self.change
        writes = change.idp is not None or any(field.writes for field in change.fields)
        return change.kind is Kind.UPDATE and not change.reason and not writes

    @property
    def comes(self) -> bool:
        """Whether somebody comes who has nothing in Flex yet: told by what they are to be, not field by field."""
        live = self.change.live
        return KINDS[self.change.kind].arrives and (live is None or live.worker is None)

    @property
    def origin(self) -> str:
        """The name that a rename leaves behind."""
        return visible(self.change.old.username) if self.change.old else ""

    @property
    def arrival(self) -> tuple[str, str]:
        """What somebody who comes is about, as two texts: roles; skills and the last day."""
        user = self.change.desired
        if user is None:
            return "", ""
        levels = (user.skills or {}).items()
        skills = [visible(name) if level is True else f"{visible(name)} {level}" for name, level in levels]
        until = [f"until {user.until}"] if user.until else []
        return visible(", ".join(user.roles)), ", ".join(skills + until)

    @property
    def provider(self) -> str:
        """What the identity provider gets for somebody who comes."""
        edit = self.change.idp
        if edit is None or not self.comes:
            return ""
        what = names_of([_label_there(field) for field in edit.fields])
        return f"{'is made ' if edit.user_id is None else ''}at {visible(edit.provider)}: {what}"

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """A line for each field. Made when first asked for: of thousands who are new, lists tell only a few."""
        change = self.change
        there = () if self.comes or change.leaves else _only_there(change)
        return (*(_line(change, field) for field in change.fields), *there)

    @property
    def changed(self) -> tuple[Line, ...]:
        """The lines of the fields that get another value."""
        return tuple(line for line in self.lines if line.becomes is Becomes.CHANGED)

    @property
    def kept(self) -> tuple[Line, ...]:
        """The lines of the fields that stay in Flex as they are."""
        return tuple(line for line in self.lines if line.becomes is not Becomes.CHANGED)


def _line(change: UserChange, field: FieldChange) -> Line:
    before, *after = sides(field)
    writes = field.writes
    stays = not writes and field.route is not Route.IDP
    both = change.idp is not None and writes and _among(change.idp.fields, field)
    return Line(
        label=field_label(field.key),
        before=before,
        after="".join(after),
        why=cause_text(field) + (f" · Flex and {visible(change.idp.provider)}" if change.idp and both else ""),
        becomes=(Becomes.LET_GO if field.let_go else Becomes.NOTED) if stays else Becomes.CHANGED,
        added=field.before is ABSENT,
        expected=not field.let_go if stays else writes and field.cause is Cause.GIT and not field.elsewhere,
        repeats=_repeats(change, field),
    )


def _repeats(change: UserChange, field: FieldChange) -> Repeats | None:
    if field.key is ROLES or field.key is UNTIL or field.key.space == "skill":
        return Repeats.ARRIVAL
    return Repeats.USERNAME if field.key is EMAIL and field.after == change.username else None


def _among(fields: Sequence[FieldChange], wanted: FieldChange) -> bool:
    """Whether one of the fields gets the same new value."""
    return any(one.key == wanted.key and same(one.after, wanted.after) for one in fields)


def _only_there(change: UserChange) -> Iterator[Line]:
    """What changes at the identity provider and not in Flex at the same time."""
    if change.idp is None:
        return
    here = [field for field in change.fields if field.writes]
    for one in change.idp.fields:
        if not _among(here, one):
            before, *after = sides(one)
            why = f"{_BY[one.cause]} · at {visible(change.idp.provider)}"
            yield Line(_label_there(one), before, "".join(after), why, added=one.before is ABSENT)


_BY: Final = {Cause.GIT: "git", Cause.IDP: "changed there, put back", Cause.BOTH: "git, and changed there"}


def _label_there(field: FieldChange) -> str:
    return "NameID" if field.key is NAME_ID else field_label(field.key)
