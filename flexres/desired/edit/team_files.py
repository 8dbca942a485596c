"""Users into YAML files: which file each belongs to, and what the files become; nothing is written to disk here."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ruamel.yaml.comments import CommentedMap

from flexres.desired.edit.entry import edit_entry, new_entry
from flexres.desired.edit.section import Section, rendered
from flexres.desired.edit.style import Indent, dumped, styled
from flexres.desired.load import CONFIG
from flexres.desired.model import DesiredUser
from flexres.desired.schema import users_yaml as entries
from flexres.desired.schema.users_yaml import INSIGHTS
from flexres.desired.source import Source
from flexres.desired.stack import Stack
from flexres.desired.users import Findings, Layer, merge, read_layer
from flexres.desired.yaml.tree import compose, decode
from flexres.errors import Problem
from flexres.values import Json, same

USUAL_SPLIT: Final = "team_name"
"""The attribute that tells which of several team files a new user belongs to."""

USUAL_FILE: Final = "users/users.yaml"
"""Where users go whom nothing puts elsewhere."""
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One file: `name` within the stack, its bytes before (None: it is new) and after, and whom that is about."""

    name: str
    before: bytes | None
    after: bytes
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Overlay:
    """A stack's files as they would be: those of `below`, with some replaced or added."""

    def __init__(self, below: Source | None, files: Mapping[str, bytes], shown_as: str) -> None:
        self._below = below
        self._files = files
        self._shown = shown_as

    def files(self) -> Sequence[str]:
        """The names of all files."""
        return sorted({*(self._below.files() if self._below else ()), *self._files})

    def problems(self) -> Sequence[Problem]:
        """What is no plain file in the source below."""
        return self._below.problems() if self._below else ()

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises what the source below raises."""
        if name in self._files or self._below is None:
            return self._files[name]
        return self._below.read(name)

    def shown(self, name: str) -> str:
        """The name as a user would type it."""
        return f"{self._shown}/{name}"


def rewritten(
    source: Source,
    stack: Stack,
    wanted: Mapping[str, DesiredUser],
    *,
    by: str | None = None,
    prune: Collection[str] = (),
    header: str = "",
) -> tuple[Rewritten, ...]:
    """The files that change so that each wanted user is declared like that; `prune` are taken out.

    A user stays in the file they live in. New ones go to the file of their `by` attribute; without it to the only
    file, or where most users of their team live. `header` begins new files.
    """
    writing = _Writing(source, stack, by)
    for username in sorted(wanted):
        user, have = wanted[username], stack.users.get(username)
        if have is None:
            writing.add(user)
        elif not says_the_same(have, user):
            writing.change(user)
    for username in prune:
        writing.remove(username)
    return writing.files(header)


def says_the_same(have: DesiredUser, want: DesiredUser) -> bool:
    """Whether two entries declare the same, wherever they stand."""
    return same(have.attributes, want.attributes) and replace(have, attributes={}, file="") == replace(
        want, attributes={}, file=""
    )


class _Writing:
    """The changes, gathered by file."""

    def __init__(self, source: Source, stack: Stack, by: str | None) -> None:
        self._source = source
        self._stack = stack
        self._by = by
        self._names = {source.shown(name): name for name in source.files()}
        self._team_files = [name for name in self._names.values() if name != CONFIG]
        self._added: defaultdict[str, dict[str, DesiredUser]] = defaultdict(dict)
        self._changed: defaultdict[str, dict[str, DesiredUser]] = defaultdict(dict)
        self._removed: defaultdict[str, list[str]] = defaultdict(list)
        self._homes = self._count_homes()

    def add(self, user: DesiredUser) -> None:
        """A user whom no file holds yet."""
        self._added[self._home(user)][user.username] = user

    def change(self, user: DesiredUser) -> None:
        """A user whose entry says something else."""
        self._changed[self._file_of(user.username)][user.username] = user

    def remove(self, username: str) -> None:
        """A user whose entry goes."""
        self._removed[self._file_of(username)].append(username)

    def files(self, header: str) -> tuple[Rewritten, ...]:
        """Every file that becomes another, by name."""
        touched = sorted({*self._added, *self._changed, *self._removed})
        stack_defaults = defaults_layer(self._raw(CONFIG).get("defaults"))
        return tuple(self._file(name, stack_defaults, header) for name in touched)

    def _file(self, name: str, stack_defaults: Layer, header: str) -> Rewritten:
        added, changed, removed = self._added[name], self._changed[name], self._removed[name]
        if name not in self._team_files:
            own, layer = self._common(added.values(), stack_defaults)
            return Rewritten(name, None, new_file(header, own, added, layer), added=tuple(added))
        before = self._source.read(name)
        file = TeamFile(before, self._source.shown(name), stack_defaults)
        for username, user in {**added, **changed}.items():
            file.set(username, user)
        for username in removed:
            file.remove(username)
        return Rewritten(name, before, file.written(), tuple(added), tuple(changed), tuple(removed))

    def _common(self, users: Collection[DesiredUser], stack_defaults: Layer) -> tuple[Layer, Layer]:
        """The defaults of a new file: what it was split by, where all its users have that value."""
        values = [user.attributes.get(self._by) for user in users] if self._by else []
        if self._by is None or not values or not all(isinstance(v, str) and same(v, values[0]) for v in values):
            return {}, stack_defaults
        section = "insights" if self._by in INSIGHTS and not _declares(stack_defaults, self._by) else "attributes"
        common = {section: {self._by: values[0]}}
        return {section: {styled(self._by): styled(values[0])}}, merge(stack_defaults, common)

    def _raw(self, name: str) -> Mapping[str, Any]:
        data, _ = decode(self._source.read(name), name)
        root, _ = compose(data, name)
        assert root is not None
        value: Mapping[str, Any] = root.value
        return value

    def _file_of(self, username: str) -> str:
        return self._names[self._stack.users[username].file]

    def _count_homes(self) -> dict[str, str]:
        """What a user is split by → the file where most of those live."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for username, user in self._stack.users.items():
            value = _slug(user.attributes.get(self._by or USUAL_SPLIT))
            if value:
                found[value][self._file_of(username)] += 1
        return {value: files.most_common(1)[0][0] for value, files in found.items()}

    def _home(self, user: DesiredUser) -> str:
        """The file for a new user."""
        if self._by is None and len(self._team_files) == 1:
            return self._team_files[0]
        value = _slug(user.attributes.get(self._by or USUAL_SPLIT))
        if value in self._homes:
            return self._homes[value]
        return f"users/{value}.yaml" if self._by and value else USUAL_FILE


