"""What a response of the identity provider is to say: the value that `breakage` may spoil and `response` writes out,
and where its claims come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flexres.sandbox.saml.key import ISSUER
from flexres.sandbox.state import World

Claims = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a response is to say. `moment` is when its window begins, `session` its length in seconds if it has one."""

    name_id: str
    claims: Claims
    consumer: str
    audience: str
    request_id: str | None
    issuer: str = ISSUER
    recipient: str = ""
    destination: str = ""
    moment: float = 0
    session: float | None = None


def claims_of(world: World, username: str) -> dict[str, str | list[str]]:
    """What is sent for a person: full_name, email and roles as Flex has them, or plausible ones for a newcomer."""
    user = world.store.users.by_username(username, case_sensitive=True)
    if user is not None:
        return {"full_name": user.full_name, "email": user.email, "roles": user.role_names}
    local, at, _ = username.partition("@")
    words = [word for word in re.split(r"[^\w]+|_", local) if word]
    return {
        "full_name": " ".join(word.capitalize() for word in words) or username,
        "email": username if at else f"{username}@example.com",
        "roles": ["agent"],
    }


def as_lines(claims: Claims) -> str:
    """Claims as a person edits them: `name = value` on a line each, several values as several lines."""
    return "\n".join(
        f"{name} = {text}" for name, value in claims.items() for text in ([value] if isinstance(value, str) else value)
    )


def from_lines(text: str) -> dict[str, str | list[str]]:
    """The other way round. A line without `=` is a claim with an empty value; empty lines are nothing."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.strip():
            found.setdefault(name.strip(), []).append(value.strip())
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}
