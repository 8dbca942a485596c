"""The key of a field: where it lives and its path there; spelled as text only in markers, JSON and properties."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

Space = Literal["profile", "attr", "skill", "channel", "marker", "sso", "idp"]
"""Where fields live: the Flex user, the Worker's attributes, Flex's skills, Worker channels, our marker alone, the
settings of single sign-on, the identity provider's set-up."""

_TEXTLESS: Final = {"profile", "marker"}
_known: dict[str, Key] = {}


class Key:
    """One field: `space` and `path`, whose parts are names as they are, whatever characters they hold.

    Each key exists once, so that tens of thousands of users share theirs and comparing two is comparing objects.
    Made by `Key.of` and `Key.parse`.
    """

    __slots__ = ("path", "space", "text")

    space: Space
    path: tuple[str, ...]
    text: str
    """The one spelling: `roles`, `attr:address/city`, `skill:billing`, `channel:chat.capacity`, `until`."""

    @staticmethod
    def of(space: Space, *path: str) -> Key:
        """The key of this path."""
        return _interned(space, path, _spelled(space, path))

    @staticmethod
    def parse(text: str) -> Key:
        """The key of a spelling, as `text` writes it."""
        known = _known.get(text)
        return known if known is not None else _interned(*_read(text), text)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1]

    def above(self) -> Iterable[Key]:
        """The keys of the maps that this one lies in, from the outside in."""
        return (Key.of(self.space, *self.path[:length]) for length in range(1, len(self.path)))

    def __repr__(self) -> str:
        return f"Key({self.text!r})"

    def __lt__(self, other: Key) -> bool:
        return self.text < other.text

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, _memo: object) -> Key:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return Key.parse, (self.text,)


def _interned(space: Space, path: tuple[str, ...], text: str) -> Key:
    known = _known.get(text)
    if known is None:
        known = Key.__new__(Key)
        known.space, known.path, known.text = space, path, text
        known = _known.setdefault(text, known)
    return known


def _spelled(space: Space, path: tuple[str, ...]) -> str:
    if space in _TEXTLESS:
        return path[0]
    if space == "attr":
        return "attr:" + "/".join(map(_escaped, path))
    return f"{space}:{'.'.join(path)}"


def _read(text: str) -> tuple[Space, tuple[str, ...]]:
    space, colon, name = text.partition(":")
    match space if colon else "":
        case "attr":
            return "attr", tuple(map(_unescaped, name.split("/")))
        case "skill":
            return "skill", (name,)
        case "channel":
            channel, _, setting = name.rpartition(".")
            return "channel", (channel, setting)
        case "sso":
            return "sso", (name,)
        case "idp":
            return "idp", (name,)
    return "marker", (text,)  # the profile's are known since this module was read


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


EMAIL: Final = Key.of("profile", "email")
FULL_NAME: Final = Key.of("profile", "full_name")
ROLES: Final = Key.of("profile", "roles")
NAME_ID: Final = Key.of("profile", "name_id")
"""What the identity provider sends as NameID, where that is not the user's address."""
UNTIL: Final = Key.of("marker", "until")
LEAVING: Final = Key.of("marker", "leaving")
GONE: Final = Key.of("marker", "fields gone from both sides")
