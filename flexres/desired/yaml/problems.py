"""Problems of a YAML file: found in plain values by path, located in the text, and shown as a person reads them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from flexres.desired.source import Source, UnreadableFile
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import KeyPath, Position, Problem, Severity, few
from flexres.text import HIDDEN, for_message, is_credential, visible, without_secrets

Path = tuple[str | int, ...]

ROTATE: Final = "make a new one, since git keeps what was written: credentials come from the environment"
_SHORTEST_SECRET: Final = 3


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
        if problem.quoted:
            hint = f'{hint} "{self._text(file, node)}"'
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


_WIDEST = 100
_BEFORE = 60
_RESET, _BOLD, _RED, _YELLOW = "\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m"


def render_text(problems: Sequence[Problem], source: Source, *, files: int | None = None, color: bool = False) -> str:
    """The problems one below the other, each with its line, carets and hint, and a closing count.

    `files` is how many files were read (left out: those of the source). The text ends with a line break.
    """
    lines = _Lines(source)
    paint = _paint if color else _plain
    blocks = ["\n".join(_block(problem, lines, paint)) for problem in few(problems)]
    blocks.append(_count(problems, len(source.files()) if files is None else files))
    return "\n\n".join(blocks) + "\n"


def _block(problem: Problem, lines: _Lines, paint: _Painter) -> Iterator[str]:
    shade = _RED if problem.severity == "error" else _YELLOW
    prefix = "" if problem.severity == "error" else "warning: "
    yield f"{paint(visible(str(problem.position)), _BOLD)}  {prefix}{visible(problem.message)}"
    found = lines.get(problem.position.file, problem.position.line)
    number = str(problem.position.line)
    note = visible(problem.note)
    if found is None or not found.strip():
        if note:
            yield f"   {note}"
    else:
        column = min(problem.position.column - 1, len(found))
        before, shown, width = _window(found, column, problem.position.length)
        yield f"{number:>5} | {shown}"
        yield f"{'':>5} | {' ' * before}{paint('^' * width, shade)}" + (f"  {note}" if note else "")
    if problem.hint:
        yield f"   {visible(problem.hint)}"


def _window(line: str, column: int, length: int) -> tuple[int, str, int]:
    """The line with what is invisible spelled out, cut around the fault; where the carets start, how wide they are."""
    start = max(0, column - _BEFORE) if len(line) > _WIDEST else 0
    head, fault = line[start:column], line[column : column + length]
    tail = line[column + length : start + _WIDEST]
    if len(fault) > _WIDEST:
        fault, tail = fault[:_WIDEST], ""
    left = "…" if start else ""
    right = "…" if start + len(head) + len(fault) + len(tail) < len(line) else ""
    head, fault, tail = (visible(part) for part in (head, fault, tail))
    return len(left) + _width(head), left + head + fault + tail + right, max(_width(fault), 1)


_Painter = Callable[[str, str], str]


class _Lines:
    """The lines of a source's files by their shown names, read once and only when a problem is there."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: Mapping[str, str] | None = None
        self._read: dict[str, list[str]] = {}

    def get(self, shown: str, number: int) -> str | None:
        if shown not in self._read:
            self._read[shown] = self._lines(shown)
        lines = self._read[shown]
        return _without_secrets(lines, number - 1) if number <= len(lines) else None

    def _lines(self, shown: str) -> list[str]:
        if self._names is None:
            self._names = {self._source.shown(name): name for name in self._source.files()}
        if shown not in self._names:
            return []
        try:
            data = self._source.read(self._names[shown])
        except UnreadableFile:
            return []
        if b"PRIVATE KEY" in data or b"\0" in data:
            # Nothing of a file with a secret is shown: a log outlives the mistake.
            return []
        return re.split(r"\r\n|\r|\n", data.decode("utf-8-sig", "replace"))


# From where a word begins, and no further than a key is long: a line may be of a megabyte.
_KEY = re.compile(r"""(?<![\w.-])([\w.-]{1,100})["']?\s{0,100}:(?:\s+|$)""")


def _without_secrets(lines: Sequence[str], index: int) -> str:
    """A line without what stands behind, or further in below, a key that is called like a credential."""
    line = lines[index]
    indent = len(line) - len(line.lstrip())
    for above in reversed(lines[:index]):
        if not indent:
            break
        if above.strip() and len(above) - len(above.lstrip()) < indent:
            indent = len(above) - len(above.lstrip())
            key = _KEY.search(above)
            if key is not None and is_credential(key[1]):
                return line[: len(line) - len(line.lstrip())] + HIDDEN
    secret = next((key for key in _KEY.finditer(line) if is_credential(key[1])), None)
    return without_secrets(line if secret is None or secret.end() == len(line) else line[: secret.end()] + HIDDEN)


def _paint(text: str, code: str) -> str:
    return f"{code}{text}{_RESET}"


def _plain(text: str, code: str) -> str:
    return text


def _count(problems: Sequence[Problem], files: int) -> str:
    """As in: 2 problems and 1 warning in 1 of 5 files. Nothing was sent."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [_many(errors, "problem")] if errors or not warnings else []
    parts += [_many(warnings, "warning")] if warnings else []
    touched = len({problem.position.file for problem in problems})
    where = f" in {touched} of {_many(files, 'file')}" if problems else f" in {_many(files, 'file')}"
    return " and ".join(parts) + where + "." + (" Nothing was sent." if errors else "")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text
    )


def render_github(problems: Iterable[Problem]) -> str:
    """The problems as GitHub workflow commands, one a line: annotations on the lines of a pull request.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(f"{_command(problem)}\n" for problem in few(tuple(problems)))


def _command(problem: Problem) -> str:
    place = problem.position
    properties = {
        "file": place.file,
        "line": place.line,
        "col": place.column,
        "endColumn": place.column + place.length,
        "title": problem.message,
    }
    told = ",".join(f"{name}={_escaped(visible(str(value)), ':,')}" for name, value in properties.items())
    body = "\n".join(text for text in (problem.note, problem.hint) if text) or problem.message
    return f"::{problem.severity} {told}::{_escaped(body)}"


def _escaped(text: str, more: str = "") -> str:
    for mark in "%\r\n" + more:
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
