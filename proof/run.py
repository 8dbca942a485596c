"""One run of the proof: the story up to its change, the change applied under a harm, applied again, and judged."""

from __future__ import annotations

import json
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from proof.command import APPLY, APPLY_SAVED, Place, Ran
from proof.flex import Flex, User, flex, losses
from proof.harms import Harm
from proof.story import AFTER, BEFORE, STACK, Engine, Stack

AGAIN = 3
"""How often "run it again" may be needed: once, and again where writes are seen late or somebody is still at it."""
EXITS = {0, 1, 2, 3, 4, 5, 6, 130}
KEPT = {"stacks", ".flexres", "Pulumi.yaml", "__main__.py", "__pycache__", ".venv", ".pulumi-state", "plan.json"}
"""What may be in the repository."""


@dataclass(slots=True)
class Judged:
    """What one run showed. `lost` is empty where all held; `unjournalled` are changed users whom no line names.

    `cancelled` is how often a killed run's lock had to be taken away by hand; `struck`: a signal found its victim.
    """

    engine: str
    harm: str
    seed: int
    exit: int = 0
    again: int = 0
    cancelled: int = 0
    struck: bool = False
    requests: int = 0
    seconds: float = 0
    lost: list[str] = field(default_factory=list)
    unjournalled: list[str] = field(default_factory=list)


class Beginnings:
    """The story up to its change, told once for each engine and copied for each run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told: set[Engine] = set()
        self._turn = threading.Lock()

    def copy(self, engine: Engine, home: Path) -> None:
        """Put the repository and the Flex of the beginning into this folder."""
        told = self._folder / engine.name
        with self._turn:
            if engine not in self._told:
                self._tell(engine, told)
                self._told.add(engine)
        shutil.copytree(told, home, symlinks=True, dirs_exist_ok=True)

    def _tell(self, engine: Engine, home: Path) -> None:
        home.mkdir()
        with flex(home) as local:
            stack = Stack(home / "repository", engine)
            local.begin()
            stack.write(BEFORE)
            ran = Place(home, stack, local).run(*APPLY)
            if ran.code != 0:
                raise RuntimeError(f"the story does not begin: exit {ran.code}: {ran.output}")
            local.use()
            stack.write(AFTER)


@contextmanager
def beginnings() -> Iterator[Beginnings]:
    """A place for beginnings, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        yield Beginnings(Path(folder))


def run(harm: Harm, seed: int, engine: Engine, begun: Beginnings) -> Judged:
    """Tell the story once under this harm. The same seed gives the same chances, if not the same moments.

    Raises:
        CannotRunError: what the harm needs is not installed.
    """
    chance, judged, started = random.Random(seed), Judged(engine.name, harm.name, seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        home = Path(folder)
        begun.copy(engine, home)
        with flex(home, *harm.options) as local:
            place = Place(home, Stack(home / "repository", engine), local)
            before = local.people()
            with _faulty(harm, local):
                ran = place.harmed(harm, chance)
            judged.exit, judged.struck = ran.code, ran.struck
            killed = ran.struck and (harm.signal is signal.SIGKILL or ran.code < 0)
            _check_ended(judged, place, ran, killed=killed)
            judged.unjournalled = _unjournalled(place, before, local.people())
            if harm.saved:
                _apply_saved(judged, place)
            _run_again(judged, place)
            judged.lost += losses(AFTER, local.people(), before, deleted=harm.deletes)
            judged.requests = local.requests()
    judged.seconds = time.monotonic() - started
    return judged


def _apply_saved(judged: Judged, place: Place) -> None:
    """What was saved of a plan is either whole and can be applied, or refused, as is a plan that is not there."""
    ran = place.run(*APPLY_SAVED)
    _check_ended(judged, place, ran, killed=False)
    if judged.exit == 0 and ran.code != 0:
        judged.lost.append(f"the saved plan: exit {ran.code}: {ran.output[-400:]}")
    if judged.exit != 0 and ran.code == 0:
        judged.lost.append("a plan that could not be saved was applied")


def _run_again(judged: Judged, place: Place) -> None:
    """The same command until it is content; where a lock was left, what the docs say of one."""
    for judged.again in range(1, AGAIN + 1):
        ran = place.run(*APPLY)
        if "pulumi cancel" in ran.output:
            judged.cancelled += 1
            place.cancel()
            ran = place.run(*APPLY)
        if ran.code == 0:
            return
    judged.lost.append(f"run again: exit {ran.code}: {ran.output[-800:]}")


def _check_ended(judged: Judged, place: Place, ran: Ran, *, killed: bool) -> None:
    """No traceback, an exit code that the docs name, and nothing left behind."""
    for cry in ("Traceback", "panic:", "goroutine "):
        if cry in ran.output:
            judged.lost.append(f"a traceback: {ran.output[-1500:]}")
            break
    if ran.code not in EXITS and not (killed and ran.code < 0):
        judged.lost.append(f"exit {ran.code}: {ran.output[-800:]}")
    if ran.left:
        judged.lost.append(f"processes are left: {ran.left}")
    folder = place.stack.folder
    left = [path.name for path in folder.iterdir() if path.name not in KEPT]
    left += [path.name for path in folder.rglob("*tmp*")]
    left += [str(path.relative_to(place.home)) for path in (place.home / "tmp").iterdir()]
    if left and not killed:
        judged.lost.append(f"files are left: {left}")


def _unjournalled(place: Place, before: Mapping[str, list[User]], after: Mapping[str, list[User]]) -> list[str]:
    """Declared or departed users whom the run changed and no line of the journal names."""
    journal = place.stack.folder / ".flexres" / "journal" / f"{STACK}.jsonl"
    named = set()
    for line in journal.read_text().splitlines() if journal.exists() else []:
        with suppress(ValueError):
            told = json.loads(line)
            named |= {told.get("username"), told.get("previously")}
    ours = BEFORE.keys() | AFTER.keys()
    return sorted(who for who in ours if _seen(before, who) != _seen(after, who) and who not in named)


def _seen(people: Mapping[str, list[User]], username: str) -> list[tuple[object, ...]]:
    """What of somebody our run can have changed: not what others wrote meanwhile."""
    return [
        (one.active, str(one.profile), {k: v for k, v in one.read.items() if k != "desk_phone"}.__repr__())
        for one in people.get(username, [])
    ]


@contextmanager
def _faulty(harm: Harm, local: Flex) -> Iterator[None]:
    for line in harm.faults:
        local.fault(line)
    try:
        yield
    finally:
        local.heal()
