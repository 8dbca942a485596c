"""A YAML file as a tree that knows where everything is, and every problem of the file's form."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from yaml import CBaseLoader, MarkedYAMLError, YAMLError
from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, StreamEndEvent

from flexres.desired.yaml.values import DEEPEST, Scalar, resolve
from flexres.errors import Position, Problem
from flexres.text import for_message

MOST_ALIASED = 100_000
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ODD = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", codecs.BOM_UTF8)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class Node:
    """A value with its place: `line`, `column` and `length` of what stands in the text (0-based here).

    `length` is 0 for a block map or list, and for a value that is not written at all.

    `keys` holds the places of a mapping's keys, `children` its values by key; `items` those of a list.
    `value` is the plain value, built bottom up.
    """

    line: int
    column: int
    length: int
    value: Any = None
    keys: dict[str, Node] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    size: int = 1


class _Abandoned(Exception):  # noqa: N818 - a signal, not a failure
    """The rest of the file cannot be made sense of; what is wrong was noted already."""


def is_ordinary(data: bytes) -> bool:
    """Whether nothing stands in the bytes that libyaml would take and this project does not."""
    return not data.startswith(_UTF16) and not any(mark in data[3:] for mark in _ODD) and data[:3] != codecs.BOM_UTF8


def decode(data: bytes, shown: str) -> tuple[bytes, list[Problem]]:
    """The bytes without a byte order mark, and what makes them no YAML text: encoding and control characters."""
    if data.startswith(_UTF16):
        return b"", [_wrong_bytes(shown, "", "the file is UTF-16, not UTF-8", "save it again with the encoding UTF-8")]
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return b"", [
            _wrong_bytes(
                shown,
                before,
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                "the file seems to be in another encoding, such as Latin-1: save it again as UTF-8",
            )
        ]
    found = _FORBIDDEN.search(text)
    if found is None:
        return data, []
    code = ord(found[0])
    name = "a NUL byte" if code == 0 else f"the invisible character U+{code:04X}"
    return b"", [
        _wrong_bytes(
            shown,
            text[: found.start()],
            f"{name} stands in the file",
            'take it out; in a text that needs it, write a double-quoted escape such as "\\t"',
        )
    ]


def _wrong_bytes(shown: str, before: str, message: str, hint: str) -> Problem:
    """A problem behind the text `before`, which is right."""
    lines = LINE_END.split(before)
    return Problem(message, hint, place=Position(shown, len(lines), len(lines[-1]) + 1))


def compose(data: bytes, shown: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a UTF-8 document (None for one without a value, or broken), and the problems of its form."""
    reader = _TreeReader(CBaseLoader(data).get_event, shown)
    try:
        return reader.document(), reader.problems
    except _Abandoned:
        return None, reader.problems
    except MarkedYAMLError as error:
        return None, [*reader.problems, syntax_problem(error, data, shown)]
    except YAMLError as error:
        return None, [*reader.problems, Problem(f"this is not YAML: {error}", place=Position(shown, 1, 1))]


