"""A Flex of a few dictionaries, and what is written down beside it: all that the operations need to be tried."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flexres.apply.journal import NoJournal
from flexres.apply.outcome import UserOutcome
from flexres.apply.users.context import Context, Newcomers, ProvisionGate
from flexres.apply.users.operations import carry_out
from flexres.desired.model import DesiredUser
from flexres.errors import NotFoundError, PreconditionError
from flexres.live.model import FlexUser, History, LiveUser, Worker, WorkerChannel, WorkerEvent
from flexres.reconcile.change import UserChange
from flexres.reconcile.diff import Scope
from tests.unit.reconcile import builders

NOW = "2026-06-01T12:00:00Z"
"""When everything here is written."""


class Flex:
    """Both clients over dictionaries. `said` are the writes in order; `answers` what a method raises the next times."""

    def __init__(self, *live: LiveUser) -> None:
        self.people = {one.user.username: one.user for one in live}
        self.workers = {one.worker.sid: replace(one.worker, etag="0") for one in live if one.worker}
        self.channels_of = {one.worker.sid: dict(one.channels or {}) for one in live if one.worker}
        self.sent: dict[str, Mapping[str, Any] | None] = {}
        self.said: list[str] = []
        self.answers: dict[str, list[Exception | None]] = {}
        self.forgetful = False
        self.listed = 0
        self.created = NOW
        self.meanwhile: LiveUser | None = None
        self.history_of: dict[str, list[WorkerEvent]] = {}

    def will(self, method: str, *answers: Exception | None) -> None:
        """What a method answers the next times it is called; None: as usual."""
        self.answers[method] = list(answers)

    def attributes(self, username: str) -> dict[str, Any]:
        """What a user's Worker knows."""
        found: dict[str, Any] = json.loads(self.workers[f"WK{username}"].text)
        return found

    def edit(self, username: str, **attributes: Any) -> None:
        """Somebody else changes a Worker; None takes an attribute away."""
        found = {**self.attributes(username), **attributes}
        self._store(f"WK{username}", {name: value for name, value in found.items() if value is not None})

    async def pages(self) -> AsyncIterator[list[FlexUser]]:
        self.listed += 1
        yield list(self.people.values())

    async def by_username(self, username: str) -> FlexUser | None:
        found = self.people.get(username)
        return found if found and not found.deactivated else None

    async def by_sid(self, sid: str) -> FlexUser:
        return next((one for one in self.people.values() if one.sid == sid), None) or _missing()

    async def provision(
        self,
        *,
        username: str,
        full_name: str,
        email: str,
        roles: Sequence[str],
        attributes: Mapping[str, Any] | None = None,
    ) -> FlexUser:
        self._answer("provision", username)
        sid = f"WK{username}"
        self.sent[username] = attributes
        self.people[username] = FlexUser(
            f"FU{username}", username, full_name, email, tuple(roles), sid, False, None, self.created, NOW
        )
        known = {} if self.forgetful or sid not in self.workers else json.loads(self.workers[sid].text)
        self._store(sid, {**known, **(attributes or {})})
        return self.people[username]

    async def deprovision(self, sid: str) -> None:
        user = await self.by_sid(sid)
        self._answer("deprovision", user.username)
        self.people[user.username] = replace(user, deactivated=True)

    async def fetch(self, sid: str) -> Worker:
        return self.workers.get(sid) or _missing()

    async def history(self, sid: str, *, until: datetime) -> History:
        return History(tuple(self.history_of.get(sid, ())))

    async def update(self, sid: str, attributes: str, *, if_match: str | None) -> Worker:
        self._answer("update", sid[2:])
        if if_match != self.workers[sid].etag:
            raise PreconditionError("somebody else wrote", request="POST Worker", status=412)
        self._store(sid, json.loads(attributes))
        return self.workers[sid]

    async def channels(self, sid: str) -> dict[str, WorkerChannel]:
        return dict(self.channels_of.get(sid, {}))

    async def update_channel(
        self, sid: str, channel: str, *, available: bool | None = None, capacity: int | None = None
    ) -> WorkerChannel:
        self._answer("update_channel", sid[2:])
        (found,) = [one for one in self.channels_of[sid].values() if one.sid == channel]
        changes = {"available": available, "capacity": capacity}
        changed = replace(found, **{name: value for name, value in changes.items() if value is not None})
        self.channels_of[sid][found.name] = changed
        return changed

    def _store(self, sid: str, attributes: Mapping[str, Any]) -> None:
        before = self.workers.get(sid) or Worker(sid, sid[2:], builders.OFFLINE, "Offline", False, "{}", "0")
        etag = str(int(before.etag or "0") + 1)
        self.workers[sid] = replace(before, text=json.dumps(attributes), etag=etag)

    def _answer(self, method: str, about: str) -> None:
        answer = self.answers[method].pop(0) if self.answers.get(method) else None
        self.said.append(f"{method} {about}" + (" !" if answer else ""))
        if answer is not None:
            self._come(self.meanwhile)
            raise answer

    def _come(self, live: LiveUser | None) -> None:
        if live is not None and live.worker is not None:
            self.people[live.user.username] = live.user
            self.workers[live.worker.sid] = replace(live.worker, etag="0")


def _missing() -> Any:
    raise NotFoundError("not found", request="GET", status=404)


class Kept(NoJournal):
    """Keeps what the operations write down before they write."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def before(self, username: str, attributes: str) -> None:
        self.kept[username] = attributes


class Run:
    """One run over this Flex: `flex` may have moved since the plan that the changes are of."""

    def __init__(
        self, flex: Flex, *, commit_time: int | None = 0, allow_older: bool = False, arrivals: int = 1, **policy: Any
    ) -> None:
        self.flex, self.journal = flex, Kept()
        self.context = Context(
            users=flex,
            workers=flex,
            scope=Scope(builders.STACK_ID),
            policy=builders.config(**policy).policy,
            offline_activity=builders.OFFLINE,
            as_of=builders.NOW,
            commit_time=commit_time,
            allow_older=allow_older,
            journal=self.journal,
            gate=ProvisionGate(),
            newcomers=Newcomers(flex, arrivals, monotonic=lambda: 0.0),
        )

    async def does(self, change: UserChange) -> UserOutcome:
        """What becomes of a change."""
        return await carry_out(self.context, change)


def change_of(*declared: DesiredUser, live: Sequence[LiveUser] = (), **settings: Any) -> UserChange:
    """The one change that the plan has."""
    found = builders.only(builders.plan_for(declared, live, **settings))
    assert isinstance(found, UserChange)
    return found
