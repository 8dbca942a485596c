"""One YAML file as plain values (fast, without positions) and as a tree of positions (when somebody asks).

Both are driven by libyaml's events. The fast way knows only what stacks are made of and gives up on anything
else (anchors, tags, repeated or non-text keys, broken syntax); the careful way then reads the same text, says
what is wrong and where, and yields the same values for what is right.
"""

from __future__ import annotations

from typing import Any

from _ruamel_yaml import (  # type: ignore[import-not-found]  # the C half of ruamel.yaml ships no types
    CParser,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.error import YAMLError

from flexres.desired.yaml.scalars import Scalar, resolve

DEEPEST = 40


class Unusual(Exception):  # noqa: N818 - a signal, not a failure
    """The text holds something that only the careful reader understands or can report."""


def read_quickly(data: bytes) -> Any:
    """The values of a UTF-8 document of text keys, without anchors and tags. Raises Unusual for anything else."""
    try:
        return _QuickReader(data).document()
    except (YAMLError, RecursionError):
        raise Unusual from None


class _QuickReader:
    """Builds dicts, lists and scalars straight from events; nothing is looked at twice."""

    def __init__(self, data: bytes) -> None:
        self._next = CParser(data).get_event
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
