"""Drives targets with damaged inputs for as long as told: keeps one of each kind of crash, and what reached further."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any, Final

import flexres
from tests.fuzz.mutations import damaged
from tests.fuzz.targets import Target

BUSY: Final = 1.0
"""Seconds of processor time that one input may take."""

LONGEST: Final = 30.0
"""Seconds by the clock: for what hangs without working, and no measure of a busy machine."""

_OURS: Final = str(Path(flexres.__file__).parent)


class TooLong(BaseException):
    """One input took longer than it may; no reader catches this."""


@dataclass(frozen=True)
class Crash:
    """A kind of crash: the target, the error and where it was raised, with the first input that did it."""

    target: str
    what: str
    where: str
    seen: bytes
    trace: str


@dataclass(frozen=True)
class Found:
    """How many inputs were tried, each kind of crash once, and by target the inputs that ran lines of ours anew."""

    tried: int
    crashes: tuple[Crash, ...]
    further: Mapping[str, tuple[bytes, ...]]


def drive(
    targets: Sequence[Target], seconds: float, *, seed: int = 0, kept: Mapping[str, Sequence[bytes]] | None = None
) -> Found:
    """Send damaged inputs until the time is over, the targets taking turns.

    What an earlier run has `kept` is damaged as the seeds are, and is not found again.
    """
    random = Random(seed)
    crashes: dict[tuple[str, str, str], Crash] = {}
    further: dict[str, list[bytes]] = {target.name: [] for target in targets}
    known = {target.name: [*target.seeds, *(kept or {}).get(target.name, ())] for target in targets}
    lines: dict[str, set[tuple[CodeType, int]]] = {target.name: set() for target in targets}
    for target in targets:
        for data in known[target.name]:
            tried(target, data, Random(0), lines[target.name])
    count, end = 0, time.monotonic() + seconds
    while not count or time.monotonic() < end:
        for target in targets:
            inputs, reached = known[target.name], lines[target.name]
            data, before = damaged(random.choice(inputs), inputs, random), len(reached)
            crash = tried(target, data, random, reached)
            count += 1
            if crash is not None:
                crashes.setdefault((crash.target, crash.what, crash.where), crash)
            elif len(reached) > before:
                inputs.append(data)
                further[target.name].append(data)
    return Found(count, tuple(crashes.values()), {name: tuple(found) for name, found in further.items() if found})


def tried(
    target: Target, data: bytes, random: Random, reached: set[tuple[CodeType, int]] | None = None
) -> Crash | None:
    """What was wrong with one input; the lines of ours that it ran are added to `reached`."""
    state = random.getstate()
    crash = _read(target, data, random, reached)
    if crash is None or crash.what != TooLong.__name__:
        return crash
    # Watching each line takes time itself: what counts is how long it takes unwatched.
    random.setstate(state)
    return _read(target, data, random, None)


def _read(target: Target, data: bytes, random: Random, reached: set[tuple[CodeType, int]] | None) -> Crash | None:
    try:
        with _limited(), _watched(reached):
            target.read(data, random)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Crash(target.name, type(error).__name__, where, data, "".join(traceback.format_exception(error)))
    return None


@contextmanager
def _watched(reached: set[tuple[CodeType, int]] | None) -> Iterator[None]:
    """Meanwhile each line of ours that runs in this thread is added to `reached`."""
    if reached is None:
        yield
        return

    def watch(frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _limited() -> Iterator[None]:
    def over(number: int, _frame: FrameType | None) -> None:
        took = f"{BUSY} seconds of work" if number == signal.SIGVTALRM else f"{LONGEST} seconds"
        raise TooLong(f"more than {took}")

    before = {number: signal.signal(number, over) for number in (signal.SIGALRM, signal.SIGVTALRM)}
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    signal.setitimer(signal.ITIMER_VIRTUAL, BUSY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
