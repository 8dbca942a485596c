"""Problems of the YAML, and what stands in a plan's way, as SARIF 2.1.0: what code scanners hand to a platform.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, which GitHub shows under Security, and editors show.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Final, Literal
from urllib.parse import quote

from flexres import __version__
from flexres.errors import Problem
from flexres.report.visible import visible

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

Subject = Literal["stack", "plan"]
_RULES: Final[dict[Subject, str]] = {
    "stack": "A stack's YAML loads, and says nothing that Flex would refuse",
    "plan": "The guards let the plan pass, and nobody in it is blocked",
}


def sarif(problems: Iterable[Problem], subject: Subject) -> dict[str, Any]:
    """A SARIF log of one run about a `subject`; a log without results takes back what an earlier one told."""
    driver = {
        "name": "flexres",
        "version": __version__,
        "rules": [{"id": subject, "shortDescription": {"text": _RULES[subject]}}],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"flexres/{subject}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, subject) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(problem: Problem, subject: Subject) -> dict[str, Any]:
    place = problem.position
    told = (problem.message, problem.note, problem.hint)
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": place.column + max(place.length, 1),
    }
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": region}}
    return {
        "ruleId": subject,
        "ruleIndex": 0,
        "level": problem.severity,
        "message": {"text": "\n".join(visible(text) for text in told if text)},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """The file as a reference that is relative to the repository's root, where commands are typed."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
