"""Approvals: digests that lift the guards for what somebody has seen, what each does, and who gave it."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flexres.desired.model import DIGEST_LENGTH
from flexres.errors import Position
from flexres.values import Json, canonical


class Source(StrEnum):
    """Where an approval was given."""

    COMMAND_LINE = "--approve"
    ALLOW_ADMIN = "--allow-admin"
    ENVIRONMENT = "FLEXRES_APPROVE"
    COMMITTED = "policy.approved"


class Proof(StrEnum):
    """How sure it is who somebody is."""

    NONE = "not verified"
    SIGNATURE = "verified by the commit's signature"
    REVIEW = "reviewed on the platform"


@dataclass(frozen=True, slots=True)
class Approval:
    """A digest, where it was given and what is known of who gave it.

    `who` is a name as the source has it, empty where it has none; `unknown` then says why. `place` is the line of
    flex.yaml, `commit` what added it. `username` is whom it is about, empty where that is no single user. `until` is
    the last day on which it holds; None: as long as the run. `added`: the very change that it approves adds it, or
    lets it hold for longer than until `extends`, so that nobody saw it so before.
    """

    digest: str
    source: Source
    who: str = ""
    unknown: str = ""
    place: Position | None = None
    commit: str = ""
    proof: Proof = Proof.NONE
    purpose: str = ""
    username: str = ""
    until: date | None = None
    added: bool = False
    extends: date | None = None

    def holds(self, today: date) -> bool:
        """Whether it has not ended yet."""
        return self.until is None or today <= self.until

    @property
    def by(self) -> str:
        """What is known of who approved, for people to read."""
        if self.source is not Source.COMMITTED:
            return f"{self.source} by {self.who}" if self.who else str(self.source)
        where = f"{self.place.file}:{self.place.line}" if self.place is not None else str(self.source)
        if not self.commit:
            return f"{where}, {self.unknown or 'not committed yet'}"
        if self.proof is Proof.REVIEW:
            return f"{where}, by commit {self.commit[:7]}, reviewed by {self.who}"
        author = f"whose author git gives as {self.who}" if self.who else "whose author git does not tell"
        said = f"{where}, by commit {self.commit[:7]}, {author}, {self.proof}"
        return f"{said} ({self.unknown})" if self.unknown else said


class Standing(StrEnum):
    """What an approval in flex.yaml does for one plan."""

    USED = "used"
    SPENT = "used up"
    """Nothing of what it may be about is refused any more: it was done, or taken back."""
    UNUSED = "unused"
    """What is refused is something else than it was given for: that has changed since."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standings:
    """One approval, and what it does for the plan."""

    approval: Approval
    standing: Standing


_WEIGHT = (Standing.USED, Standing.UNUSED, Standing.SPENT, Standing.EXPIRED)


def by_entry(standings: Iterable[Standings]) -> tuple[Standings, ...]:
    """What each entry of flex.yaml does, in their order: of its digests the one that does the most stands for it."""
    entries: dict[object, Standings] = {}
    for one in standings:
        entry = (one.approval.place, one.approval.purpose, one.approval.until)
        known = entries.get(entry)
        if known is None or _WEIGHT.index(one.standing) < _WEIGHT.index(known.standing):
            entries[entry] = one
    return tuple(entries.values())


def digest_of(value: Json) -> str:
    """130 bits of SHA-256 of a value's canonical text, as 26 characters of a-z2-7."""
    hashed = hashlib.sha256(canonical(value).encode(errors="surrogatepass")).digest()
    return b32encode(hashed).decode().lower()[:DIGEST_LENGTH]


def change_digest(stack_id: str, rule: str, username: str, sides: Json, state: Json) -> str:
    """The digest that approves one guarded thing.

    `sides` are the guarded fields, each [key, before, after], `state` what tells this time from a later one.
    """
    return digest_of(["change", stack_id, rule, username, sides, state])


def plan_digest(stack_id: str, digests: Iterable[str]) -> str:
    """The digest that approves all guarded things of these digests in one go."""
    return digest_of(["plan", stack_id, sorted(digests)])


def approver(approvals: Iterable[Approval], digest: str) -> Approval | None:
    """The approval of a digest, if somebody gave one."""
    return next((approval for approval in approvals if approval.digest == digest), None)
