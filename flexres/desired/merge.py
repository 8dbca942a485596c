"""Defaults and entries, layer upon layer: leaf by leaf, lists replace, null opts out.

A layer is a mapping of a user's fields with its attributes already under their bare names and natural values.
Layers that nothing changes are shared between users, never copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flexres.desired.schema.attributes import AttributeFormatError, parse_typed
from flexres.desired.yaml.locate import AS_WRITTEN, Path, problem_at
from flexres.errors import KeyPath, Problem
from flexres.values import Json

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
            hint = f'quote it: "{AS_WRITTEN}"' if error.unquoted else error.problem.hint
            place = KeyPath(file, (*path, name, *error.path), error.at_name)
            findings.problems.append(replace(error.problem, hint=hint, place=place))
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
