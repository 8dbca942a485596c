"""Worker attributes: Twilio's `name.[type]` spelling and natural YAML values, read and written by the same rules.

The six types and their strictness are those of Flex's SSO claims, which Provision takes as well
(https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration). Flex answers a wrong value with 400
"Error invalid attribute format" and changes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from flexres.errors import Problem, ProblemError
from flexres.text import nearest
from flexres.values import Json

__all__ = [
    "FLEX_ANSWER",
    "LARGEST_INT",
    "RESERVED",
    "TYPES",
    "AttributeFormatError",
    "encode_typed",
    "parse_typed",
    "shown",
    "split_name",
]

TYPES: Final = ("string", "int", "boolean", "stringarray", "intarray", "booleanarray")
# Nobody says how wide Flex's own int is; beyond 32 bits a value travels as JSON with a Worker update instead.
_LARGEST_TYPED_INT: Final = 2**31 - 1
_MISNAMED_TYPES: Final = {
    "integer": "int", "number": "int", "long": "int", "bool": "boolean", "str": "string", "text": "string",
    "array": "stringarray", "list": "stringarray", "strings": "stringarray", "ints": "intarray",
    "integerarray": "intarray", "boolarray": "booleanarray", "strarray": "stringarray",
}  # fmt: skip
RESERVED: Final = {
    "roles": "write roles: at the user's own level",
    "full_name": "write full_name: at the user's own level",
    "email": "write email: at the user's own level",
    "contact_uri": "write contact_uri: at the user's own level",
    "image_url": "write image_url: at the user's own level",
    "routing": "write skills: at the user's own level, such as skills: {billing: 3}",
    "team_sid": "leave it out: Flex Teams keeps it",
    "flexres": "leave it out: it is the mark by which a Worker is known as ours",
}


def parse_typed(name: str, value: Json) -> tuple[str, Json]:
    """The bare name and the natural value of an attribute written either way. Raises AttributeFormatError.

    `level.int: "3"` and `level: 3` are both ("level", 3). A null stays null: it opts out of a default.
    """
    bare, kind = split_name(name)
    if value is None:
        return bare, None
    if kind is None:
        if type(value) is not str:
            _check_natural(name, value, ())
        return bare, value
    return bare, READERS[kind](name, value)


def encode_typed(name: str, value: Json) -> tuple[str, Json] | None:
    """The spelling of a natural value for Provision, or None where it has none and travels as JSON instead."""
    if not name or "." in name:
        return None
    if isinstance(value, bool):
        return f"{name}.boolean", value
    if isinstance(value, int):
        return (f"{name}.int", value) if abs(value) <= _LARGEST_TYPED_INT else None
    if isinstance(value, str):
        return (name, value) if value else None
    if isinstance(value, Sequence) and value:
        return _encode_list(name, value)
    return None


def _encode_list(name: str, items: Sequence[Json]) -> tuple[str, Json] | None:
    kinds = {type(item) for item in items}
    if kinds == {str}:
        texts = [str(item) for item in items]
        safe = all(text and text == text.strip() and "," not in text for text in texts)
        return (f"{name}.stringarray", ",".join(texts)) if safe else None
    if kinds == {bool}:
        return f"{name}.booleanarray", ",".join("true" if item else "false" for item in items)
    if kinds == {int}:
        safe = all(isinstance(item, int) and abs(item) <= _LARGEST_TYPED_INT for item in items)
        return (f"{name}.intarray", ",".join(str(item) for item in items)) if safe else None
    return None


@lru_cache(maxsize=4096)
def split_name(name: str) -> tuple[str, str | None]:
    """An attribute's bare name and its type, None for a natural value. Raises AttributeFormatError for a bad name."""
    bare, dot, suffix = name.rpartition(".")
    kind = suffix if dot and suffix in TYPES else None
    if not name.strip() or (dot and not bare):
        raise AttributeFormatError("an attribute without a name", "give it a name", at_name=True)
    if name != name.strip() or not name.isprintable():
        raise AttributeFormatError(
            f"{name!r} has white space around it or invisible characters", "take them out", at_name=True
        )
    if name.startswith("channel."):
        raise AttributeFormatError(
            f"{name} sets up a task channel", f"write {_as_channel(name)} at the user's own level", at_name=True
        )
    plain = bare if kind else name
    if plain in RESERVED:
        raise AttributeFormatError(f"the attribute {plain} is taken", RESERVED[plain], at_name=True)
    if kind is None and dot:
        _refuse_misnamed_type(bare, suffix)
    return plain, kind


