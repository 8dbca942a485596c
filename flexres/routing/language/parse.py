"""The parser of TaskRouter's expressions: a text becomes values, or an error with the column at fault."""

from __future__ import annotations

from functools import cache, lru_cache
from math import isfinite
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from flexres.routing.language.model import (
    Array,
    Chain,
    Comparison,
    Constant,
    Expression,
    Junction,
    Key,
    Operand,
    Operator,
    Part,
    Text,
)

LONGEST: Final = 20_000
"""Characters of one expression. Twilio names no limit; a person writes some hundred."""

DEEPEST: Final = 50
"""Parentheses within parentheses."""

# Keywords in any case, and `=` for `==`, are met in Twilio's own samples. A doubled quote within a string would be
# an error otherwise, so reading it as one quote takes nothing away.
_GRAMMAR: Final = r"""
    ?start: chain
    chain: term ((AND | OR) term)*
    ?term: comparison
         | OPEN chain ")" -> group
    comparison: operand OPERATOR operand
              | operand IN operand
              | operand NOT_IN operand
    ?operand: constant | key | array
    array: "[" [constant ("," constant)*] "]"
    ?constant: TEXT -> text
             | NUMBER -> number
             | BOOLEAN -> boolean
    key: KEY

    OPEN: "("
    AND.3: /and(?![\w.])/i
    OR.3: /or(?![\w.])/i
    IN.3: /in(?![\w.])/i
    NOT_IN.3: /not\s+in(?![\w.])/i
    OPERATOR.3: /==|!=|<=|>=|=|<|>|has(?![\w.])|contains(?![\w.])/i
    BOOLEAN.3: /(true|false)(?![\w.\[])/i
    NUMBER.2: /[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?(?!\w)/i
    TEXT: /"(?:[^"\\]|\\.|"")*"|'(?:[^'\\]|\\.|'')*'/s
    KEY: /[^\W\d]\w*(\s*\[\s*\d+\s*\]|\.\w+)*/
    %ignore /\s+/
"""

# A backslash that escapes nothing may stand before the last quote: `"C:\"`.
_STRINGS_WITHOUT_ESCAPES: Final = r"""    TEXT: /"(?:[^"]|"")*"|'(?:[^']|'')*'/s"""


class ExpressionError(ValueError):
    """An expression that cannot be read: `message` says why, `column` where, in characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"column {column}: {message}")
        self.message = message
        self.column = column


@lru_cache(maxsize=10_000)
def parse(text: str) -> Expression:
    """The expression of a text that is not blank.

    Raises:
        ExpressionError: it is none, or one longer or deeper than anybody writes.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"it has {len(text):,} characters; more than {LONGEST:,} are not read", LONGEST + 1)
    try:
        return _parsed(text, escapes=True)
    except ExpressionError:
        if "\\" not in text:
            raise
        return _parsed(text, escapes=False)


def _parsed(text: str, *, escapes: bool) -> Expression:
    try:
        found = _parser(escapes).parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ExpressionError):
            raise error.orig_exc from None
        raise
    assert isinstance(found, _Deep)
    return found.expression


@cache
def _parser(escapes: bool) -> Lark:
    grammar = _GRAMMAR
    if not escapes:
        lines = _GRAMMAR.splitlines()
        grammar = "\n".join(_STRINGS_WITHOUT_ESCAPES if "TEXT: " in line else line for line in lines)
    return Lark(grammar, parser="lalr", transformer=_Values(), maybe_placeholders=False)


def _explained(error: UnexpectedInput, text: str) -> ExpressionError:
    """What a person can do something about, instead of the parser's own words."""
    place = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return ExpressionError(f"{_shown(str(error.token))} is not expected here", place + 1)
    if isinstance(error, UnexpectedCharacters) and place < len(text):
        character = text[place]
        if character in "\"'":
            return ExpressionError("the string that begins here has no end", place + 1)
        if character == "-":
            return ExpressionError("hyphens are not supported in keys", place + 1)
        return ExpressionError(f"{_shown(character)} is not expected here", place + 1)
    return ExpressionError("it ends too early", len(text) + 1)


def _shown(token: str) -> str:
    return repr(token if len(token) <= 30 else token[:29] + "…")


class _Deep:
    """An expression and how deep its parentheses are, known while it is built so that nobody has to descend."""

    __slots__ = ("depth", "expression")

    def __init__(self, expression: Expression, depth: int) -> None:
        self.expression = expression
        self.depth = depth


_OPERATORS: Final = {operator.value: operator for operator in Operator} | {"=": Operator.EQUAL}


class _Values(Transformer[Token, _Deep]):
    """Makes values while the parser reads, without a tree in between and without recursion."""

    def chain(self, children: list[Any]) -> _Deep:
        terms: list[_Deep] = children[::2]
        depth = max(term.depth for term in terms)
        if len(terms) == 1:
            return terms[0]
        junctions = tuple(Junction(str(token).upper()) for token in children[1::2])
        return _Deep(Chain(tuple(term.expression for term in terms), junctions), depth)

    def group(self, children: list[Any]) -> _Deep:
        opening, inner = children
        if inner.depth >= DEEPEST:
            raise ExpressionError(f"more than {DEEPEST} parentheses within each other are not read", _column(opening))
        return _Deep(inner.expression, inner.depth + 1)

    def comparison(self, children: list[Any]) -> _Deep:
        left, operator, right = children
        return _Deep(Comparison(left, _OPERATORS[" ".join(str(operator).upper().split())], right), 0)

    def array(self, children: list[Constant]) -> Operand:
        return Array(tuple(children))

    def key(self, children: list[Token]) -> Key:
        parts: list[Part] = []
        for part in str(children[0]).replace("[", ".[").split("."):
            name = part.strip()
            parts.append(_number(name.strip("[] \t\r\n"), children[0]) if name.startswith("[") else name)
        return Key(tuple(parts))

    def text(self, children: list[Token]) -> Text:
        return Text(str(children[0]))

    def number(self, children: list[Token]) -> int | float:
        source = str(children[0])
        if source.lstrip("+-").isdigit():
            return _number(source, children[0])
        value = float(source)
        if not isfinite(value):
            raise ExpressionError("the number is too large", _column(children[0]))
        return value

    def boolean(self, children: list[Token]) -> bool:
        return children[0].lower() == "true"


def _number(source: str, token: Token) -> int:
    if len(source) > 40:
        raise ExpressionError("the number is too large", _column(token))
    return int(source)


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1
