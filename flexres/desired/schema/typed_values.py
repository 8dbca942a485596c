"""The values of Twilio's six attribute types, each read as strictly as Flex reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flexres.errors import Problem, ProblemError
from flexres.values import Json

FLEX_ANSWER: Final = 'Flex answers 400 "Error invalid attribute format" and changes nothing'
LARGEST_INT: Final = 2**53
_INT_TEXT: Final = re.compile(r"[-+]?[0-9]{1,16}")


class AttributeFormatError(ProblemError):
    """A name or value that Flex, or JSON, would not take.

    `path` leads from the attribute to the part at fault (keys and indexes), `at_name` says that the name is
    wrong and not the value, `unquoted` that the value would be right within quotes, `note` what would happen otherwise.
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
    ) -> None:
        super().__init__(Problem(message, hint, note))
        self.path = path
        self.at_name = at_name
        self.unquoted = unquoted


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
