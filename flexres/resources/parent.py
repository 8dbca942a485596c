"""Notices that the engine is gone: an orphaned provider process would finish its calls and then wait for ever."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Final

_EVERY: Final = 1.0
"""Seconds between two looks; where standard output is a pipe, its end is noticed at once."""


def when_orphaned(then: Callable[[], None]) -> None:
    """Call `then`, once and in a thread of its own, when nobody is left who could call this process.

    The engine reads our standard output, and starts us through a shell that outlives it: so the shell's end says
    little, but the end of whoever reads the output says all.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and not _unread(_EVERY):
            pass
        then()

    threading.Thread(target=watch, name="parent watcher", daemon=True).start()


def _unread(seconds: float) -> bool:
    """Wait so long; whether standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(seconds * 1000))
