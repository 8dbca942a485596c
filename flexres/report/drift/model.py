"""What a report says of drift: worked out once, laid out by each format without thinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from flexres.reconcile.drift.findings import NEWS, STUCK, Drift, Finding, Reason
from flexres.reconcile.plan import Plan
from flexres.report.drift.wording import by_text, headline, since_text, what_text
from flexres.report.plan.risks import Position, place_of
from flexres.report.run import AS_PLANNED, PlanRun
from flexres.report.terms import ACTIONS


@dataclass(frozen=True, slots=True)
class Told:
    """One finding: `what` was found, `since` when and by whom in words, and `where` the YAML declares the user.

    `new`: no earlier report had it. `quiet`: it is only to be known. `fails`: somebody has to do something.
    """

    finding: Finding
    what: str
    since: str
    where: str
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
        new=drift.new is not None and not told_before,
        quiet=finding.reason in NEWS - STUCK,
        fails=(finding.drift or finding.reason in STUCK) and not told_before,
    )
