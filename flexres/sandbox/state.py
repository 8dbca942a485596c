"""Everything a request handler can reach: the store, the identity, the switches, the faults and the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from flexres.sandbox.auth0.tenant import Tenant
from flexres.sandbox.faults.rules import Faults, History
from flexres.sandbox.identity import Identity
from flexres.sandbox.rates import Neighbour, Rates
from flexres.sandbox.requestlog import RequestLog
from flexres.sandbox.store.database import Store
from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter.worker_rows import Workspace


@dataclass(slots=True)
class World:
    """One running sandbox. `latency` is in seconds; `in_flight` counts the requests not yet answered.

    `between` is called with method and path right before each request of a client is carried out.
    """

    store: Store
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
    latency: float = 0
    log: RequestLog = field(default_factory=RequestLog)
    rates: Rates = field(default_factory=Rates)
    neighbour: Neighbour | None = None
    in_flight: int = 0
    between: Callable[[str, str], None] | None = None
    identity: Identity = field(init=False)
    workspace: Workspace = field(init=False)
    history: History = field(init=False)
    credentials: dict[str, str] = field(init=False)
    auth0: Tenant = field(init=False)

    def __post_init__(self) -> None:
        self.identity = self.store.identity
        self.workspace = self.store.workspace
        self.credentials = self.identity.credentials()
        self.auth0 = Tenant(self.store)
        self.history = History(self.store.connection)
        self.history.record(self.faults.delays_visibility)

    def add_fault(self, line: str) -> None:
        """Puts a fault in force.

        Raises:
            SandboxError: the line is wrong.
        """
        self.faults.add(line)
        self.history.record(self.faults.delays_visibility)

    def clear_faults(self) -> None:
        """Ends all faults."""
        self.faults.clear()
        self.history.record(False)


WORLD = web.AppKey("world", World)
IN_FLIGHT = web.RequestKey("in_flight", int)
CREDENTIALS = web.RequestKey("credentials", str)
FAULT = web.RequestKey("fault", str)
RESET = web.RequestKey("reset", bool)
"""Set on a request where no answer leaves, because the connection is gone."""


def world_of(request: web.Request) -> World:
    """The sandbox that a request was sent to."""
    return request.app[WORLD]
