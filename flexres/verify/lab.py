"""The laboratory of `verify`: throwaway users, raw requests at them, and their removal whatever happens.

The experiments need what the clients hide (statuses, bodies, absent headers), so requests go to the transport itself.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from flexres.errors import FlexresError, LostAnswerError, NotFoundError, TwilioError
from flexres.live.flex.users import FlexUsers
from flexres.live.http.transport import Transport, path
from flexres.live.model import FlexUser, Instance
from flexres.live.taskrouter.workers import Workers, task_queues
from flexres.values import Json

TRACE: Final = "flexres_verify"
"""The Worker attribute by which a person recognises a throwaway user; it holds the run."""

DOMAIN: Final = "example.invalid"
"""Reserved (RFC 2606): nobody has an address there."""

_THROWAWAY: Final = re.compile(rf"flexres-verify-[0-9a-f]{{12}}[a-z]?@{re.escape(DOMAIN)}", re.IGNORECASE)
_THROWAWAY_QUEUE: Final = re.compile(r"flexres-verify-[0-9a-f]{12}-[0-9]+")
_TRIES: Final = 10
"""So often, a second apart, a queue is asked whom it takes: TaskRouter may need a moment."""
_FULL_NAME: Final = "Throwaway of flexres verify"
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to one request, an error's included: `body` is None for those."""

    status: int
    body: Any = None
    etag: str | None = None
    message: str = ""
    code: int | None = None

    @property
    def ok(self) -> bool:
        return self.status < 400

    def __str__(self) -> str:
        said = "/".join(str(part) for part in (self.status, self.code) if part)
        return f"{said} {self.message!r}" if self.message else said


@dataclass(frozen=True, slots=True)
class Subject:
    """An active throwaway user: the SIDs of the user and of the Worker."""

    sid: str
    worker: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """How this run's first user came to be: what Provision answered, and what the Worker knew from the start."""

    seen: Seen
    attributes: Mapping[str, Any]


def is_throwaway(user: FlexUser) -> bool:
    """Whether a user is one of ours to remove: by name and by address, and nobody real can have either."""
    return bool(_THROWAWAY.fullmatch(user.username)) and user.email.lower().endswith(f"@{DOMAIN}")


