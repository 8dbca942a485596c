"""The part of a flex.yaml that an identity provider has to be told, read before the rest of the file is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from flexres.desired.schema.sso import SsoSection
from flexres.desired.schema.validation_messages import problems_of
from flexres.desired.source import Source, UnreadableFile
from flexres.desired.yaml.locate import Locator
from flexres.desired.yaml.tree import compose, decode
from flexres.errors import InvalidStack, SetupError

_FILE = "flex.yaml"


@dataclass(frozen=True, slots=True)
class SignOnFacts:
    """Whose Flex it is and how its users sign in; `claims` as they are spelled."""

    account: str
    type: Literal["enhanced", "legacy"]
    connection: str | None
    claims: tuple[str, ...]


def sign_on_facts(source: Source) -> SignOnFacts:
    """What flex.yaml says of `account:` and `sso:`, whatever else is missing.

    Raises InvalidStack for problems of these two, SetupError where they are not there.
    """
    try:
        data = source.read(_FILE)
    except UnreadableFile as error:
        raise SetupError(f"the file {source.shown(_FILE)} {error.reason}", hint=error.problem.hint) from None
    text, problems = decode(data, source.shown(_FILE))
    root = None
    if not problems:
        root, problems = compose(text, source.shown(_FILE))
    if problems:
        raise InvalidStack(tuple(problems), files=1)
    values = root.value if root is not None and isinstance(root.value, dict) else {}
    if values.get("sso") is None:
        raise SetupError(
            f"{source.shown(_FILE)} has no sso: section", hint="begin one with type: and writer: below sso:"
        )
    try:
        section = SsoSection.model_validate(values["sso"])
    except ValidationError as error:
        locator = Locator(source)
        found = tuple(locator.located(problem) for problem in problems_of(error, _FILE, ("sso",)))
        raise InvalidStack(found, files=1) from None
    return SignOnFacts(str(values.get("account", "")), section.type, section.connection, tuple(section.claims))
