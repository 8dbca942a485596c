"""What was found in something from outside: a SAML response, an appconfig.js, an account on its way to enhanced SSO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from flexres.desired.model import Channel
from flexres.values import Json

Level = Literal["ok", "note", "warning", "unknown", "error"]
Verdict = Literal["accepted", "refused", "cannot know"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about it: what it is, why it matters to Flex, and what to do where something is wrong.

    `unknown` is what could decide and cannot be told from here; `warning` decides nothing.
    """

    level: Level
    title: str
    detail: str = ""
    fix: str = ""


def verdict(findings: Iterable[Finding]) -> Verdict:
    """What the findings come to: refused by one error, accepted only where nothing that decides is unknown."""
    levels = {finding.level for finding in findings}
    if "error" in levels:
        return "refused"
    return "cannot know" if "unknown" in levels else "accepted"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings in the order in which Flex would stumble over them.

    `worker_attributes` and `channels` are what this sign-in would write; None and empty where Flex would refuse it, or
    where what it says is not signed. `readable` is False for a file that holds no response at all. `name_id` is the
    user name in Flex, where it was signed; `origin` is where in the file the response stood.
    """

    findings: tuple[Finding, ...]
    origin: str = ""
    name_id: str | None = None
    worker_attributes: Mapping[str, Json] | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    readable: bool = True

    @property
    def verdict(self) -> Verdict:
        """What Flex would do with the sign-in, as far as it can be told."""
        return verdict(self.findings)
