"""The run that a report tells of: what is no part of the difference itself, such as what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PlanRun:
    """How a plan came about.

    `follows`: it is applied, or asked about, right after it is shown. `seconds` and `requests` are what reading
    both sides cost. `base` is the revision that the plan was compared with, as it was named, and `head` the commit
    that proposes the YAML, where another is checked out. `not_compared`: why it could not be compared with the base
    that was asked for. `offline` says that Flex was not read and the base stands for it. `apply` is what applies
    exactly this plan and `look` what shows all of it, each behind `flexres`: the command, then its own options.
    `reviewed_by` are those who let the pipeline go on, as its platform tells.
    """

    seconds: float = 0.0
    requests: int = 0
    base: str = ""
    not_compared: str = ""
    head: str = ""
    reviewed_by: tuple[str, ...] = ()
    offline: bool = False
    follows: bool = False
    apply: tuple[str, ...] = ("apply",)
    look: tuple[str, ...] = ("plan",)


AS_PLANNED: Final = PlanRun()
"""A run of which nothing else is to be told."""
