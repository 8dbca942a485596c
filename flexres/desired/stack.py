"""A stack as the YAML has it: configuration, users, warnings, and the place of anything when a report asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flexres.desired.model import DesiredUser, StackConfig
from flexres.desired.schema.attributes import AttributeFormatError, split_name
from flexres.desired.yaml.problems import Locator
from flexres.desired.yaml.tree import Node
from flexres.errors import Position, Problem

_CONFIG = "flex.yaml"


@dataclass(frozen=True, slots=True)
class Stack:
    """What one stack wants. `users` is sorted by username; `files` are all files that were read, as shown."""

    name: str
    config: StackConfig
    users: Mapping[str, DesiredUser]
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]
    _locator: Locator = field(repr=False, compare=False)
    _names: Mapping[str, str] = field(repr=False, compare=False)

    def position(self, *path: str | int) -> Position:
        """The place of a path of flex.yaml, such as ("policy", "max_removals"), or of what surrounds it."""
        return self._locator.position(_CONFIG, path, at_key=True)

    def line_of(self, username: str) -> str | None:
        """The file and line that declare a user, such as `stacks/prod/users/ops.yaml:14`; None if none does."""
        if username not in self.users:
            return None
        place = self.position_of(username)
        return f"{place.file}:{place.line}"

    def position_of(self, username: str, *keys: str | int) -> Position:
        """The place of a user, or of one of their fields, such as ("attributes", "level").

        Attributes are named as in DesiredUser: bare, with Insights', contact_uri and image_url among them. A
        field that comes from defaults has its place there; one that is nowhere has the user's.
        """
        file = self._names[self.users[username].file]
        entry = ("users", username)
        for place, prefix in ((file, entry), (file, ("defaults",)), (_CONFIG, ("defaults",))):
            tree = self._locator.node(place)
            path = _written(tree, prefix, keys) if tree is not None else None
            if path is not None:
                return self._locator.position(place, path, at_key=True)
        return self._locator.position(file, entry, at_key=True)


def _written(tree: Node, prefix: Sequence[str], keys: Sequence[str | int]) -> tuple[str | int, ...] | None:
    """The path under which a field is written in the map at `prefix`, None where it is not."""
    candidates = [tuple(keys)]
    if keys[:1] == ("attributes",) and len(keys) > 1:
        candidates += [("insights", *keys[1:]), tuple(keys[1:])]
    for candidate in candidates:
        path: tuple[str | int, ...] = tuple(prefix)
        node = _descend(tree, prefix)
        for step in candidate:
            key = _spelled(node, step) if node is not None else None
            if node is None or key is None:
                break
            path, node = (*path, key), node.children[key]
        else:
            if node is not None:
                return path
    return None


def _descend(tree: Node, path: Sequence[str]) -> Node | None:
    node: Node | None = tree
    for step in path:
        node = node.children.get(step) if node is not None else None
    return node


def _spelled(node: Node, step: str | int) -> str | None:
    """The key of a map that stands for `step`: itself, or its typed spelling."""
    if isinstance(step, str) and step in node.children:
        return step
    for key in node.children:
        try:
            if split_name(key)[0] == step:
                return key
        except AttributeFormatError:
            continue
    return None
