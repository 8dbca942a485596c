"""What the linter found in one SAML response, and what a Worker would get from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flexres.desired.model import Channel
from flexres.idp.findings import Finding, Verdict, verdict
from flexres.values import Json


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
