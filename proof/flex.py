"""A local Flex in a process of its own, and what is read of it by HTTP alone: nothing here knows flexres' reading."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from proof.story import CARRIED, FOREIGN, OTHERS_MARKER, THEIRS, UNMANAGED, WITH_PLUGIN, People

ACCOUNT, INSTANCE = "AC00000000000000000000000000000001", "GO00000000000000000000000000000001"
KEY, SECRET = "SK00000000000000000000000000000001", "sandbox-api-secret"
MARKER = "flexres"


@dataclass(frozen=True, slots=True)
class User:
    """One user as Flex has them; the texts are as they came, so that a number written otherwise is seen."""

    active: bool
    profile: dict[str, Any]
    attributes: str
    channels: dict[str, Any]

    @property
    def read(self) -> dict[str, Any]:
        """The Worker's attributes as an object."""
        found: dict[str, Any] = json.loads(self.attributes or "{}")
        return found


@dataclass
class Flex:
    """One local Flex, read and written as any client would."""

    url: str
    client: httpx.Client
    workspace: str = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = str(self._get(f"{self.url}/v1/Configuration")["taskrouter_workspace_sid"])

    @property
    def environ(self) -> dict[str, str]:
        """How a command reaches it."""
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_API_KEY": KEY,
            "TWILIO_API_SECRET": SECRET,
            "FLEXRES_ENDPOINT": self.url,
        }

    def fault(self, line: str) -> None:
        """From now on this goes wrong."""
        self.client.post(f"{self.url}/_sandbox/faults", content=line).raise_for_status()

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.client.delete(f"{self.url}/_sandbox/faults").raise_for_status()

    def requests(self) -> int:
        """How many requests it has answered."""
        return int(self.client.get(f"{self.url}/_sandbox/requests", params={"path": "^/v"}).json()["total"])

    def people(self) -> dict[str, list[User]]:
        """Everybody by username; two of one name are two."""
        workers = {str(each["sid"]): each for each in self._all(f"/v1/Workspaces/{self.workspace}/Workers", "workers")}
        found: dict[str, list[User]] = {}
        for user in self._all(f"/v1/Instances/{INSTANCE}/Users", "users"):
            worker = workers.pop(str(user["worker_sid"]), None)
            profile = {key: user[key] for key in ("full_name", "email", "roles")}
            one = User(
                active=not user["deactivated_date"] if "deactivated_date" in user else not user["deactivated"],
                profile={**profile, "roles": sorted(profile["roles"] or [])},
                attributes=str(worker["attributes"]) if worker else "",
                channels=self._channels(str(worker["sid"])) if worker else {},
            )
            found.setdefault(str(user["username"]), []).append(one)
        for worker in workers.values():
            found.setdefault(f"Worker {worker['friendly_name']}", []).append(User(True, {}, worker["attributes"], {}))
        return found

    def begin(self) -> None:
        """Who is there besides ours: people whom nobody declares, and one of another stack."""
        for username in (*UNMANAGED, *FOREIGN):
            body = {"username": username, "full_name": "Some Body", "email": username, "roles": ["agent", "supervisor"]}
            self._post(f"/v4/Instances/{INSTANCE}/Users/Provision", json={**body, "worker": {}})
            self.edit(username, {"seat": 1.10})
        for username in FOREIGN:
            self.edit(username, {MARKER: OTHERS_MARKER})

    def use(self) -> None:
        """A plugin writes something on Workers of ours."""
        for username in WITH_PLUGIN:
            self.edit(username, THEIRS)

    def edit(self, username: str, changes: dict[str, Any], *, check: bool = True) -> None:
        """Somebody edits a Worker's attributes by hand."""
        answer = self.client.post(f"{self.url}/_sandbox/workers/{username}/attributes", json={"changes": changes})
        if check:
            answer.raise_for_status()

    def delete_worker(self, username: str) -> None:
        """Somebody deletes a Worker in TaskRouter, if it is there."""
        for worker in self._all(f"/v1/Workspaces/{self.workspace}/Workers", "workers"):
            if worker["friendly_name"] == username:
                path = f"/v1/Workspaces/{self.workspace}/Workers/{worker['sid']}"
                self.client.delete(self.url + path, auth=(KEY, SECRET))

    def _channels(self, worker: str) -> dict[str, Any]:
        found = self._all(f"/v1/Workspaces/{self.workspace}/Workers/{worker}/Channels", "channels")
        return {str(each["task_channel_unique_name"]): each["configured_capacity"] for each in found}

    def _all(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self.url}{path}?PageSize=1000"
        while url:
            page = self._get(url)
            yield from page[key]
            url = page["meta"]["next_page_url"]

    def _get(self, url: str) -> dict[str, Any]:
        found: dict[str, Any] = self._asked("GET", url).json()
        return found

    def _post(self, path: str, **body: Any) -> None:
        self._asked("POST", self.url + path, **body)

    def _asked(self, method: str, url: str, **body: Any) -> httpx.Response:
        """An answer; where Twilio's limits are played, as soon as they allow it."""
        answer = self.client.request(method, url, auth=(KEY, SECRET), **body)
        while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(0.2)
            answer = self.client.request(method, url, auth=(KEY, SECRET), **body)
        answer.raise_for_status()
        return answer


