"""The run that a report tells of, and what to type next: the commands that it ends with, as the guards need them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flexres.apply.outcome import Applied, Result
from flexres.desired.model import JudgedBy, Limit
from flexres.reconcile.guards.approvals import Source
from flexres.reconcile.guards.model import LIFTED_BY_NO_DIGEST, Guarded, Rule, Violation
from flexres.reconcile.plan import Plan
from flexres.text import visible

_LIFTS: Final[Mapping[Rule, str]] = {
    Rule.PROTECTED: "take the user off policy.protected",
    Rule.EMAIL_DOMAINS: "add the domain to policy.email_domains",
    Rule.MIN_ADMINS: "declare another admin",
    Rule.QUEUES: "give others what the queue asks for, or lower policy.queues",
    Rule.CONSOLE_CHANGES: "enter the settings in Console and attest them",
}
"""What lifts a guard for good, where the guard itself does not say it."""


_FEW_DIGESTS: Final = 3


def lift(plan: Plan, violation: Violation, *, loosened: bool = False) -> str:
    """What lifts a refusal for good, besides an approval of this plan; empty where nothing else does.

    `loosened`: this very change's own policy does not refuse it any more.
    """
    if loosened:
        return f"this very change loosens policy.{violation.rule}, in force one commit later"
    policy = plan.policy
    limits = {
        Rule.MAX_REMOVALS: (policy.max_removals, len(plan.evidence.markers)),
        Rule.MAX_CHANGES: (policy.max_changes, plan.declared),
    }
    if violation.hint or violation.rule not in limits:
        return violation.hint or _LIFTS.get(violation.rule, "")
    (limit, of), count = limits[violation.rule], len(violation.usernames)
    if limit.percent is not None and not _EVERYBODY.allows(count, of):
        return f"write policy.{violation.rule} as a number, {count} or more"
    return f"raise policy.{violation.rule}"


_EVERYBODY: Final = Limit(percent=100.0)


def passes_with(rules: Iterable[Rule], *, some_approval: bool) -> str:
    """What stands before the command that lets a refused plan pass; some rules no approval lifts."""
    mend = ", ".join(sorted(set(rules) & LIFTED_BY_NO_DIGEST))
    if not mend:
        return "what is refused here passes with"
    return f"no approval lifts {mend}; once that is mended, " + ("the rest passes with" if some_approval else "type")


def options(plan: Plan) -> tuple[str, ...]:
    """What `flexres apply` has to be given so that this plan passes every guard, and nothing else does.

    That is what lifts the guards that refuse it, and what was already given on the command line for it: a next
    run does not remember it, unlike `policy.approved`.
    """
    rules = {violation.rule for violation in plan.violations}
    digests, admins = _given(plan.guarded)
    if plan.digest and rules - LIFTED_BY_NO_DIGEST:
        names = [name for violation in plan.violations for name in violation.usernames]
        if rules == {Rule.GAINS_ADMIN} and len(names) == 1 and visible(names[0]) == names[0]:
            admins.append(names[0])
        else:
            digests.append(plan.digest)
    return tuple(_typed(digests, admins))


def _given(guarded: Iterable[Guarded], *, alone: bool = False) -> tuple[list[str], list[str]]:
    """The digests, and the names of new admins, that were approved on the command line.

    `alone`: the digest of each change by itself, which holds for what is left of an approved plan.
    """
    digests: dict[str, None] = {}
    admins: dict[str, None] = {}
    for item in guarded:
        source = item.approval.source if item.approval is not None else None
        if source is Source.ALLOW_ADMIN:
            admins[item.username] = None
        elif source is Source.COMMAND_LINE and item.approval is not None:
            digests[item.digest if alone else item.approval.digest] = None
    return list(digests), list(admins)


def _typed(digests: Iterable[str], admins: Iterable[str]) -> list[str]:
    named = [word for name in admins for word in ("--allow-admin", name)]
    return [*named, *(word for digest in digests for word in ("--approve", digest))]


def approve_command(plan: Plan) -> str:
    """The command line that writes an approval of what the guards refuse, to be committed."""
    return _command("approve", plan, *_base(plan))


def prune_command(plan: Plan) -> str:
    """The command line that takes approvals which lift nothing any more out of flex.yaml."""
    return _command("approve", plan, "--prune", *_base(plan))


def _base(plan: Plan) -> tuple[str, ...]:
    """The base that somebody named, so that another command is judged by the same policy."""
    found = plan.judged_by
    return ("--base", found.name) if found is not None and found.by is JudgedBy.BASE else ()


def apply_command(plan: Plan, run: PlanRun) -> str:
    """The command line that applies the plan, ready to be typed."""
    return _applying(plan, run, *options(plan))


def plan_command(plan: Plan, run: PlanRun) -> str:
    """The command line that shows every change of the stack."""
    name, *own = run.look
    return _command(name, plan, *own, "--verbose")


def checklist_command(plan: Plan) -> str:
    """The command line that says what to enter in Twilio Console."""
    return visible(shlex.join(["flexres", "sso", "checklist", "--stack", plan.stack]))


def waits_for_console(plan: Plan) -> bool:
    """Whether nothing but a person in Twilio Console lifts the refusal of the plan."""
    return {violation.rule for violation in plan.violations} == {Rule.CONSOLE_CHANGES}


def _applying(plan: Plan, run: PlanRun, *options: str) -> str:
    name, *own = run.apply
    return _command(name, plan, *own, *options)


def _command(name: str, plan: Plan, *options: str) -> str:
    return visible(shlex.join(["flexres", *name.split(), "--stack", plan.stack, *options]))


def next_after(applied: Applied, run: PlanRun) -> tuple[str, str]:
    """The command to type after a run, and why; empty where nothing is left to do.

    An approval of the whole plan does not fit what is left of it, but those of single changes do.
    """
    plan, open_results = applied.plan, {Result.FAILED, Result.NOT_TAKEN, Result.NOT_STARTED, Result.WAITING}
    left = {one.change.username for one in applied.users if one.result in open_results}
    unset = any(one.result is not Result.DONE for one in (*applied.settings, *applied.at_idp)) or bool(applied.errors)
    if not left and not unset and not applied.interrupted:
        return "", ""
    digests, admins = _given((item for item in plan.guarded if item.username in left), alone=True)
    if len(digests) > _FEW_DIGESTS:
        return _command("plan", plan), "look at what is left, and approve that"
    again = _applying(plan, run, *_typed(digests, admins))
    waiting = all(one.result in {Result.DONE, Result.WAITING, Result.BLOCKED} for one in applied.outcomes)
    later = waiting and not unset and not applied.interrupted
    return again, "later, when those who wait are offline" if later else "again, for what is left"


@dataclass(frozen=True, slots=True)
class PlanRun:
    """How a plan came about.

    `follows`: it is applied, or asked about, right after it is shown. `seconds` and `requests` are what reading both
    sides cost. `base` is the revision that the plan was compared with, as it was named, `base_commit` the commit that
    it was, empty where it has no such stack, and `head` the commit that proposes the YAML, where another is checked
    out. `not_compared`: why it could not be compared with the base that was asked for. `offline` says that Flex was
    not read and the base stands for it. `apply` is what applies exactly this plan and `look` what shows all of it,
    each behind `flexres`: the command, then its own options. `reviewed_by` are those who let the pipeline go on, as
    its platform tells.
    """

    seconds: float = 0.0
    requests: int = 0
    base: str = ""
    base_commit: str = ""
    not_compared: str = ""
    head: str = ""
    reviewed_by: tuple[str, ...] = ()
    offline: bool = False
    follows: bool = False
    apply: tuple[str, ...] = ("apply",)
    look: tuple[str, ...] = ("plan",)


AS_PLANNED: Final = PlanRun()
"""A run of which nothing else is to be told."""
