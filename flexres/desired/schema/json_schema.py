"""JSON Schema of flex.yaml and users/*.yaml for editors: completion, hover texts and the first red line."""

from __future__ import annotations

from typing import Any, Final, Literal

from flexres.desired.schema import flex_yaml as config
from flexres.desired.schema import users_yaml as entries
from flexres.desired.schema.attributes import LARGEST_INT, RESERVED

Kind = Literal["flex", "users"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TITLES: Final = {"flex": "A stack: stacks/<stack>/flex.yaml", "users": "A team: stacks/<stack>/users/<team>.yaml"}
_INT_TEXT: Final = "[-+]?[0-9]{1,16}"
_ITEM: Final = r"[^,\s]([^,]*[^,\s])?"


def json_schema(kind: Kind) -> dict[str, Any]:
    """The schema of one of the two kinds of file: draft 2020-12, self-contained."""
    schema = config.FlexFile.model_json_schema() if kind == "flex" else entries.team_file.json_schema()
    schema["$defs"] = dict(sorted({**schema.get("$defs", {}), **_attribute_schemas()}.items()))
    _tidy(schema)
    if kind == "users":
        schema["required"] = ["users"]
    return {"$schema": _DIALECT, "title": _TITLES[kind], **{key: schema[key] for key in schema if key != "title"}}


def _tidy(schema: Any) -> None:
    """Without the titles that pydantic makes of names (hovering would show them twice) and its null defaults."""
    if isinstance(schema, list):
        for item in schema:
            _tidy(item)
    if not isinstance(schema, dict):
        return
    _name_rules_as_such(schema)
    for name in ("properties", "$defs"):
        for part in schema.get(name, {}).values():
            _tidy(part)
    for key, value in list(schema.items()):
        if (key == "title" and isinstance(value, str)) or (key == "default" and value is None):
            del schema[key]
        elif key == "x-schema":
            schema["$ref"] = f"#/$defs/{schema.pop(key)}"
        elif key not in ("properties", "$defs", "examples"):
            _tidy(value)


def _name_rules_as_such(schema: dict[str, Any]) -> None:
    """Rules of a map's names as rules of names: pydantic lets any other name pass with any value."""
    patterns = schema.get("patternProperties", {})
    if len(patterns) == 1 and "propertyNames" in schema and "additionalProperties" not in schema:
        [(pattern, values)] = schema.pop("patternProperties").items()
        schema["propertyNames"]["pattern"] = pattern
        schema["additionalProperties"] = values


def _attribute_schemas() -> dict[str, Any]:
    number = {"type": "number", "minimum": -LARGEST_INT, "maximum": LARGEST_INT}
    return {
        "Attributes": {
            "type": "object",
            "description": "Worker attributes: natural YAML types, or name.string, name.int, name.boolean, "
            "name.stringarray, name.intarray, name.booleanarray. null opts out of a default.",
            "properties": {name: {"not": {}, "description": hint} for name, hint in RESERVED.items()},
            "patternProperties": {
                **{rf"^(?!channel\.).+\.{kind}$": _typed(kind) for kind in ("string", "int", "boolean")},
                **{rf"^(?!channel\.).+\.{kind}array$": _typed_array(kind) for kind in ("string", "int", "boolean")},
                r"^channel\.": {"not": {}, "description": "Write channels: at the user's own level."},
            },
            "propertyNames": {"pattern": r"^\S(.*\S)?$", "not": {"pattern": _misnamed()}},
            "additionalProperties": {"$ref": "#/$defs/Attribute"},
        },
        "Attribute": {
            "anyOf": [
                {"type": ["string", "boolean", "null"]},
                number,
                {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/Attribute"}},
            ]
        },
        "Item": {
            "anyOf": [
                {"type": ["string", "boolean"]},
                number,
                {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/Item"}},
            ]
        },
    }


def _misnamed() -> str:
    """Types in the wrong case, words that stand for a type elsewhere, and types without a name."""
    cases = "Int|INT|Boolean|BOOLEAN|String|STRING|[sS]tringArray|[iI]ntArray|[bB]ooleanArray"
    return rf"\.({cases}|[iI]nteger|[bB]ool|str|text|array|list)$|^\.[^.]*$"


def _typed(kind: str) -> dict[str, Any]:
    values: dict[str, list[dict[str, Any]]] = {
        "string": [{"type": "string"}],
        "int": [
            {"type": "integer", "minimum": -LARGEST_INT, "maximum": LARGEST_INT},
            {"type": "string", "pattern": f"^{_INT_TEXT}$"},
        ],
        "boolean": [{"type": "boolean"}, {"enum": ["true", "false"]}],
    }
    return {"anyOf": [*values[kind], {"type": "null"}]}


def _typed_array(kind: str) -> dict[str, Any]:
    item = _typed(kind)["anyOf"][:-1]
    text = {"string": _ITEM, "int": _INT_TEXT, "boolean": "(true|false)"}[kind]
    alone = [] if kind == "string" else item[:1]
    return {
        "anyOf": [
            {"type": "array", "items": {"anyOf": item}},
            {"type": "string", "pattern": f"^{text}(,{text})*$"},
            *alone,
            {"type": "null"},
        ]
    }
