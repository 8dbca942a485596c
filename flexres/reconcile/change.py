"""The change: what would happen to one user, one setting of single sign-on or one part of the identity provider.

`reconcile` makes them, a `Plan` holds them all, and `apply` gives an outcome for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser
from flexres.reconcile.key import Key
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, Value, same


class About(StrEnum):
    """What a change is about."""

    USER = "user"
    SETTING = "setting"
    IDP = "idp"


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
    SETTING = "setting"
    """A setting of single sign-on, through an API or by a person in Console."""


class Why(StrEnum):
    """Why somebody leaves."""

    UNDECLARED = "no longer declared"
    LEAVER = "named in leavers"
    EXPIRED = "until has passed"
    RENAMED = "renamed"
    RENAME_TAKEN_BACK = "their rename was taken back"


class Block(StrEnum):
    """Why nobody may touch somebody, where that is lifted by a word."""

    DEACTIVATED = "deactivated"
    OLDER_CHECKOUT = "older checkout"


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

    `let_go` means that the YAML no longer declares the field and Flex keeps the value that somebody else gave it.
    `elsewhere`: compared with a base, the field would be changed without this change, too.
    """

    key: Key
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


class Change:
    """One thing that would happen, whatever it is about.

    Whoever counts, prints, journals, guards, saves or compares a plan iterates over these once.
    """

    __slots__ = ()
    about: ClassVar[About]

    @property
    def name(self) -> str:
        """What it is about, by its name: a username, a setting, a part of the provider's set-up."""
        raise NotImplementedError

    @property
    def pending(self) -> bool:
        """Whether applying would write something."""
        raise NotImplementedError

    @property
    def written(self) -> tuple[FieldChange, ...]:
        """Every field that would get another value, in Flex or at the identity provider."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class UserChange(Change):
    """What would happen to one user, and all that an operation needs to make it happen.

    `old` is the user that a rename leaves behind. `digest` approves this change alone, where it needs that.
    `overdue` is a leaver who has waited longer than the policy allows. `elsewhere`: compared with a base, all of it
    would happen without this change, too. `block` says of somebody who is blocked what would lift that. `idp` is what
    happens at the identity provider, before Flex is written.
    """

    about: ClassVar[About] = About.USER

    username: str
    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    desired: DesiredUser | None = None
    live: LiveUser | None = None
    marker: Marker | None = None
    old: LiveUser | None = None
    why: Why | None = None
    reason: str = ""
    block: Block | None = None
    digest: str = ""
    overdue: bool = False
    elsewhere: bool = False
    idp: IdpEdit | None = None

    @property
    def name(self) -> str:
        """The username."""
        return self.username

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
    def written(self) -> tuple[FieldChange, ...]:
        """The fields of the user in Flex, and then those at the identity provider."""
        here = tuple(field for field in self.fields if field.writes)
        return here + (self.idp.fields if self.idp is not None else ())

    @property
    def leaves(self) -> bool:
        """Whether the user is ours no more, now or when no longer busy; one who is let go of stays in Flex."""
        return self.kind in {Kind.RETIRE, Kind.WAIT, Kind.LET_GO}

    @property
    def loses_flex(self) -> bool:
        """Whether the user is to be deprovisioned, now or when no longer busy."""
        return self.kind in {Kind.RETIRE, Kind.WAIT}

    @property
    def file(self) -> str | None:
        """The team file that declares the user, if one does."""
        return self.desired.file if self.desired else None


@dataclass(frozen=True, slots=True)
class Arrival(UserChange):
    """Somebody declared who is not in Flex, or not any more: provisioned in one call where claims can say it all."""

    desired: DesiredUser = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Edit(UserChange):
    """Somebody declared who is in Flex: brought to what the YAML says, adopted, or differing at the provider alone."""

    desired: DesiredUser = field(kw_only=True)
    live: LiveUser = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Rename(UserChange):
    """A new name for somebody: made under it, given what the `old` one knew, and the old one leaves."""

    desired: DesiredUser = field(kw_only=True)
    old: LiveUser = field(kw_only=True)


def renamed_from(username: str, provider: str = "") -> str:
    """Why somebody is renamed, and what becomes of the NameID: written at the `provider` that the same plan manages."""
    there = f"at {provider}: this plan does" if provider else "at the identity provider too"
    return f"renamed from {username}; change the NameID {there}"


@dataclass(frozen=True, slots=True)
class Departure(UserChange):
    """Somebody who leaves, waits to, or is let go of."""

    live: LiveUser = field(kw_only=True)
    why: Why = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Blocked(UserChange):
    """Somebody whom nobody may touch, and why."""

    kind: Kind = field(default=Kind.BLOCKED, init=False)
    reason: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Unmanaged(UserChange):
    """Somebody in Flex whom the YAML does not name."""

    kind: Kind = field(default=Kind.UNMANAGED, init=False)
    live: LiveUser = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class SettingChange(Change):
    """One setting of single sign-on: a field of `sso:`, or one trusted `entry` (then `field` is `trusted`).

    `declared` and `observed` are texts to show (a certificate by its fingerprint; empty: not set), `how` says where
    it was seen and `why` why it could not be. `step` of `steps` is its place on Console's page, 0 for what flexres
    writes itself. `digest` is what an attestation of the declared value records. `removal`: the entry is to go.
    """

    about: ClassVar[About] = About.SETTING

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
    def pending(self) -> bool:
        """Whether an API is to write it."""
        return self.state is SettingState.CHANGE

    @property
    def written(self) -> tuple[FieldChange, ...]:
        """The setting, where an API is to write it."""
        if not self.pending:
            return ()
        before, after = (side or ABSENT for side in (self.observed, self.declared))
        return (FieldChange(Key.of("sso", self.name), before, after, Cause.GIT, Route.SETTING),)

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


class Part(StrEnum):
    """The parts of the provider's set-up, in the order in which they are written."""

    APPLICATION = "application"
    ADDON = "SAML2 add-on"
    CALLBACKS = "callback URLs"
    ACTION = "action"
    DEPLOYMENT = "deployment"
    FLOW = "login flow"


@dataclass(frozen=True, slots=True)
class IdpChange(Change):
    """One part of the set-up that is not as declared. `says` is it in words, where before → after would not help."""

    about: ClassVar[About] = About.IDP

    part: Part
    key: str
    before: Value
    after: Value
    says: str = ""

    @property
    def name(self) -> str:
        """The part and the setting in it."""
        return f"{self.part} {self.key}"

    @property
    def pending(self) -> bool:
        """Always: what is as declared is no change."""
        return True

    @property
    def written(self) -> tuple[FieldChange, ...]:
        """The setting at the provider."""
        return (FieldChange(Key.of("idp", self.name), self.before, self.after, Cause.GIT, Route.IDP),)