class Lab:
    """One run's users and requests."""

    def __init__(self, transport: Transport, instance: Instance) -> None:
        self.transport = transport
        self.instance = instance
        self.users = FlexUsers(transport, instance.sid)
        self.workers = Workers(transport, instance.workspace)
        self._run = secrets.token_hex(6)
        self._names: set[str] = set()
        self._sids: set[str] = set()
        self._beginning: Beginning | None = None
        self._queues = 0

    def name(self, letter: str = "") -> str:
        """A throwaway username of this run; each letter is another user."""
        return f"flexres-verify-{self._run}{letter}@{DOMAIN}"

    async def ask(self, method: str, service: Literal["flex-api", "taskrouter"], where: str, **request: Any) -> Seen:
        """Send one request, and give whatever Twilio answers.

        Raises:
            LostAnswerError: there was no answer.
            UnreachableError: no connection, or the credentials were refused.
        """
        try:
            answer = await self.transport.request(method, service, where, **request)
        except LostAnswerError:
            raise
        except TwilioError as error:
            return Seen(error.status, message=error.message, code=error.code)
        return Seen(answer.status, answer.json, answer.etag)

    async def provision(
        self,
        username: str = "",
        *,
        attributes: Mapping[str, Json] | None = None,
        roles: Sequence[str] = ("agent",),
    ) -> Seen:
        """One Provision call, as it is; the user (this run's first one unless named) is removed at the end."""
        username = username or self.name()
        self._names.add(username)
        body: dict[str, Json] = {
            "username": username,
            "full_name": _FULL_NAME,
            "email": username.lower(),
            "roles": list(roles),
            "worker": {} if attributes is None else {"attributes": dict(attributes)},
        }
        seen = await self.ask("POST", "flex-api", self.user_path("Provision"), json=body, idempotent=False)
        if seen.ok:
            self._sids.add(_sid(seen))
        return seen

    async def beginning(self) -> Beginning:
        """How this run's first user came to be; made now if there is none yet.

        No call deletes a user for good, so experiments share this one wherever they can.
        """
        if self._beginning is None:
            seen = await self.provision()
            self._beginning = Beginning(seen, await self.attributes(await self.subject_of(seen)))
        return self._beginning

    async def subject(self, attributes: Mapping[str, Json]) -> Subject:
        """This run's first user, active, with a plain profile, whose Worker has exactly these attributes.

        Raises:
            FlexresError: Twilio does not make one.
        """
        await self.beginning()
        subject = await self.subject_of(await self.provision())
        written = await self.write(subject, {**attributes, TRACE: self._run})
        if not written.ok:
            raise FlexresError(f"the Worker's attributes could not be written: {written}")
        return subject

    async def subject_of(self, seen: Seen) -> Subject:
        """The user whom a Provision answered with. Raises FlexresError when it was refused, or made no Worker."""
        if not seen.ok:
            raise FlexresError(f"Provision answered {seen}")
        found = await self.users.by_sid(_sid(seen))
        if found.worker_sid is None:
            raise FlexresError("Provision made no Worker")
        return Subject(found.sid, found.worker_sid)

    async def write(self, subject: Subject, attributes: Mapping[str, Json], *, if_match: str | None = None) -> Seen:
        """Replace the Worker's attributes."""
        return await self.ask(
            "POST",
            "taskrouter",
            self.worker_path(subject.worker),
            form={"Attributes": json.dumps(dict(attributes))},
            headers={"If-Match": if_match} if if_match is not None else None,
            idempotent=False,
        )

    async def attributes(self, subject: Subject) -> dict[str, Any]:
        """What the Worker's attributes are, without our trace. Raises FlexresError when they are no object."""
        found = (await self.workers.fetch(subject.worker)).attributes()
        if found is None:
            raise FlexresError("the Worker's attributes are not a JSON object")
        return {name: value for name, value in found.items() if name != TRACE}

    async def holds(self, expression: str, subject: Subject) -> bool | None:
        """Whether a throwaway task queue with this expression takes the Worker; None: TaskRouter refuses to make it.

        No Workflow leads to the queue. Another one that surely takes the Worker shows when TaskRouter has come to it.

        Raises:
            FlexresError: TaskRouter makes no queue, or does not come to it.
        """
        asked, control = await self._queue(expression), await self._queue(f"{TRACE} == '{self._run}'")
        if control is None:
            raise FlexresError("TaskRouter makes no task queue")
        if asked is None:
            return None
        for _ in range(_TRIES):
            if await self._takes(control, subject):
                return await self._takes(asked, subject)
            await self.transport.timing.sleep(1.0)
        raise FlexresError("a new task queue takes nobody yet")

    async def _queue(self, expression: str) -> str | None:
        self._queues += 1
        name = f"flexres-verify-{self._run}-{self._queues}"
        form = {"FriendlyName": name, "TargetWorkers": expression}
        seen = await self.ask("POST", "taskrouter", self._queue_path(), form=form, idempotent=False)
        return str(seen.body["sid"]) if seen.ok else None

    async def _takes(self, queue: str, subject: Subject) -> bool:
        seen = await self.ask(
            "GET", "taskrouter", self.worker_path(), params={"TaskQueueSid": queue, "PageSize": "1000"}
        )
        workers = seen.body.get("workers") if isinstance(seen.body, dict) else None
        return any(worker.get("sid") == subject.worker for worker in workers or ())

    def _queue_path(self, *parts: str) -> str:
        return path("v1", "Workspaces", self.instance.workspace, "TaskQueues", *parts)

    async def _remove_queues(self) -> dict[str, str]:
        """Remove the throwaway queues of this run and of earlier ones; who could not be removed, and why."""
        try:
            found = await task_queues(self.transport, self.instance.workspace)
        except FlexresError as error:
            return {"": f"task queues flexres-verify-{self._run}-…: {error}"} if self._queues else {}
        left: dict[str, str] = {}
        for queue in found:
            if _THROWAWAY_QUEUE.fullmatch(queue.name):
                seen = await self.ask("DELETE", "taskrouter", self._queue_path(queue.sid))
                if not seen.ok and seen.status != 404:
                    left[queue.sid] = f"task queue {queue.name} ({queue.sid}): DELETE answered {seen}"
        return left

    async def deprovision(self, sid: str) -> Seen:
        """One Deprovision call, as it is."""
        body = {"flex_user_sid": sid}
        return await self.ask("POST", "flex-api", self.user_path("Deprovision"), json=body, idempotent=False)

    def user_path(self, *parts: str) -> str:
        """The path of the users (v4), or of one."""
        return path("v4", "Instances", self.instance.sid, "Users", *parts)

    def worker_path(self, *parts: str) -> str:
        """The path of the Workers, or of one."""
        return path("v1", "Workspaces", self.instance.workspace, "Workers", *parts)

    async def remove_all(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Deactivate every throwaway user, of this run and of earlier ones: who was, and who could not be and why.

        Twilio deletes the Worker with it; the deactivated user stays in Flex's list, as no call deletes one.
        """
        removed: list[str] = []
        left: dict[str, str] = {}
        for _ in range(_ROUNDS):
            left = {}
            active = await self._active()
            if not active:
                break
            for user in active:
                problem = await self._remove(user)
                if problem:
                    left[user.sid] = f"{user.username} ({user.sid}): {problem}"
                else:
                    removed.append(user.username)
        left.update(await self._remove_workers())
        left.update(await self._remove_queues())
        return tuple(removed), tuple(left.values())

    async def _active(self) -> list[FlexUser]:
        """Active throwaway users: by list, by name and by SID, for a new one may be missing in any of them."""
        found: dict[str, FlexUser] = {}
        async for page in self.users.pages():
            found.update((user.sid, user) for user in page if is_throwaway(user))
        for name in sorted(self._names):
            user = await self.users.by_username(name)
            if user is not None and is_throwaway(user):
                found[user.sid] = user
        for sid in sorted(self._sids):
            try:
                found[sid] = await self.users.by_sid(sid)
            except NotFoundError:
                found.pop(sid, None)
        return [user for user in found.values() if not user.deactivated]

    async def _remove(self, user: FlexUser) -> str:
        """Why the user could not be removed; empty where that worked."""
        try:
            seen = await self.deprovision(user.sid)
        except LostAnswerError as error:
            return str(error)
        return "" if seen.ok or seen.status == 404 else f"Deprovision answered {seen}"

    async def _remove_workers(self) -> dict[str, str]:
        """Workers that stayed although their user is gone."""
        left: dict[str, str] = {}
        for name in sorted(self._names):
            seen = await self.ask("GET", "taskrouter", self.worker_path(), params={"FriendlyName": name})
            workers = seen.body.get("workers") if isinstance(seen.body, dict) else None
            for worker in workers if isinstance(workers, list) else []:
                if _THROWAWAY.fullmatch(str(worker.get("friendly_name"))):
                    deleted = await self.ask("DELETE", "taskrouter", self.worker_path(str(worker["sid"])))
                    if not deleted.ok and deleted.status != 404:
                        left[worker["sid"]] = f"Worker {name} ({worker['sid']}): DELETE answered {deleted}"
        return left

    def named(self) -> tuple[str, ...]:
        """Every username that this run may have made."""
        return tuple(sorted(self._names))


def _sid(seen: Seen) -> str:
    sid = seen.body.get("flex_user_sid") if isinstance(seen.body, dict) else None
    if not isinstance(sid, str):
        raise FlexresError(f"Provision answered {seen.status} without a flex_user_sid")
    return sid


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen: `value` in a word for programs, `answer` in a sentence.

    `safe` is False where what was seen takes away a protection that flexres relies on; `mind` then says which,
    or what else follows.
    """

    value: str
    answer: str
    safe: bool = True
    mind: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact about Twilio that nobody has published, and how flexres does without it."""

    key: str
    question: str
    fallback: str


@dataclass(frozen=True, slots=True)
class Experiment(Unknown):
    """An unknown that can be settled on throwaway users."""

    settle: Callable[[Lab], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Settled:
    """An experiment and its finding; None where it came to nothing, then `problem` says why."""

    experiment: Experiment
    finding: Finding | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """All of one run. `removed` are users that earlier runs had left; `left` what could not be removed, and why."""

    account: str
    instance: str
    settled: tuple[Settled, ...]
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    interrupted: bool = False
    requests: int = 0
    unreachable: str = field(default="")

    @property
    def complete(self) -> bool:
        """Whether everything was settled, and nothing stayed behind."""
        return not (self.left or self.interrupted or any(item.finding is None for item in self.settled))

    @property
    def safe(self) -> bool:
        """Whether nothing that was seen takes away a protection."""
        return all(item.finding.safe for item in self.settled if item.finding is not None)
