"""What was found in something from outside: a SAML response, an appconfig.js, an account on its way to enhanced SSO."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
