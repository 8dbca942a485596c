"""The sandbox as a process of its own: serves until told to stop. `Sandbox` is the one inside a test's process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from flexres.sandbox.app import listening
from flexres.sandbox.harness import Sandbox
from flexres.sandbox.setup import Setup
from flexres.sandbox.state import World
from flexres.sandbox.store.database import reset

__all__ = ["Sandbox", "Setup", "reset", "serve"]

_PATIENCE = 2.0


def serve(setup: Setup, *, port: int = 0, ready: Callable[[str], None]) -> None:
    """Serves on 127.0.0.1 until SIGINT or SIGTERM, then finishes what is in flight and returns.

    `ready` is called with the URL once the sandbox answers; port 0 is any that is free.

    Raises:
        SandboxError: the port or something of the set-up is not usable; nothing was served.
    """
    with setup.opened() as world:
        asyncio.run(_serve(world, port, ready))


async def _serve(world: World, port: int, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with listening(world, port, patience=_PATIENCE) as url:
        ready(url)
        await stop.wait()
