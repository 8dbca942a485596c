"""What is done to a run: faults of the network and of Twilio, other people, a full disk, a clock, signals."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from proof.flex import Flex
from proof.story import EDITED, STAYING, Engine, name

Meddle = Callable[[Flex, random.Random], None]
"""What somebody does once, while the run goes on."""


class Victim(Enum):
    """Whom a signal reaches: the command (Ctrl-C: its process group, as at a terminal), or what runs below it."""

    COMMAND = "command"
    EVERYTHING = "everything"
    ENGINE = "engine"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Harm:
    """What one run meets.

    `faults` are lines of the sandbox's syntax; `options` those of `sandbox serve`; `signal` reaches its `victim`, or
    reaches it `twice`, at a random moment; `file_limit`: no file grows beyond some random size; `full_disk`: the
    repository is on a disk with random room; `saved`: what is harmed is `plan --save`; `clock` jumps; `meddle` is done
    again and again; `deletes`: Workers go, with what plugins keep on them. `engine` is the only one that meets it.
    """

    name: str
    faults: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    signal: signal.Signals | None = None
    victim: Victim = Victim.COMMAND
    twice: bool = False
    file_limit: bool = False
    full_disk: bool = False
    saved: bool = False
    clock: bool = False
    meddle: Meddle | None = None
    deletes: bool = False
    engine: str | None = None


def _edit(flex: Flex, chance: random.Random) -> None:
    flex.edit(name(chance.choice([*STAYING, *EDITED])), {"desk_phone": chance.randrange(100)}, check=False)


def _delete(flex: Flex, chance: random.Random) -> None:
    flex.delete_worker(name(chance.choice(EDITED[3:])))


SLOW = ("--latency", "0.02")
"""So that a signal finds the run in the middle of something."""

FAULTS = {
    "429 with Retry-After": ("429:rate=0.3:retry_after=0.05:seed={seed}",),
    "429 without Retry-After": ("429:rate=0.3:seed={seed}",),
    "429 in bursts": ("429:burst=8:every=20:retry_after=0.05",),
    "500 before a write": ("500:before:rate=0.3:match=POST:seed={seed}",),
    "503 after a write": ("503:after:rate=0.3:match=POST:seed={seed}",),
    "a connection reset before": ("reset:before:rate=0.2:seed={seed}",),
    "an answer lost after a create": ("reset:after:rate=0.5:match=Provision:seed={seed}",),
    "an answer lost after any write": ("reset:after:rate=0.3:match=POST:seed={seed}",),
    "slow bodies": ("slow:0.3:rate=0.2:seed={seed}",),
    "no answer for 35 seconds": ("hang:35:skip={skip}:times=2",),
    "bodies that hang half-way": ("stall:35:skip={skip}:times=2",),
    "endless JSON": ("endless:rate=0.05:seed={seed}",),
    "truncated JSON": ("truncate:rate=0.2:seed={seed}",),
    "bodies that end in the middle": ("cut:rate=0.2:seed={seed}",),
    "a proxy's page instead of JSON": ("html:rate=0.2:seed={seed}",),
    "writes that are seen late": ("delay-visibility:1.5",),
    "an editor at most writes": ("412-editor:rate=0.6:seed={seed}",),
    "an editor at every write": ("412-editor",),
    "refused writes": ("400:rate=0.3:match=POST:seed={seed}",),
    "credentials revoked half-way": ("401:before:skip={skip}",),
    "Twilio down half-way": ("503:before:skip={skip}",),
}


def single(chance: random.Random, engine: Engine) -> dict[str, Harm]:
    """Each kind of harm that an engine meets by its name, with the numbers that chance gives it."""
    seed, skip = chance.randrange(10_000), chance.randrange(4, 40)
    faults = (
        Harm(what, faults=tuple(line.format(seed=seed, skip=skip) for line in lines)) for what, lines in FAULTS.items()
    )
    others = (
        Harm("Twilio's limits and a neighbour", options=("--limits", "twilio", "--neighbour", "40%")),
        Harm(
            "page tokens that expire",
            faults=(f"expired-page:rate=0.2:seed={seed}",),
            options=("--switch", "page_size_cap=5"),
        ),
        Harm("Workers deleted between read and write", faults=(f"404-deleter:rate=0.3:seed={seed}",), deletes=True),
        Harm("somebody edits Workers all the time", options=SLOW, meddle=_edit),
        Harm("somebody deletes Workers meanwhile", options=SLOW, meddle=_delete),
        Harm("a full disk for the journal", file_limit=True, engine="direct"),
        Harm("a full disk for the plan", full_disk=True, saved=True),
        Harm("a full disk for state and journal", full_disk=True, engine="pulumi"),
        Harm("a clock that jumps by days", options=SLOW, clock=True),
        Harm("Ctrl-C", options=SLOW, signal=signal.SIGINT),
        Harm("Ctrl-C twice", options=SLOW, signal=signal.SIGINT, twice=True),
        Harm("kill -9", options=SLOW, signal=signal.SIGKILL),
        *(
            Harm(f"kill -9 of {what}", options=SLOW, signal=signal.SIGKILL, victim=victim, engine="pulumi")
            for what, victim in KILLED.items()
        ),
    )
    return {harm.name: harm for harm in (*faults, *others) if harm.engine in {None, engine.engine}}


KILLED = {
    "every process": Victim.EVERYTHING,
    "the engine alone": Victim.ENGINE,
    "the provider alone": Victim.PROVIDER,
}


def mixed(chance: random.Random, engine: Engine) -> Harm:
    """Two to four faults at once, and now and then a signal."""
    chosen = chance.sample([*FAULTS], chance.randint(2, 4))
    kinds = single(chance, engine)
    ends = chance.choice([None, None, None, signal.SIGKILL, signal.SIGINT])
    victim = chance.choice([*Victim]) if engine.engine == "pulumi" and ends is signal.SIGKILL else Victim.COMMAND
    lines = tuple(line for what in chosen for line in kinds[what].faults)
    return Harm("a random mix", faults=lines, options=SLOW if ends else (), signal=ends, victim=victim)
