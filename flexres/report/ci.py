"""A plan, what became of it, or drift for the CI that ran it: annotations, a job's outputs, and problems as SARIF.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, which GitHub shows under Security, and editors show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from flexres import __version__
from flexres.apply.outcome import Applied, Result
from flexres.errors import Exit, Position, Problem
from flexres.reconcile.change import Kind
from flexres.reconcile.guards.model import LIFTED_BY_NO_DIGEST, Rule
from flexres.reconcile.plan import Plan
from flexres.report.drift.model import DriftReport
from flexres.report.plan.model import PlanReport, Refusal
from flexres.report.terms import Verdict
from flexres.text import visible

VERDICTS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": tuple(map(str, Verdict)),
    "apply": ("done", "done in part"),
    "drift": ("no drift", "drift", "needs care"),
}
"""What the output `verdict` can be of each command, as action.yml promises it."""

MOST: Final = 10
"""GitHub shows so many errors and so many warnings of one step, and drops the rest."""

UserPlace = Callable[[str], Position | None]
"""Username → where the YAML declares the user; None where it does not."""

PolicyPlace = Callable[..., Position]
"""A path of flex.yaml, such as "policy", "max_removals" → its place, or that of what surrounds it."""

_IN_POLICY: Final[Mapping[Rule, tuple[str, ...]]] = {
    Rule.MAX_REMOVALS: ("policy", "max_removals"),
    Rule.MAX_CHANGES: ("policy", "max_changes"),
    Rule.MIN_ADMINS: ("policy", "min_admins"),
    Rule.PROTECTED: ("policy", "protected"),
    Rule.PROTECTED_NOBODY: ("policy", "protected"),
    Rule.EMAIL_DOMAINS: ("policy", "email_domains"),
    Rule.UNMANAGED_ADMINS: ("policy", "unmanaged_admins"),
    Rule.CONSOLE_CHANGES: ("policy", "console_changes"),
    Rule.QUEUES: ("policy", "queues"),
    Rule.UNKNOWN_SKILLS: ("policy", "unknown_skills"),
}
_ABOUT_MANY: Final = {*_IN_POLICY} - {Rule.PROTECTED, Rule.EMAIL_DOMAINS}


def on_lines(
    report: PlanReport, *, user: UserPlace, policy: PolicyPlace, most: int | None = MOST
) -> tuple[Problem, ...]:
    """What stands in a plan's way, each where the YAML can mend it: refusals as errors, who is blocked as warnings.

    A limit on numbers is at its line of the policy, what one person is about at that person's line. At most
    `most` of each severity (None: all); the last one says how many more there are.
    """
    errors = [problem for one in report.refusals for problem in _refusals(report.plan, one, user, policy)]
    warnings = list(_blocked(report.plan, user, policy))
    return (*_few(errors, "refusals", most), *_few(warnings, "who are blocked", most))


def _refusals(plan: Plan, refusal: Refusal, user: UserPlace, policy: PolicyPlace) -> Iterator[Problem]:
    approve = f"or approve {plan.digest}" if plan.digest and refusal.rule not in LIFTED_BY_NO_DIGEST else ""
    lifts = visible(", ".join(filter(None, (refusal.lifts, approve))))
    names = () if refusal.rule in _ABOUT_MANY else refusal.violation.usernames
    places = [place for name in names if (place := user(name)) is not None]
    for place in places or [policy(*_IN_POLICY.get(refusal.rule, ()))]:
        yield Problem(visible(refusal.says), lifts, place=place)


def _blocked(plan: Plan, user: UserPlace, policy: PolicyPlace) -> Iterator[Problem]:
    for change in plan.of_kind(Kind.BLOCKED):
        place = user(change.username) or policy()
        approve = f"approve {change.digest} to bring them back" if change.digest else ""
        message = visible(f"{change.username} is blocked: {change.reason}")
        yield Problem(message, approve, severity="warning", place=place)


def _few(problems: list[Problem], what: str, most: int | None) -> Iterator[Problem]:
    if most is None or len(problems) <= most:
        yield from problems
        return
    yield from islice(problems, most - 1)
    last, more = problems[most - 1], len(problems) - most + 1
    yield Problem(f"and {more} more {what}; the report names them all", severity=last.severity, place=last.place)


def plan_outputs(report: PlanReport) -> dict[str, str]:
    """What other jobs can read of a plan: how much it would write, its verdict, and the digest that approves it."""
    plan = report.plan
    return {"changes": str(len(plan.pending)), "verdict": str(report.verdict), "digest": plan.digest}


def applied_outputs(applied: Applied) -> dict[str, str]:
    """What other jobs can read of a run: how much it wrote, whether all of it was done, and the plan's digest."""
    done = applied.counts()[Result.DONE]
    verdict = "done" if applied.exit is Exit.DONE else "done in part"
    return {"changes": str(done), "verdict": verdict, "digest": applied.plan.digest}


def drift_outputs(report: DriftReport) -> dict[str, str]:
    """What other jobs can read of a drift report: how many findings are drift, and whether somebody has to look."""
    found = sum(finding.drift for finding in report.drift.findings)
    return {"changes": str(found), "verdict": report.verdict, "digest": ""}


def output_lines(outputs: Mapping[str, str]) -> str:
    """Outputs as $GITHUB_OUTPUT takes them; none of ours holds a line break."""
    return "".join(f"{name}={value}\n" for name, value in outputs.items())


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
        "message": {"text": "\n".join(_plain(text) for text in told if text)},
        "locations": [location],
    }


def _plain(text: str) -> str:
    """A text as SARIF has it in a message, where {0} would be a placeholder and [text](url) a link."""
    # Viewers find a link even with a backslash before its brackets, but not with one between its two halves.
    return visible(text).replace("{", "{{").replace("}", "}}").replace("](", r"]\(")


def _uri(file: str) -> str:
    """The file as a reference that is relative to the repository's root, where commands are typed."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
