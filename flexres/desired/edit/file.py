"""One team file as text: entries edited, added and taken out, every other line left byte for byte as it is.

Each entry is cut out by its lines, edited by itself and put back. A file that cannot be cut so (users in braces, or
anchors that tie entries together) is read and written as a whole, which keeps comments and order too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from flexres.desired.edit.entry import edit_entry, new_entry
from flexres.desired.edit.scalar_text import Indent, dumped, in_flow, reader_and_writer, text
from flexres.desired.merge import Findings, Layer, merge, read_layer
from flexres.desired.model import DesiredUser
from flexres.desired.schema import users_yaml as entries
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import SetupError

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_USERS: Final = re.compile(r"users:")


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
    blocks = [_rendered(name, new_entry(base, user), indent) for name, user in users.items()]
    parts += ["users:\n", *blocks] if blocks else ["users: {}\n"]
    return "".join(parts).encode()


class TeamFile:
    """The text of a team file that loads, and the changes to it.

    Raises SetupError from `edit` for an entry that ruamel.yaml reads otherwise than libyaml.
    """

    def __init__(self, data: bytes, shown: str, stack_defaults: Layer) -> None:
        plain, _ = decode(data, shown)
        root, _ = compose(plain, shown)
        assert root is not None
        self._shown = shown
        self._text = plain.decode("utf-8")
        self._bom = _BOM if data.startswith(_BOM.encode()) else ""
        self._end = next(iter(re.findall(r"\r\n|\r|\n", self._text)), "\n")
        self._lines: list[str] = _LINE.findall(self._text)
        self._root = root
        self.base = merge(stack_defaults, defaults_layer(root.value.get("defaults")))
        self._users = root.children.get("users") or Node(0, 0, 0)
        self._edits: dict[tuple[int, int], str] = {}
        self._added: dict[str, DesiredUser] = {}
        self._removed: set[str] = set()
        self._edited: dict[str, DesiredUser] = {}

    def set(self, username: str, user: DesiredUser) -> None:
        """Let the entry of this user, a new one if need be, say this."""
        (self._edited if username in self._users.keys else self._added)[username] = user

    def remove(self, username: str) -> None:
        """Take this user's entry out."""
        self._removed.add(username)

    def written(self) -> bytes:
        """The file with all changes."""
        if not self._in_lines():
            return self._whole()
        for username, user in self._edited.items():
            start, end = self._span(username)
            self._edits[start, end] = self._entry(username, user, start, end)
        for username in self._removed:
            self._edits[self._span(username)] = ""
        self._add()
        self._mind_emptiness()
        lines = list(self._lines)
        for (start, end), new in sorted(self._edits.items(), reverse=True):
            if start and new and not lines[start - 1].endswith(("\r", "\n")):
                lines[start - 1] += self._end
            lines[start:end] = [new.replace("\n", self._end)]
        return (self._bom + "".join(lines)).encode()

    def _in_lines(self) -> bool:
        """Whether every user's entry is made of lines of its own that stand for themselves."""
        keys = self._users.keys
        first = next(iter(keys.values()), None)
        if first is None or self._users.length or first.line == self._root.keys["users"].line:
            return False
        return not any(event.anchor for event in YAML(typ="safe").parse(self._text) if hasattr(event, "anchor"))

    def _span(self, username: str) -> tuple[int, int]:
        """The lines of an entry: from its key to its last line; comments above the next key are the next one's."""
        key = self._users.keys[username]
        later = [node.line for node in self._users.keys.values() if node.line > key.line]
        later += [node.line for node in self._root.keys.values() if node.line > key.line]
        end = min(later, default=len(self._lines))
        while end > key.line + 1 and self._is_between(self._lines[end - 1], key.column):
            end -= 1
        return key.line, end

    @staticmethod
    def _is_between(line: str, column: int) -> bool:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        return not stripped or stripped in ("...", "---") or (stripped.startswith("#") and indent <= column)

    def _entry(self, username: str, user: DesiredUser, start: int, end: int) -> str:
        key = self._users.keys[username]
        cut = "".join(line[key.column :] if line.strip() else "\n" for line in self._lines[start:end])
        indent = self._indent(username)
        yaml = reader_and_writer(indent)
        try:
            read = yaml.load(re.sub(r"\r\n?", "\n", cut))
        except YAMLError as error:
            raise self._cannot(username) from error
        if not isinstance(read, CommentedMap) or list(read) != [username]:
            raise self._cannot(username)
        if not isinstance(read[username], CommentedMap):
            read[username] = CommentedMap()
        edit_entry(read[username], self._own(username), self.base, user)
        return _indented(_dump(yaml, read), key.column)

    def _cannot(self, username: str) -> SetupError:
        line = self._users.keys[username].line + 1
        return SetupError(
            f"{self._shown}:{line}: the entry of {username} is written in a way that cannot be edited",
            hint="write it plainly (key: value), or change it by hand",
        )

    def _own(self, username: str) -> Layer:
        written = entries.entry.validate_python(self._users.children[username].value or {})
        return read_layer(cast(Layer, written), "", (), Findings())

    def _indent(self, username: str | None = None) -> Indent:
        """How an entry indents, or the first one that shows it."""
        chosen = self._users.children if username is None else {username: self._users.children[username]}
        for name, entry in chosen.items():
            first = next(iter(entry.keys.values()), None)
            if first is not None and first.line > self._users.keys[name].line:
                return Indent(first.column - self._users.keys[name].column, _offset(entry))
        return Indent() if username is None else self._indent()

    def _add(self) -> None:
        names = list(self._users.keys)
        ordered = names == sorted(names, key=str.casefold)
        column = self._users.keys[names[0]].column
        places: dict[int, list[str]] = {}
        for username in sorted(self._added, key=str.casefold):
            before = [name for name in names if not ordered or name.casefold() < username.casefold()]
            place = self._span(before[-1])[1] if before else self._users.keys[names[0]].line
            block = _rendered(username, new_entry(self.base, self._added[username]), self._indent(), column)
            gap = "\n" if self._spaced() else ""
            places.setdefault(place, []).append(gap + block if before else block + gap)
        for place, blocks in places.items():
            self._edits[place, place] = "".join(blocks)

    def _spaced(self) -> bool:
        """Whether empty lines stand between users."""
        starts = [key.line for key in self._users.keys.values()]
        return len(starts) > 1 and any(not line.strip() for line in self._lines[starts[0] : starts[1]])

    def _mind_emptiness(self) -> None:
        """A users: that nobody is left in says so."""
        if self._removed == self._users.keys.keys() and not self._added:
            line = self._root.keys["users"].line
            self._edits[line, line + 1] = _NO_USERS.sub("users: {}", self._lines[line], count=1)

    def _whole(self) -> bytes:
        yaml = reader_and_writer(self._indent())
        yaml.explicit_start = self._text.startswith("---")
        try:
            read = yaml.load(re.sub(r"\r\n?", "\n", self._text))
        except YAMLError as error:
            hint = "write it without anchors and braces, or change it by hand"
            raise SetupError(f"{self._shown} is written in a way that cannot be edited", hint=hint) from error
        users = read.get("users")
        if not users:
            users = read["users"] = CommentedMap()
        for username, user in self._edited.items():
            users[username] = _untied(users[username])
            edit_entry(users[username], self._own(username), self.base, user)
        for username in sorted(self._added, key=str.casefold):
            users[text(username)] = new_entry(self.base, self._added[username])
        for username in self._removed:
            del users[username]
        if not users:
            read["users"] = in_flow({}, flow=True)
        return (self._bom + _dump(yaml, read).replace("\n", self._end)).encode()


