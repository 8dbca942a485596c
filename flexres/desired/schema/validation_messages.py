"""What pydantic says of a value, in the words of someone who writes YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flexres.desired.schema import flex_yaml as config
from flexres.desired.schema import idp, sso
from flexres.desired.schema import users_yaml as entries
from flexres.desired.schema.attributes import shown
from flexres.desired.yaml.problems import Path, problem_at
from flexres.errors import KeyPath, Problem
from flexres.text import nearest

_BELONGS: Final = {
    **dict.fromkeys(entries.INSIGHTS, "insights"),
    **dict.fromkeys(config.POLICY_FIELDS, "policy"),
    **dict.fromkeys(config.PULUMI_FIELDS, "pulumi"),
    **dict.fromkeys(idp.FIELDS, "idp"),
    **dict.fromkeys(sso.FIELDS, "sso"),
    **dict.fromkeys(entries.USER_FIELDS, "users: → a username"),
}
_SECTIONS: Final = {
    "policy": config.POLICY_FIELDS, "pulumi": config.PULUMI_FIELDS, "sso": sso.FIELDS, "idp": idp.FIELDS,
}  # fmt: skip
_MEANT: Final = {
    "name": "full_name", "fullname": "full_name", "role": "roles", "skill": "skills", "mail": "email",
    "e_mail": "email", "attribute": "attributes", "channel": "channels", "phone_number": "phone",
    "team": "team_name", "picture": "image_url", "expires": "until", "end_date": "until",
    "renamed_from": "previously", "was": "previously", "availability": "available",
    "account_sid": "account", "instance_sid": "instance", "certificate_file": "certificate",
}  # fmt: skip
_OWN_FIELD_REASONS: Final = {
    "full_name": "a name belongs to one person",
    "email": "an address belongs to one person",
    "contact_uri": "two Workers with one contact address would take each other's calls",
    "previously": "a former name belongs to one person",
}


def problems_of(error: ValidationError, file: str, prefix: Path = ()) -> Iterator[Problem]:
    """A problem for each of pydantic's errors; `prefix` is the path of what was validated."""
    for detail in error.errors(include_url=False):
        yield _problem_at(detail, file, prefix)


def _problem_at(detail: ErrorDetails, file: str, prefix: Path) -> Problem:
    at_key = detail["loc"][-1:] == ("[key]",)
    path: Path = (*prefix, *(detail["loc"][:-1] if at_key else detail["loc"]))
    context = detail.get("ctx", {})
    if detail["type"] == "flexres":
        problem: Problem = context["problem"]
        return problem.at(KeyPath(file, path, at_key))
    if detail["type"] == "missing":
        message = f"{path[-1]} is missing" + (f" from {path[-2]}" if len(path) > 1 else "")
        return problem_at(file, path[:-1], message, config.MISSING.get(str(path[-1]), f"add {path[-1]}:"), at_key=True)
    if detail["type"] == "extra_forbidden":
        message, hint = _unknown(path, fields_at(file, path[:-1]))
        return problem_at(file, path, message, hint, at_key=True)
    message, hint = _wrong_type(detail, path)
    quoted = detail["type"] == "string_type" and _reads_otherwise(detail["input"])
    return replace(problem_at(file, path, message, hint), quoted=quoted)


def _unknown(path: Path, fields: Sequence[str]) -> tuple[str, str]:
    name, where = str(path[-1]), path[:-1]
    in_defaults = where[-1:] == ("defaults",)
    if in_defaults and name in _OWN_FIELD_REASONS:
        return f"{name} cannot be a default: {_OWN_FIELD_REASONS[name]}", f"write {name}: at each user"
    bare = name.lower().replace("-", "_")
    near = bare if bare in fields else _MEANT.get(bare)
    if near not in fields:
        near = nearest(bare, fields)
    if near is not None:
        return f"there is no field {name} here", f"did you mean {near}?"
    if "users" in where and ("." in name or name not in _BELONGS):
        return f"there is no field {name} here", f"a Worker attribute of your own belongs under attributes: {name}: …"
    if name in _BELONGS and (_BELONGS[name],) != where[-1:]:
        return f"there is no field {name} here", f"it belongs under {_BELONGS[name]}:"
    return f"there is no field {name} here", f"the fields are {', '.join(fields)}"


def fields_at(file: str, path: Path) -> Sequence[str]:
    """The names of the fields that the map at a path of flex.yaml, or of a team file, may hold."""
    if path[-1:] == ("insights",):
        return entries.INSIGHTS
    if path[-2:-1] == ("channels",):
        return ("available", "capacity")
    if path[-1:] == ("defaults",):
        return entries.DEFAULT_FIELDS
    if path[:1] == ("users",):
        return entries.USER_FIELDS
    if path == ("sso", "attested"):
        return sso.ATTESTED_FIELDS
    top = config.FIELDS if file == "flex.yaml" else ("defaults", "users")
    return _SECTIONS.get(str(path[0]), top) if path else top


def _wrong_type(detail: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, value = detail["type"], detail["input"]
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "the file")
    if kind == "string_type":
        return _not_a_text(name, value, in_list=isinstance(path[-1:][0] if path else "", int))
    if kind == "bool_type":
        meant = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
        lowered = str(value).lower() if isinstance(value, str | int) else ""
        word = meant.get(lowered, lowered if lowered in ("true", "false") else "true or false")
        return f"{name} is true or false, not {shown(value)}", f"write {name}: {word}"
    if kind.startswith(("int_", "greater_than", "less_than")):
        return _not_a_number(name, value, detail.get("ctx", {}))
    if kind == "list_type":
        written = f"[{value.replace(',', ', ').replace('  ', ' ')}]" if isinstance(value, str) else "[…]"
        return f"{name} is a list, not {_kind_of(value)}", f"write {name}: {written}"
    if kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", "")
        choices = expected.replace(" or ", ", ").split(", ")
        near = nearest(str(value).lower(), choices, cutoff=0.6)
        return (
            f"{name} is {expected}, not {shown(value)}",
            f"did you mean {near}?" if near else f"write {choices[0]}",
        )
    hint = f"write the fields below {name}:, indented" if path else "start it with a field, such as users:"
    return f"{name} is a map of names and values, not {_kind_of(value)}", hint


def _not_a_text(name: str, value: Any, *, in_list: bool) -> tuple[str, str]:
    if _reads_otherwise(value):
        kind = "true or false" if isinstance(value, bool) else "a number"
        return f"{name} is a text, and this is read as {kind}", "quote it:" if in_list else f"quote it: {name}:"
    if value is None:
        return f"{name} is a text, and this is empty", "write it, or take the line out"
    return f"{name} is a text, not {_kind_of(value)}", "write one text"


def _reads_otherwise(value: Any) -> bool:
    """Whether the value would be a text within quotes."""
    return isinstance(value, bool | int | float)


def _not_a_number(name: str, value: Any, context: dict[str, Any]) -> tuple[str, str]:
    if "ge" in context:
        return f"{name} is {context['ge']} or more, not {value}", "write a larger number"
    if "le" in context:
        return f"{name} is at most {context['le']}, not {value}", f"write {context['le']} or less"
    if isinstance(value, str) and value.strip().isdigit():
        return f"{name} is a whole number, and this is a text", f"take the quotes off: {name}: {int(value)}"
    return f"{name} is a whole number, not {shown(value)}", f"write {name}: 1"


def _kind_of(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "empty" if value is None else shown(value)
