"""The sandbox inside another process: `with Sandbox() as sandbox:` for tests and benches, in a thread of its own.

Its methods may be called from any thread: each is carried out in the sandbox's, between two requests.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from flexres.sandbox.app import listening
from flexres.sandbox.auth0.manual_actions import Auth0Hands
from flexres.sandbox.control import manual_actions as hands
from flexres.sandbox.flex.provisioning import deprovision, parse_provision, provision
from flexres.sandbox.flex.users import user_object
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.requestlog import LoggedRequest
from flexres.sandbox.setup import Setup
from flexres.sandbox.sso.settings import (
    SsoSettings,
    read_settings,
    replace_trusted,
    start_over,
    write_settings,
)
from flexres.sandbox.state import World
from flexres.sandbox.store.seed import SeedUser, begin_routing, load, seed
from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter.event_table import EVER, Actor, acting
from flexres.sandbox.taskrouter.events import event_object
from flexres.sandbox.taskrouter.worker_channels import channel_object
from flexres.sandbox.taskrouter.worker_rows import Worker
from flexres.sandbox.taskrouter.workers import worker_object
from flexres.sandbox.visitor import Visit, Visitor

T = TypeVar("T")


class Sandbox:
    """A local Flex for the length of a `with` block; what it takes is explained at `Setup`.

    Raises:
        SandboxError: on entering, as `serve` would.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        state: Path | None = None,
        latency: float = 0,
        faults: Sequence[str] = (),
        switches: Switches = Switches(),  # noqa: B008  frozen
        identity: Identity = DEFAULT,
        sso: str = "active",
        limits: str = "documented",
        neighbour: float | None = None,
        routing: bool = False,
    ) -> None:
        self.identity = identity
        self._port = port
        self._setup = Setup(
            state=state,
            latency=latency,
            faults=faults,
            switches=switches,
            identity=identity,
            sso=sso,
            limits=limits,
            neighbour=neighbour,
            routing=routing,
        )
        self._thread = threading.Thread(target=self._run, name="flex sandbox", daemon=True)
        self._started: Future[str] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        self._url = self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it answers, such as `http://127.0.0.1:41234`."""
        return self._url

    def environment(self) -> dict[str, str]:
        """The variables that make a client use this sandbox, with the API key as its credentials."""
        return {
            "TWILIO_ACCOUNT_SID": self.identity.account_sid,
            "TWILIO_API_KEY": self.identity.api_key,
            "TWILIO_API_SECRET": self.identity.api_secret,
            "FLEXRES_ENDPOINT": self.url,
        }

    def requests(self, *, method: str = "", path: str = "", status: int | None = None) -> list[LoggedRequest]:
        """The requests so far, oldest first; `path` is a pattern searched in the path."""
        return self._call(lambda world: world.log.entries(method=method, path=path, status=status))

    def clear_requests(self) -> None:
        """Forgets the requests so far."""
        self._call(lambda world: world.log.clear())

    def limits(self) -> dict[str, object]:
        """The rate limits, how many requests of ours each refused, and what the neighbour sent and was refused."""
        return self._call(hands.limits)

    def fault(self, line: str) -> None:
        """Puts a fault in force, beside those that are. Raises SandboxError where the line is wrong."""
        self._call(lambda world: world.add_fault(line))

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._call(lambda world: world.clear_faults())

    def switches(self, **changes: object) -> Switches:
        """Turns switches, and gives them all. Raises SandboxError for a name or value that does not exist."""

        def turn(world: World) -> Switches:
            world.switches = world.switches.change(**changes)
            return world.switches

        return self._call(turn)

    def between(self, act: Callable[[str, str], None] | None) -> None:
        """Has something happen right before each request from now on is carried out, given its method and path.

        What others do meanwhile can be done there by the methods of this object; None ends it.
        """
        self._call(lambda world: setattr(world, "between", act))

    def latency(self, seconds: float) -> None:
        """Delays every answer from now on."""
        self._call(lambda world: setattr(world, "latency", seconds))

    def seed(self, n: int, *, marker: Callable[[SeedUser], SeedUser] | None = None) -> int:
        """Sees to it that the first `n` plausible users exist; gives how many were added."""
        return self._call(lambda world: seed(world.store, n, marker=marker))

    def load(self, users: Iterable[SeedUser]) -> int:
        """Puts exactly these users in place, where their usernames are free; gives how many."""
        return self._call(lambda world: load(world.store, users))

    def provision(
        self,
        username: str,
        full_name: str = "Some Body",
        *,
        email: str = "",
        roles: Sequence[str] = ("agent",),
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Makes or changes a user as another program does that calls Provision. Raises WireError where Flex refuses."""
        worker = {} if attributes is None else {"attributes": dict(attributes)}
        profile = {"username": username, "full_name": full_name, "email": email or username, "roles": list(roles)}
        self._call(lambda world: provision(world, parse_provision({**profile, "worker": worker}, world)))

    def deprovision(self, username: str) -> None:
        """Takes Flex away from a user as another program does. Raises KeyError where there is none."""

        def act(world: World) -> None:
            user = world.store.users.by_username(username, case_sensitive=True)
            if user is None:
                raise KeyError(username)
            deprovision(world, user)

        self._call(act)

    def users(self) -> list[dict[str, object]]:
        """All users, as the v1 list shows them."""
        return self._call(lambda world: [user_object(user, world) for user in world.store.users.page(0, -1)])

    def user(self, username: str) -> dict[str, object]:
        """One user as the v1 list shows it. Raises KeyError where there is none."""

        def find(world: World) -> dict[str, object]:
            user = world.store.users.by_username(username, case_sensitive=True)
            if user is None:
                raise KeyError(username)
            return user_object(user, world)

        return self._call(find)

    def workers(self) -> list[dict[str, object]]:
        """All Workers, as TaskRouter shows them."""
        return self._call(
            lambda world: [
                worker_object(worker, world, f"{self.url}/v1/Workspaces/{world.workspace.sid}", worker.attributes)
                for worker in world.store.workers.page(0, -1, {})
            ]
        )

    def worker_attributes(self, username: str) -> dict[str, object]:
        """The attributes of a user's Worker, parsed."""
        attributes: dict[str, object] = json.loads(self.worker_attributes_text(username))
        return attributes

    def worker_attributes_text(self, username: str) -> str:
        """The attributes of a user's Worker, as the exact text that is stored."""
        return self._call(lambda world: hands.find_worker(world, username).attributes)

    def edit_attributes(
        self, username: str, changes: Mapping[str, object], *, remove: Iterable[str] = (), by: Actor | str | None = None
    ) -> None:
        """Changes and removes attributes of a user's Worker, as a person does by hand; `by` as for `actor`."""
        self._with_worker(username, lambda world, worker: hands.edit_attributes(world, worker, changes, remove), by)

    def set_attributes(self, username: str, text: str, *, by: Actor | str | None = None) -> None:
        """Makes the attributes of a user's Worker exactly this text, whether or not it is JSON."""
        self._with_worker(username, lambda world, worker: world.store.workers.update(worker.sid, attributes=text), by)

    def channels(self, username: str) -> dict[str, dict[str, object]]:
        """The channels of a user's Worker by unique name, as TaskRouter shows them."""

        def read(world: World) -> dict[str, dict[str, object]]:
            channels = world.store.workers.channels(hands.find_worker(world, username).sid)
            url = f"{self.url}/v1/Workspaces/{world.workspace.sid}"
            return {channel.name: channel_object(channel, world, url) for channel in channels}

        return self._call(read)

    def set_channel(
        self,
        username: str,
        channel: str,
        *,
        capacity: int | None = None,
        available: bool | None = None,
        by: Actor | str | None = None,
    ) -> None:
        """Changes a channel of a user's Worker, as a person does by hand."""

        def change(world: World, worker: Worker) -> None:
            world.store.workers.update_channel(worker.sid, channel, capacity=capacity, available=available)

        self._with_worker(username, change, by)

    def make_busy(self, username: str, tasks: int = 1, *, channel: str = "chat") -> None:
        """Gives a user's Worker this many accepted tasks on a channel; 0 makes it free."""
        self._with_worker(username, lambda world, worker: hands.make_busy(world, worker, tasks=tasks, channel=channel))

    def set_activity(self, username: str, activity: str, *, by: Actor | str | None = None) -> None:
        """Moves a user's Worker to an activity: Offline, Available, Unavailable or Break."""
        self._with_worker(username, lambda world, worker: hands.set_activity(world, worker, activity), by)

    def queues(self) -> dict[str, str]:
        """The expression of each task queue, by name."""
        return self._call(
            lambda world: {queue.friendly_name: queue.target_workers for queue in world.store.task_queues.page(0, -1)}
        )

    def make_queue(self, name: str, expression: str = "1==1", *, by: Actor | str | None = None) -> str:
        """Makes a task queue, or gives the one of that name another expression; not validated. Gives its SID."""
        return self._by(by, lambda world: hands.put_queue(world, name, expression))

    def rename_queue(self, name: str, new_name: str, *, by: Actor | str | None = None) -> None:
        """Gives a task queue another name."""
        self._by(by, lambda world: hands.rename_queue(world, name, new_name))

    def delete_queue(self, name: str, *, by: Actor | str | None = None) -> None:
        """Removes a task queue."""
        self._by(by, lambda world: world.store.task_queues.delete(hands.find_queue(world, name)))

    def make_workflow(
        self, name: str, configuration: Mapping[str, object] | str, *, by: Actor | str | None = None
    ) -> str:
        """Makes a Workflow, or gives the one of that name another configuration; not validated. Gives its SID."""
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        return self._by(by, lambda world: hands.put_workflow(world, name, text))

    def begin_routing(self) -> None:
        """Puts the demo's task queues and Workflows in place."""
        self._call(lambda world: begin_routing(world.store))

    def events(self, *, worker: str | None = None, event_type: str | None = None) -> list[dict[str, object]]:
        """The Events that are kept, oldest first, as TaskRouter shows them."""

        def read(world: World) -> list[dict[str, object]]:
            filters = {} if event_type is None else {"event_type": event_type}
            if worker is not None:
                filters["resource_sid"] = hands.find_worker(world, worker).sid
            found = world.store.events.page(0, -1, EVER, filters, newest=False)
            return [event_object(event, world, f"{self.url}/v1/Workspaces/{world.workspace.sid}") for event in found]

        return self._call(read)

    def age_events(self, *, days: float) -> None:
        """Makes all Events so much older, as if so long had passed since."""
        self._call(lambda world: world.store.events.age(days * 86_400))

    def actor(self, who: str) -> Actor:
        """Who acts by hand: `worker:NAME` for a Worker with a token of their own, `flex:NAME` for a Flex user in
        Flex, anything else for a person in Console."""
        return self._call(lambda world: hands.actor(world, who))

    def sso(self, begin: str | None = None, **changes: object) -> SsoSettings | None:
        """The SSO settings, after forgetting them (and the trusted URLs) for a new beginning, after changing fields.

        `begin` is active, inactive or none; the fields are those of `SsoSettings`, and are not validated.
        """

        def act(world: World) -> SsoSettings | None:
            if begin is not None:
                start_over(world, begin)
            settings = read_settings(world, self.url)
            if settings is not None and changes:
                settings = replace(settings, **changes)  # type: ignore[arg-type]  # a test may set what it likes
                write_settings(world, settings)
            return settings

        return self._call(act)

    def trust(self, *urls: str) -> None:
        """Makes these the trusted URLs (under legacy SSO: domain patterns), and no others."""
        self._call(lambda world: replace_trusted(world, urls))

    def sign_in(
        self,
        username: str,
        *,
        claims: Mapping[str, str | list[str] | None] | None = None,
        broken: str | None = None,
        redirect_url: str | None = None,
    ) -> Visit:
        """Signs somebody in as a browser would, by the sandbox's own identity provider; see `Visitor.sign_in`."""
        with Visitor(self.url, self.identity) as visitor:
            return visitor.sign_in(username, claims=claims, broken=broken, redirect_url=redirect_url)

    @property
    def auth0(self) -> Auth0Hands:
        """The Auth0 tenant of this sandbox, and what people do there by hand."""
        return Auth0Hands(self.url, self._call)

    def _with_worker(
        self, username: str, action: Callable[[World, Worker], None], by: Actor | str | None = None
    ) -> None:
        self._by(by, lambda world: action(world, hands.find_worker(world, username)))

    def _by(self, who: Actor | str | None, action: Callable[[World], T]) -> T:
        """Carries something out as this actor's doing; without one, somebody in Console did it."""

        def carry_out(world: World) -> T:
            with acting(who if isinstance(who, Actor) else hands.actor(world, who)):
                return action(world)

        return self._call(carry_out)

    def _call(self, action: Callable[[World], T]) -> T:
        """Carries something out in the sandbox's thread, where its database may be used: at once from there."""
        if threading.current_thread() is self._thread:
            return action(self._world)
        future: Future[T] = Future()

        def carry_out() -> None:
            try:
                future.set_result(action(self._world))
            except BaseException as error:  # whatever it is belongs to the caller
                future.set_exception(error)

        self._loop.call_soon_threadsafe(carry_out)
        return future.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)  # raised where the sandbox is entered

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with self._setup.opened() as self._world:
            async with listening(self._world, self._port, patience=0.1) as url:
                self._started.set_result(url)
                await self._stop.wait()
