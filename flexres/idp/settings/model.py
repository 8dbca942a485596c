"""What to enter at an identity provider for Flex: sections of fields by the provider's own labels, and files."""

from __future__ import annotations

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
