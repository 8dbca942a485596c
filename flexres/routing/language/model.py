"""An expression of TaskRouter as values, comparisons and chains of them, and as the text that it is read from again.

https://www.twilio.com/docs/taskrouter/expression-syntax
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    """How a comparison compares, as it is printed."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINS = "CONTAINS"
    HAS = "HAS"
    IN = "IN"
    NOT_IN = "NOT IN"


class Junction(StrEnum):
    """What joins two terms of a chain."""

    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class Text:
    """A string as it was written, with its quotes: what a backslash in it means is not documented."""

    source: str

    @property
    def literal(self) -> str:
        """The string if a backslash is a character like any other."""
        quote = self.source[0]
        return self.source[1:-1].replace(quote * 2, quote)

    @property
    def unescaped(self) -> str:
        """The string if a backslash escapes what follows it."""
        return _unescape(self.literal) if "\\" in self.source else self.literal


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unescape(text: str) -> str:
    found: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            following = next(characters, "\\")
            character = _ESCAPES.get(following, following)  # noqa: PLW2901 - what it stands for
        found.append(character)
    return "".join(found)


Part: TypeAlias = "str | int"


@dataclass(frozen=True, slots=True)
class Key:
    """A place in a JSON document: names of members, and numbers of items from 0."""

    parts: tuple[Part, ...]


Constant: TypeAlias = "Text | int | float | bool"


@dataclass(frozen=True, slots=True)
class Array:
    """A list of constants: `["en", "de"]`."""

    items: tuple[Constant, ...]


Operand: TypeAlias = "Constant | Key | Array"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and how they are compared."""

    left: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class Chain:
    """Terms and what stands between them: one junction less than terms, of which there are two or more.

    A chain that has both AND and OR is kept as it was written, since which of the two binds tighter is not
    documented; a chain within a chain was in parentheses.
    """

    terms: tuple[Expression, ...]
    junctions: tuple[Junction, ...]

    @property
    def is_mixed(self) -> bool:
        """Whether its result depends on which junction binds tighter."""
        return len(set(self.junctions)) > 1


Expression: TypeAlias = "Comparison | Chain"


def text_of(expression: Expression) -> str:
    """The expression in one spelling: keywords in capitals, `==`, one space, parentheses where they matter."""
    if isinstance(expression, Comparison):
        return comparison_text(expression)
    parts = [_term(expression.terms[0])]
    for junction, term in zip(expression.junctions, expression.terms[1:], strict=True):
        parts += [junction.value, _term(term)]
    return " ".join(parts)


def _term(term: Expression) -> str:
    return f"({text_of(term)})" if isinstance(term, Chain) else comparison_text(term)


def comparison_text(comparison: Comparison) -> str:
    """One comparison: `routing.levels.billing >= 3`."""
    return f"{operand_text(comparison.left)} {comparison.operator.value} {operand_text(comparison.right)}"


def operand_text(operand: Operand) -> str:
    """One side of a comparison."""
    if isinstance(operand, Key):
        return key_text(operand)
    if isinstance(operand, Text):
        return operand.source
    if isinstance(operand, Array):
        return f"[{', '.join(map(operand_text, operand.items))}]"
    return str(operand).lower()


def key_text(key: Key) -> str:
    """The place in the document: `languages[0].name`."""
    first, *others = key.parts
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in others)
