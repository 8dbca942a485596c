"""A problem before it has a place: found in plain values by its path, located in the text only when there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flexres.desired.source import Source, UnreadableFile
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import KeyPath, Position, Problem, Severity
from flexres.text import HIDDEN, for_message, is_credential, without_secrets

Path = tuple[str | int, ...]

ROTATE: Final = "make a new one, since git keeps what was written: credentials come from the environment"
_SHORTEST_SECRET: Final = 3
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
        message, hint = self._without_secrets(problem.place, problem.message, hint)
        position = Position(self._source.shown(file), node.line + 1, node.column + 1, max(node.length, 1))
        return Problem(for_message(message), for_message(hint), problem.note, problem.severity, position)

    def _without_secrets(self, place: KeyPath, message: str, hint: str) -> tuple[str, str]:
        """Message and hint with nothing of a value that is secret by its key or its form, and what to do about it."""
        written = self._text(place.file, self._find(place.file, place.path, at_key=False)).strip("\"'")
        if written in place.path:
            written = ""  # a key stands for its value where that has no text of its own
        if any(isinstance(step, str) and is_credential(step) for step in place.path):
            return _hidden(message, written, HIDDEN), f"take it out of here and {ROTATE}"
        clean = without_secrets(written)
        if clean == written:
            return message, hint
        return _hidden(message, written, clean), f"{_hidden(hint, written, clean)}; a secret was written here: {ROTATE}"

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


def _hidden(text: str, value: str, instead: str) -> str:
    """The text without the value, also where messages cut it."""
    for length in (len(value), 60, 57):
        if len(value) >= length > _SHORTEST_SECRET:
            text = text.replace(value[:length], instead)
    return text


def _item(node: Node, index: int) -> Node | None:
    return node.items[index] if 0 <= index < len(node.items) else None
