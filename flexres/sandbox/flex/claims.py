"""Claim typing: from `name.type` and the value an identity provider (or Provision) sends, to Worker attributes.

The rules are Twilio's SSO documentation's: text by default, `roles` an array, six lowercase suffixes, commas between
items. A wrong value fails the whole set, so that nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

JsonValues = Literal["convert", "keep", "refuse"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_CHANNEL = re.compile(r"channel\.(?P<channel>.+)\.(?P<setting>capacity|availability)")
_LARGEST_CAPACITY = 50
_SUFFIXES = ("string", "int", "boolean", "stringarray", "intarray", "booleanarray")


class ClaimError(ValueError):
    """A claim whose value is not of the type that its name says. Holds the claim's name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"invalid attribute format: {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class ChannelClaim:
    """What claims say of one task channel; None is nothing."""

    capacity: int | None = None
    available: bool | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """A whole set of claims, typed: Worker attributes by name, and settings by task channel.

    `channel_attributes` has the channel claims once more, under their own names.
    """

    attributes: Mapping[str, object] = field(default_factory=dict)
    channels: Mapping[str, ChannelClaim] = field(default_factory=dict)
    channel_attributes: Mapping[str, object] = field(default_factory=dict)


def type_claims(
    claims: Mapping[str, object], *, task_channels: Collection[str], json_values: JsonValues = "convert"
) -> Claims:
    """Types a set of claims, all of it or nothing.

    Values are text, or a list of texts for an attribute that was repeated; `json_values` says what becomes of other
    JSON. Names that are URLs are left out, as Flex ignores namespaced claims.

    Raises:
        ClaimError: a value does not fit its type, or a channel is none of the Workspace's.
    """
    attributes: dict[str, object] = {}
    channels: dict[str, ChannelClaim] = {}
    channel_attributes: dict[str, object] = {}
    for name, value in claims.items():
        if "://" in name:
            continue
        stored_name, kind = split_name(name)
        match = _CHANNEL.fullmatch(stored_name)
        if match is None:
            attributes[stored_name] = _typed(name, stored_name, kind, value, json_values)
            continue
        if match["channel"] not in task_channels:
            raise ClaimError(name)
        setting = _channel_setting(name, match["setting"], kind, value)
        channel_attributes[stored_name] = setting
        channels[match["channel"]] = _with_setting(channels.get(match["channel"]), setting)
    return Claims(attributes, channels, channel_attributes)


def split_name(name: str) -> tuple[str, str | None]:
    """`level.int` as `("level", "int")`; None where the name ends in no type. Types are case-sensitive.

    Raises:
        ClaimError: nothing is left of the name.
    """
    stem, dot, suffix = name.rpartition(".")
    stored, kind = (stem, suffix) if dot and suffix in _SUFFIXES else (name, None)
    if not stored:
        raise ClaimError(name)
    return stored, kind


def _typed(name: str, stored_name: str, kind: str | None, value: object, json_values: JsonValues) -> object:
    if kind is None and json_values == "keep" and stored_name != "roles":
        return value
    if kind is None:
        kind = "stringarray" if stored_name == "roles" else "string"
    if kind.endswith("array"):
        parse = _PARSERS[kind.removesuffix("array")]
        return [parse(name, item, json_values) for item in _items(name, value, json_values)]
    return _PARSERS[kind](name, value, json_values)


def _items(name: str, value: object, json_values: JsonValues) -> list[object]:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")] if value.strip() else []
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return [item.strip() for text in value for item in text.split(",") if item.strip()]
        if json_values != "refuse":
            return value
    raise ClaimError(name)


def _text(name: str, value: object, json_values: JsonValues) -> str:
    if isinstance(value, str):
        return value
    if json_values == "refuse":
        raise ClaimError(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ClaimError(name)


def _integer(name: str, value: object, json_values: JsonValues) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and json_values != "refuse":
        return value
    raise ClaimError(name)


def _boolean(name: str, value: object, json_values: JsonValues) -> bool:
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool) and json_values != "refuse":
        return value
    raise ClaimError(name)


def _channel_setting(name: str, setting: str, kind: str | None, value: object) -> int | bool:
    """A capacity or an availability. Twilio's sample sends a capacity as a number, so JSON is right here always."""
    if setting == "availability":
        if kind not in (None, "boolean"):
            raise ClaimError(name)
        return _boolean(name, value, "convert")
    capacity = _integer(name, value, "convert")
    if kind not in (None, "int") or not 0 <= capacity <= _LARGEST_CAPACITY:
        raise ClaimError(name)
    return capacity


def _with_setting(claim: ChannelClaim | None, setting: int | bool) -> ChannelClaim:
    claim = claim or ChannelClaim()
    if isinstance(setting, bool):
        return ChannelClaim(claim.capacity, setting)
    return ChannelClaim(setting, claim.available)


_PARSERS: Mapping[str, Callable[[str, object, JsonValues], object]] = {
    "string": _text,
    "int": _integer,
    "boolean": _boolean,
}
