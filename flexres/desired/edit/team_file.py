"""One team file: users' entries edited, added and taken out of its text, and the text of a new file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ruamel.yaml.comments import CommentedMap

from flexres.desired.edit.entry import edit_entry, new_entry
from flexres.desired.edit.section import Section, rendered
from flexres.desired.edit.style import Indent, dumped
from flexres.desired.merge import Findings, Layer, merge, read_layer
from flexres.desired.model import DesiredUser
from flexres.desired.schema import users_yaml as entries


def defaults_layer(written: Any) -> Layer:
    """The `defaults:` of a file that loads, as a layer to merge users upon."""
    shared = cast(Layer, entries.shared.validate_python(written or {}))
    return merge({}, read_layer(shared, "", (), Findings()))


def new_file(header: str, defaults: Layer, users: Mapping[str, DesiredUser], base: Layer) -> bytes:
    """A team file of these users; `defaults` is written into it, `base` is that upon the stack's defaults."""
    indent = Indent()
    parts = [header]
    if defaults:
        parts.append(dumped(CommentedMap({"defaults": _block(defaults)}), indent) + "\n")
    blocks = [rendered(name, new_entry(base, user), indent) for name, user in users.items()]
    parts += ["users:\n", *blocks] if blocks else ["users: {}\n"]
    return "".join(parts).encode()


class TeamFile:
    """The text of a team file that loads, and the changes to it."""

    def __init__(self, data: bytes, shown: str, stack_defaults: Layer) -> None:
        self._section = Section(data, shown, "users")
        self.base = merge(stack_defaults, defaults_layer(self._section.values.get("defaults")))
        self._added: dict[str, DesiredUser] = {}

    def set(self, username: str, user: DesiredUser) -> None:
        """Let the entry of this user, a new one if need be, say this."""
        if username not in self._section.entries:
            self._added[username] = user
            return
        own = _own(self._section.entries[username].value)

        def edited(raw: Any) -> CommentedMap:
            entry = raw if isinstance(raw, CommentedMap) else CommentedMap()
            edit_entry(entry, own, self.base, user)
            return entry

        self._section.change(username, edited)

    def remove(self, username: str) -> None:
        """Take this user's entry out."""
        self._section.remove(username)

    def written(self) -> bytes:
        """The file with all changes; new users come in order where those that are there are in order.

        Raises SetupError for an entry that is written in a way that cannot be edited.
        """
        names = list(self._section.entries)
        is_ordered = names == sorted(names, key=str.lower)
        previous = None if is_ordered else names[-1]
        for username in sorted(self._added, key=str.lower):
            if is_ordered:
                before = [name for name in names if name.lower() < username.lower()]
                previous = before[-1] if before else None
            self._section.add(username, new_entry(self.base, self._added[username]), after=previous)
        return self._section.written()


def _own(value: Any) -> Layer:
    return read_layer(cast(Layer, entries.entry.validate_python(value or {})), "", (), Findings())


def _block(layer: Mapping[str, Any]) -> CommentedMap:
    return CommentedMap({name: _block(value) if isinstance(value, Mapping) else value for name, value in layer.items()})