def _as_channel(name: str) -> str:
    parts = name.split(".")
    channel = parts[1] if len(parts) > 1 and parts[1] else "voice"
    what = parts[2] if len(parts) > 2 else ""
    return f"channels: {{{channel}: {{{'capacity: 1' if what == 'capacity' else 'available: true'}}}}}"


def _refuse_misnamed_type(bare: str, suffix: str) -> None:
    lowered = suffix.lower()
    meant = lowered if lowered in TYPES else _MISNAMED_TYPES.get(lowered)
    if meant is None and len(suffix) > 2:
        meant = nearest(lowered, TYPES, cutoff=0.8)
    if meant is not None:
        raise AttributeFormatError(
            f".{suffix} is no type of Flex: the types are lowercase and exact",
            f"write {bare}.{meant}",
            note=FLEX_ANSWER,
            at_name=True,
            meant=meant,
        )


def _check_natural(name: str, value: Json, path: tuple[str | int, ...]) -> None:
    if isinstance(value, str | bool):
        return
    if isinstance(value, int):
        check_range(name, value, path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise AttributeFormatError(
                f"{name}: JSON has no such number", "leave it out, or quote it as a text", path=path
            )
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if item is not None:
                _check_natural(name, item, (*path, key))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            _check_item(name, item, (*path, index))


def _check_item(name: str, item: Json, path: tuple[str | int, ...]) -> None:
    if item is None:
        raise AttributeFormatError(
            f"{name}: a list may not hold null: Flex's types know none",
            "take it out, or write an empty text",
            path=path,
        )
    if isinstance(item, Mapping) and any(value is None for value in item.values()):
        empty = next(key for key, value in item.items() if value is None)
        raise AttributeFormatError(
            f"{name}: within a list null opts out of nothing", f"leave {empty} out", path=(*path, empty)
        )
    _check_natural(name, item, path)


FLEX_ANSWER: Final = 'Flex answers 400 "Error invalid attribute format" and changes nothing'
LARGEST_INT: Final = 2**53
_INT_TEXT: Final = re.compile(r"[-+]?[0-9]{1,16}")


class AttributeFormatError(ProblemError):
    """A name or value that Flex, or JSON, would not take.

    `path` leads from the attribute to the part at fault (keys and indexes), `at_name` says that the name is
    wrong and not the value, `unquoted` that the value would be right within quotes, `note` what would happen otherwise;
    `meant` is the type that a misnamed one was meant to be.
    """

    def __init__(
        self,
        message: str,
        hint: str,
        *,
        note: str = "",
        path: tuple[str | int, ...] = (),
        at_name: bool = False,
        unquoted: bool = False,
        meant: str = "",
    ) -> None:
        super().__init__(Problem(message, hint, note))
        self.path = path
        self.at_name = at_name
        self.unquoted = unquoted
        self.meant = meant


def check_range(name: str, value: int, path: tuple[str | int, ...] = ()) -> None:
    """Raises AttributeFormatError for a whole number that a double cannot hold exactly."""
    if abs(value) > LARGEST_INT:
        raise AttributeFormatError(
            f"{name}: whole numbers beyond 2^53 lose digits on the way to Flex",
            "quote it: as a text it keeps them all",
            path=path,
        )


def _wrong(name: str, value: Json, expected: str, hint: str, path: tuple[str | int, ...] = ()) -> AttributeFormatError:
    return AttributeFormatError(f"{name}: {shown(value)} is not {expected}", hint, note=FLEX_ANSWER, path=path)


def shown(value: Json) -> str:
    """A value as messages show it: texts in quotes, long ones cut, maps and lists by their kind."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if isinstance(value, Sequence) else _shortened(str(value))


def _shortened(digits: str) -> str:
    return digits if len(digits) <= 30 else f"{digits[:12]}…"


def _read_string(name: str, value: Json) -> Json:
    if not isinstance(value, str):
        if isinstance(value, bool | int | float):
            raise _unquoted(name, value)
        raise _wrong(name, value, "a text", "write a text")
    return value


def _unquoted(name: str, value: Json, path: tuple[str | int, ...] = ()) -> AttributeFormatError:
    hint = f'quote it: "{shown(value)}"'
    return AttributeFormatError(
        f"{name}: {shown(value)} is not a text", hint, note=FLEX_ANSWER, path=path, unquoted=True
    )  # fmt: skip


def _read_int(name: str, value: Json) -> int:
    if isinstance(value, str) and _INT_TEXT.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, value, "a whole number", _int_hint(name, value))
    check_range(name, value)
    return value


def _int_hint(name: str, value: Json) -> str:
    bare = name.removesuffix(".int")
    number = re.match(r"[-+]?[0-9]{1,15}(?=\.|,|\s|$)", str(value).strip()) if isinstance(value, str | float) else None
    if number is not None:
        return f'write {name}: {int(number[0])}, or {bare}.string: "{value}" if it is a text'
    if isinstance(value, bool):
        return f"write {bare}.boolean: {shown(value)}"
    if isinstance(value, str):
        return f"write a number, or {bare}.string: {shown(value)} if it is a text"
    return f"write {name}: 1" if not isinstance(value, Sequence) else f"write {bare}.intarray for a list"


def _read_boolean(name: str, value: Json) -> bool:
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        words = {"true": "true", "yes": "true", "on": "true", "1": "true"}
        words |= {"false": "false", "no": "false", "off": "false", "0": "false"}
        meant = words.get(str(value).lower())
        raise _wrong(name, value, "true or false", f"write {name}: {meant or 'true'}")
    return value


def _read_strings(name: str, value: Json) -> Json:
    if isinstance(value, str):
        items: Sequence[Json] = value.split(",")
        tidy = [str(item).strip() for item in items if str(item).strip()]
        if list(items) != tidy:
            better = f'write {name}: "{",".join(tidy)}"' if tidy else f"write {name}: [] for an empty list"
            raise AttributeFormatError(
                f"{name}: white space or nothing between the commas, which Flex may keep", better
            )
        return items
    if not isinstance(value, Sequence):
        raise _wrong(name, value, "a list of texts", f"write {name}: en,de or {name}: [en, de]")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise _unquoted(name, item, (index,))
    return value


def _read_ints(name: str, value: Json) -> list[Json]:
    hint = f'write {name}: "1,2,3" or {name}: [1, 2, 3]'
    read: list[Json] = []
    for path, item in _items(name, value, "a list of whole numbers", hint):
        if isinstance(item, str) and _INT_TEXT.fullmatch(item):
            item = int(item)  # noqa: PLW2901 - the text becomes the number it spells
        if isinstance(item, bool) or not isinstance(item, int):
            raise _wrong(name, item, "a whole number", hint, path)
        check_range(name, item, path)
        read.append(item)
    return read


def _read_booleans(name: str, value: Json) -> list[Json]:
    hint = f'write {name}: "true,false" or {name}: [true, false]'
    read: list[Json] = []
    for path, item in _items(name, value, "a list of true and false", hint):
        if not isinstance(item, bool) and item not in ("true", "false"):
            raise _wrong(name, item, "true or false", hint, path)
        read.append(item in (True, "true"))
    return read


def _items(name: str, value: Json, expected: str, hint: str) -> list[tuple[tuple[str | int, ...], Json]]:
    """The items of a typed array with their paths: a list, a comma-separated text, or one value alone."""
    if isinstance(value, str):
        return [((), item) for item in value.split(",")]
    if isinstance(value, bool | int):
        return [((), value)]
    if isinstance(value, Sequence):
        return [((index,), item) for index, item in enumerate(value)]
    raise _wrong(name, value, expected, hint)


READERS: Final[Mapping[str, Callable[[str, Json], Json]]] = {
    "string": _read_string,
    "int": _read_int,
    "boolean": _read_boolean,
    "stringarray": _read_strings,
    "intarray": _read_ints,
    "booleanarray": _read_booleans,
}
"""Each takes an attribute's name as written and its value, and gives the natural value or raises the error above."""
