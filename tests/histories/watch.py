"""Whose doing a change is: between two acts of others, whatever changes in Flex is the doing of our requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from flexres.sandbox.server import Sandbox

Act = Callable[[], None]


@dataclass(frozen=True)
class Person:
    """One user of Flex with their Worker: all that anybody could have changed, without versions and times."""

    sid: str
    full_name: str
    email: str
    roles: frozenset[str]
    deactivated: bool
    worker: str | None
    text: str | None
    channels: tuple[tuple[str, bool, int], ...]

    @property
    def attributes(self) -> dict[str, Any]:
        """The Worker's attributes; empty where there are none, or no map."""
        try:
            found = json.loads(self.text or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def active_roles(self) -> frozenset[str]:
        return frozenset() if self.deactivated else self.roles


@dataclass(frozen=True)
class Effect:
    """What one request of ours did to one name; `theirs` is how others left it last."""

    request: str
    username: str
    before: Person | None
    after: Person | None
    theirs: Person | None


class Watch:
    """Sits between the requests: notes what ours did, then lets others act, and remembers how they left everything.

    `acts` are by what they come before: the request of a number, or the write of a number.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.acts: dict[tuple[str, int], list[Act]] = {}
        self.count = self.writes = 0
        self.ours: list[Effect] = []
        self._last = "nothing"
        self.left = people(sandbox)
        self.theirs = dict(self.left)
        sandbox.between(self._before)

    def now(self, act: Act) -> None:
        """Somebody acts between two requests."""
        self._note()
        act()
        self._others_acted()

    def end(self) -> None:
        """Nobody acts any more, and what the last request did is noted."""
        self.sandbox.between(None)
        self._note()

    def _before(self, method: str, path: str) -> None:
        self._note()
        now = [("request", self.count)]
        self.count += 1
        if method != "GET":
            now.append(("write", self.writes))
            self.writes += 1
        for when in now:
            for act in self.acts.get(when, ()):
                act()
        self._others_acted()
        self._last = f"{method} {path}"

    def _others_acted(self) -> None:
        now = people(self.sandbox)
        self.theirs |= {name: person for name, person in now.items() if person != self.left.get(name)}
        self.left = now

    def _note(self) -> None:
        now = people(self.sandbox)
        for name in self.left.keys() | now.keys():
            if self.left.get(name) != now.get(name):
                self.ours.append(Effect(self._last, name, self.left.get(name), now.get(name), self.theirs.get(name)))
        self.left = now


def people(sandbox: Sandbox) -> dict[str, Person]:
    """Everybody in Flex, looked at from inside the sandbox."""
    workers = {str(worker["sid"]): str(worker["attributes"]) for worker in sandbox.workers()}
    return {str(user["username"]): _person(sandbox, user, workers) for user in sandbox.users()}


def _person(sandbox: Sandbox, user: dict[str, Any], workers: dict[str, str]) -> Person:
    sid = user["worker_sid"] if user["worker_sid"] in workers else None
    channels = sandbox.channels(sid) if sid else {}
    return Person(
        user["flex_user_sid"],
        user["full_name"],
        user["email"],
        frozenset(user["roles"]),
        user["deactivated"],
        sid,
        workers.get(sid) if sid else None,
        tuple((name, bool(one["available"]), int(str(one["configured_capacity"]))) for name, one in channels.items()),
    )


def people_over_http(sandbox: Sandbox) -> dict[str, Person]:
    """Everybody in Flex as Twilio's API tells it, by a client that shares nothing with ours."""
    identity = sandbox.identity
    found: dict[str, Person] = {}
    with httpx.Client(base_url=sandbox.url, auth=(identity.api_key, identity.api_secret)) as http:
        listed = http.get(f"/v1/Instances/{identity.instance_sid}/Users", params={"PageSize": 1000}).json()
        for user in listed["users"]:
            worker, channels = None, []
            if user["worker_sid"]:
                place = f"/v1/Workspaces/{user['workspace_sid']}/Workers/{user['worker_sid']}"
                answer = http.get(place)
                if answer.status_code == 200:
                    worker = answer.json()
                    channels = http.get(f"{place}/Channels").json()["channels"]
            found[user["username"]] = Person(
                user["flex_user_sid"],
                user["full_name"],
                user["email"],
                frozenset(user["roles"]),
                user["deactivated"],
                worker and worker["sid"],
                worker and worker["attributes"],
                tuple(
                    (one["task_channel_unique_name"], one["available"], one["configured_capacity"]) for one in channels
                ),
            )
    return found
