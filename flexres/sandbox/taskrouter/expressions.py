"""TaskRouter's expressions, parsed: what a task queue asks of Workers, and what a list of Workers is filtered by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

DEEPEST = 100
"""Parentheses within one another; deeper ones are refused."""

Precedence = Literal["and_first", "left_to_right"]
Escapes = Literal["none", "backslash"]
Scalar = str | int | float | bool

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<symbol>==|!=|>=|<=|[=<>()\[\],])
      | (?P<key>[^\W\d][\w$]*(?:\.\w[\w$]*|\[\d+\])*)
    )""",
    re.VERBOSE,
)
_PLAIN_TEXT = re.compile(r"""\s*(?P<text>"[^"]*"|'[^']*')""")
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SYMBOLS = ("==", "=", "!=", ">", ">=", "<", "<=")


class ExpressionError(Exception):
    """An expression that cannot be read; `column` counts characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} at column {column}")
        self.column = column


@dataclass(frozen=True, slots=True)
class Key:
    """A value to look up: names, and numbers for places in lists."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as written; a list only in square brackets."""

    value: Scalar | tuple[Scalar, ...]


Operand = Key | Constant


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`. The operator is one of `== != > >= < <= CONTAINS HAS IN` and `NOT IN`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Junction:
    """Several conditions of which all have to hold, or any."""

    kind: Literal["AND", "OR"]
    parts: tuple[Expression, ...]


Expression = Comparison | Junction


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """A keyword in capitals, however it was written; other tokens as they are."""
        return self.text.upper() if self.kind == "key" else self.text


@lru_cache(maxsize=10_000)
def parse(text: str, precedence: Precedence = "and_first", escapes: Escapes = "none") -> Expression:
    """Reads an expression; where Twilio's documents are silent, the arguments say how.

    Raises:
        ExpressionError: it is none.
    """
    return _Parser(_tokens(text, escapes), precedence, escapes).whole()


def _tokens(text: str, escapes: Escapes) -> list[_Token]:
    found: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = (escapes == "none" and _PLAIN_TEXT.match(text, place)) or _TOKEN.match(text, place)
        if not match or match.lastgroup is None:
            column = len(text) - len(text[place:].lstrip()) + 1
            raise ExpressionError(f"{text[column - 1]!r} was not expected", column)
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        place = match.end()
    return [*found, _Token("end", "", len(text) + 1)]


class _Parser:
    def __init__(self, tokens: Sequence[_Token], precedence: Precedence, escapes: Escapes) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0
        self._precedence, self._escapes = precedence, escapes

    def whole(self) -> Expression:
        expression = self._any()
        if self._next.kind != "end":
            raise self._unexpected("AND, OR or the end")
        return expression

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _any(self) -> Expression:
        if self._precedence == "left_to_right":
            return self._in_turn()
        parts = [self._all()]
        while self._next.word == "OR":
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Junction("OR", tuple(parts))

    def _all(self) -> Expression:
        parts = [self._condition()]
        while self._next.word == "AND":
            self._take()
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else Junction("AND", tuple(parts))

    def _in_turn(self) -> Expression:
        """Both words bind alike; a run of one word stays flat, so that long expressions do not nest."""
        expression = self._condition()
        while self._next.word in ("AND", "OR"):
            kind: Literal["AND", "OR"] = "AND" if self._take().word == "AND" else "OR"
            parts = [expression, self._condition()]
            while self._next.word == kind:
                self._take()
                parts.append(self._condition())
            expression = Junction(kind, tuple(parts))
            self._depth += 1
            self._check_depth(self._next)
        return expression

    def _condition(self) -> Expression:
        if self._next.text == "(" and self._next.kind == "symbol":
            opening = self._take()
            depth, self._depth = self._depth, self._depth + 1
            self._check_depth(opening)
            inner = self._any()
            if self._take().text != ")":
                raise ExpressionError("a closing parenthesis is missing", opening.column)
            self._depth = depth
            return inner
        return Comparison(self._operand(), self._operator(), self._operand())

    def _check_depth(self, token: _Token) -> None:
        if self._depth > DEEPEST:
            raise ExpressionError(f"more than {DEEPEST} levels", token.column)

    def _operator(self) -> str:
        word = self._next.word
        if self._next.kind == "symbol" and word in _SYMBOLS:
            self._take()
            return "==" if word == "=" else word
        if word in ("CONTAINS", "HAS", "IN"):
            self._take()
            return word
        if word == "NOT" and self._tokens[self._place + 1].word == "IN":
            self._place += 2
            return "NOT IN"
        raise self._unexpected("an operator")

    def _operand(self) -> Operand:
        if self._next.text == "[" and self._next.kind == "symbol":
            return Constant(self._list())
        token = self._next
        if token.kind == "key" and token.word not in ("AND", "OR", "NOT", "IN", "HAS", "CONTAINS", "TRUE", "FALSE"):
            self._take()
            steps = _STEP.findall(token.text)
            return Key(tuple(int(step[1:-1]) if step.startswith("[") else step for step in steps))
        return Constant(self._scalar())

    def _list(self) -> tuple[Scalar, ...]:
        self._take()
        values: list[Scalar] = []
        while self._next.text != "]":
            if values:
                if self._next.text != ",":
                    raise self._unexpected("a comma")
                self._take()
            values.append(self._scalar())
        self._take()
        return tuple(values)

    def _scalar(self) -> Scalar:
        token = self._next
        if token.kind == "text":
            self._take()
            inner = token.text[1:-1]
            return inner if self._escapes == "none" else _ESCAPED.sub(r"\1", inner)
        if token.kind == "number":
            self._take()
            return int(token.text) if re.fullmatch(r"-?\d{1,18}", token.text) else float(token.text)
        if token.word in ("TRUE", "FALSE"):
            return self._take().word == "TRUE"
        raise self._unexpected("a key or a value")

    def _unexpected(self, expected: str) -> ExpressionError:
        found = repr(self._next.text) if self._next.text else "the end"
        return ExpressionError(f"expected {expected}, found {found}", self._next.column)
