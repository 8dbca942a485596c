"""What is done to a run: faults of the network and of Twilio, other people, a full disk, a clock, signals."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass

from proof.flex import Flex
from proof.story import EDITED, STAYING, name

Meddle = Callable[[Flex, random.Random], None]
"""What somebody does once, while the run goes on."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What one run meets.

    `faults` are lines of the sandbox's syntax; `options` those of `sandbox serve`; `signal` reaches the process after
    a random part of the time that an unharmed run takes; `file_limit`: no file grows beyond some random size;
    `clock` jumps; `meddle` is done again and again.
    """

    name: str
    faults: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    signal: signal.Signals | None = None
    file_limit: bool = False
    clock: bool = False
    meddle: Meddle | None = None


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
    "truncated JSON": ("truncate:rate=0.2:seed={seed}",),
    "bodies that end in the middle": ("cut:rate=0.2:seed={seed}",),
    "a proxy's page instead of JSON": ("html:rate=0.2:seed={seed}",),
    "writes that are seen late": ("delay-visibility:1.5",),
    "an editor at every write": ("412-editor:rate=0.6:seed={seed}",),
    "refused writes": ("400:rate=0.3:match=POST:seed={seed}",),
    "credentials revoked half-way": ("401:before:skip={skip}",),
    "Twilio down half-way": ("503:before:skip={skip}",),
}


def single(chance: random.Random) -> dict[str, Harm]:
    """Each kind of harm by its name, with the numbers that chance gives it."""
    seed, skip = chance.randrange(10_000), chance.randrange(4, 40)
    found = {
        what: Harm(what, faults=tuple(line.format(seed=seed, skip=skip) for line in lines))
        for what, lines in FAULTS.items()
    }
    others = (
        Harm("Twilio's limits and a neighbour", options=("--limits", "twilio", "--neighbour", "40%")),
        Harm("somebody edits Workers all the time", options=SLOW, meddle=_edit),
        Harm("somebody deletes Workers meanwhile", options=SLOW, meddle=_delete),
        Harm("a full disk", file_limit=True),
        Harm("a clock that jumps by days", options=SLOW, clock=True),
        Harm("Ctrl-C", options=SLOW, signal=signal.SIGINT),
        Harm("kill -9", options=SLOW, signal=signal.SIGKILL),
    )
    return {**found, **{harm.name: harm for harm in others}}


def mixed(chance: random.Random) -> Harm:
    """Two to four faults at once, and now and then a signal."""
    chosen = chance.sample([*FAULTS], chance.randint(2, 4))
    kinds = single(chance)
    ends = chance.choice([None, None, None, signal.SIGKILL, signal.SIGINT])
    lines = tuple(line for what in chosen for line in kinds[what].faults)
    return Harm("a random mix", faults=lines, options=SLOW if ends else (), signal=ends)
