"""The `idp:` section of flex.yaml: the identity provider that is reconciled too, checked and handed on as a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from flexres.desired.model import DesiredUser, Idp, Sso
from flexres.desired.schema import field_types as texts
from flexres.desired.schema.attributes import TYPES, AttributeFormatError, encode_typed, parse_typed, shown
from flexres.desired.schema.field_types import wrong
from flexres.desired.users import Entry
from flexres.desired.yaml.problems import problem_at
from flexres.errors import Problem
from flexres.values import Json

_FILE: Final = "flex.yaml"
_DOMAIN_PATTERN: Final = r"^[a-z0-9][a-z0-9\-]*(\.[a-z0-9][a-z0-9\-]*)+$"
TAKEN: Final = ("name_id",)
"""Keys of `app_metadata.flex` that are ours besides roles, full_name and email."""


def _domain(text: str) -> str:
    if re.fullmatch(_DOMAIN_PATTERN, text):
        return text
    bare = re.sub(r"^[a-z]+://|[/:].*$", "", text.strip().lower())
    hint = f"write {bare}" if re.fullmatch(_DOMAIN_PATTERN, bare) else "write it as acme.eu.auth0.com"
    raise wrong(f"{shown(text)} is no domain of a tenant", hint)


Line = Annotated[str, AfterValidator(texts.line), WithJsonSchema({"type": "string", "minLength": 1, "pattern": r"\S"})]


class IdpSection(BaseModel):
    """The identity provider that flexres keeps as declared, besides Flex. Its credentials are in the environment."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    provider: Literal["auth0"] = Field(description="Whose Management API is used.")
    domain: Annotated[str, AfterValidator(_domain), WithJsonSchema({"type": "string", "pattern": _DOMAIN_PATTERN})] = (
        Field(
            description="The tenant's own domain, which AUTH0_DOMAIN has to name too.", examples=["acme.eu.auth0.com"]
        )
    )
    application: Line = Field("Twilio Flex", description="Name of the regular web application for Flex.")
    client_id: Line | None = Field(None, description="Which application, where several have that name.")
    connection: Line = Field("Username-Password-Authentication", description="The connection that users come from.")
    action: Line = Field("Flex claims", description="Name of the Post Login action.")
    missing: Literal["report", "create", "invite"] = Field(
        "report",
        description="Declared users whom the connection lacks. create: they are made, with a password that nobody "
        "knows. invite: and get an e-mail to choose one.",
    )


FIELDS: Final = tuple(IdpSection.model_fields)


def read_idp(section: IdpSection) -> Idp:
    """The section as a value."""
    return Idp(**{name: getattr(section, name) for name in FIELDS})


def idp_problems(idp: Idp | None, sso: Sso | None) -> Iterator[Problem]:
    """What the two sections lack together."""
    if idp is None:
        return
    if sso is None:
        hint = "add sso: with type: and writer:, or take idp: out"
        yield problem_at(_FILE, ("idp",), "idp without sso: nobody signs in through the provider", hint, at_key=True)
        return
    if sso.type == "enhanced" and sso.connection is None:
        hint = "add connection: with the SID (JQ…) from Console's Single sign-on page"
        yield problem_at(
            _FILE, ("sso",), "connection is missing from sso: it is part of what the provider is told", hint
        )
    for place, claim in enumerate(sso.claims):
        if _bare(claim) in TAKEN:
            hint = "give the attribute another name"
            yield problem_at(_FILE, ("sso", "claims", place), f"{_bare(claim)} is taken: it holds the NameID", hint)


def claim_values(sso: Sso, users: Mapping[str, DesiredUser], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """Values that would not come back as declared: at a login Flex reads each claim by its spelling."""
    kinds = {_bare(claim): claim for claim in sso.claims}
    for name, user in users.items():
        for attribute in kinds.keys() & user.attributes.keys():
            value, claim = user.attributes[attribute], kinds[attribute]
            found = _misread(claim, attribute, value)
            if found is not None:
                message, hint = found
                yield entries[name].problem("attributes", f"{name}: {message}", hint)


def _misread(claim: str, attribute: str, value: Json) -> tuple[str, str] | None:
    typed = encode_typed(attribute, value)
    if typed is None and value not in ("", []):
        return (
            f"{attribute} has no spelling as a claim",
            "take it out of sso: claims:, or make it a plain value or list",
        )
    wanted = typed[0].rpartition(".")[2] if typed and typed[0] != attribute else "string"
    if value == []:
        wanted = claim.rpartition(".")[2] if _is_list(claim) else "stringarray"
    sent = claim.rpartition(".")[2] if claim != attribute else "string"
    if sent == wanted:
        return None
    hint = f"write {attribute}.{wanted} in sso: claims:" if wanted != "string" else f"write {attribute} in sso: claims:"
    try:
        _, read = parse_typed(claim, value if isinstance(value, str) else _as_text(value))
    except AttributeFormatError as error:
        return f"the claim {claim} cannot carry it: {error}", hint
    return f"the claim {claim} makes it {shown(read)}, not {shown(value)}", hint


def _is_list(claim: str) -> bool:
    return claim.rpartition(".")[2] in TYPES and claim.endswith("array")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(_as_text, value))
    return str(value)


def _bare(claim: str) -> str:
    name, _, kind = claim.rpartition(".")
    return name if kind in TYPES else claim
