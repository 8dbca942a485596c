"""How a sandbox begins: what it is given, and the world that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flexres.sandbox.faults.rules import Faults
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.rates import Neighbour, Rates
from flexres.sandbox.sso.settings import begin_with
from flexres.sandbox.state import World
from flexres.sandbox.store.database import Store
from flexres.sandbox.store.seed import begin_routing
from flexres.sandbox.switches import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a sandbox is given.

    `state` is a file, or None to keep everything in memory; `latency` is in seconds; `faults` are lines of the syntax
    in `faults`; `sso` is how SSO begins in a fresh state: active, inactive or none; `limits` is none, documented or
    twilio, and `neighbour` the part of them, from 0 to 1, that somebody else spends. With `routing` a fresh state
    begins with task queues and Workflows.
    """

    state: Path | None = None
    latency: float = 0
    faults: Sequence[str] = ()
    switches: Switches = field(default_factory=Switches)
    identity: Identity = DEFAULT
    sso: str = "active"
    limits: str = "documented"
    neighbour: float | None = None
    routing: bool = False

    @contextmanager
    def opened(self) -> Iterator[World]:
        """The world, until the block ends. Belongs to the thread that opened it.

        Raises:
            SandboxError: the state file, a fault or a limit is not usable.
        """
        rules, rates = Faults(self.faults), Rates(self.limits)
        neighbour = None if self.neighbour is None else Neighbour(rates, self.neighbour)
        store = Store(self.state, self.identity)
        try:
            world = World(
                store, switches=self.switches, faults=rules, latency=self.latency, rates=rates, neighbour=neighbour
            )
            begin_with(world, self.sso)
            if self.routing:
                begin_routing(store)
            yield world
        finally:
            store.close()
