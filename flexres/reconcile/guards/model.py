"""What the guards look at and what they say: rules, what they watch, violations with their numbers, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from flexres.desired.model import Limit, Policy
from flexres.errors import Position
from flexres.live.model import Snapshot
from flexres.reconcile.change import Change, UserChange
from flexres.reconcile.coverage import UNREAD_HINT, Routing
from flexres.reconcile.diff import Scope
from flexres.reconcile.guards.approvals import Approval
from flexres.reconcile.marker import Marker
from flexres.routing.catalogue import SkillTrouble


class Rule(StrEnum):
    """The guards. Each is evaluated on the whole plan before the first write."""

    MAX_REMOVALS = "max_removals"
    MAX_CHANGES = "max_changes"
    MIN_ADMINS = "min_admins"
    PROTECTED = "protected"
    PROTECTED_NOBODY = "protected, nobody"
    EMAIL_DOMAINS = "email_domains"
    GAINS_ADMIN = "gains admin"
    LOSES_SKILLS = "loses all skills"
    LOSES_CAPACITY = "loses all capacity"
    DEACTIVATED = "deactivated"
    RENAME = "rename"
    UNMANAGED_ADMINS = "unmanaged_admins"
    CONSOLE_CHANGES = "console_changes"
    QUEUES = "queues"
    QUEUES_UNREAD = "queues unread"
    UNKNOWN_SKILLS = "unknown_skills"


class Step(StrEnum):
    """What is guarded about somebody."""

    LEAVES = "leaves"
    LOSES = "loses"
    GAINS = "gains"
    IS_RENAMED = "is renamed to"
    TAKES_OVER = "takes over from"
    IS_ADOPTED = "is adopted"
    IS_CHANGED = "is changed"
    HAS_ADDRESS = "has the e-mail address"
    TAKES_NOTHING = "takes no task any more"
    LEAVES_QUEUE = "leaves the queue"
    COMES_BACK = "comes back, deactivated on"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One thing that a guard watches: its own digest approves it alone; `approval` is who did.

    `what` is whatever the step is about: roles, skills, an address, a name, a date.
    """

    rule: Rule
    username: str
    step: Step
    what: tuple[str, ...]
    digest: str
    approval: Approval | None = None

    @property
    def detail(self) -> str:
        """The step, for people to read."""
        return f"{self.step} {', '.join(self.what)}" if self.what else str(self.step)

    @property
    def approved_by(self) -> str | None:
        """What is known of who approved it, for people to read."""
        return self.approval.by if self.approval is not None else None


@dataclass(frozen=True, slots=True)
class Violation:
    """A guard that refuses the plan: `count` of `of` are about `usernames`, and `limit` is the most or least allowed.

    Of `uncertain` more it cannot be told. `detail` is whatever the rule looked at; `place` is where the YAML says
    otherwise, if that is known.
    """

    rule: Rule
    usernames: tuple[str, ...] = ()
    count: int = 0
    of: int = 0
    limit: Limit | int | None = None
    detail: str = ""
    uncertain: int = 0
    place: Position | None = None

    @property
    def message(self) -> str:
        """What the guard found, for people to read."""
        first = self.usernames[0] if self.usernames else ""
        return _MESSAGES[self.rule].format(
            user=first,
            count=self.count,
            of=self.of,
            limit=self.limit,
            detail=self.detail,
            rule=self.rule,
            uncertain=f", {self.uncertain} uncertain" if self.uncertain else "",
        )

    @property
    def hint(self) -> str:
        """What lifts it besides an approval; empty where the policy alone says."""
        return _HINTS.get(self.rule, "").format(user=self.usernames[0] if self.usernames else "")


_MESSAGES: Final[Mapping[Rule, str]] = {
    Rule.MAX_REMOVALS: "{count} leave or lose admin or supervisor among {of} managed users; {rule} is {limit}",
    Rule.MAX_CHANGES: "{count} are adopted or changed among {of} declared users; {rule} is {limit}",
    Rule.MIN_ADMINS: "{count} of {of} admins would be left; {rule} is {limit}",
    Rule.PROTECTED: "{user} is protected and {detail}",
    Rule.PROTECTED_NOBODY: "{user} is protected, and nobody has that name, declared or in Flex",
    Rule.EMAIL_DOMAINS: "{user} {detail}",
    Rule.GAINS_ADMIN: "{user} gains admin",
    Rule.LOSES_SKILLS: "{user} {detail}: no skill is left",
    Rule.LOSES_CAPACITY: "{user} {detail}: every channel is unavailable or without capacity",
    Rule.RENAME: "{user} {detail}, and that is not plainly the same person",
    Rule.UNMANAGED_ADMINS: "{count} have admin or supervisor in Flex and no file names them: {detail}",
    Rule.CONSOLE_CHANGES: "{count} wait for a person in Twilio Console: {detail}",
    Rule.QUEUES: "the queue {detail} goes below {limit}: {of} → {count}{uncertain}",
    Rule.UNKNOWN_SKILLS: "{count} would get skills or levels that Flex's skills catalogue does not have: {detail}",
    Rule.QUEUES_UNREAD: "the task queues cannot be read: {detail}",
}
_HINTS: Final[Mapping[Rule, str]] = {
    Rule.GAINS_ADMIN: "--allow-admin {user}",
    Rule.PROTECTED_NOBODY: "correct the name in policy.protected, or take it out",
    Rule.UNMANAGED_ADMINS: "declare them, or take their roles in Flex",
    Rule.CONSOLE_CHANGES: "enter them, then flexres sso attest --all",
    Rule.QUEUES_UNREAD: UNREAD_HINT,
    Rule.UNKNOWN_SKILLS: "correct them, or add them in Flex, under Skills",
}

LIFTED_BY_NO_DIGEST: Final = frozenset(
    {Rule.PROTECTED_NOBODY, Rule.UNMANAGED_ADMINS, Rule.CONSOLE_CHANGES, Rule.QUEUES_UNREAD, Rule.UNKNOWN_SKILLS}
)
"""Rules that no approval lifts: what they ask for is done elsewhere."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the guards look at. `policy` is what the plan is judged by, `markers` are this stack's by username.

    `own` is the policy of the YAML itself, None where there is no other.

    `protected_nobody` are the names that the YAML protects and nobody has. `routing` is what the changes do to the
    queues, worked out by `scope` and `commit_time`, as the changes would be written.
    """

    scope: Scope
    policy: Policy
    snapshot: Snapshot
    changes: tuple[Change, ...]
    markers: Mapping[str, Marker]
    approvals: Sequence[Approval]
    today: date
    allow_admin: frozenset[str]
    declared: int
    routing: Routing | None = None
    skills: tuple[SkillTrouble, ...] = ()
    unmanaged: tuple[UserChange, ...] = ()
    protected_nobody: tuple[str, ...] = ()
    commit_time: int | None = None
    own: Policy | None = None

    @property
    def users(self) -> tuple[UserChange, ...]:
        """The changes of users."""
        return tuple(change for change in self.changes if isinstance(change, UserChange))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guards found. `digest` approves every guarded change that nobody has approved."""

    guarded: tuple[Guarded, ...]
    violations: tuple[Violation, ...]
    digest: str
