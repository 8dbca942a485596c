"""A stack's files in another spelling of the same: rewritten with comments and order kept, nothing written to disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ruamel.yaml.comments import CommentedMap

from flexres.desired.edit.section import Section
from flexres.desired.edit.style import styled, text
from flexres.desired.edit.team_files import Overlay, says_the_same
from flexres.desired.load import load_stack
from flexres.desired.schema.attributes import AttributeFormatError, parse_typed, split_name
from flexres.desired.source import Source
from flexres.desired.stack import Stack
from flexres.errors import SetupError

NEWEST: Final = 1
"""The version of the format of flex.yaml and team files that this flexres writes."""


@dataclass(frozen=True, slots=True)
class Respelled:
    """One file: its bytes after, and each attribute that is spelled otherwise, as `whose: before → after`."""

    name: str
    after: bytes
    changes: tuple[str, ...]


def with_natural_types(source: Source, stack: Stack) -> tuple[Respelled, ...]:
    """The files in which `level.int: "3"` becomes `level: 3`, and the like; what has no natural spelling stays.

    Raises:
        SetupError: a file is written in a way that cannot be edited, or would say something else afterwards.
    """
    names = (name for name in source.files() if source.shown(name) in stack.files)
    files = tuple(file for name in names if (file := _respelled(source, name)).changes)
    after = Overlay(source, {file.name: file.after for file in files}, "")
    users = load_stack(after, name=stack.name, may_be_empty=True).users
    if not all(says_the_same(users[username], user) for username, user in stack.users.items()):
        raise SetupError("the files would say something else afterwards", hint="nothing was written: this is our fault")
    return files


def _respelled(source: Source, name: str) -> Respelled:
    data, shown = source.read(name), source.shown(name)
    changes: list[str] = []
    shared = Section(data, shown, "defaults")
    written = _attributes(shared.values.get("defaults"))
    if _natural_names(written):
        changes += (f"defaults: {one}" for one in _told(written))
        shared.change("attributes", partial(_edited, written))
        data = shared.written()
    users = Section(data, shown, "users")
    inner: list[str] = []
    for username, node in users.entries.items():
        own = _attributes(node.value)
        if _natural_names(own):
            inner += (f"{username}: {one}" for one in _told(own))
            users.change(username, partial(_with_attributes, own))
    return Respelled(name, users.written() if inner else data, (*changes, *inner))


def _attributes(entry: Any) -> Mapping[str, Any]:
    written = entry.get("attributes") if isinstance(entry, Mapping) else None
    return written if isinstance(written, Mapping) else {}


def _natural_names(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Typed name → the bare one, where that means the same; `a.int.int` is the type of something called `a.int`."""
    return dict(_each_natural_name(attributes))


def _each_natural_name(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in attributes:
        bare, kind = split_name(name)
        try:
            if kind is not None and split_name(bare) == (bare, None):
                yield name, bare
        except AttributeFormatError:
            continue


def _told(attributes: Mapping[str, Any]) -> Iterator[str]:
    return (f"{name} → {bare}" for name, bare in _natural_names(attributes).items())


def _with_attributes(own: Mapping[str, Any], raw: Any) -> Any:
    raw["attributes"] = _edited(own, raw["attributes"])
    return raw


def _edited(written: Mapping[str, Any], raw: CommentedMap) -> CommentedMap:
    """The map with its typed names bare and their values natural, each in its place and with its comment."""
    for name, bare in _natural_names(written).items():
        place = list(raw).index(name)
        comment = raw.ca.items.pop(name, None)
        del raw[name]
        key = text(bare)
        raw.insert(place, key, styled(parse_typed(name, written[name])[1]))
        if comment is not None:
            raw.ca.items[key] = comment
    return raw
