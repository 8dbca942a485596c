"""What a response of the identity provider is to say, and the ways in which it can answer wrongly on purpose."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from lxml import etree

from flexres.sandbox.saml_xml import ISSUER, SIGNATURE, assertion, parse, protocol
from flexres.sandbox.state import World

_ELSEWHERE = "https://elsewhere.example.com"
_CLAIM_URLS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_HOUR = 3600.0

BROKEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "wrong_audience": "The audience is somebody else",
        "wrong_recipient": "The recipient is another address",
        "wrong_destination": "The destination is another address",
        "wrong_issuer": "The issuer is another provider",
        "expired": "The assertion expired an hour ago",
        "not_yet_valid": "The assertion is valid only in an hour",
        "wrong_request": "It answers a request that nobody made",
        "no_request": "It does not say which request it answers",
        "wrong_key": "It is signed with another key",
        "tampered": "It was changed after it was signed",
        "unsigned": "It is not signed",
        "wrapped": "Signature wrapping: the signed assertion is moved aside, a forged one is in its place",
        "encrypted": "The assertion is encrypted",
        "doctype": "It declares entities",
        "invalid_nameid_policy": "Status: Requester / InvalidNameIDPolicy",
        "authn_failed": "Status: Responder / AuthnFailed",
        "no_name_id": "It has no NameID",
        "raw_id": "The NameID is the provider's own raw id, such as auth0|5f7c8ec7",
        "missing_roles": "roles are missing",
        "missing_email": "email is missing",
        "missing_full_name": "full_name is missing",
        "unknown_role": "A role that Flex does not know",
        "namespaced": "All attributes have namespaced names (URLs)",
        "bad_type": "An attribute is not of its type: level.int is 1.23",
        "short_session": "SessionNotOnOrAfter is in half an hour",
    }
)


def misled(answer: Answer, broken: str | None) -> Answer:
    """What a provider says, and signs, that was set up wrongly."""
    change = _MISLED.get(broken or "")
    return change(answer) if change else answer


def meddled(data: bytes, broken: str | None) -> bytes:
    """What somebody makes of a response that was signed properly."""
    if broken == "tampered":
        return data.replace(b"<saml:AttributeValue>", b"<saml:AttributeValue>x", 1)
    if broken == "doctype":
        return b'<!DOCTYPE r [<!ENTITY e "expanded">]>' + data
    return _wrapped(data) if broken == "wrapped" else data


def _wrapped(data: bytes) -> bytes:
    """The signed response goes into the extensions of a forged one, whose assertion makes its holder an admin."""
    forged, genuine = parse(data), parse(data)
    for element in list(forged.iter(f"{{{SIGNATURE}}}Signature")):
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    forged.set("ID", f"_{secrets.token_hex(16)}")
    for found in forged.iter(assertion("Assertion")):
        found.set("ID", f"_{secrets.token_hex(16)}")
    for value in forged.iter(assertion("AttributeValue")):
        if value.text == "agent":
            value.text = "admin"
    extensions = etree.Element(protocol("Extensions"))
    extensions.append(genuine)
    forged.insert(1, extensions)
    return etree.tostring(forged)


def _without(name: str) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, claims={key: value for key, value in answer.claims.items() if key != name})


def _with(name: str, value: str | list[str]) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, claims={**answer.claims, name: value})


_MISLED: Final[Mapping[str, Callable[[Answer], Answer]]] = MappingProxyType(
    {
        "wrong_audience": lambda answer: replace(answer, audience="urn:flex:JQ" + "f" * 32),
        "wrong_recipient": lambda answer: replace(answer, recipient=_ELSEWHERE),
        "wrong_destination": lambda answer: replace(answer, destination=_ELSEWHERE),
        "wrong_issuer": lambda answer: replace(answer, issuer="urn:another:identity-provider"),
        "expired": lambda answer: replace(answer, moment=answer.moment - _HOUR),
        "not_yet_valid": lambda answer: replace(answer, moment=answer.moment + _HOUR),
        "wrong_request": lambda answer: replace(answer, request_id=f"_{secrets.token_hex(16)}"),
        "no_request": lambda answer: replace(answer, request_id=None),
        "no_name_id": lambda answer: replace(answer, name_id=""),
        "raw_id": lambda answer: replace(answer, name_id="auth0|5f7c8ec7c33c6c004bbafe82"),
        "missing_roles": _without("roles"),
        "missing_email": _without("email"),
        "missing_full_name": _without("full_name"),
        "unknown_role": _with("roles", ["agent", "wizard"]),
        "namespaced": lambda answer: replace(
            answer, claims={_CLAIM_URLS + name: value for name, value in answer.claims.items()}
        ),
        "bad_type": _with("level.int", "1.23"),
        "short_session": lambda answer: replace(answer, session=_HOUR / 2),
    }
)


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
