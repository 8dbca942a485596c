"""Kinds of fields that several sections of flex.yaml share: Twilio's SIDs, lengths of time, digests."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from flexres.desired.schema.attributes import shown
from flexres.desired.schema.user_texts import wrong

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION_PATTERN: Final = "^[1-9][0-9]{0,4}[mhd]$"


class _Sid(GroupedMetadata):
    def __init__(self, prefix: str, where: str) -> None:
        self._prefix = prefix
        self._where = where
        self._pattern = f"^{prefix}[0-9a-fA-F]{{32}}$"

    def __iter__(self) -> Any:
        yield AfterValidator(self._check)
        yield WithJsonSchema({"type": "string", "pattern": self._pattern})

    def _check(self, text: str) -> str:
        if re.fullmatch(self._pattern, text):
            return text
        raise wrong(f"{shown(text)} is not the SID of {self._where.partition(',')[0]}", self._hint(text))

    def _hint(self, text: str) -> str:
        if text[:2] != self._prefix:
            if text[:2].upper() == self._prefix:
                return f"it starts with {self._prefix}, in capital letters"
            return f"it starts with {self._prefix}; find {self._where}"
        rest = text[2:]
        if len(rest) != 32:
            return f"after {self._prefix} come 32 characters, and here are {len(rest)}"
        return "after the two letters come only the digits 0 to 9 and the letters a to f"


def sid(prefix: str, where: str) -> BaseMetadata | GroupedMetadata:
    """The rule of one kind of SID; `where` names the thing and says where to find it."""
    return _Sid(prefix, where)


def read_duration(value: Any) -> timedelta:
    """A whole number of minutes, hours or days. Raises a pydantic error for anything else."""
    if isinstance(value, str) and re.fullmatch(_DURATION_PATTERN, value):
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    number = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else "24"
    raise wrong(
        "a length of time is a number and a unit",
        f"write {number}h for hours, {number}m for minutes or {number}d for days",
    )


Duration = Annotated[
    timedelta, PlainValidator(read_duration), WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN})
]
