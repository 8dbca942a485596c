"""An expression as the text that it is read from again: one spelling of each, as reports show them."""

from __future__ import annotations

from flexres.routing.language.model import Array, Chain, Comparison, Expression, Key, Operand, Text


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
    return str(operand).lower() if isinstance(operand, bool) else repr(operand)


def key_text(key: Key) -> str:
    """The place in the document: `languages[0].name`."""
    first, *others = key.parts
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in others)
