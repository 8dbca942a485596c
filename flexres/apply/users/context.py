"""What every operation of one run needs: the clients, the gate before Provision, newcomers, the policy, the journal.

Provision changes whoever has the name. Between a plan and its apply a person can be at a question for an hour, so
without this look it would overwrite the roles, the attributes and the marker of somebody who came meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from flexres.apply.idp import UserWriter
from flexres.apply.journal import Journal
from flexres.desired.model import DesiredUser, Policy
from flexres.errors import FlexresError, NotFoundError
from flexres.live.model import FlexUser, History, LiveUser, Worker, WorkerChannel
from flexres.reconcile.diff import Scope
from flexres.values import Json, fold_case


@dataclass(frozen=True, slots=True)
class Context:
    """One run. `commit_time` is in seconds since 1970 UTC; `offline_activity` is an activity SID.

    `idp` writes users at the identity provider; None where that is not managed.
    """

    users: Users
    workers: Workers
    scope: Scope
    policy: Policy
    offline_activity: str | None
    as_of: datetime
    commit_time: int | None
    allow_older: bool
    journal: Journal
    gate: ProvisionGate
    newcomers: Newcomers
    idp: UserWriter | None = None


class Users(Protocol):
    """The Flex users of one instance, as `live.flex.users` reads and writes them."""

    def pages(self) -> AsyncIterator[list[FlexUser]]:
        """All users, deactivated ones too."""

    async def by_username(self, username: str) -> FlexUser | None:
        """The active user of this name."""

    async def by_sid(self, sid: str) -> FlexUser:
        """One user. Raises NotFoundError."""

    async def provision(
        self,
        *,
        username: str,
        full_name: str,
        email: str,
        roles: Sequence[str],
        attributes: Mapping[str, Json] | None = None,
    ) -> FlexUser:
        """Make or change a user. Raises FormatError, and LostAnswerError where it may have taken effect."""

    async def deprovision(self, sid: str) -> None:
        """Take Flex away from a user. Raises FormatError, and LostAnswerError where it may have taken effect."""


class Workers(Protocol):
    """The Workers of one Workspace, as `live.taskrouter.workers` reads and writes them."""

    async def fetch(self, sid: str) -> Worker:
        """One Worker with its ETag. Raises NotFoundError."""

    async def update(self, sid: str, attributes: str, *, if_match: str | None) -> Worker:
        """Write its attributes. Raises PreconditionError, and LostAnswerError where it may have taken effect."""

    async def channels(self, sid: str) -> dict[str, WorkerChannel]:
        """Its channels by name. Raises NotFoundError."""

    async def history(self, sid: str, *, until: datetime) -> History:
        """What changed it in the days before `until`, as far as Twilio tells."""

    async def update_channel(
        self, sid: str, channel: str, *, available: bool | None = None, capacity: int | None = None
    ) -> WorkerChannel:
        """Change one of its channels."""


class ProvisionGate:
    """Lets the first Provision of an existing user go alone; a loss there stops all others of the run.

    Nobody says whether Provision with an empty `worker` keeps the attributes of an existing Worker. The first
    one shows it.
    """

    def __init__(self) -> None:
        self._first = asyncio.Lock()
        self._shown = False
        self._lost: str | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold this around one Provision and its check. Raises FlexresError after a loss."""
        if not self._shown:
            async with self._first:
                self._check()
                if not self._shown:
                    yield
                    self._shown = True
                    return
        self._check()
        yield

    def lost(self, username: str) -> None:
        """Say that attributes were lost (and restored): no further Provision of an existing user in this run."""
        self._lost = username

    def _check(self) -> None:
        if self._lost is not None:
            raise FlexresError(
                f"not provisioned: Provision lost Worker attributes of {self._lost} (they were restored)",
                hint="change the profile at the identity provider or in Console, then run again",
            )


def check_profile(desired: DesiredUser, planned: FlexUser, now: FlexUser) -> None:
    """Whether a Provision, which writes the profile whole, would change no more of it than the plan showed.

    Raises FlexresError where somebody gave the user something else since, that the YAML does not have either.
    """
    if now.deactivated != planned.deactivated:
        did = "deactivated" if now.deactivated else "brought back"
        raise FlexresError(f"was {did} in Flex since the plan, and left as they are", hint="plan again")
    sides = {
        "roles": tuple(", ".join(sorted({*user.roles})) for user in (planned, now, desired)),
        "full name": tuple(user.full_name for user in (planned, now, desired)),
        "email": tuple(user.email for user in (planned, now, desired)),
    }
    moved = [f"{name} {old} → {new}" for name, (old, new, wanted) in sides.items() if new not in {old, wanted}]
    if moved and not now.deactivated:
        raise FlexresError(f"changed in Flex since the plan: {'; '.join(moved)}", hint="run it again")


FEW: Final = 100
"""Up to so many arrivals are looked for one by one, right before each; for more, all users are listed."""

FRESH: Final = 5.0
"""Seconds for which a list of all users is believed."""


class Newcomers:
    """The look of one run, over a plan that makes so many users as `arrivals` says."""

    def __init__(self, users: Users, arrivals: int, *, monotonic: Callable[[], float]) -> None:
        self._users = users
        self._one_by_one = arrivals <= FEW
        self._monotonic = monotonic
        self._reading = asyncio.Lock()
        self._listed: frozenset[str] = frozenset()
        self._at: float | None = None
        self._first_version = 0

    async def check(self, desired: DesiredUser, planned: LiveUser | None) -> None:
        """Whether Flex still has nobody of this name but `planned`, who is deactivated or has no Worker.

        Raises FlexresError where somebody came to exist, was brought back, changed or got a Worker since the plan.
        """
        if planned is not None:
            await self._check_as_planned(desired, planned)
        if (planned is None or planned.username != desired.username) and await self._is_there(desired.username):
            raise FlexresError("came to exist in Flex since the plan, and was left as they are", hint="plan again")

    def suspects(self, found: FlexUser) -> bool:
        """Whether Provision's answer may be of somebody who was there before: worth a look at their history.

        Whom Flex makes is of one date and of its first version, 0 or 1: nobody says which, so `made` shows it.
        """
        return found.created_date != found.updated_date or (found.version or 0) > self._first_version

    def made(self, found: FlexUser) -> None:
        """Take note that Flex made this user and nobody was there before."""
        if found.created_date == found.updated_date:
            self._first_version = min(found.version or 0, 1)

    async def _check_as_planned(self, desired: DesiredUser, planned: LiveUser) -> None:
        try:
            now = await self._users.by_sid(planned.user.sid)
        except NotFoundError:
            return
        check_profile(desired, planned.user, now)
        if not now.deactivated and now.worker_sid is not None:
            raise FlexresError("got a Worker since the plan, and was left as they are", hint="plan again")

    async def _is_there(self, username: str) -> bool:
        if self._one_by_one:
            return await self._users.by_username(username) is not None
        async with self._reading:
            if self._at is None or self._monotonic() - self._at > FRESH:
                pages = [page async for page in self._users.pages()]
                self._listed = frozenset(fold_case(user.username) for page in pages for user in page)
                self._at = self._monotonic()
            return fold_case(username) in self._listed