def _offset(entry: Node) -> int:
    """How far the dashes of an entry's lists stand from their keys; as everywhere else where it has none."""
    for field, key in entry.keys.items():
        value = entry.children[field]
        if value.items and value.items[0].line > key.line:
            return max(value.items[0].column - key.column - 2, 0)
        if (below := _offset(value)) != Indent().offset:
            return below
    return Indent().offset


def _untied(value: Any) -> CommentedMap:
    """A copy of an entry of which no part is shared with another one."""
    if not isinstance(value, CommentedMap):
        return CommentedMap()
    copy: CommentedMap = value.copy()
    for key, item in copy.items():
        if isinstance(item, CommentedMap):
            copy[key] = _untied(item)
    copy.yaml_set_anchor(None)
    return copy


def _block(layer: Mapping[str, Any]) -> CommentedMap:
    return CommentedMap({name: _block(value) if isinstance(value, Mapping) else value for name, value in layer.items()})


def _rendered(username: str, entry: CommentedMap, indent: Indent, column: int = 2) -> str:
    return _indented(dumped(CommentedMap({text(username): entry}), indent), column)


def _indented(block: str, column: int) -> str:
    return "".join(" " * column + line if line.strip() else line for line in _lines(block))


def _lines(block: str) -> Iterable[str]:
    return block.splitlines(keepends=True)


def _dump(yaml: YAML, value: CommentedMap) -> str:
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()
