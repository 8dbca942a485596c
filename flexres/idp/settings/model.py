"""What to enter at an identity provider for Flex, by the provider's own labels; as text, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

ProviderName = Literal["okta", "entra", "google", "adfs", "keycloak", "auth0", "generic"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the provider labels it, the value to enter, and a remark where the value alone is not enough."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A page or panel of the provider: `where` leads to it."""

    title: str
    where: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """One attribute: `name` as Flex must get it, `source` where the provider takes the value from."""

    name: str
    source: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that the provider imports: `how` says where or with which command."""

    name: str
    content: str
    how: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything to enter, in the order of the provider's own pages; `limits` is what the provider cannot do.

    `back` says where the provider shows the values that `sso:` needs: issuer, sign-on URL and certificate. `checked`
    says against which documentation all of it was held, and when.
    """

    provider: ProviderName
    title: str
    sections: tuple[Section, ...]
    attributes_where: str
    attributes: tuple[Mapping, ...]
    back: tuple[Field, ...]
    limits: tuple[str, ...]
    files: tuple[File, ...]
    checked: str


_EMPTY = "(blank)"


def as_text(settings: Settings) -> str:
    """Aligned columns, values on one line each so that they can be copied."""
    lines = [f"Flex at {settings.title}"]
    for section in settings.sections:
        lines += ["", section.title, f"  {section.where}", *_columns(section.fields)]
    lines += ["", "Attributes", f"  {settings.attributes_where}"]
    lines += _columns([Field(each.name, each.source, each.remark) for each in settings.attributes])
    lines += ["", "For sso: in flex.yaml", *_columns(settings.back)]
    if settings.limits:
        lines += ["", f"What {settings.title} cannot do, or does otherwise"]
        lines += [f"  - {limit}" for limit in settings.limits]
    if settings.files:
        lines += ["", "Files to import"]
        lines += [f"  {file.name}\n    {file.how}" for file in settings.files]
    lines += ["", f"Checked: {settings.checked}"]
    return "\n".join(lines) + "\n"


def as_markdown(settings: Settings) -> str:
    """Tables with the values as code, and each file in a block of its own."""
    lines = [f"## Flex at {settings.title}"]
    for section in settings.sections:
        lines += ["", f"### {section.title}", "", f"{section.where}", "", *_table("Field", "Value", section.fields)]
    mappings = [Field(each.name, each.source, each.remark) for each in settings.attributes]
    lines += ["", "### Attributes", "", settings.attributes_where, "", *_table("Name", "From", mappings)]
    lines += ["", "### For `sso:` in flex.yaml", "", *_table("Key", "There called", settings.back)]
    if settings.limits:
        lines += ["", "### Limits", "", *(f"- {limit}" for limit in settings.limits)]
    for file in settings.files:
        kind = file.name.rpartition(".")[2].replace("txt", "text")
        lines += ["", f"### {file.name}", "", file.how, "", f"```{kind}", file.content.rstrip("\n"), "```"]
    lines += ["", f"Checked: {_cell(settings.checked)}"]
    return "\n".join(lines) + "\n"


def _columns(fields: Sequence[Field]) -> Iterator[str]:
    width = max((len(field.label) for field in fields), default=0)
    for field in fields:
        yield f"    {field.label:<{width}}  {field.value or _EMPTY}"
        if field.remark:
            yield f"    {'':<{width}}  · {field.remark}"


def _table(first: str, second: str, fields: Sequence[Field]) -> Iterator[str]:
    yield f"| {first} | {second} | |"
    yield "|-|-|-|"
    for field in fields:
        value = _code(field.value) if field.value else _EMPTY
        yield f"| {_cell(field.label)} | {value} | {_cell(field.remark)} |"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|").replace("\n", " ")


def _cell(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ").replace("*", "\\*")
