"""The one in-place editor: the entries of one map of a YAML file changed, every other line left byte for byte.

Each entry is cut out by its lines, edited by itself and put back. A map that cannot be cut so (in braces, or with
anchors that tie entries together) is read and written with its whole file, which keeps comments and order too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from yaml import CBaseLoader
from yaml import parse as yaml_events

from flexres.desired.edit.style import Indent, dumped, in_flow, reader_and_writer, text
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import InvalidStack, SetupError

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_END: Final = re.compile(r"\r\n?|\n")

Edit = Callable[[Any], Any]
"""Takes what ruamel.yaml keeps of a value, comments included, and gives what is to stand there instead."""


@dataclass(frozen=True, slots=True)
class _Addition:
    value: Any
    after: str | None


class Section:
    """The text of a YAML file, and changes to the entries of `name`, a map at its top.

    Raises InvalidStack for a file that is no YAML.
    """

    def __init__(self, data: bytes, shown: str, name: str) -> None:
        self._shown = shown
        self._name = name
        plain, self._root = _tree(data, shown)
        self._text = plain.decode("utf-8")
        self._bom = _BOM if data.startswith(_BOM.encode()) else ""
        self._end = next(iter(_LINE_END.findall(self._text)), "\n")
        self._lines: list[str] = _LINE.findall(self._text)
        self._node = self._root.children.get(name) or Node(0, 0, 0)
        self._changed: dict[str, Edit] = {}
        self._added: dict[str, _Addition] = {}
        self._removed: set[str] = set()

    @property
    def entries(self) -> Mapping[str, Node]:
        """The values of the map by key, as they were."""
        return self._node.children

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of the whole file, as they were."""
        return self._root.value if isinstance(self._root.value, dict) else {}

    def change(self, key: str, edit: Edit) -> None:
        """Let an entry that is there become what `edit` makes of it."""
        self._changed[key] = edit

    def add(self, key: str, value: Any, *, after: str | None) -> None:
        """A new entry behind another one, or before all."""
        self._added[key] = _Addition(value, after)

    def put(self, key: str, value: Any) -> None:
        """Let an entry have this value, be it there or not; a new one comes last."""
        if key in self.entries:
            self.change(key, lambda _: value)
        else:
            self.add(key, value, after=next(reversed(self._node.children), None))

    def remove(self, key: str) -> None:
        """Take an entry out."""
        self._removed.add(key)

    def written(self) -> bytes:
        """The file with all changes.

        Raises:
            SetupError: it is written in a way that cannot be edited; whatever else it says would not stay.
        """
        after = self._by_lines() if self._is_lines() else self._as_a_whole()
        data = (self._bom + after).encode()
        if self._rest(_tree(data, self._shown)[1]) != self._rest(self._root):
            raise self._cannot()
        return data

    def _rest(self, root: Node) -> Any:
        """What no change is about."""
        if not isinstance(root.value, dict):
            return root.value
        touched = self._changed.keys() | self._added.keys() | self._removed
        inner = root.value.get(self._name)
        kept = {key: value for key, value in inner.items() if key not in touched} if isinstance(inner, dict) else {}
        return {**root.value, self._name: kept}

    def _is_lines(self) -> bool:
        """Whether every entry is made of lines of its own that stand for themselves."""
        first = next(iter(self._node.keys.values()), None)
        if first is None or self._node.length or first.line == self._root.keys[self._name].line:
            return False
        return "&" not in self._text or not any(
            getattr(event, "anchor", None) for event in yaml_events(self._text, CBaseLoader)
        )

    def _by_lines(self) -> str:
        edits = {self._span(key): self._edited(key, edit) for key, edit in self._changed.items()}
        edits.update({self._span(key): "" for key in self._removed})
        edits.update(self._additions())
        if self._removed == self._node.keys.keys() and not self._added:
            line = self._root.keys[self._name].line
            edits[line, line + 1] = self._lines[line].replace(f"{self._name}:", f"{self._name}: {{}}", 1)
        lines = list(self._lines)
        for (start, end), new in sorted(edits.items(), reverse=True):
            if start and new and not lines[start - 1].endswith(("\r", "\n")):
                lines[start - 1] += self._end
            lines[start:end] = [_LINE_END.sub(self._end, new)]
        return "".join(lines)

    def _span(self, key: str) -> tuple[int, int]:
        """The lines of an entry: from its key to its last line; comments above the next key are the next one's."""
        place = self._node.keys[key]
        later = [node.line for node in self._node.keys.values() if node.line > place.line]
        later += [node.line for node in self._root.keys.values() if node.line > place.line]
        end = min(later, default=len(self._lines))
        while end > place.line + 1 and _is_between(self._lines[end - 1], place.column):
            end -= 1
        return place.line, end

    def _edited(self, key: str, edit: Edit) -> str:
        start, end = self._span(key)
        column = self._node.keys[key].column
        cut = "".join(line[column:] if line.strip() else "\n" for line in self._lines[start:end])
        yaml = reader_and_writer(self._indent(key))
        read = _loaded(yaml, cut)
        if read is None or list(read) != [key]:
            raise self._cannot(key)
        read[key] = edit(read[key])
        return _indented(_dump(yaml, read), column)

    def _additions(self) -> dict[tuple[int, int], str]:
        keys = self._node.keys
        first = next(iter(keys.values()))
        gap = "\n" if self._is_spaced() else ""
        places: dict[int, list[str]] = {}
        for key, addition in self._added.items():
            block = rendered(key, addition.value, self._indent(), first.column)
            place = self._span(addition.after)[1] if addition.after in keys else first.line
            places.setdefault(place, []).append(gap + block if addition.after in keys else block + gap)
        return {(place, place): "".join(blocks) for place, blocks in places.items()}

    def _is_spaced(self) -> bool:
        """Whether empty lines stand between entries."""
        starts = [key.line for key in self._node.keys.values()]
        return len(starts) > 1 and any(not line.strip() for line in self._lines[starts[0] : starts[1]])

    def _indent(self, key: str | None = None) -> Indent:
        """How an entry indents, or the first one that shows it."""
        entries: Collection[str] = self._node.children if key is None else (key,)
        for name in entries:
            entry = self._node.children[name]
            first = next(iter(entry.keys.values()), None)
            if first is not None and first.line > self._node.keys[name].line:
                return Indent(first.column - self._node.keys[name].column, _offset(entry))
        return Indent() if key is None else self._indent()

    def _as_a_whole(self) -> str:
        yaml = reader_and_writer(self._indent())
        yaml.explicit_start = self._text.startswith("---")
        read = _loaded(yaml, self._text)
        if read is None:
            raise self._cannot()
        entries = read.get(self._name)
        if not entries:
            entries = read[self._name] = CommentedMap()
        for key, edit in self._changed.items():
            entries[key] = edit(_untied(entries[key]))
        for key, addition in reversed(self._added.items()):
            place = list(entries).index(addition.after) + 1 if addition.after in entries else 0
            entries.insert(place, text(key), addition.value)
        for key in self._removed:
            del entries[key]
        if not entries:
            read[self._name] = in_flow({}, flow=True)
        return _dump(yaml, read).replace("\n", self._end)

    def _cannot(self, key: str | None = None) -> SetupError:
        where = self._shown if key is None else f"{self._shown}:{self._node.keys[key].line + 1}: {key}"
        return SetupError(
            f"{where} is written in a way that cannot be edited",
            hint="write it plainly, without anchors and braces (key: value, a line each), or change it by hand",
        )


