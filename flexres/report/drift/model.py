"""What a report says of drift and in which words: worked out once, laid out by each format without thinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.drift.findings import NEWS, STUCK, Drift, Finding, Reason
from flexres.reconcile.drift.fix import LostQueue
from flexres.reconcile.drift.who import Made, Whose
from flexres.reconcile.plan import Plan
from flexres.report.next_step import AS_PLANNED, PlanRun
from flexres.report.plan.risks import Position, place_of
from flexres.report.terms import ACTIONS
from flexres.report.wording import field_label, names_of, plural, stranger_text, values_text, when
from flexres.text import visible


@dataclass(frozen=True, slots=True)
class Told:
    """One finding: `what` was found, `since` when and by whom in words, and `where` the YAML declares the user.

    `care` says in words that the user has admin or supervisor in Flex that git never gave them; empty: no such thing.
    `new`: no earlier report had it. `quiet`: it is only to be known. `fails`: somebody has to do something.
    """

    finding: Finding
    what: str
    since: str
    where: str
    care: str
    new: bool
    quiet: bool
    fails: bool

    @property
    def reason(self) -> Reason:
        """Why it is not as the YAML has it."""
        return self.finding.reason

    @property
    def action(self) -> str:
        """What would put it right."""
        return ACTIONS[self.finding.reason]


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All that any format says of drift. `fixed` is how much `drift --fix` would put back.

    `undeployed`: something waits in git to be applied. `addresses`: IP addresses are told.
    `verdict` is one of "drift", "needs care" and "no drift".
    """

    drift: Drift
    run: PlanRun
    verdict: str
    headline: str
    findings: tuple[Told, ...]
    fixed: int
    undeployed: bool
    addresses: bool = False

    @property
    def plan(self) -> Plan:
        """The difference that all of it comes from."""
        return self.drift.plan

    @property
    def needs_care(self) -> list[Told]:
        """The findings of people with more power in Flex than git gave them, to be told before all others."""
        return [one for one in self.findings if one.care]

    def by_reason(self) -> Iterator[tuple[Reason, list[Told]]]:
        """The findings of each reason, in the order of telling."""
        for reason, found in groupby(self.findings, key=lambda one: one.reason):
            yield reason, list(found)


def drift_report_of(
    drift: Drift, run: PlanRun = AS_PLANNED, position: Position | None = None, *, addresses: bool = False
) -> DriftReport:
    """What to say of drift; `position` gives the place in the YAML of a declared user.

    `addresses`: with the IP addresses of those who made it so, which are personal data.
    """
    stuck = any(finding.reason in STUCK for finding in drift.findings)
    return DriftReport(
        drift=drift,
        run=run,
        verdict="drift" if drift.found else "needs care" if stuck else "no drift",
        headline=headline(drift),
        findings=tuple(_told(drift, finding, position, addresses) for finding in drift.findings),
        fixed=sum(finding.fixed for finding in drift.findings),
        undeployed=any(finding.reason in {Reason.GIT, Reason.EXPIRED} for finding in drift.findings),
        addresses=addresses,
    )


def _told(drift: Drift, finding: Finding, position: Position | None, addresses: bool) -> Told:
    told_before = drift.new is not None and finding.id not in drift.new
    return Told(
        finding=finding,
        what=what_text(finding),
        since=by_text(finding, addresses=addresses) or since_text(finding),
        where=(place_of(finding.change, position) if finding.change else None) or "",
        care=care_text(finding),
        new=drift.new is not None and not told_before,
        quiet=finding.reason in NEWS - STUCK,
        fails=(finding.drift or finding.reason in STUCK) and not told_before,
    )


def care_text(finding: Finding) -> str:
    """That somebody gave the user a high role in Flex alone: `has admin in Flex, and no file declares them`."""
    if not finding.beyond_git:
        return ""
    said = f"has {' and '.join(finding.beyond_git)} in Flex"
    if finding.reason is Reason.UNMANAGED:
        return f"{said}, and no file declares them"
    return f"{said}, by neither the YAML nor what was last applied"


_UNDEPLOYED: Final = {
    Kind.CREATE: "declared, and not in Flex",
    Kind.ADOPT: "declared, and in Flex without our marker",
    Kind.REACTIVATE: "approved to come back, and still deactivated",
    Kind.LET_GO: "no longer declared, and still marked as ours",
}


