"""YAML texts: values dressed so that every reader takes them for what they are, and maps as text, for `write`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.emitter import Emitter
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from flexres.desired.yaml.values import resolve
from flexres.values import Json, canonical

FLOW_WIDTH: Final = 90
"""Maps and lists of up to so many characters stand on one line."""

_UNFOLDED: Final = 1_000_000
# Anything else is quoted: readers of YAML 1.1, libyaml (no colons within braces) and ruamel do not agree on the rest.
_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w.@/+()&'=%~\-]| (?=[\w.@/+(&]))*")
_ESCAPES: Final = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_OTHER_READERS: Final = frozenset(("y", "n", "yes", "no", "on", "off"))


class _Representer(RoundTripRepresenter):
    """Writes null as a word: an opt-out of a default should not look like something forgotten."""


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _null)


class _Emitter(Emitter):
    """Escapes what is not to be seen, so that a reviewer can: ruamel.yaml itself leaves text direction marks as is."""

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """The text in double quotes, on one line."""
        self.write_indicator(f'"{"".join(map(_escaped, text))}"', True)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


@dataclass(frozen=True, slots=True)
class Indent:
    """How a file indents: `mapping` below a key, `offset` of a list's dashes below their key, both in columns."""

    mapping: int = 2
    offset: int = 2


def styled(value: Any) -> Any:
    """A JSON value, or a date, as ruamel.yaml is to write it."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return in_flow({text(key): styled(item) for key, item in value.items()}, short_enough(value))
    if isinstance(value, Sequence):
        items = CommentedSeq(styled(item) for item in value)
        if short_enough(value) or not value:
            items.fa.set_flow_style()
        return items
    return value


def in_flow(items: Mapping[Any, Any], flow: bool) -> CommentedMap:
    """A map to be written on one line, or on one line a key."""
    result = CommentedMap(items)
    if flow or not items:
        result.fa.set_flow_style()
    return result


def short_enough(value: Json) -> bool:
    """Whether a map or list fits on one line."""
    return len(canonical(value)) <= FLOW_WIDTH


def text(value: str) -> str:
    """A text, in quotes unless no reader could take it for anything else."""
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _OTHER_READERS and resolve(value) == value
    return value if plain else DoubleQuotedScalarString(value)


def reader_and_writer(indent: Indent) -> YAML:
    """A ruamel.yaml that keeps comments, quotes and order, and writes with this indentation."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _UNFOLDED
    yaml.Representer = _Representer
    yaml.Emitter = _Emitter
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=indent.mapping, sequence=indent.offset + 2, offset=indent.offset)
    return yaml


def dumped(value: CommentedMap, indent: Indent) -> str:
    """A map as text, every line ended by a line feed."""
    stream = StringIO()
    reader_and_writer(indent).dump(value, stream)
    return stream.getvalue()
