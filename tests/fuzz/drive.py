"""Drives targets with damaged seeds for as long as told, and keeps one input of each kind of crash."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import Target

LONGEST: Final = 5
"""Seconds that one input may take."""


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


def drive(targets: Sequence[Target], seconds: float, *, seed: int = 0) -> tuple[int, tuple[Crash, ...]]:
    """How many inputs were tried, and each kind of crash once; the targets take turns until the time is over."""
    random = Random(seed)
    found: dict[tuple[str, str, str], Crash] = {}
    tried, end = 0, time.monotonic() + seconds
    while not tried or time.monotonic() < end:
        for target in targets:
            data = damaged(random.choice(target.seeds), target.seeds, random)
            crash = _tried(target, data, random)
            tried += 1
            if crash is not None:
                found.setdefault((crash.target, crash.what, crash.where), crash)
    return tried, tuple(found.values())


def _tried(target: Target, data: bytes, random: Random) -> Crash | None:
    try:
        with _limited():
            target.read(data, random)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Crash(target.name, type(error).__name__, where, data, "".join(traceback.format_exception(error)))
    return None


@contextmanager
def _limited() -> Iterator[None]:
    def over(_number: int, _frame: FrameType | None) -> None:
        raise TooLong(f"more than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
