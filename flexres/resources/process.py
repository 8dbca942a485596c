"""The provider process: one event loop, one transport and one run a stack, behind the engine's four threads."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

from flexres.apply.pulumi.channel import Sender
from flexres.desired.load import load_stack
from flexres.desired.revision import read_revision
from flexres.desired.source import FolderSource
from flexres.errors import Exit, FlexresError, SetupError
from flexres.resources import messages as words
from flexres.resources.messages import Teller, engine_address
from flexres.resources.properties import Properties
from flexres.resources.run import Run
from flexres.resources.settings import settings
from flexres.session import open_session

T = TypeVar("T")

_GRACE: Final = 60.0
"""Seconds that calls under way have to end in when the engine is gone; all of them may be repeated."""


class Failed(Exception):  # noqa: N818 - the engine shows its name, so it is one word
    """A call that failed, in one line. The engine shows class and text: a builtin's name has no module before it.

    `lines`: one for each change that did not come out as wanted, where that is why.
    """

    __module__ = "builtins"

    def __init__(self, message: str, exit_code: Exit, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.exit = exit_code
        self.lines = lines


class Resource(NamedTuple):
    """Whose call it is: the kind of a resource and its name."""

    kind: str
    name: str


class Declared(NamedTuple):
    """A resource that the program has declared: its kind, its stack and its name within that."""

    kind: str
    stack: str
    name: str


class Process:
    """The event loop's thread and the runs on it, one a stack.

    `declared`: what the program has declared so far.
    """

    def __init__(self, environ: Mapping[str, str], project: Path) -> None:
        self._environ = environ
        self._project = project
        self._teller = Teller(engine_address())
        self._sender = Sender(environ)
        self._loop = asyncio.new_event_loop()
        self._runs: dict[str, asyncio.Task[Run]] = {}
        self._calls = 0
        self._read_failed = False
        self.declared: set[Declared] = set()
        self._open = AsyncExitStack()  # never closed: connections last as long as the process
        threading.Thread(target=self._loop.run_forever, name="event loop", daemon=True).start()

    def call(self, resource: Resource, properties: Mapping[str, Any], action: Callable[[Run], Awaitable[T]]) -> T:
        """Carry out `action` on the run of the stack that the properties name, and wait for it.

        Raises:
            Failed: it failed; the message is one line for a person.
        """
        self._calls += 1
        try:
            return asyncio.run_coroutine_threadsafe(self._act(properties, action), self._loop).result()
        except Exception as error:
            failure = words.failure(error, resource.kind, resource.name)
            lines = error.lines if isinstance(error, words.NotDoneError) else ()
            self._sender.failure(str(properties.get("stack", "")), replace(failure, told=bool(lines)))
            raise Failed(words.one_line(error), failure.exit, lines) from None
        finally:
            self._calls -= 1

    def read(
        self, resource: Resource, known: Properties, action: Callable[[Run], Awaitable[Properties | None]]
    ) -> Properties | None:
        """As `call`, but of reads only the first to fail says so: it fails the refresh, and the others would repeat it.

        For those others, what was known of them stays.
        """
        try:
            return self.call(resource, known, action)
        except Failed:
            if self._read_failed:
                return known
            self._read_failed = True
            raise

    def end(self) -> NoReturn:
        """End the process as soon as no call is under way; its other threads would keep it."""
        deadline = time.monotonic() + _GRACE
        while self._calls and time.monotonic() < deadline:
            time.sleep(0.05)
        os._exit(0)

    async def _act(self, properties: Mapping[str, Any], action: Callable[[Run], Awaitable[T]]) -> T:
        name = properties.get("stack")
        if not isinstance(name, str) or not name:
            raise FlexresError(
                "this resource has no stack among its properties: another flexres wrote it, or a hand",
                hint="take it out of the state with pulumi state delete; the next up adopts the user",
            )
        if name not in self._runs:
            self._runs[name] = self._loop.create_task(self._opened(name))
        return await action(await asyncio.shield(self._runs[name]))

    async def _opened(self, name: str) -> Run:
        told = settings(self._environ, self._project)
        folder = told.stacks / name
        shown = f"{told.stacks.name}/{name}"
        if not folder.is_dir():
            raise SetupError(
                f"there is no stack at {shown}, and Pulumi's state has resources of it",
                hint="put the folder back, or take them out with pulumi state delete, which changes nothing in Flex",
            )
        stack = load_stack(FolderSource(folder, shown_as=shown), name=name)
        revision = read_revision(folder)
        opening = open_session(stack, environ=self._environ, revision=revision, read_only=False, base=told.base)
        session = await self._open.enter_async_context(opening)
        return Run(session, revision, told, self._teller, self._sender)


_process: Process | None = None
_starting = threading.Lock()


def process() -> Process:
    """This process, with its event loop begun when it is first asked for."""
    global _process  # noqa: PLW0603 - the SDK hands every call to a provider without a place for what they share
    with _starting:
        if _process is None:
            _process = Process(os.environ, Path.cwd())
        return _process


def configure() -> None:
    """Make this process the engine's: errors in one line, and an end when the engine is gone."""
    if sys.platform == "win32":
        raise SetupError("flexres runs under Pulumi on Linux and macOS", hint="use WSL, or the direct engine")
    sys.tracebacklimit = 0
    with _starting:
        watched = _watched.is_set()
        _watched.set()
    if not watched:
        when_orphaned(process().end)


_watched = threading.Event()


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