def rendered(key: str, value: Any, indent: Indent, column: int = 2) -> str:
    """A new entry as lines."""
    return _indented(dumped(CommentedMap({text(key): value}), indent), column)


def _tree(data: bytes, shown: str) -> tuple[bytes, Node]:
    plain, problems = decode(data, shown)
    root = None
    if not problems:
        root, problems = compose(plain, shown)
    if problems:
        raise InvalidStack(tuple(problems), files=1)
    return plain, root or Node(0, 0, 0)


def _is_between(line: str, column: int) -> bool:
    stripped = line.strip()
    indent = len(line) - len(line.lstrip())
    return not stripped or stripped in ("...", "---") or (stripped.startswith("#") and indent <= column)


def _offset(entry: Node) -> int:
    """How far the dashes of an entry's lists stand from their keys; as everywhere else where it has none."""
    for field, key in entry.keys.items():
        value = entry.children[field]
        if value.items and value.items[0].line > key.line:
            return max(value.items[0].column - key.column - 2, 0)
        if (below := _offset(value)) != Indent().offset:
            return below
    return Indent().offset


def _untied(value: Any) -> Any:
    """A map of which no part is shared with another one."""
    if not isinstance(value, CommentedMap):
        return value
    copy: CommentedMap = value.copy()
    for key, item in copy.items():
        copy[key] = _untied(item)
    copy.yaml_set_anchor(None)
    return copy


def _loaded(yaml: YAML, source: str) -> CommentedMap | None:
    try:
        read = yaml.load(_LINE_END.sub("\n", source))
    except YAMLError:
        return None
    return read if isinstance(read, CommentedMap) else None


def _dump(yaml: YAML, value: CommentedMap) -> str:
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _indented(block: str, column: int) -> str:
    return "".join(" " * column + line if line.strip() else line for line in block.splitlines(keepends=True))
