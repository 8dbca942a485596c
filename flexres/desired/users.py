"""One user: defaults and entry merged leaf by leaf into a DesiredUser, and what only the whole can show to be wrong.

A layer is a mapping of a user's fields with its attributes already under their bare names and natural values.
Layers that nothing changes are shared between users, never copied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from json import JSONEncoder
from typing import Any, Final

from flexres.desired.model import Channel, DesiredUser
from flexres.desired.schema.attributes import AttributeFormatError, parse_typed
from flexres.desired.schema.field_types import FLEX_ROLES, is_address
from flexres.desired.yaml.problems import Path, problem_at
from flexres.errors import KeyPath, Problem
from flexres.values import Json

# https://www.twilio.com/docs/taskrouter/limits: 4096 characters of JSON, white space included. A quarter of it is
# left for our marker and for what Flex itself writes (roles, full_name, email, contact_uri, team).
LARGEST_ATTRIBUTES: Final = 4096 - 1024

_encode: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """A user's place and layers: `own` as written, `merged` with all defaults; `unsure` fields were refused already."""

    username: str
    file: str
    shown: str
    own: Layer
    merged: Layer
    unsure: Collection[str] = ()

    @property
    def path(self) -> Path:
        return ("users", self.username)

    def problem(self, field: str, message: str, hint: str, **more: Any) -> Problem:
        """A problem of one field: at the field where the entry has it, else at the username."""
        if field in self.own:
            return problem_at(self.file, (*self.path, field), message, hint, **more)
        return problem_at(self.file, self.path, message, hint, at_key=True, **more)


def desired_user(entry: Entry, problems: list[Problem]) -> DesiredUser:
    """The user that an entry describes; what is wrong with it goes to `problems`."""
    merged = entry.merged
    username = entry.username
    full_name = merged.get("full_name")
    if full_name is None and "full_name" not in entry.unsure:
        problems.append(entry.problem("full_name", f"{username} has no full_name", "add full_name: under the username"))
    email = merged.get("email") or _own_address(entry, problems)
    skills = merged.get("skills")
    attributes = _attributes(entry, problems)
    _check_size(entry, attributes, skills, problems)
    channels = merged.get("channels")
    return DesiredUser(
        username,
        full_name or "",
        email,
        _roles(entry, problems),
        attributes,
        skills,
        merged.get("skills_exact", False),
        {name: _channel(limits.get("available"), limits.get("capacity")) for name, limits in channels.items()}
        if channels
        else _NOTHING,
        merged.get("until"),
        merged.get("previously"),
        entry.shown,
    )


def _own_address(entry: Entry, problems: list[Problem]) -> str:
    if not is_address(entry.username) and "email" not in entry.unsure:
        problems.append(
            entry.problem(
                "email", f"{entry.username} has no email, and the username is no address", "add email: under it"
            )
        )
    return entry.username


def _roles(entry: Entry, problems: list[Problem]) -> tuple[str, ...]:
    written = entry.merged.get("roles")
    if "roles" in entry.unsure:
        return ()
    if not written:
        hint = "add roles: [agent] under the username, or to the defaults"
        problems.append(entry.problem("roles", f"{entry.username} has no role", hint))
        return ()
    roles = _sorted(tuple(written))
    if len(roles) != len(written):
        twice = next(role for role in roles if written.count(role) > 1)
        problems.append(entry.problem("roles", f"{twice} stands twice among the roles", "keep one"))
    if not any(role in FLEX_ROLES for role in roles):
        hint = "add agent, supervisor or admin: the wfo.… roles only say what Flex Insights shows"
        problems.append(entry.problem("roles", f"{entry.username} has no role of Flex itself", hint))
    elif "agent" in roles and not {"supervisor", "admin"} & set(roles) and any(r.startswith("wfo.") for r in roles):
        hint = "add supervisor or admin, or take the wfo.… roles out"
        message = f"{entry.username} has roles of Flex Insights, which agents do not see"
        problems.append(entry.problem("roles", message, hint, severity="warning"))
    return roles


@lru_cache(maxsize=1024)
def _sorted(roles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(roles)))


@lru_cache(maxsize=1024)
def _channel(available: bool | None, capacity: int | None) -> Channel:
    return Channel(available, capacity)


def _attributes(entry: Entry, problems: list[Problem]) -> Mapping[str, Json]:
    """All Worker attributes: those written as such, those of Insights, and the two with fields of their own."""
    merged = entry.merged
    attributes: Mapping[str, Json] = merged.get("attributes") or _NOTHING
    insights = merged.get("insights")
    own = [name for name in ("contact_uri", "image_url") if name in merged]
    if not insights and not own:
        return attributes
    result = {**attributes, **(insights or _NOTHING)}
    if insights and len(result) < len(attributes) + len(insights):
        for name in sorted(attributes.keys() & insights.keys()):
            if not {"attributes", "insights"} <= entry.own.keys():
                message = f"{name} comes from attributes: and from insights:, one of them in the defaults"
                hint = "both are the Worker attribute of that name: keep one"
                problems.append(problem_at(entry.file, entry.path, message, hint, at_key=True))
    for name in own:
        result[name] = merged[name]
    return result


