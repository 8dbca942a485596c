"""The sandbox as a process of its own: serves until told to stop. `Sandbox` is the one inside a test's process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from flexres.sandbox.app import listening
from flexres.sandbox.faults.rules import Faults
from flexres.sandbox.harness import Sandbox
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.limits.neighbour import Neighbour
from flexres.sandbox.limits.rates import Rates
from flexres.sandbox.sso.settings import begin_with
from flexres.sandbox.state import World
from flexres.sandbox.store.database import Store, reset
from flexres.sandbox.store.demo_routing import begin_routing
from flexres.sandbox.switches import Switches

__all__ = ["Sandbox", "reset", "serve"]

_PATIENCE = 2.0


def serve(
    *,
    port: int = 0,
    state: Path | None,
    latency: float = 0,
    faults: Sequence[str] = (),
    switches: Switches = Switches(),  # noqa: B008  frozen
    identity: Identity = DEFAULT,
    sso: str = "active",
    limits: str = "documented",
    neighbour: float | None = None,
    ready: Callable[[str], None],
) -> None:
    """Serves on 127.0.0.1 until SIGINT or SIGTERM, then finishes what is in flight and returns.

    `state` is a file, or None to keep everything in memory; `latency` is in seconds; `faults` are lines of the syntax
    in `faults`; `sso` is how SSO begins in a fresh state: active, inactive or none; `limits` is none, documented or
    twilio, and `neighbour` the part of them that somebody else spends. A fresh state begins with task queues and
    Workflows. `ready` is called with the URL once the sandbox answers.

    Raises:
        SandboxError: the port, the state file or a fault is not usable; nothing was served.
    """
    rules, rates = Faults(faults), Rates(limits)
    store = Store(state, identity)
    try:
        world = World(store, switches=switches, faults=rules, latency=latency, rates=rates)
        if neighbour is not None:
            world.neighbour = Neighbour(rates, neighbour)
        begin_with(world, sso)
        begin_routing(store)
        asyncio.run(_serve(world, port, ready))
    finally:
        store.close()


async def _serve(world: World, port: int, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with listening(world, port, patience=_PATIENCE) as url:
        ready(url)
        await stop.wait()
