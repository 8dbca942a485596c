"""A YAML file as plain values, fast and without positions; `tree` has the positions when somebody asks.

Both read libyaml's events and resolve scalars by YAML 1.2. The values know only what stacks are made of and give up
on anything else (anchors, tags, repeated or non-text keys, broken syntax); the tree then reads the same text, says
what is wrong and where, and yields the same values for what is right.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import CBaseLoader, YAMLError
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

DEEPEST = 40

Scalar = None | bool | int | float | str

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INT = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS = frozenset("0123456789+-.")
_MOST_DIGITS = 300


class Unusual(Exception):  # noqa: N818 - a signal, not a failure
    """The text holds something that only the careful reader understands or can report."""


def read_values(data: bytes) -> Any:
    """The values of a UTF-8 document of text keys, without anchors and tags. Raises Unusual for anything else."""
    try:
        return _QuickReader(data).document()
    except (YAMLError, RecursionError):
        raise Unusual from None


class _QuickReader:
    """Builds dicts, lists and scalars straight from events; nothing is looked at twice."""

    def __init__(self, data: bytes) -> None:
        self._next = CBaseLoader(data).get_event
        self._resolved: dict[str, Scalar] = {}

    def document(self) -> Any:
        self._next()
        if type(self._next()) is StreamEndEvent:
            return None
        value = self._value(self._next(), DEEPEST)
        self._next()
        if type(self._next()) is not StreamEndEvent:
            raise Unusual
        return value

    def _value(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if event.anchor is not None:
            raise Unusual
        if kind is ScalarEvent:
            if event.tag is not None:
                raise Unusual
            text = event.value
            return self._plain(text) if event.implicit[0] else text
        if event.tag is not None or not depth:
            raise Unusual
        if kind is MappingStartEvent:
            return self._mapping(depth - 1)
        if kind is SequenceStartEvent:
            return self._sequence(depth - 1)
        raise Unusual

    def _plain(self, text: str) -> Scalar:
        try:
            return self._resolved[text]
        except KeyError:
            value = self._resolved[text] = resolve(text)
            return value

    def _mapping(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        next_event, plain = self._next, self._plain
        while True:
            event = next_event()
            if type(event) is ScalarEvent:
                key = plain(event.value) if event.implicit[0] else event.value
                if type(key) is not str or key in result or key == "<<" or event.anchor or event.tag:
                    raise Unusual
            elif type(event) is MappingEndEvent:
                return result
            else:
                raise Unusual
            result[key] = self._value(next_event(), depth)

    def _sequence(self, depth: int) -> list[Any]:
        result: list[Any] = []
        next_event = self._next
        while type(event := next_event()) is not SequenceEndEvent:
            result.append(self._value(event, depth))
        return result


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    A whole number of more than 300 digits comes as its first 300: Python refuses to convert longer ones, and
    validation refuses anything beyond 2^53.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        return int(text[:_MOST_DIGITS])
    if _OTHER_BASE.fullmatch(text):
        return int(text[2 : _MOST_DIGITS + 2], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
