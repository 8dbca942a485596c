"""A hook of the site that writes its reference as it is built: commands from the command line, tables from schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from flexres.cli.main import COMMANDS, app
from flexres.desired.schema.json_schema import json_schema

SCHEMAS: Final = Path(__file__).parent.parent / "docs" / "schema"
Schema = Mapping[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages below reference/."""
    report, drift = (json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8")) for name in ("report", "drift"))
    pages = {
        "commands": commands_page(),
        "flex": schema_page("flex.yaml", json_schema("flex"), "flex.schema.json"),
        "users": schema_page("Team files", json_schema("users"), "users.schema.json"),
        "report": schema_page("Report of a plan or a run", report, "report.schema.json"),
        "drift": schema_page("Report of drift", drift, "drift.schema.json"),
    }
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def commands_page() -> str:
    """Every command with its options, environment variables, examples and exit codes."""
    lines = ["# Commands", "", "As `flexres COMMAND --help` prints them.", ""]
    lines += _block(_epilog(typer.main.get_command(app)))
    for name, entry in COMMANDS.items():
        if not entry.hidden:
            lines += _command(entry.load(name), name, level=2)
    return "\n".join(lines)


def _command(command: Any, name: str, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=f"flexres {name}")
    yield f"{'#' * level} flexres {name}"
    yield ""
    yield from (line.strip() for line in (command.help or "").split("\b")[0].splitlines())
    yield ""
    yield from _block(" ".join([f"flexres {name}", *command.collect_usage_pieces(context)]))
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    options = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    if options:
        yield from ("| option | | default |", "| --- | --- | --- |", *map(_parameter, options), "")
    yield from _block(_epilog(command))
    for each, below in inner.items():
        yield from _command(below, f"{name} {each}", level=level + 1)


def _parameter(parameter: Any) -> str:
    names = ", ".join(parameter.opts) if parameter.param_type_name == "option" else ""
    value = "" if getattr(parameter, "is_flag", False) else parameter.metavar or parameter.name.upper()
    told = parameter.help or ""
    if parameter.envvar:
        told += f" Or by `{parameter.envvar}`."
    default = "" if parameter.default in (None, False, ()) or callable(parameter.default) else f"`{parameter.default}`"
    return f"| `{_cell(f'{names} {value}'.strip())}` | {_cell(told)} | {_cell(default)} |"


def _epilog(command: Any) -> str:
    return (command.epilog or "").removeprefix("\b\n").replace("\b\n", "\n").strip("\n")


def _block(text: str) -> list[str]:
    return ["```text", text, "```", ""] if text else []


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("\n", " ")
    return escaped if "`" in text else escaped.replace("<", "&lt;")


def schema_page(title: str, schema: Schema, file: str) -> str:
    """A JSON Schema as one table for each of its objects."""
    lines = [f"# {title}", "", schema.get("description", ""), "", f"[The schema itself](../schema/{file}).", ""]
    lines += _object("", schema)
    for name, definition in schema.get("$defs", {}).items():
        lines += _object(name, definition)
    return "\n".join(lines)


def _object(name: str, schema: Schema) -> Iterator[str]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if name:
        yield from (f"## {name}", "", str(schema.get("description", "")) if properties else _says(schema), "")
    if not properties:
        return
    needed = schema.get("required", ())
    yield from ("| key | value | |", "| --- | --- | --- |")
    for key, value in properties.items():
        mark = " (required)" if key in needed else ""
        yield f"| `{key}`{mark} | {_type(value)} | {_says(value)} |"
    yield ""
    for key, value in properties.items():
        inner = value.get("items", value)
        if "properties" in inner:
            yield from _object(f"{name}.{key}".lstrip("."), inner)


def _says(schema: Schema) -> str:
    parts = [str(schema.get("description", ""))]
    if schema.get("examples"):
        parts.append(f"Such as `{json.dumps(schema['examples'][0], ensure_ascii=False)}`.")
    if "default" in schema and schema["default"] is not None:
        parts.append(f"Default: `{json.dumps(schema['default'])}`.")
    return " ".join(filter(None, parts)).replace("|", "\\|").replace("\n", " ")


def _type(schema: Schema) -> str:  # noqa: PLR0911 - one line a form of schema
    """What stands there, in few words; a named object links to its table."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if several:
        return " or ".join(dict.fromkeys(_type(one) for one in several))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_type(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
