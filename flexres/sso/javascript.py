"""Object literals of JavaScript, as far as a configuration file has them: comments, quotes, trailing commas.

Nothing is run. What only running could tell (a variable, a call) is read over and kept as an Expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

_DEEPEST: Final = 40
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER: Final = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_BLANK: Final = re.compile(r"(?:\s|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Expression:
    """Source that only a browser can evaluate."""

    source: str


Value: TypeAlias = "None | bool | float | str | Expression | list[Value] | dict[str, Value]"


class UnreadableScript(ValueError):  # noqa: N818 - it names what was found
    """A browser could not read it either: `line` and `column` from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def read_assignments(source: str, name: str) -> dict[str, Value] | None:
    """The object that a script leaves in the variable `name`, None where it never assigns one.

    `name = {…}` with or without var, let, const or `window.`, and `name.key = …` after it, in their order.

    Raises:
        UnreadableScript: something in such an assignment is no JavaScript.
    """
    found: dict[str, Value] | None = None
    code = _without_comments(source)
    pattern = re.compile(rf"(?<![\w$.])(?:window\s*\.\s*)?{re.escape(name)}((?:\s*\.\s*[A-Za-z_$][\w$]*)*)\s*=(?![=>])")
    end = 0
    for match in pattern.finditer(code):
        if match.start() < end:
            continue
        reader = _Reader(source, match.end())
        value = reader.value(0)
        end = reader.place
        keys = _IDENTIFIER.findall(match[1])
        if not keys:
            found = value if isinstance(value, dict) else {}
        else:
            _put(found if found is not None else (found := {}), keys, value)
    return found


def _put(target: dict[str, Value], keys: list[str], value: Value) -> None:
    for key in keys[:-1]:
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = target[key] = {}
        target = inner
    target[keys[-1]] = value


def _without_comments(source: str) -> str:
    """The source with comments and texts blanked out, so that an assignment in one of them is none."""
    pattern = re.compile(
        r"//[^\r\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\r\n])*\"?|'(?:\\.|[^'\\\r\n])*'?|`(?:\\.|[^`\\])*`?", re.DOTALL
    )
    return pattern.sub(lambda found: re.sub(r"[^\r\n]", " ", found[0]), source)


class _Reader:
    def __init__(self, source: str, place: int) -> None:
        self.source = source
        self.place = place

    def value(self, depth: int) -> Value:
        self._skip()
        if depth > _DEEPEST:
            raise self._error("this nests deeper than any configuration")
        start, mark = self.place, self._peek()
        if mark == "{":
            value: Value = self._object(depth)
        elif mark == "[":
            value = self._array(depth)
        elif mark and mark in "\"'`":
            value = self._text(mark)
        else:
            value = self._word()
        self._skip()
        if self._peek() in (",", "}", "]", ";", "") or self._on_new_line(start):
            return value
        return self._expression(start)

    def _object(self, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        self.place += 1
        while True:
            self._skip()
            if self._peek() == "}":
                self.place += 1
                return result
            key = self._key()
            self._skip()
            if self._peek() != ":":
                raise self._error(f'a colon is missing behind "{key}"')
            self.place += 1
            result[key] = self.value(depth + 1)
            self._comma("}")

    def _array(self, depth: int) -> list[Value]:
        result: list[Value] = []
        self.place += 1
        while True:
            self._skip()
            if self._peek() == "]":
                self.place += 1
                return result
            result.append(self.value(depth + 1))
            self._comma("]")

    def _comma(self, closing: str) -> None:
        self._skip()
        if self._peek() == ",":
            self.place += 1
        elif self._peek() != closing:
            raise self._error("a comma is missing" if self._peek() else f"{closing} is missing at the end of the file")

    def _key(self) -> str:
        mark = self._peek()
        if mark and mark in "\"'":
            return str(self._text(mark))
        found = _IDENTIFIER.match(self.source, self.place) or _NUMBER.match(self.source, self.place)
        if found is None:
            raise self._error("a name is missing" if mark else "} is missing at the end of the file")
        self.place = found.end()
        return found[0]

    def _text(self, quote: str) -> str | Expression:
        start = self.place
        self.place += 1
        parts: list[str] = []
        while (mark := self._peek()) != quote:
            if not mark or (mark in "\r\n" and quote != "`"):
                self.place = start
                raise self._error("this text has no closing quote")
            if mark == "\\":
                parts.append(self._escape())
            else:
                parts.append(mark)
                self.place += 1
        self.place += 1
        if quote == "`" and "${" in self.source[start : self.place]:
            return Expression(self.source[start : self.place])
        return "".join(parts)

    def _escape(self) -> str:
        found = re.compile(
            r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL
        ).match(self.source, self.place)
        if found is None:
            raise self._error("this text has no closing quote")
        self.place = found.end()
        number = found[1] or found[2] or found[3]
        if number:
            code = int(number, 16)
            return chr(code) if code < 0x110000 else "\ufffd"
        return "" if found[4] in ("\n", "\r", "\r\n") else _ESCAPES.get(found[4], found[4])

    def _word(self) -> Value:
        number = _NUMBER.match(self.source, self.place)
        if number is not None:
            self.place = number.end()
            return float(int(number[0], 16)) if "x" in number[0].lower() else float(number[0])
        word = _IDENTIFIER.match(self.source, self.place)
        if word is None and self._peek() in ("!", "(", "-", "+", "~"):
            return Expression("")
        if word is None:
            raise self._error("a value is missing" if self._peek() else "the file ends where a value should stand")
        self.place = word.end()
        return _WORDS[word[0]] if word[0] in _WORDS else Expression(word[0])

    def _expression(self, start: int) -> Expression:
        """Reads over what only a browser can evaluate, to the comma or bracket that ends it."""
        depth = 0
        while mark := self._peek():
            if mark in "\"'`":
                self._text(mark)
                continue
            if not depth and mark in ",;}]":
                break
            depth += (mark in "([{") - (mark in ")]}")
            if depth < 0:
                break
            self.place += 1
        return Expression(self.source[start : self.place].strip())

    def _on_new_line(self, start: int) -> bool:
        """Whether a statement ended by a line break, without a semicolon."""
        before = self.source[start : self.place]
        return before != before.rstrip() and "\n" in before[len(before.rstrip()) :] and self._peek() not in "+-*/?.([&|"

    def _skip(self) -> None:
        found = _BLANK.match(self.source, self.place)
        self.place = found.end() if found else self.place

    def _peek(self) -> str:
        return self.source[self.place : self.place + 1]

    def _error(self, message: str) -> UnreadableScript:
        before = self.source[: self.place]
        line = before.count("\n") + 1
        return UnreadableScript(message, line, self.place - (before.rfind("\n") + 1) + 1)
