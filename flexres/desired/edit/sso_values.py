"""Values for `sso:` that an identity provider offers, written into flex.yaml: every other line stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from flexres.desired.edit.scalar_text import text
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import InvalidStack, SetupError

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FIRST: Final = ("writer", "type")


def with_offered(data: bytes, shown: str, offered: Mapping[str, str]) -> bytes:
    """The bytes of a flex.yaml with these values in its `sso:`, comments kept; new keys stand behind `writer:`.

    Raises SetupError where there is no `sso:`, or it is written in a way that cannot be edited, InvalidStack where
    the file is no YAML.
    """
    plain, problems = decode(data, shown)
    root = None
    if not problems:
        root, problems = compose(plain, shown)
    if problems:
        raise InvalidStack(tuple(problems), files=1)
    sso = root.children.get("sso") if root is not None else None
    if root is None or sso is None or not sso.keys:
        raise SetupError(
            f"{shown} has no sso: section to fill in",
            hint="begin one with type: and writer: below sso:, then run again",
        )
    if sso.length or next(iter(sso.keys.values())).line == root.keys["sso"].line:
        raise _cannot(shown, offered)
    source = plain.decode("utf-8")
    lines: list[str] = _LINE.findall(source)
    end = next(iter(re.findall(r"\r\n|\r|\n", source)), "\n")
    added = []
    for name, value in offered.items():
        if name in sso.keys:
            _replace(lines, sso.keys[name], sso.children[name], _quoted(value))
        else:
            added.append(f"{name}: {_quoted(value)}")
    if added:
        _insert(lines, sso, added, end)
    written = "".join(lines)
    again, _ = compose(written.encode(), shown)
    if again is None or again.value != {**root.value, "sso": {**root.value["sso"], **offered}}:
        raise _cannot(shown, offered)
    return ((_BOM if data.startswith(_BOM.encode()) else "") + written).encode()


def _replace(lines: list[str], key: Node, value: Node, new: str) -> None:
    """The value's text on its own line; without one yet, behind the key's colon."""
    if value.length:
        line = lines[value.line]
        lines[value.line] = line[: value.column] + new + line[value.column + value.length :]
    else:
        line = lines[key.line]
        at = line.index(":", key.column) + 1
        lines[key.line] = f"{line[:at]} {new}{line[at:]}"


def _quoted(value: str) -> str:
    plain = text(value)
    if type(plain) is str:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _insert(lines: list[str], sso: Node, added: list[str], end: str) -> None:
    anchor = next((sso.keys[name] for name in _FIRST if name in sso.keys), None)
    column = next(iter(sso.keys.values())).column
    place = anchor.line + 1 if anchor is not None else next(iter(sso.keys.values())).line
    if place and not lines[place - 1].endswith(("\r", "\n")):
        lines[place - 1] += end
    lines[place:place] = [f"{' ' * column}{line}{end}" for line in added]


def _cannot(shown: str, offered: Mapping[str, str]) -> SetupError:
    values = "; ".join(f"{name}: {value}" for name, value in offered.items())
    return SetupError(
        f"{shown} is written in a way that cannot be edited",
        hint=f"write sso: plainly (key: value, a line each), or enter by hand: {values}",
    )
