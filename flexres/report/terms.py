"""How each kind, risk, verdict, result and reason is told: its words, sign, style and place, in one table each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flexres.apply.outcome import Result
from flexres.errors import Exit
from flexres.reconcile.change import Kind
from flexres.reconcile.drift.findings import Reason
from flexres.reconcile.guards.approvals import Standing
from flexres.reconcile.guards.model import Rule


@dataclass(frozen=True, slots=True)
class KindTerms:
    """One kind of change: its sign at the start of a line, what is still to do, and what it is called.

    `style` is that of a terminal, `colour` that of a chart. `in_risks`: the risks tell all of it, so that lists of
    changes leave it out; `counted_as_risk`: headlines count the risk instead. `arrives`: somebody comes to Flex.
    """

    sign: str
    to_do: str
    name: str
    style: str = ""
    colour: str = "quiet"
    in_risks: bool = False
    counted_as_risk: bool = False
    arrives: bool = False


KINDS: Final[Mapping[Kind, KindTerms]] = {
    Kind.CREATE: KindTerms("+", "to add", "added", "green", "good", arrives=True),
    Kind.ADOPT: KindTerms("=", "to adopt", "adopted", "cyan", "calm"),
    Kind.REACTIVATE: KindTerms("↑", "to reactivate", "reactivated", "cyan", "calm", arrives=True),
    Kind.RENAME: KindTerms("»", "to rename", "renamed", "cyan", "calm", arrives=True),
    Kind.UPDATE: KindTerms("~", "to change", "changed", "yellow", "warm"),
    Kind.RETIRE: KindTerms("-", "to retire", "leaving", "red", "hot", counted_as_risk=True),
    Kind.LET_GO: KindTerms("-", "to let go", "let go", "red", "hot", counted_as_risk=True),
    Kind.WAIT: KindTerms("…", "waiting", "waiting", in_risks=True, counted_as_risk=True),
    Kind.BLOCKED: KindTerms("!", "blocked", "blocked", "red", "hot", in_risks=True, counted_as_risk=True),
    Kind.AT_IDP: KindTerms("i", "to change at the IdP", "at the IdP", in_risks=True, counted_as_risk=True),
    Kind.UNMANAGED: KindTerms("?", "not declared", "not declared"),
}
"""In the order of telling."""


class Verdict(StrEnum):
    """How safe a plan is."""

    IN_SYNC = "in sync"
    SAFE = "safe"
    NEEDS_CARE = "needs care"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class VerdictTerms:
    """The style of a verdict on a terminal, and its icon in Markdown."""

    style: str
    icon: str


VERDICTS: Final[Mapping[Verdict, VerdictTerms]] = {
    Verdict.IN_SYNC: VerdictTerms("bold green", "✅"),
    Verdict.SAFE: VerdictTerms("bold green", "✅"),
    Verdict.NEEDS_CARE: VerdictTerms("bold yellow", "⚠️"),
    Verdict.REFUSED: VerdictTerms("bold red", "⛔"),
}


class Risk(StrEnum):
    """What somebody should look at before a plan is applied, in the order of telling."""

    LEFT_EMPTY = "left empty"
    """A task queue that loses the last one who can get its work."""
    GAINS_ADMIN = "gains admin"
    GAINS_SUPERVISOR = "gains supervisor"
    LOSES_ADMIN = "loses admin"
    LOSES_SUPERVISOR = "loses supervisor"
    UNMANAGED_ADMIN = "not declared"
    """Somebody with admin or supervisor in Flex whom no file names."""
    OTHER_ADDRESS = "other e-mail"
    """An address that is not the username: who reads it can sign in as them where the provider goes by it."""
    CALLS_ELSEWHERE = "calls go elsewhere"
    PICTURE = "picture from a new host"
    CHANNEL_CLOSED = "takes no more"
    """A channel whose capacity goes to 0."""
    REACTIVATED = "reactivated"
    CUT_OFF = "may lose a conversation"
    LEAVES = "leaves"
    LET_GO = "let go"
    OVERDUE = "waits too long"
    WAITS = "waits"
    LOSES_SKILLS = "loses all skills"
    LOSES_CAPACITY = "loses all capacity"
    BLOCKED = "blocked"
    AT_IDP = "at the IdP"

    def counted(self, count: int) -> str:
        """The count and the risk: `1 leaves`, `2 leave`."""
        return f"{count:,} {(RISKS[self].of_many if count != 1 else '') or self}"


@dataclass(frozen=True, slots=True)
class RiskTerms:
    """One risk: its style on a terminal, its icon in Markdown, what it is called of many, and the guards that watch it.

    `as_kind`: the kind of the change says the same already. `leaves`: somebody loses Flex, and a login would bring
    them back. `says_why`: its detail is why the change is made. `of_roles`: it is about the field of roles alone.
    """

    style: str = "yellow"
    icon: str = "⚠️"
    of_many: str = ""
    rules: tuple[Rule, ...] = ()
    as_kind: bool = False
    leaves: bool = False
    says_why: bool = False
    of_roles: bool = False


_OF_LEAVING: Final = (Rule.PROTECTED, Rule.MIN_ADMINS, Rule.MAX_REMOVALS)

RISKS: Final[Mapping[Risk, RiskTerms]] = {
    Risk.LEFT_EMPTY: RiskTerms("bold red"),
    Risk.GAINS_ADMIN: RiskTerms("bold red", of_many="gain admin", rules=(Rule.GAINS_ADMIN,), of_roles=True),
    Risk.GAINS_SUPERVISOR: RiskTerms(of_many="gain supervisor", of_roles=True),
    Risk.LOSES_ADMIN: RiskTerms(
        "bold red", of_many="lose admin", rules=(Rule.MIN_ADMINS, Rule.PROTECTED, Rule.MAX_REMOVALS), of_roles=True
    ),
    Risk.LOSES_SUPERVISOR: RiskTerms(
        of_many="lose supervisor", rules=(Rule.PROTECTED, Rule.MAX_REMOVALS), of_roles=True
    ),
    Risk.UNMANAGED_ADMIN: RiskTerms(rules=(Rule.UNMANAGED_ADMINS,)),
    Risk.OTHER_ADDRESS: RiskTerms(of_many="other e-mails"),
    Risk.CALLS_ELSEWHERE: RiskTerms("bold red"),
    Risk.PICTURE: RiskTerms(of_many="pictures from new hosts"),
    Risk.CHANNEL_CLOSED: RiskTerms(of_many="take no more"),
    Risk.REACTIVATED: RiskTerms(rules=(Rule.DEACTIVATED,), as_kind=True),
    Risk.CUT_OFF: RiskTerms("bold red", rules=_OF_LEAVING, leaves=True, says_why=True),
    Risk.LEAVES: RiskTerms("red", "➖", "leave", _OF_LEAVING, as_kind=True, leaves=True, says_why=True),
    Risk.LET_GO: RiskTerms("yellow", "➖", rules=_OF_LEAVING, as_kind=True, says_why=True),
    Risk.OVERDUE: RiskTerms("red", "⏳", "wait too long", _OF_LEAVING, leaves=True, says_why=True),
    Risk.WAITS: RiskTerms("dim", "⏳", "wait", _OF_LEAVING, as_kind=True, leaves=True, says_why=True),
    Risk.LOSES_SKILLS: RiskTerms(of_many="lose all skills", rules=(Rule.LOSES_SKILLS,)),
    Risk.LOSES_CAPACITY: RiskTerms(of_many="lose all capacity", rules=(Rule.LOSES_CAPACITY,)),
    Risk.BLOCKED: RiskTerms("red", "⛔", as_kind=True, says_why=True),
    Risk.AT_IDP: RiskTerms("cyan", "🔑", as_kind=True),
}


@dataclass(frozen=True, slots=True)
class ResultTerms:
    """One result: its style on a terminal, and the title of a section of those it came to; none where all went well.

    `bad`: it is told as it happens.
    """

    style: str
    title: str = ""
    bad: bool = False


RESULTS: Final[Mapping[Result, ResultTerms]] = {
    Result.DONE: ResultTerms("green"),
    Result.FAILED: ResultTerms("bold red", "Failed", bad=True),
    Result.NOT_TAKEN: ResultTerms("red", "Did not take: Flex did not hold this when it was read back", bad=True),
    Result.BLOCKED: ResultTerms("red", "Blocked", bad=True),
    Result.NOT_STARTED: ResultTerms("yellow", "Not started"),
    Result.WAITING: ResultTerms("dim", "Waiting to leave"),
}
"""In the order of telling."""

STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.SPENT: "used up",
    Standing.UNUSED: "unused",
    Standing.EXPIRED: "ended",
}
"""What is said of an approval that lifts nothing, in the order of telling."""

EXITS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.SETUP: "the command line, the YAML or the set-up is wrong; nothing was sent",
    Exit.PENDING: "changes are pending",
    Exit.REFUSED: "refused by a guard; nothing was sent",
    Exit.PARTIAL: "not everybody is as declared; above is who and why",
    Exit.UNREACHABLE: "Twilio is unreachable, or refused the credentials",
}
"""What each exit code means."""

ACTIONS: Final[Mapping[Reason, str]] = {
    Reason.FLEX: "flexres drift --fix puts it back; flexres export takes it into the YAML",
    Reason.BOTH: "flexres apply makes it as the YAML says; to keep what Flex has, write it into the YAML "
    "(flexres export --prefer flex takes back all that is not deployed, of every user)",
    Reason.LOGIN: "change it at the identity provider: the next login writes it again",
    Reason.IDP: "flexres idp apply puts it back",
    Reason.STRANGER: "declare them, or take roles out of app_metadata.flex there",
    Reason.DEACTIVATED: "take the user out of the YAML, or approve their return: flexres plan shows the digest",
    Reason.EXPIRED: "flexres apply retires them",
    Reason.OVERDUE: "set them offline in Flex, then flexres apply retires them",
    Reason.BLOCKED: "mend what the reason names; until then the user is left alone",
    Reason.GIT: "flexres apply deploys it",
    Reason.UNMANAGED: "declare them (flexres export), name them in leavers:, or write unmanaged: ignore",
    Reason.ORPHAN: "delete or rename the Worker in TaskRouter: it will never belong to a user",
    Reason.SIGN_ON: "flexres sso status shows both sides",
    Reason.UNTRUSTED: "enter it in Console: flexres sso checklist",
    Reason.CERTIFICATE: "renew it at the identity provider, then in the YAML and in Console",
    Reason.ATTESTATION: "compare with Console, then flexres sso attest",
    Reason.CONSOLE: "flexres sso checklist",
    Reason.AT_IDP: "change it at the identity provider",
    Reason.WAITING: "nothing: they leave when they are offline",
    Reason.PERSONA: "retire the usernames that nobody uses",
    Reason.OTHER_STACK: "nothing: another stack's YAML declares them",
}
"""What would put each kind of drift right."""