def _declares(layer: Layer, name: str) -> bool:
    return name in (layer.get("attributes") or ())


def _slug(value: Json) -> str:
    """A value as a file's name, empty where it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    plain = unicodedata.normalize("NFC", str(value)).lower()
    return re.sub(r"[\W_]+", "-", plain)[:_LONGEST_NAME].strip("-")


def defaults_layer(written: Any) -> Layer:
    """The `defaults:` of a file that loads, as a layer to merge users upon."""
    shared = cast(Layer, entries.shared.validate_python(written or {}))
    return merge({}, read_layer(shared, "", (), Findings()))


def new_file(header: str, defaults: Layer, users: Mapping[str, DesiredUser], base: Layer) -> bytes:
    """A team file of these users; `defaults` is written into it, `base` is that upon the stack's defaults."""
    indent = Indent()
    parts = [header]
    if defaults:
        parts.append(dumped(CommentedMap({"defaults": _block(defaults)}), indent) + "\n")
    blocks = [rendered(name, new_entry(base, user), indent) for name, user in users.items()]
    parts += ["users:\n", *blocks] if blocks else ["users: {}\n"]
    return "".join(parts).encode()


class TeamFile:
    """The text of a team file that loads, and the changes to it."""

    def __init__(self, data: bytes, shown: str, stack_defaults: Layer) -> None:
        self._section = Section(data, shown, "users")
        self.base = merge(stack_defaults, defaults_layer(self._section.values.get("defaults")))
        self._added: dict[str, DesiredUser] = {}

    def set(self, username: str, user: DesiredUser) -> None:
        """Let the entry of this user, a new one if need be, say this."""
        if username not in self._section.entries:
            self._added[username] = user
            return
        own = _own(self._section.entries[username].value)

        def edited(raw: Any) -> CommentedMap:
            entry = raw if isinstance(raw, CommentedMap) else CommentedMap()
            edit_entry(entry, own, self.base, user)
            return entry

        self._section.change(username, edited)

    def remove(self, username: str) -> None:
        """Take this user's entry out."""
        self._section.remove(username)

    def written(self) -> bytes:
        """The file with all changes; new users come in order where those that are there are in order.

        Raises SetupError for an entry that is written in a way that cannot be edited.
        """
        names = list(self._section.entries)
        is_ordered = names == sorted(names, key=str.lower)
        previous = None if is_ordered else names[-1]
        for username in sorted(self._added, key=str.lower):
            if is_ordered:
                before = [name for name in names if name.lower() < username.lower()]
                previous = before[-1] if before else None
            self._section.add(username, new_entry(self.base, self._added[username]), after=previous)
        return self._section.written()


def _own(value: Any) -> Layer:
    return read_layer(cast(Layer, entries.entry.validate_python(value or {})), "", (), Findings())


def _block(layer: Mapping[str, Any]) -> CommentedMap:
    return CommentedMap({name: _block(value) if isinstance(value, Mapping) else value for name, value in layer.items()})