@contextmanager
def flex(folder: Path, *options: str) -> Iterator[Flex]:
    """A local Flex of its own, until the block ends."""
    command = [sys.executable, "-m", "flexres", "sandbox", "serve", "--port", "0", "--state", str(folder / "flex.db")]
    with (
        (folder / "sandbox.log").open("w") as log,
        subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=log, text=True) as process,
        httpx.Client(timeout=60) as client,
    ):
        assert process.stdout is not None
        try:
            yield Flex(process.stdout.readline().strip().removeprefix("ready "), client)
        finally:
            process.terminate()
            process.wait()


def losses(
    declared: People, found: dict[str, list[User]], before: dict[str, list[User]], *, deleted: bool = False
) -> list[str]:
    """What is not as it should be, a line each: the declared as declared, the others as they were.

    `deleted`: others deleted Workers of ours, and with them what a plugin wrote there and the mark that makes a user
    ours, without which nobody leaves.
    """
    wrong = []
    for username, person in declared.items():
        there = found.get(username, [])
        if len(there) != 1 or not there[0].active:
            wrong.append(f"{username}: there {len(there)} times, active {[one.active for one in there]}")
            continue
        wrong += [f"{username}: {line}" for line in _differences(person, there[0])]
    for username in before.keys() - declared.keys() - {*UNMANAGED, *FOREIGN}:
        known = [one for one in found.get(username, []) if one.attributes or not deleted]
        wrong += [f"{username}: still there" for one in known if one.active]
    for username in (*UNMANAGED, *FOREIGN):
        if found.get(username) != before.get(username):
            wrong.append(f"{username}: of others, and changed")
    wrong += [f"{username}: nobody knows them" for username in found.keys() - before.keys() - declared.keys()]
    for username in () if deleted else WITH_PLUGIN:
        there = found.get(CARRIED.get(username, username), [])
        wrong += [f"{username}: {key} of a plugin is lost" for key in THEIRS if not there or key not in there[0].read]
    return wrong


def _differences(person: dict[str, Any], user: User) -> Iterator[str]:
    if user.profile["full_name"] != person["full_name"] or user.profile["roles"] != sorted(person["roles"]):
        yield f"profile {user.profile}"
    attributes = user.read
    for key, value in person.get("attributes", {}).items():
        if attributes.get(key) != value or type(attributes.get(key)) is not type(value):
            yield f"{key} is {attributes.get(key)!r}, declared {value!r}"
    routing = attributes.get("routing") or {}
    for skill, level in person.get("skills", {}).items():
        known = routing.get("levels", {}).get(skill)
        if skill not in routing.get("skills", []) or (level is not True and known != level):
            yield f"skill {skill} is {known!r}"
    for channel, settings in person.get("channels", {}).items():
        if user.channels.get(channel) != settings["capacity"]:
            yield f"channel {channel} is {user.channels.get(channel)!r}"
