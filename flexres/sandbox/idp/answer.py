"""What a response of the identity provider is to say: the value that `breakage` may spoil and `response` writes out."""

from __future__ import annotations

from dataclasses import dataclass

from flexres.sandbox.idp.directory import Claims
from flexres.sandbox.idp.key import ISSUER


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
