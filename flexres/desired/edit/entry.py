"""One user's entry: the fewest changes to what is written, so that with the defaults it says what is wanted.

An entry is at hand twice: `raw` as ruamel.yaml keeps it, with comments, which is changed in place, and `own` as the
loader reads it, with attributes under their bare names, which is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ruamel.yaml.comments import CommentedMap

from flexres.desired.edit.style import in_flow, short_enough, styled, text
from flexres.desired.model import Channel, DesiredUser
from flexres.desired.schema.attributes import AttributeFormatError, parse_typed, split_name
from flexres.desired.schema.field_types import FLEX_ROLES, is_address
from flexres.desired.schema.users_yaml import INSIGHTS, USER_FIELDS
from flexres.desired.users import Layer, merge, merge_maps
from flexres.values import Json, same

_ROLE_ORDER: Final = ("agent", "supervisor", "admin")
_OWN_LEVEL: Final = ("contact_uri", "image_url")
_FIELD_ORDER: Final = ("full_name", "email", "roles", "skills", "skills_exact", "attributes", "channels", "insights")
_RANKS: Final = {name: rank for rank, name in enumerate(dict.fromkeys((*_FIELD_ORDER, *USER_FIELDS)))}
_NOTHING: Final[Mapping[str, Any]] = {}


def edit_entry(raw: CommentedMap, own: Layer, base: Layer, want: DesiredUser) -> None:
    """Change an entry so that `base` (all defaults merged) and it make `want`; what says so already stays."""
    have = merge(base, own)
    _edit_field(raw, own, base, "full_name", want.full_name)
    email = None if want.email == want.username and is_address(want.username) else want.email
    if (own.get("email") or want.username) != want.email:
        _edit_field(raw, own, base, "email", email)
    if sorted(have.get("roles") or ()) != list(want.roles):
        _edit_field(raw, own, base, "roles", _in_order(want.roles, have.get("roles") or ()))
    _edit_skills(raw, own, base, want.skills)
    attributes, insights = _sections(own, base, want.attributes)
    _edit_section(raw, own, base, "attributes", attributes)
    _edit_section(raw, own, base, "channels", _channels(want.channels))
    _edit_section(raw, own, base, "insights", insights)
    for name in _OWN_LEVEL:
        _edit_field(raw, own, base, name, want.attributes.get(name))
    _edit_field(raw, own, base, "until", want.until)


def new_entry(base: Layer, want: DesiredUser) -> CommentedMap:
    """The entry of a user whom the file does not hold yet."""
    raw = CommentedMap()
    edit_entry(raw, {}, base, want)
    return raw


def _in_order(roles: Sequence[str], written: Sequence[str]) -> list[str]:
    """The roles, those that are written already in their order, then agent before supervisor before admin."""
    kept = [role for role in written if role in roles]
    rest = [role for role in (*_ROLE_ORDER, *(role for role in roles if role not in FLEX_ROLES)) if role in roles]
    return list(dict.fromkeys((*kept, *rest)))


def _channels(channels: Mapping[str, Channel]) -> dict[str, dict[str, Json]]:
    result: dict[str, dict[str, Json]] = {}
    for name, channel in channels.items():
        settings: dict[str, Json] = {"available": channel.available, "capacity": channel.capacity}
        result[name] = {key: value for key, value in settings.items() if value is not None}
    return result


def _sections(own: Layer, base: Layer, attributes: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """Which attributes stand under attributes:, and which under insights: (where they are, or belong if new)."""
    plain: dict[str, Json] = {}
    insights: dict[str, Json] = {}
    for name, value in attributes.items():
        if name in _OWN_LEVEL:
            continue
        (insights if _belongs_to_insights(own, base, name, value) else plain)[name] = value
    return plain, insights


def _belongs_to_insights(own: Layer, base: Layer, name: str, value: Json) -> bool:
    if name not in INSIGHTS or not isinstance(value, str):
        return False
    for layer in (own, base):
        for section in ("attributes", "insights"):
            if name in (layer.get(section) or _NOTHING):
                return section == "insights"
    return True


def _edit_field(raw: CommentedMap, own: Layer, base: Layer, name: str, value: Any) -> None:
    """Make a field that is no map this value; None: absent."""
    if merge(base, own).get(name) == value:
        return
    if value is None:
        _take_away(raw, base, name)
    elif base.get(name) == value:
        raw.pop(name, None)
    else:
        _put(raw, name, styled(value))


def _edit_skills(raw: CommentedMap, own: Layer, base: Layer, want: Mapping[str, int | bool] | None) -> None:
    """None is unmanaged, and an empty map owns the whole list: the two must not be confused."""
    have = merge(base, own).get("skills")
    if want:
        _edit_section(raw, own, base, "skills", want)
    elif want is None and have is not None:
        _take_away(raw, base, "skills")
    elif want is not None and have != {}:
        _put(raw, "skills", in_flow({text(name): None for name in base.get("skills") or ()}, flow=True))


def _edit_section(raw: CommentedMap, own: Layer, base: Layer, name: str, want: Mapping[str, Any]) -> None:
    """Make a map of the entry such that, upon the defaults, it is `want`; an empty one is taken out."""
    if same(merge(base, own).get(name) or {}, want):
        return
    inner, written = raw.get(name), own.get(name)
    fresh = not isinstance(inner, CommentedMap)
    if not isinstance(inner, CommentedMap) or written is None:
        inner, written = CommentedMap(), {}
    spelled = _spellings(inner) if name == "attributes" else _NOTHING
    edit_map(inner, written, base.get(name) or {}, want, spelled)
    if not inner:
        raw.pop(name, None)
        return
    if fresh and name in ("skills", "channels") and short_enough(want):
        inner.fa.set_flow_style()
    _put(raw, name, inner)


def edit_map(
    raw: CommentedMap,
    own: Mapping[str, Any],
    base: Mapping[str, Any],
    want: Mapping[str, Any],
    spelled: Mapping[str, str] = _NOTHING,
) -> None:
    """Change `raw` so that, merged upon `base`, it is `want`: nested maps leaf by leaf, null for what base has alone.

    `spelled` are keys that are written in another way, such as `level.int` for level.
    """
    have = merge_maps(base, own)
    for key, value in want.items():
        if key in have and same(have[key], value):
            continue
        if isinstance(value, Mapping):
            _edit_below(raw, own, base, key, value)
        elif key in base and same(base[key], value):
            raw.pop(spelled.get(key, key), None)
        else:
            _spell(raw, key, value, spelled.get(key))
    for key in [key for key in have if key not in want]:
        raw.pop(spelled.get(key, key), None)
        if key in base:
            raw[text(key)] = None


def _edit_below(
    raw: CommentedMap, own: Mapping[str, Any], base: Mapping[str, Any], key: str, want: Mapping[str, Any]
) -> None:
    inner, written, below = raw.get(key), own.get(key), base.get(key)
    if not isinstance(inner, CommentedMap) or not isinstance(written, Mapping):
        inner, written = in_flow({}, flow=short_enough(want)), {}
    edit_map(inner, written, below if isinstance(below, Mapping) else {}, want)
    if inner or not isinstance(below, Mapping):
        raw[text(key) if key not in raw else key] = inner
    else:
        raw.pop(key, None)


def _spell(raw: CommentedMap, key: str, value: Json, typed: str | None) -> None:
    """Set a value under its typed name where that has room for it, else under the bare name in the same place."""
    if typed is not None and typed != key:
        try:
            if same(parse_typed(typed, value)[1], value):
                raw[typed] = styled(value)
                return
        except AttributeFormatError:
            pass
        place = list(raw).index(typed)
        del raw[typed]
        raw.insert(place, text(key), styled(value))
        return
    raw[key if key in raw else text(key)] = styled(value)


def _spellings(raw: Mapping[str, Any]) -> dict[str, str]:
    """Bare attribute name → the key that it is written under."""
    return {split_name(key)[0]: key for key in raw}


def _take_away(raw: CommentedMap, base: Layer, name: str) -> None:
    raw.pop(name, None)
    if name in base:
        _put(raw, name, None)


def _put(raw: CommentedMap, name: str, value: Any) -> None:
    """Set a field, a new one behind those that come before it in the order of entries."""
    if name in raw:
        raw[name] = value
        return
    before = [place for place, key in enumerate(raw) if _RANKS.get(key, 0) < _RANKS[name]]
    raw.insert(before[-1] + 1 if before else 0, name, value)