class _TreeReader:
    def __init__(self, events: Callable[[], Any], shown: str) -> None:
        self._next = events
        self._shown = shown
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self.problems: list[Problem] = []

    def document(self) -> Node | None:
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None
        root = self._node(self._next(), DEEPEST)
        self._next()
        event = self._next()
        if not isinstance(event, StreamEndEvent):
            self._note(_at(event), "a second document starts here", "keep one document a file: take out the ---")
        return root

    def _note(self, node: Node, message: str, hint: str) -> None:
        position = Position(self._shown, node.line + 1, node.column + 1, max(node.length, 1))
        self.problems.append(Problem(for_message(message), for_message(hint), place=position))

    def _node(self, event: Any, depth: int) -> Node:
        node = _at(event)
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), node)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if event.tag is not None:
            self._note(
                node,
                f"the tag {_short(event.tag)} is not understood",
                "leave it out; quote a value that is to be a text",
            )
        if isinstance(event, ScalarEvent):
            node.value = resolve(event.value) if event.implicit[0] else event.value
        elif not depth:
            self._note(node, f"nested more than {DEEPEST} levels deep", "nothing in a stack needs that: flatten it")
            raise _Abandoned
        elif isinstance(event, MappingStartEvent):
            self._mapping(node, depth - 1)
        else:
            self._sequence(node, depth - 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, name: str, place: Node) -> Node:
        if name not in self._anchors:
            self._note(place, f"*{name} refers to an anchor that is not in this file", f"write &{name} before it")
            return place
        target = self._anchors[name]
        if target is None:
            self._note(place, f"*{name} stands inside of what it refers to", "write the value out")
            raise _Abandoned
        self._aliased += target.size
        if self._aliased > MOST_ALIASED:
            self._note(
                place,
                f"the aliases of this file stand for more than {MOST_ALIASED:,} values",
                "write what is shared as defaults: instead",
            )
            raise _Abandoned
        return Node(
            place.line,
            place.column,
            place.length,
            target.value,
            target.keys,
            target.children,
            target.items,
            target.size,
        )

    def _mapping(self, node: Node, depth: int) -> None:
        value: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key_node = self._node(event, depth)
            key = self._key(key_node)
            child = self._node(self._next(), depth)
            node.size += child.size + 1
            if key == "<<":
                self._note(key_node, "merge keys (<<) are not part of YAML 1.2", "write what is shared as defaults:")
            elif key in value:
                first = node.keys[key].line + 1
                self._note(
                    key_node, f"{key} stands here a second time, first in line {first}", "keep one, or join the two"
                )
            elif key is not None:
                value[key] = child.value
                node.keys[key], node.children[key] = key_node, child
        node.value = value

    def _key(self, node: Node) -> str | None:
        key: Scalar = node.value
        if isinstance(key, str):
            return key
        if isinstance(key, dict | list):
            self._note(node, "a key has to be a text", "a colon may be missing; quote a key that holds brackets")
            return None
        kind = {type(None): "nothing", bool: "true or false"}.get(type(key), "a number")
        written = "null" if key is None else str(key).lower()
        self._note(node, f"this key is read as {kind}, and a key has to be a text", f'quote it: "{written}":')
        return None

    def _sequence(self, node: Node, depth: int) -> None:
        while not isinstance(event := self._next(), SequenceEndEvent):
            child = self._node(event, depth)
            node.size += child.size
            node.items.append(child)
        node.value = [child.value for child in node.items]


def _at(event: Any) -> Node:
    start, end = event.start_mark, event.end_mark
    return Node(start.line, start.column, end.column - start.column if end.line == start.line else 1)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MEANINGS: Final = (
    (
        "mapping values are not allowed",
        "a colon and a space stand where no key can be",
        "check the indentation of this line and the one above; quote a text that holds a colon",
    ),
    ("did not find expected ',' or ']'", "a list is not closed", "close it with ], with commas between its items"),
    ("did not find expected ',' or '}'", "a map is not closed", "close it with }, with commas between its entries"),
    ("could not find expected ':'", "a key without a colon", "write key: value, with a space after the colon"),
    ("unknown escape character", "an unknown escape in a double-quoted text", "use single quotes, or write \\\\"),
    ("found unexpected ':'", "a colon in the middle of a value", "quote the text that holds it"),
    ("unexpected end of stream", "a quoted text is not closed", "close the quote"),
    ("did not find expected '-' indicator", "a key among list items", "indent it, or start the line with a dash"),
    ("did not find expected key", "this line does not fit the map above", "check its indentation and brackets"),
    ("document start", "what follows does not belong to the document", "check the brackets and quotes before it"),
    ("cannot start any token", "this character cannot start a value", "quote the text: names with @, ` or % need it"),
    ("expected node content", "a value is missing", "check the brackets and commas before it"),
)


# Where these are noticed says nothing; where the bracket or quote stands does.
_OPENED = ("',' or ']'", "',' or '}'", "unexpected end of stream")


def syntax_problem(error: MarkedYAMLError, data: bytes, shown: str) -> Problem:
    """The error of a UTF-8 document as a problem of the file that is shown as `shown`."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = LINE_END.split(data.decode("utf-8"))
    if line >= len(lines):
        line, column = len(lines) - 1, len(lines[-1])
    said = str(error.problem or "it cannot be read")
    began = error.context_mark
    started = f", in what starts in line {began.line + 1}" if began is not None and began.line != line else ""
    if began is not None and any(sign in said for sign in _OPENED):
        line, column, started = began.line, began.column, ""
    place = Position(shown, line + 1, column + 1)
    before = lines[line][: column + 1]
    if "\t" in before and not before.strip():
        column = before.index("\t")
        return Problem(
            "a tab indents this line",
            "indent with spaces: YAML allows no tabs",
            place=Position(shown, line + 1, column + 1),
        )
    for sign, message, hint in _MEANINGS:
        if sign in said:
            return Problem(f"{message}{started}", hint, said, place=place)
    return Problem(f"{said}{started}", "check the syntax of this line and the one above", place=place)
