"""The identity provider's side as values: what it holds, what it should hold, and the difference; beside `model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from flexres.errors import Problem
from flexres.values import Json, Value


@dataclass(frozen=True, slots=True)
class Application:
    """An application at the provider. `addon` are its SAML2 settings, None where that add-on is off.

    `owner` is the id of the stack that reconciles it, None where none does. `addons` and `metadata` are all that it
    has of these: they are written as a whole.
    """

    client_id: str
    name: str
    app_type: str
    callbacks: tuple[str, ...]
    addon: Mapping[str, Value] | None
    owner: str | None
    addons: Mapping[str, Json] = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """A piece of code of the login flow: `code` is the draft, `deployed` what runs, None before the first time."""

    action_id: str
    name: str
    code: str
    deployed: str | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Binding:
    """One place of the login flow, in which an action runs."""

    binding_id: str
    action_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Where users come from: `database` says that the provider keeps them itself, so that they can be created."""

    connection_id: str
    name: str
    database: bool
    enabled_for: tuple[str, ...] | None = None
    """The applications that may use it; None where nobody says."""


@dataclass(frozen=True, slots=True)
class IdpUser:
    """One user of the connection. `flex` is `app_metadata.flex` as it is, ABSENT where there is none."""

    user_id: str
    email: str
    name: str
    flex: Value


@dataclass(frozen=True, slots=True)
class Signing:
    """What Flex has to know of the provider; `fingerprint` is the certificate's SHA-256 as `AB:CD:…`."""

    issuer: str
    sso_url: str
    certificate: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IdpState:
    """Everything that was read. `users` is by e-mail address, case folded; `signing` is None before there is one.

    `applications` and `actions` are those that could be meant, by name or by our mark; `others` are the connections
    besides the declared one.
    """

    applications: tuple[Application, ...] = ()
    actions: tuple[Action, ...] = ()
    flow: tuple[Binding, ...] = ()
    connection: Connection | None = None
    others: tuple[Connection, ...] = ()
    users: Mapping[str, tuple[IdpUser, ...]] = field(default_factory=dict)
    signing: Signing | None = None
    requests: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class IdpWanted:
    """What the YAML wants of the provider. `claims` are Worker attributes and the names under which they are sent.

    `provider` is what people call it, `tenant` where it is. `audience` None: the setting must not be there.
    `addon` holds the settings of the SAML2 add-on that are ours; what else is there stays.
    """

    provider: str
    tenant: str
    owner: str
    application: str
    client_id: str | None
    acs: str
    callbacks: tuple[str, ...]
    addon: Mapping[str, Value]
    action: str
    code: str
    connection: str
    missing: Literal["report", "create", "invite"]
    claims: Mapping[str, str] = field(default_factory=dict)
    issuer: str | None = None
    sso_url: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Differing:
    """A value of `sso:` that is not the provider's: `offered` is what the provider says, as it is shown."""

    key: Literal["issuer", "sso_url", "certificate"]
    declared: str | None
    offered: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way of the set-up, or of one user's, and what to do about it."""

    about: str
    problem: Problem


class Claim(StrEnum):
    """By what an account at the provider that the YAML does not stand behind has roles for Flex."""

    UNDECLARED = "nobody declares it"
    LEFT = "its owner leaves Flex"
    SECOND = "it is another account of a declared user's address, with more roles"


@dataclass(frozen=True, slots=True)
class Stranger:
    """An account whose next login is somebody in Flex whom the YAML does not want, with these roles.

    `name_id` is the user name that it would sign in as where that is not its address.
    """

    email: str
    user_id: str
    roles: tuple[str, ...]
    claim: Claim = Claim.UNDECLARED
    name_id: str = ""


@dataclass(frozen=True, slots=True)
class IdpPlan:
    """The identity provider's part of a plan, besides what each user's change holds.

    `missing` are declared users whom the provider does not know, `strangers` accounts with roles for Flex that nobody
    declares, `others` the connections besides the declared one that the application accepts logins of.
    """

    wanted: IdpWanted
    application: Application | None = None
    action: Action | None = None
    flow: tuple[Binding, ...] = ()
    connection: Connection | None = None
    signing: Signing | None = None
    differing: tuple[Differing, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    missing: tuple[str, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    others: tuple[str, ...] = ()
    users: int = 0
