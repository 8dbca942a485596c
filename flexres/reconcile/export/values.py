"""Attribute values on the way from Flex into YAML: what its rules let through, and what has to stay behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flexres.desired.schema.attributes import AttributeFormatError, parse_typed
from flexres.desired.users import LARGEST_ATTRIBUTES, attributes_size
from flexres.values import ABSENT, Json, Value

Lose = Callable[[str, str], None]
"""Told what is left out, and why."""

# The readers of YAML stop at 40 levels, some of which are taken by users:, the username and attributes:.
_DEEPEST: Final = 30

NO_KEY: Final = "YAML cannot have that key"


def declarable(name: str, value: Any, lose: Lose) -> Value:
    """What YAML can say of an attribute, ABSENT where that is nothing; the rest is told to `lose`.

    A null inside a map opts out of a default, so leaves that are null stay behind, and with them a map that has
    no others. The other leaves are fields of their own and are kept.
    """
    what = f"attribute {name!r}"
    if not sayable_key(name):
        lose(what, NO_KEY)
        return ABSENT
    kept = _without_unsayable(value, what, lose, 0)
    if kept is ABSENT:
        return ABSENT
    try:
        bare, _ = parse_typed(name, kept)
    except AttributeFormatError as error:
        lose(what, str(error))
        return ABSENT
    if bare != name:
        lose(what, "YAML would read the name as a value's type")
        return ABSENT
    return kept


def within_size(
    attributes: Mapping[str, Json], skills: dict[str, int | bool] | None, lose: Lose
) -> tuple[dict[str, Json], dict[str, int | bool] | None]:
    """Attributes and skills within what one Worker may be declared to hold: the longest are left out."""
    kept = dict(attributes)
    while attributes_size(kept, skills) > LARGEST_ATTRIBUTES:
        why = f"all attributes together exceed {LARGEST_ATTRIBUTES:,} characters of JSON"
        if not kept:
            lose("skills", why)
            return kept, None
        longest = max(kept, key=lambda name: attributes_size({name: kept[name]}, None))
        del kept[longest]
        lose(f"attribute {longest!r}", why)
    return kept, skills


def _without_unsayable(value: Any, what: str, lose: Lose, depth: int) -> Value:
    if isinstance(value, dict) and depth <= _DEEPEST:
        return _sayable_part(value, what, lose, depth)
    reason = "it is null, which YAML takes for an opt-out of a default" if value is None else _unsayable(value, depth)
    if reason:
        lose(what, reason)
        return ABSENT
    return value  # type: ignore[no-any-return]  # a list, a text, a number or a boolean, as JSON has them


def _sayable_part(value: dict[str, Any], what: str, lose: Lose, depth: int) -> Value:
    kept: dict[str, Json] = {}
    for key, item in value.items():
        place = f"{what} at {key!r}"
        if not sayable_key(key):
            lose(place, NO_KEY)
            continue
        below = _without_unsayable(item, place, lose, depth + 1)
        if below is not ABSENT:
            kept[key] = below
    return kept if kept or not value else ABSENT


def _unsayable(value: Any, depth: int) -> str:
    """Why a value cannot be said; lists are kept or left out as a whole, with all that is in them."""
    if depth > _DEEPEST:
        return f"it is nested more than {_DEEPEST} levels deep"
    if isinstance(value, str) and not is_text(value):
        return "it holds half of a character, which no file can"
    if isinstance(value, dict) and not all(map(sayable_key, value)):
        return f"in it, {NO_KEY}"
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_unsayable(item, depth + 1) for item in items)), "")


def sayable_key(name: str) -> bool:
    """Whether a file can hold the text as a key: merge keys are refused, quoted or not."""
    return name != "<<" and is_text(name)


def is_text(text: str) -> bool:
    """Whether a file can hold the text: JSON's escapes can make half of a character."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
