"""What `verify` deals in: an unknown, what flexres does about it in either case, and what an experiment found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flexres.verify.lab import Lab


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen: `value` in a word for programs, `answer` in a sentence.

    `safe` is False where what was seen takes away a protection that flexres relies on; `mind` then says which,
    or what else follows.
    """

    value: str
    answer: str
    safe: bool = True
    mind: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact about Twilio that nobody has published, and how flexres does without it."""

    key: str
    question: str
    fallback: str


@dataclass(frozen=True, slots=True)
class Experiment(Unknown):
    """An unknown that can be settled on throwaway users."""

    settle: Callable[[Lab], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Settled:
    """An experiment and its finding; None where it came to nothing, then `problem` says why."""

    experiment: Experiment
    finding: Finding | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """All of one run. `removed` are users that earlier runs had left; `left` what could not be removed, and why."""

    account: str
    instance: str
    settled: tuple[Settled, ...]
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    interrupted: bool = False
    requests: int = 0
    unreachable: str = field(default="")

    @property
    def complete(self) -> bool:
        """Whether everything was settled, and nothing stayed behind."""
        return not (self.left or self.interrupted or any(item.finding is None for item in self.settled))

    @property
    def safe(self) -> bool:
        """Whether nothing that was seen takes away a protection."""
        return all(item.finding.safe for item in self.settled if item.finding is not None)