def what_text(finding: Finding) -> str:
    """What was found, in one line: Flex → YAML where there are two sides."""
    change = finding.change
    if finding.detail or change is None:
        return _of_no_user(finding)
    if finding.reason is Reason.GIT and change.kind not in {Kind.UPDATE, Kind.AT_IDP}:
        return _undeployed(change)
    if finding.fields:
        return "; ".join(f"{field_label(field.key)}: {values_text(field)}" for field in finding.fields)
    return _of_user(finding, change)


def _of_no_user(finding: Finding) -> str:
    if finding.setting is not None:
        seen = visible(finding.setting.observed) or "nothing"
        return f"{seen} → {visible(finding.setting.declared) or 'nothing'}"
    if finding.stranger is not None:
        return stranger_text(finding.stranger)
    return names_of(finding.names) if finding.names else visible(finding.detail)


def _undeployed(change: UserChange) -> str:
    if change.kind is Kind.RENAME and change.old:
        return f"to be renamed from {visible(change.old.username)}"
    return _UNDEPLOYED.get(change.kind) or f"still in Flex: {visible(change.reason)}"


def _of_user(finding: Finding, change: UserChange) -> str:
    if finding.reason is Reason.DEACTIVATED:
        return "somebody offboarded them in Flex"
    if finding.reason in {Reason.OVERDUE, Reason.WAITING}:
        worker = change.live.worker if change.live else None
        return f"activity {visible(worker.activity_name)}" if worker else ""
    if finding.reason is Reason.UNMANAGED:
        return visible(change.live.user.full_name) if change.live else ""
    if finding.reason is Reason.OTHER_STACK and change.marker:
        return f"stack id {visible(change.marker.stack_id)}"
    return visible(change.reason)


def since_text(finding: Finding) -> str:
    """Since when: exactly, or the latest time at which it can have happened; empty where nobody can tell."""
    if finding.since is None:
        return ""
    if finding.reason is Reason.ORPHAN:
        return f"last changed {when(finding.since)}"
    return f"since {when(finding.since)}" if finding.exact else f"by {when(finding.since)} at the latest"


def by_text(finding: Finding, *, addresses: bool = False) -> str:
    """Who made it so and when: `by ana@example.com herself`, field by field where not all were one; empty: unknown."""
    said: list[str] = []
    for one in finding.made:
        which = "" if len(one.keys) == len(finding.fields) else ", ".join(map(field_label, one.keys)) + " "
        address = f" from {visible(one.address)}" if addresses and one.address else ""
        before = "" if one.exact else ", or before"
        said.append(f"{which}{_by(one)}{address}, {when(one.at)}{before}")
    return "; ".join(said)


def _by(one: Made) -> str:
    source = f" ({visible(one.source)})" if one.source else ""
    match one.whose:
        case Whose.SELF:
            return f"by {visible(one.name)} themselves{source}"
        case Whose.PERSON | Whose.STRANGER:
            return f"by {visible(one.name)}{source}"
        case Whose.API:
            return f"by a script or tool with the account's credentials{source}"
        case Whose.OURS:
            return f"by a run of flexres{source}"
        case Whose.FLEX:
            return f"by Flex itself, as at a login{source}"
    return f"by somebody whom Twilio does not tell{source}"


def unnamed_lines(drift: Drift) -> list[str]:
    """What of who did it is not known, one line each."""
    said = [f"who did it was not asked of {plural(drift.unasked, 'Worker')} (--who asks more)"] if drift.unasked else []
    return said + [f"who did it cannot be told: {visible(why)}" for why in drift.unread]


def headline(drift: Drift) -> str:
    """Whether there is drift, and what is new, in a few words."""
    found = sum(finding.drift for finding in drift.findings)
    if drift.quiet:
        rest = f"{plural(found, 'finding')} as before" if found else "in sync"
        return f"nothing new since {_moment(drift.earlier)}: {rest}"
    said = f"drift: {plural(found, 'finding')}" if found else "no drift"
    return said + (f", {len(drift.new)} new since {_moment(drift.earlier)}" if drift.new is not None else "")


def _moment(text: str) -> str:
    """The time of an earlier report as all times are shown; whatever else stands for one as it is."""
    try:
        return when(datetime.fromisoformat(text))
    except ValueError:
        return visible(text)


def counts_text(drift: Drift) -> str:
    """How many of each reason."""
    return ", ".join(f"{count:,} {reason}" for reason, count in drift.counts.items())


def lost_text(one: LostQueue) -> str:
    """How many are in the queue now, and who would be with them: `11 people; 12 with ana@example.com`."""
    now = one.coverage.before
    there = "nobody" if not now else "1 person" if now == 1 else f"{now:,} people"
    return f"{there}; {now + len(one.usernames):,} with {names_of(one.usernames)}"
