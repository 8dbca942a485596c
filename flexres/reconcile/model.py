"""The plan as values: what would change for whom, why, by which route, and which guards it meets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flexres.desired.model import DesiredUser, Policy
from flexres.live.model import Instance, LiveUser, Worker
from flexres.reconcile.idp.model import IdpPlan
from flexres.reconcile.marker import Marker
from flexres.values import Value, same


class Kind(StrEnum):
    """What happens to one user."""

    CREATE = "create"
    ADOPT = "adopt"
    REACTIVATE = "reactivate"
    UPDATE = "update"
    RENAME = "rename"
    RETIRE = "retire"
    WAIT = "wait"
    LET_GO = "let go"
    BLOCKED = "blocked"
    AT_IDP = "at the IdP"
    UNMANAGED = "unmanaged"


class Cause(StrEnum):
    """Who made the two sides differ."""

    GIT = "git"
    FLEX = "Flex"
    BOTH = "both"
    LOGIN = "login"
    """The identity provider wrote it into Flex when the user signed in."""
    IDP = "IdP"
    """Somebody changed it at the identity provider."""


class Route(StrEnum):
    """Where a field is written."""

    PROFILE = "profile"
    ATTRIBUTE = "attribute"
    CHANNEL = "channel"
    MARKER = "marker"
    IDP = "idp"


class Why(StrEnum):
    """Why somebody leaves."""

    UNDECLARED = "no longer declared"
    LEAVER = "named in leavers"
    EXPIRED = "until has passed"
    RENAMED = "renamed"


class Rule(StrEnum):
    """The guards. Each is evaluated on the whole plan before the first write."""

    OLDER_CHECKOUT = "older checkout"
    MAX_REMOVALS = "max_removals"
    MAX_CHANGES = "max_changes"
    MIN_ADMINS = "min_admins"
    PROTECTED = "protected"
    EMAIL_DOMAINS = "email_domains"
    GAINS_ADMIN = "gains admin"
    LOSES_SKILLS = "loses all skills"
    LOSES_CAPACITY = "loses all capacity"
    DEACTIVATED = "deactivated"
    CONSOLE_CHANGES = "console_changes"


class Answer(StrEnum):
    """What an observation says to a declared setting."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class SettingState(StrEnum):
    """How one setting of single sign-on stands."""

    AS_DECLARED = "as declared"
    PENDING = "pending"
    STALE = "stale attestation"
    REMOVAL = "removal pending"
    CHANGE = "change"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one user: `before` in Flex, `after` as the YAML wants it (ABSENT: to be removed).

    Keys are `full_name`, `email`, `roles`, `attr:<JSON pointer without its first slash>`, `skill:<name>`,
    `channel:<name>.available`, `channel:<name>.capacity`, `until` and `leaving`. `let_go` means that the YAML
    no longer declares the field and Flex keeps the value that somebody else gave it. `elsewhere`: compared with
    a base, the field would be changed without this change, too.
    """

    key: str
    before: Value
    after: Value
    cause: Cause
    route: Route
    let_go: bool = False
    elsewhere: bool = False

    @property
    def writes(self) -> bool:
        """Whether Flex is to get another value; otherwise only our marker takes note."""
        return self.route is not Route.IDP and not self.let_go and not same(self.before, self.after)


@dataclass(frozen=True, slots=True)
class IdpEdit:
    """What happens to one user at the identity provider; `user_id` is None for one who is made there.

    `fields` are those of `app_metadata.flex`: ABSENT `before` where it has none, ABSENT `after` to take one out.
    """

    user_id: str | None
    email: str
    fields: tuple[FieldChange, ...]
    provider: str


@dataclass(frozen=True, slots=True)
class UserChange:
    """What would happen to one user, and all that an operation needs to make it happen.

    `old` is the user that a rename leaves behind. `digest` approves this change alone, where it needs that.
    `overdue` is a leaver who has waited longer than the policy allows. `elsewhere`: compared with a base, all of it
    would happen without this change, too. `idp` is what happens at the identity provider, before Flex is written.
    """

    username: str
    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    desired: DesiredUser | None = None
    live: LiveUser | None = None
    marker: Marker | None = None
    old: LiveUser | None = None
    why: Why | None = None
    reason: str = ""
    digest: str = ""
    overdue: bool = False
    elsewhere: bool = False
    idp: IdpEdit | None = None

    @property
    def only_at_idp(self) -> bool:
        """Whether Flex stays as it is and only the identity provider is written."""
        return self.idp is not None and self.kind is Kind.UPDATE and not self.fields and not self.reason

    @property
    def pending(self) -> bool:
        """Whether applying would write something; a leaver already marked as waiting needs nothing now."""
        if self.kind in {Kind.BLOCKED, Kind.AT_IDP, Kind.UNMANAGED}:
            return False
        if self.kind is Kind.WAIT:
            return self.marker is None or self.marker.leaving is None
        return True

    @property
    def leaves(self) -> bool:
        """Whether the user loses Flex, now or when no longer busy."""
        return self.kind in {Kind.RETIRE, Kind.WAIT, Kind.LET_GO}

    @property
    def file(self) -> str | None:
        """The team file that declares the user, if one does."""
        return self.desired.file if self.desired else None


@dataclass(frozen=True, slots=True)
class Guarded:
    """One thing that a guard watches: its own digest approves it alone; `approved_by` names who did."""

    rule: Rule
    username: str
    detail: str
    digest: str
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A guard that refuses the plan: what it found (`message`), about whom, and what lifts it (`hint`)."""

    rule: Rule
    message: str
    usernames: tuple[str, ...]
    hint: str


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting of single sign-on: a field of `sso:`, or one trusted `entry` (then `field` is `trusted`).

    `declared` and `observed` are texts to show (a certificate by its fingerprint; empty: not set), `how` says where
    it was seen and `why` why it could not be. `step` of `steps` is its place on Console's page, 0 for what flexres
    writes itself. `digest` is what an attestation of the declared value records. `removal`: the entry is to go.
    """

    field: str
    state: SettingState
    declared: str
    answer: Answer
    observed: str = ""
    how: str = ""
    why: str = ""
    entry: str = ""
    digest: str = ""
    step: int = 0
    steps: int = 0
    removal: bool = False

    @property
    def name(self) -> str:
        """The setting as it is called everywhere: the field, or the entry behind it."""
        return f"{self.field} {self.entry}" if self.entry else self.field

    @property
    def waits(self) -> bool:
        """Whether it waits for a person in Twilio Console."""
        return self.state in {SettingState.PENDING, SettingState.STALE, SettingState.REMOVAL}

    @property
    def care(self) -> bool:
        """Whether somebody should look before it is applied: it replaces or takes away what sign-ins rely on."""
        if self.state is SettingState.DRIFT:
            return True
        return self.state is SettingState.CHANGE and (
            self.removal
            or (self.field not in {"login_popup", "login_popup_features", "trusted"} and bool(self.observed))
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole difference between one stack and one instance at one time.

    `changes` is in the order of the YAML's team files, then by username, those nobody declares last.
    `digest` approves all guarded changes that nobody has approved yet; empty when there are none.
    `commit` is the commit that the YAML was read from, if it was read from one. `base` is the revision that it was
    compared with, as it was named; `offline` says that Flex was not read and the base stands for it. `command` is
    what applies exactly this plan, behind `flexres`.
    `settings` are those of single sign-on in the order of Console's page; empty where the stack declares none, or
    nobody looked. `idp` is the identity provider's part, None where it is not managed, or nobody looked.
    """

    stack: str
    stack_id: str
    instance: Instance
    policy: Policy
    as_of: datetime
    changes: tuple[UserChange, ...]
    unmanaged: tuple[UserChange, ...] = ()
    orphans: tuple[Worker, ...] = ()
    personas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    declared: int = 0
    in_flex: int = 0
    in_sync: int = 0
    guarded: tuple[Guarded, ...] = ()
    violations: tuple[Violation, ...] = ()
    digest: str = ""
    commit: str | None = None
    commit_time: int | None = None
    requests: int = 0
    seconds: float = 0.0
    base: str | None = None
    offline: bool = False
    command: tuple[str, ...] = ("apply",)
    settings: tuple[SettingChange, ...] = ()
    idp: IdpPlan | None = None

    def of_kind(self, *kinds: Kind) -> Iterator[UserChange]:
        """The changes of these kinds, in the plan's order."""
        return (change for change in self.changes if change.kind in kinds)

    @property
    def pending(self) -> bool:
        """Whether applying would write something."""
        at_idp = self.idp is not None and bool(self.idp.changes)
        return any(change.pending for change in self.changes) or any(self.settings_in(SettingState.CHANGE)) or at_idp

    @property
    def to_write(self) -> int:
        """How many changes applying would write: users, and settings of single sign-on."""
        settings = sum(1 for _ in self.settings_in(SettingState.CHANGE))
        return sum(change.pending for change in self.changes) + settings

    @property
    def console(self) -> tuple[SettingChange, ...]:
        """The settings that wait for a person in Twilio Console."""
        return tuple(setting for setting in self.settings if setting.waits)

    def settings_in(self, *states: SettingState) -> Iterator[SettingChange]:
        """The settings of single sign-on in these states, in the plan's order."""
        return (setting for setting in self.settings if setting.state in states)
