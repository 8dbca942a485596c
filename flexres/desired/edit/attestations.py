"""Attestations in flex.yaml: what a person entered in Console, every other line left byte for byte as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from flexres.desired.edit.scalar_text import Indent, dumped, reader_and_writer, text
from flexres.desired.model import Attested
from flexres.desired.schema.sso import DIGESTED
from flexres.desired.yaml.tree import Node, compose, decode
from flexres.errors import SetupError

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def with_attestations(data: bytes, shown: str, attested: Attested) -> bytes:
    """The bytes of a flex.yaml that loads and has `sso:`, with these attestations and no others.

    Comments within `attested:` stay. Raises SetupError where the file is written in a way that cannot be edited.
    """
    plain, _ = decode(data, shown)
    root, _ = compose(plain, shown)
    if root is None or "sso" not in root.children:
        raise SetupError(f"{shown} has no sso: section", hint="add one, and attest what a person entered in Console")
    source = plain.decode("utf-8")
    end = next(iter(re.findall(r"\r\n|\r|\n", source)), "\n")
    written = _in_lines(source, root, attested, end) or _whole(source, attested)
    if _without_attested(compose(written.encode(), shown)[0]) != _without_attested(root):
        raise SetupError(
            f"{shown} is written in a way that cannot be edited",
            hint="write sso: plainly (key: value, a line each), then run this again",
        )
    return ((_BOM if data.startswith(_BOM.encode()) else "") + written).encode()


def _in_lines(source: str, root: Node, attested: Attested, end: str) -> str | None:
    """The text with only the lines of `attested:` changed; None where `sso:` is not made of lines of its own."""
    sso = root.children["sso"]
    first = next(iter(sso.keys.values()), None)
    if first is None or sso.length or first.line == root.keys["sso"].line:
        return None
    lines: list[str] = _LINE.findall(source)
    key = sso.keys.get("attested")
    if key is None:
        start = stop = _end_of(lines, root, sso, root.keys["sso"].line, first.column)
        block = CommentedMap()
    else:
        start, stop = key.line, _end_of(lines, root, sso, key.line, first.column)
        found = _loaded("".join(line[first.column :] if line.strip() else "\n" for line in lines[start:stop]))
        if found is None:
            return None
        block = found["attested"] if isinstance(found["attested"], CommentedMap) else CommentedMap()
    _edit(block, attested)
    step = first.column - root.keys["sso"].column
    new = dumped(CommentedMap({"attested": block}), Indent(step, 2))
    indented = "".join(" " * first.column + line if line.strip() else line for line in _LINE.findall(new))
    if start and not lines[start - 1].endswith(("\r", "\n")):
        lines[start - 1] += end
    lines[start:stop] = [indented.replace("\n", end)]
    return "".join(lines)


def _end_of(lines: list[str], root: Node, sso: Node, start: int, column: int) -> int:
    """The line after the last one of what begins at `start`: comments above the next key are the next one's."""
    own = [node.line for node in sso.keys.values() if node.line > start] if start in _starts(sso) else []
    later = own + [node.line for node in root.keys.values() if node.line > start]
    end = min(later, default=len(lines))
    while end > start + 1 and _is_between(lines[end - 1], column if own else 0):
        end -= 1
    return end


def _starts(sso: Node) -> set[int]:
    return {node.line for node in sso.keys.values()}


def _is_between(line: str, column: int) -> bool:
    stripped = line.strip()
    indent = len(line) - len(line.lstrip())
    return not stripped or stripped in ("...", "---") or (stripped.startswith("#") and indent <= column)


def _whole(source: str, attested: Attested) -> str:
    """The file read and written as a whole, which keeps comments and order."""
    yaml = reader_and_writer(Indent())
    yaml.explicit_start = source.startswith("---")
    read = _loaded(source)
    if read is None or not isinstance(read.get("sso"), CommentedMap):
        return source
    block = read["sso"].get("attested")
    if not isinstance(block, CommentedMap):
        block = read["sso"]["attested"] = CommentedMap()
    _edit(block, attested)
    stream = StringIO()
    yaml.dump(read, stream)
    return stream.getvalue()


def _loaded(source: str) -> CommentedMap | None:
    try:
        read = reader_and_writer(Indent()).load(re.sub(r"\r\n?", "\n", source))
    except YAMLError:
        return None
    return read if isinstance(read, CommentedMap) else None


def _edit(block: CommentedMap, attested: Attested) -> None:
    wanted: dict[str, Any] = {name: text(attested.digests[name]) for name in DIGESTED if name in attested.digests}
    if attested.trusted:
        old = block.get("trusted")
        wanted["trusted"] = (
            old if _lists(old, attested.trusted) else CommentedSeq(text(each) for each in attested.trusted)
        )
    for name in [name for name in block if name not in wanted]:
        del block[name]
    for name, value in wanted.items():
        if block.get(name) != value:
            block[name] = value


def _lists(value: Any, entries: tuple[str, ...]) -> bool:
    return isinstance(value, CommentedSeq) and list(value) == list(entries)


def _without_attested(root: Node | None) -> Mapping[str, Any] | None:
    if root is None or not isinstance(root.value, dict) or not isinstance(root.value.get("sso"), dict):
        return None
    rest = {name: value for name, value in root.value["sso"].items() if name != "attested"}
    return {**root.value, "sso": rest}
