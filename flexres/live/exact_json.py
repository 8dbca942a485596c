"""JSON whose numbers are kept as they were written, so that what is not ours can be sent back unchanged.

Python reads `1e400` as infinity and rounds long decimals; here each such number remembers its text. `NaN` and
`Infinity`, which Python would take and give, are no JSON and are refused both ways.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, NoReturn

from flexres.values import Json


class Number(float):
    """A JSON number with a fraction or an exponent: a float to reckon with, and `text` as it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str | float) -> Number:
        made = super().__new__(cls, text)
        made.text = str(text)
        return made


def refuse_constant(name: str) -> NoReturn:
    """Raises ValueError for NaN, Infinity and -Infinity, which the parser hands over here."""
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_float=Number, parse_constant=refuse_constant)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, also for what nests beyond reading."""
    try:
        return _DECODER.decode(
            text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def dumps(value: Json, *, ascii_only: bool = False) -> str:
    """The JSON text of a value without white space, its numbers as they came. Raises ValueError for what is no JSON."""
    return "".join(_pieces(value, encode_basestring_ascii if ascii_only else encode_basestring))


def _pieces(value: Json, quoted: Any) -> list[str]:
    if isinstance(value, str):
        return [quoted(value)]
    if value is None or isinstance(value, bool):
        return [{None: "null", True: "true", False: "false"}[value]]
    if isinstance(value, int | float):
        return [value.text if isinstance(value, Number) else json.dumps(value, allow_nan=False)]
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            found += (",", quoted(key), ":", *_pieces(item, quoted))
        return ["{", *found[1:], "}"]
    if isinstance(value, Sequence):
        for item in value:
            found += (",", *_pieces(item, quoted))
        return ["[", *found[1:], "]"]
    raise ValueError(f"{type(value).__name__} is no JSON")
