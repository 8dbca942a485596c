"""Values of JavaScript, as far as source alone tells them: literals, and what a few operators make of two values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tree_sitter import Node

_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
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
        yield _ESCAPE.sub(_unescaped, source[1:-1])
        return
    data, start = node.text or b"", node.start_byte
    at = 1
    for child, part in zip(node.named_children, parts, strict=True):
        if child.type == "template_substitution":
            yield _ESCAPE.sub(_unescaped, data[at : child.start_byte - start].decode("utf-8", "replace"))
            yield str(part)
            at = child.end_byte - start
    yield _ESCAPE.sub(_unescaped, data[at:-1].decode("utf-8", "replace"))


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
