"""A problem before it has a place: found in plain values by its path, located in the text only when there is one."""

from __future__ import annotations

from collections.abc import Sequence

from flexres.desired.source import Source, UnreadableFile
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import KeyPath, Position, Problem, Severity
from flexres.text import for_message

Path = tuple[str | int, ...]

AS_WRITTEN = "\0"
"""Stands in a hint for the value as the file has it: 012 is read as 12, and "012" is what was meant."""


def problem_at(
    file: str,
    path: Path,
    message: str,
    hint: str = "",
    note: str = "",
    *,
    at_key: bool = False,
    severity: Severity = "error",
) -> Problem:
    """A problem of what stands at `path` in `file` (a name of the stack's source), or of its key."""
    return Problem(message, hint, note, severity, KeyPath(file, path, at_key))


class Locator:
    """Finds the place of a path, reading each file's positions when first asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._trees: dict[str, tuple[Node | None, list[str]]] = {}

    def located(self, problem: Problem) -> Problem:
        """The problem at its place in the text; one that has it already as it is."""
        if not isinstance(problem.place, KeyPath):
            return problem
        file, hint = problem.place.file, problem.hint
        node = self._find(file, problem.place.path, at_key=problem.place.at_key)
        if AS_WRITTEN in hint:
            hint = hint.replace(AS_WRITTEN, self._text(file, node))
        position = Position(self._source.shown(file), node.line + 1, node.column + 1, max(node.length, 1))
        return Problem(for_message(problem.message), for_message(hint), problem.note, problem.severity, position)

    def position(self, file: str, path: Sequence[str | int], *, at_key: bool = False) -> Position:
        """The place of a path, or of the nearest thing around it that exists."""
        node = self._find(file, path, at_key=at_key)
        return Position(self._source.shown(file), node.line + 1, node.column + 1)

    def node(self, file: str) -> Node | None:
        """The tree of a file; None for one that cannot be read or has no values."""
        return self._tree(file)[0]

    def _find(self, file: str, path: Sequence[str | int], *, at_key: bool) -> Node:
        node = key = self.node(file)
        if node is None:
            return Node(0, 0, 1)
        for index, step in enumerate(path):
            child = node.children.get(step) if isinstance(step, str) else _item(node, step)
            if child is None:
                return key or node
            is_last = index == len(path) - 1
            key = node.keys[step] if isinstance(step, str) else child
            node = child
            if is_last and (at_key or not child.length):
                return key
        return node

    def _text(self, file: str, node: Node) -> str:
        lines = self._tree(file)[1]
        return lines[node.line][node.column : node.column + node.length] if node.line < len(lines) else ""

    def _tree(self, file: str) -> tuple[Node | None, list[str]]:
        if file not in self._trees:
            try:
                data, _ = decode(self._source.read(file), file)
            except UnreadableFile:
                data = b""
            self._trees[file] = (compose(data, file)[0], data.decode("utf-8").split("\n"))
        return self._trees[file]


def _item(node: Node, index: int) -> Node | None:
    return node.items[index] if 0 <= index < len(node.items) else None
