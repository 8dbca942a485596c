"""What the YAML says, resolved: one value per user with every default merged, ready for `reconcile`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

from flexres.values import Json

Engine = Literal["direct", "pulumi", "auto"]
Resources = Literal["user", "team"]
"""What is one resource under Pulumi."""

DIGEST_LENGTH: Final = 26
"""Characters of a-z2-7 in the digest of an approval: 130 bits."""
DIGEST_PATTERN: Final = f"^[a-z2-7]{{{DIGEST_LENGTH}}}$"
DAYS_APPROVED: Final = 14
"""So long an approval holds unless it says otherwise."""
MOST_DAYS_APPROVED: Final = 90


@dataclass(frozen=True, slots=True)
class Channel:
    """What a Worker may take on one task channel; None where the YAML says nothing (so: unmanaged)."""

    available: bool | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """One user as the YAML wants them.

    `roles` is sorted. `attributes` are Worker attributes in natural JSON types, nested as written, including
    contact_uri, image_url and the Insights attributes, without skills. `skills` maps a skill to its level (an
    int) or True for a skill without levels; None: skills are unmanaged. `until` is the last day, inclusive.
    `file` is the team file, as the user would type it.
    """

    username: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    attributes: Mapping[str, Json]
    skills: Mapping[str, int | bool] | None
    skills_exact: bool
    channels: Mapping[str, Channel]
    until: date | None
    previously: str | None
    file: str


@dataclass(frozen=True, slots=True)
class Limit:
    """`max_removals` and `max_changes`: a count, or a percentage (0..100); with both, neither may be exceeded."""

    count: int | None = None
    percent: float | None = None

    def allows(self, changes: int, of: int, *, least: int = 0) -> bool:
        """Whether `changes` among `of` users stay within the limit, at any size: 1 of 5 is over 10 %.

        `least`: so many a percentage always allows, unless it is 0.
        """
        if self.count is not None and changes > self.count:
            return False
        if not self.percent:
            return self.percent is None or not changes
        return changes <= least or changes * 100 <= self.percent * of

    def __str__(self) -> str:
        count = [str(self.count)] if self.count is not None else []
        percent = [f"{self.percent:g}%"] if self.percent is not None else []
        return " and ".join(count + percent)


@dataclass(frozen=True, slots=True)
class ApprovedEntry:
    """One entry of `policy.approved`: what it is for in words, and the last day on which it holds.

    `digests` are what binds, each with the user whom it is about; of no single user, an empty name.
    """

    digests: Mapping[str, str]
    purpose: str
    until: date


@dataclass(frozen=True, slots=True)
class Policy:
    """How changes may happen. `email_domains` None: any. `approved` is what a reviewer has seen of guarded changes.

    `queues` is how many people a plan has to leave in which task queue, by its name; `*` stands for all the others.
    """

    timezone: str = "UTC"
    retire: Literal["deprovision", "keep"] = "deprovision"
    retire_when: Literal["offline", "now"] = "offline"
    retire_within: timedelta = timedelta(hours=24)
    unmanaged: Literal["report", "ignore"] = "report"
    max_removals: Limit = Limit(percent=10.0)
    max_changes: Limit = Limit(percent=30.0)
    min_admins: int = 1
    protected: tuple[str, ...] = ()
    email_domains: tuple[str, ...] | None = None
    unmanaged_admins: Literal["report", "fail"] = "report"
    approved: tuple[ApprovedEntry, ...] = ()
    console_changes: Literal["warn", "fail"] = "warn"
    unknown_skills: Literal["warn", "fail", "ignore"] = "warn"
    queues: Mapping[str, int] = field(default_factory=dict)

    def least_in(self, queue: str) -> int:
        """How many people a plan has to leave in the queue of this name."""
        return self.queues.get(queue, self.queues.get("*", 0))


@dataclass(frozen=True, slots=True)
class Attested:
    """What people say they entered in Console: a digest for each field, and the trusted entries themselves."""

    digests: Mapping[str, str] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sso:
    """How users sign in, as the YAML has it.

    `certificate` is the PEM text that was read from `certificate_file`, `fingerprint` its SHA-256 as `AB:CD:…`,
    `expires` its last day. `trusted` is the whole list where `owns_trusted`; otherwise nobody declares one.
    """

    type: Literal["enhanced", "legacy"]
    writer: Literal["console", "api"]
    connection: str | None = None
    issuer: str | None = None
    sso_url: str | None = None
    certificate: str | None = None
    certificate_file: str | None = None
    fingerprint: str | None = None
    expires: date | None = None
    default_redirect_url: str | None = None
    trusted: tuple[str, ...] = ()
    owns_trusted: bool = True
    login_popup: bool | None = None
    login_popup_features: str | None = None
    session_not_on_or_after: timedelta | None = None
    self_hosted: bool = False
    claims: tuple[str, ...] = ()
    attested: Attested = Attested()


@dataclass(frozen=True, slots=True)
class Idp:
    """The identity provider that is reconciled too. `domain` is the tenant's, `connection` where its users are.

    `client_id` chooses among applications of one name. `missing` says what becomes of users whom the connection lacks.
    """

    provider: Literal["auth0"]
    domain: str
    application: str = "Twilio Flex"
    client_id: str | None = None
    connection: str = "Username-Password-Authentication"
    action: str = "Flex claims"
    missing: Literal["report", "create", "invite"] = "report"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """flex.yaml: whose Flex this is, how it may change, and how its users sign in.

    `id` is who we are on a Worker's marker. `endpoint` is a loopback base URL or None for Twilio itself.
    `idp` is None when the identity provider is not managed. `resources` is of concern to Pulumi alone.
    """

    id: str
    account: str
    instance: str
    engine: Engine
    policy: Policy
    endpoint: str | None = None
    leavers: tuple[str, ...] = ()
    sso: Sso | None = None
    idp: Idp | None = None
    resources: Resources = "user"


class JudgedBy(StrEnum):
    """What a plan is judged by besides its own flex.yaml."""

    BASE = "base"
    FIRST_PARENT = "first parent"
    HEAD = "HEAD"
    """The changes are not committed."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration in force and where it is from; `config` None: nothing could be compared, and `why`.

    With a `config`, `why` says why it is an older one than was asked for. `lost`: there was one, out of reach here.
    """

    by: JudgedBy
    name: str = ""
    config: StackConfig | None = None
    why: str = ""
    lost: bool = False
