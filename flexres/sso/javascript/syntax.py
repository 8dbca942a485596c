"""The syntax of a classic script: its tree, or the place where it ceases to be JavaScript."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

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
