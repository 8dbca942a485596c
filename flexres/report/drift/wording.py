"""The words of drift, the same in every format: what was found, since when, and what would put it right."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.drift.findings import Drift, Finding, Reason
from flexres.reconcile.drift.fix import LostQueue
from flexres.reconcile.drift.who import Made, Whose
from flexres.report.visible import visible
from flexres.report.wording import field_label, names_of, plural, stranger_text, values_text, when

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