def attributes_size(attributes: Mapping[str, Json], skills: Mapping[str, int | bool] | None) -> int:
    """How many characters of JSON the declared attributes and skills make on a Worker."""
    size = len(_encode(attributes))
    if skills:
        levels = {name: level for name, level in skills.items() if level is not True}
        size += len(_encode({"routing": {"skills": list(skills), "levels": levels}}))
    return size


def _check_size(
    entry: Entry, attributes: Mapping[str, Json], skills: Mapping[str, int | bool] | None, problems: list[Problem]
) -> None:
    size = attributes_size(attributes, skills)
    if size > LARGEST_ATTRIBUTES:
        message = f"the attributes of {entry.username} make {size:,} characters of JSON"
        hint = (
            f"{LARGEST_ATTRIBUTES:,} is the most: a Worker holds 4,096, and Flex and our marker need the rest; "
            "shorten them, or keep some elsewhere"
        )
        problems.append(problem_at(entry.file, entry.path, message, hint, at_key=True))


Layer = Mapping[str, Any]

_MAPS: Final = frozenset(("skills", "attributes", "insights", "channels"))


class Findings:
    """What reading the layers brings to light; warnings of hyphens are gathered per file and attribute."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._hyphens: dict[tuple[str, str], tuple[Path, int]] = {}

    def hyphen(self, file: str, path: Path) -> None:
        """Notes a hyphen in the value of the attribute at the end of the path."""
        at = (file, str(path[-1]))
        first, count = self._hyphens.get(at, (path, 0))
        self._hyphens[at] = first, count + 1

    def warnings(self) -> list[Problem]:
        """One warning per file and attribute, at its first place."""
        return [
            problem_at(
                file,
                path,
                f"{name} holds a hyphen" + (f", here and {count - 1} more in this file" if count > 1 else ""),
                "write _ instead, if nothing else relies on the hyphen",
                note="TaskRouter warns that hyphens in attribute values may not parse",
                severity="warning",
            )
            for (file, name), (path, count) in self._hyphens.items()
        ]


def read_layer(written: Layer, file: str, path: Path, findings: Findings) -> Layer:
    """An entry or defaults as a layer: attributes under their bare names, checked; the rest as it is."""
    attributes = written.get("attributes")
    insights = written.get("insights")
    if insights:
        for name, value in insights.items():
            if value and "-" in value:
                findings.hyphen(file, (*path, "insights", name))
    if not attributes:
        return written
    bare = _bare_attributes(attributes, file, (*path, "attributes"), findings)
    if insights:
        for name in insights.keys() & bare.keys():
            if insights[name] is not None and bare[name] is not None:
                message = f"{name} stands under attributes: and under insights:"
                hint = "both are the Worker attribute of that name: keep one"
                findings.problems.append(problem_at(file, (*path, "insights", name), message, hint, at_key=True))
    return {**written, "attributes": bare}


def _bare_attributes(written: Mapping[str, Json], file: str, path: Path, findings: Findings) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, value in written.items():
        try:
            bare, natural = parse_typed(name, value)
        except AttributeFormatError as error:
            hint = "quote it:" if error.unquoted else error.problem.hint
            place = KeyPath(file, (*path, name, *error.path), error.at_name)
            findings.problems.append(replace(error.problem, hint=hint, place=place, quoted=error.unquoted))
            continue
        if bare in result:
            findings.problems.append(
                problem_at(
                    file, (*path, name), f"{bare} is given twice, once as {name}", "keep one spelling", at_key=True
                )
            )
        result[bare] = natural
        kind = type(natural)
        if ("-" in natural) if kind is str else (kind in (list, dict) and _has_hyphen(natural)):  # type: ignore[operator]
            findings.hyphen(file, (*path, name))
    return result


def _has_hyphen(value: Json) -> bool:
    if isinstance(value, str):
        return "-" in value
    if isinstance(value, Mapping):
        return any(map(_has_hyphen, value.values()))
    return isinstance(value, list) and any(map(_has_hyphen, value))


def merge(base: Layer, own: Layer) -> Layer:
    """The layer of `own` upon `base`; neither holds a null afterwards."""
    if not own:
        return base
    result = dict(base)
    for name, value in own.items():
        if value is None:
            result.pop(name, None)
        elif name in _MAPS:
            result[name] = merge_maps(base.get(name) or {}, value)
        else:
            result[name] = value
    return result


def merge_maps(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """`own` upon `base`, leaf by leaf: nested maps merge, lists replace, null takes the key away."""
    if not own:
        return base
    result = {**base, **own}
    for key, value in own.items():
        if value is None:
            del result[key]
        elif isinstance(value, dict):
            below = base.get(key)
            result[key] = merge_maps(below if isinstance(below, Mapping) else {}, value)
    return result
