"""Lengths of time as people write them in YAML: 90m, 24h, 7d."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from flexres.desired.schema.user_texts import wrong

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PATTERN = "^[1-9][0-9]{0,4}[mhd]$"


def read_duration(value: Any) -> timedelta:
    """A whole number of minutes, hours or days. Raises a pydantic error for anything else."""
    if isinstance(value, str) and re.fullmatch(_PATTERN, value):
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    number = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else "24"
    raise wrong(
        "a length of time is a number and a unit",
        f"write {number}h for hours, {number}m for minutes or {number}d for days",
    )


Duration = Annotated[timedelta, PlainValidator(read_duration), WithJsonSchema({"type": "string", "pattern": _PATTERN})]
