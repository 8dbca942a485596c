"""Who is acting while a request, or something done by hand, is carried out: what Events name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from flexres.sandbox.identity import Identity


@dataclass(frozen=True, slots=True)
class Actor:
    """Who, by which way, from where. Twilio publishes no values of `kind` and `source`: these are ours."""

    sid: str
    kind: str
    source: str
    address: str = ""


ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)
"""None is the Workspace itself."""


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What is changed inside is this actor's doing."""
    before = ACTING.set(actor)
    try:
        yield
    finally:
        ACTING.reset(before)


def by_api(identity: Identity, address: str) -> Actor:
    """Somebody with the account's credentials."""
    return Actor(identity.account_sid, "account", "api", address)


def by_login(identity: Identity) -> Actor:
    """Flex itself, which writes a login's claims."""
    return Actor(identity.instance_sid, "instance", "flex")


def in_console(person: str = "console@example.com", address: str = "203.0.113.7") -> Actor:
    """Somebody signed in to Twilio's Console, with a SID that follows from the name."""
    digest = hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()
    return Actor(f"US{digest}", "user", "console", address)
