"""What the linter found in one SAML response, and what a Worker would get from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flexres.desired.model import Channel
from flexres.values import Json

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the response: what it is, why it matters to Flex, and what to do where something is wrong."""

    level: Level
    title: str
    detail: str = ""
    fix: str = ""


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
    def accepted(self) -> bool:
        """Whether nothing was found that would make Flex refuse the sign-in."""
        return not any(finding.level == "error" for finding in self.findings)
