"""The syntax of a classic script, its tree or where it is no JavaScript, and the values that source alone tells."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

_NAMES: Final = frozenset({"identifier", "property_identifier", "shorthand_property_identifier"})
_ESCAPE: Final = re.compile(r"\\u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,8})\})")

NOT_RUN: Final = frozenset({"regex", "arrow_function", "function_expression", "generator_function"})
"""Expressions that do nothing where they stand."""

_EFFECTS: Final = frozenset(
    {"assignment_expression", "augmented_assignment_expression", "update_expression", "call_expression", "delete"}
    | {"new_expression", "await_expression", "yield_expression"}
)


class UnreadableScript(ValueError):  # noqa: N818 - it names what was found
    """It is no JavaScript: `line` and `column` from 1 are where it ceases to be."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def parse(source: str) -> Node:
    """The script as a tree without errors. Raises UnreadableScript."""
    root = Parser(Language(tree_sitter_javascript.language())).parse(source.encode("utf-8", "replace")).root_node
    if root.has_error:
        raise _unreadable(root)
    return root


def _unreadable(root: Node) -> UnreadableScript:
    found = next(each for each in _nodes(root) if each.is_error or each.is_missing)
    line, column = found.start_point.row + 1, found.start_point.column + 1
    if found.is_missing:
        return UnreadableScript(f"{found.type} is missing", line, column)
    return UnreadableScript("this is no JavaScript", line, column)


def _nodes(root: Node) -> Iterator[Node]:
    """Every node that leads to an error, in the order of the source, without recursion."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in reversed(node.children) if child.has_error or child.is_missing]


def source_of(node: Node) -> str:
    """The source of a node; of a name what a browser takes it for, since it may be spelled with escapes."""
    source = (node.text or b"").decode("utf-8", "replace")
    return _ESCAPE.sub(_character, source) if "\\" in source and node.type in _NAMES else source


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2], 16)
    return chr(code) if code <= sys.maxunicode else escape[0]


def refused(node: Node, message: str) -> UnreadableScript:
    """That a browser stops at this node."""
    return UnreadableScript(message, node.start_point.row + 1, node.start_point.column + 1)


def has_effects(node: Node | None) -> bool:
    """Whether evaluating it could change anything."""
    waiting = [node] if node is not None else []
    while waiting:
        each = waiting.pop()
        if each.type in _EFFECTS:
            return True
        if each.type not in NOT_RUN:
            waiting += each.children
    return False


def body_run_at_once(called: Node) -> Node | None:
    """The body of a function without parameters that is called where it is written."""
    while called.type == "parenthesized_expression":
        called = called.named_children[0]
    parameters = called.child_by_field_name("parameters")
    plain = called.type in ("function_expression", "arrow_function") and not any(
        each.type in ("async", "*") for each in called.children
    )
    body = called.child_by_field_name("body")
    if not plain or parameters is None or parameters.named_children or body is None or body.type != "statement_block":
        return None
    return body


_STRING_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL
)
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_ENDS: Final = ("\n", "\r", "\r\n", "\u2028", "\u2029")
_BASES: Final = {"0x": 16, "0o": 8, "0b": 2}


@dataclass(frozen=True, slots=True)
class Expression:
    """Source that only a browser can evaluate."""

    source: str


Value: TypeAlias = "None | bool | float | str | Expression | list[Value] | dict[str, Value]"


def text_of(node: Node, parts: Sequence[Any]) -> str:
    """The value of a string or a template; `parts` are what the substitutions stand for, beside its children."""
    return "".join(_pieces(node, parts))


def number_of(source: str) -> float | None:
    """The value of a numeric literal; None for a BigInt and for the octals of old."""
    plain = source.replace("_", "")
    base = _BASES.get(plain[:2].lower())
    try:
        if base is not None:
            return float(int(plain[2:], base))
        return None if re.match(r"0\d", plain) else float(plain)
    except (ValueError, OverflowError):
        return None


def _pieces(node: Node, parts: Sequence[Any]) -> Iterator[str]:
    source = (node.text or b"").decode("utf-8", "replace")
    if node.type == "string":
        yield _STRING_ESCAPE.sub(_unescaped, source[1:-1])
        return
    data, start = node.text or b"", node.start_byte
    at = 1
    for child, part in zip(node.named_children, parts, strict=True):
        if child.type == "template_substitution":
            yield _STRING_ESCAPE.sub(_unescaped, data[at : child.start_byte - start].decode("utf-8", "replace"))
            yield str(part)
            at = child.end_byte - start
    yield _STRING_ESCAPE.sub(_unescaped, data[at:-1].decode("utf-8", "replace"))


def _unescaped(found: re.Match[str]) -> str:
    number = found[1] or found[2] or found[3]
    if number:
        code = int(number, 16)
        return chr(code) if code < 0x110000 else "\ufffd"
    return "" if found[4] in _LINE_ENDS else _SHORT.get(found[4], found[4])


def truthy(value: Value) -> bool:
    """Whether JavaScript takes a known value for true."""
    return value not in (None, False, 0, "") or isinstance(value, dict | list)


def is_plain(value: Value) -> bool:
    """Whether it is known, and compared by value."""
    return not isinstance(value, Expression | dict | list)


def takes_right(operator: str, left: Value) -> bool:
    """Whether a logical operator goes on to its right side."""
    return left is None if operator == "??" else truthy(left) == (operator == "&&")


def key_of(value: Value) -> str | None:
    """The name of a property by its computed value, None where that is not known."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """A part of the script that could change what the variable holds: its line, from 1, and how it begins."""

    line: int
    source: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a script leaves in the variable: None where it never assigns one. `not_followed` may have changed it."""

    value: Value
    not_followed: tuple[NotFollowed, ...]

    @property
    def config(self) -> dict[str, Value] | None:
        """The value where it is an object."""
        return self.value if isinstance(self.value, dict) else None
