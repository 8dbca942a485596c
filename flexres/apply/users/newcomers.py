"""Who came to exist since the plan: looked for again just before somebody is provisioned who was not there.

Provision changes whoever has the name. Between a plan and its apply a person can be at a question for an hour, so
without this look it would overwrite the roles, the attributes and the marker of somebody who came meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from flexres.apply.users.clients import Users
from flexres.errors import FlexresError, NotFoundError
from flexres.live.model import FlexUser, LiveUser
from flexres.values import fold_case

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

    async def check(self, username: str, planned: LiveUser | None) -> None:
        """Whether Flex still has nobody of this name but `planned`, who is deactivated or has no Worker.

        Raises FlexresError where somebody came to exist, was brought back or got a Worker since the plan.
        """
        if planned is not None:
            await self._check_as_planned(planned)
        if (planned is None or planned.username != username) and await self._is_there(username):
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

    async def _check_as_planned(self, planned: LiveUser) -> None:
        try:
            now = await self._users.by_sid(planned.user.sid)
        except NotFoundError:
            return
        if now.deactivated != planned.user.deactivated:
            did = "deactivated" if now.deactivated else "brought back"
            raise FlexresError(f"was {did} in Flex since the plan, and left as they are", hint="plan again")
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
