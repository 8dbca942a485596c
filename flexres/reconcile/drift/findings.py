"""Drift: one plan seen as findings, each with its reason and since when; the same difference, told to a schedule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from flexres.desired.model import DesiredUser, Sso
from flexres.errors import Exit
from flexres.live.model import LiveUser
from flexres.reconcile.change import Cause, FieldChange, Kind, Route, SettingChange, SettingState, UserChange, Why
from flexres.reconcile.drift.roles import beyond_git
from flexres.reconcile.drift.who import Made
from flexres.reconcile.idp.model import Stranger
from flexres.reconcile.key import ROLES
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT, Json, Value, canonical

CERTIFICATE_NOTICE: Final = timedelta(days=30)
"""So long before its last day an identity provider's certificate is told."""


class Reason(StrEnum):
    """Why something is not as the YAML has it, in the order of telling."""

    FLEX = "changed in Flex"
    BOTH = "changed in git and in Flex"
    LOGIN = "written at a login"
    IDP = "changed at the identity provider"
    STRANGER = "has roles for Flex at the identity provider"
    DEACTIVATED = "declared, but deactivated"
    EXPIRED = "last day has passed"
    OVERDUE = "waits too long to leave"
    BLOCKED = "blocked"
    GIT = "not deployed"
    UNMANAGED = "not declared"
    ORPHAN = "Worker without a user"
    SIGN_ON = "single sign-on differs"
    UNTRUSTED = "redirect URL is not trusted"
    CERTIFICATE = "certificate expires"
    ATTESTATION = "attestation is stale"
    CONSOLE = "to enter in Console"
    AT_IDP = "to change at the identity provider"
    WAITING = "waits to leave"
    PERSONA = "billed more than once"
    OTHER_STACK = "of another stack"


STUCK: Final = frozenset({Reason.OVERDUE, Reason.BLOCKED})
"""Not drift, but somebody has to look: exit 5 where nothing else was found."""

NEWS: Final = STUCK | {Reason.CONSOLE, Reason.AT_IDP, Reason.WAITING, Reason.PERSONA, Reason.OTHER_STACK}
"""What is told beside drift: known, wanted, or another's."""

_CAUSES: Final = {
    Cause.GIT: Reason.GIT,
    Cause.FLEX: Reason.FLEX,
    Cause.BOTH: Reason.BOTH,
    Cause.LOGIN: Reason.LOGIN,
    Cause.IDP: Reason.IDP,
}
FIXED: Final = frozenset({Cause.FLEX, Cause.LOGIN})
"""The causes that `drift --fix` puts right: where git moved on, too, only an apply may deploy what it says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the YAML has it.

    `subject` is a username, a Worker's name, an e-mail address or a setting. `since` is when it came about; unless
    `exact` that is the latest time at which it can have happened, because Flex tells only when something about the
    user last changed. `made` is who made it so, as far as that was asked and is known. `fixed` says whether
    `drift --fix` would put it right. `id` stays the same from run to run. `beyond_git` are the roles admin and
    supervisor that the user has in Flex although git never gave them; of a user's findings, one tells them.
    """

    reason: Reason
    subject: str
    id: str
    change: UserChange | None = None
    fields: tuple[FieldChange, ...] = ()
    setting: SettingChange | None = None
    stranger: Stranger | None = None
    names: tuple[str, ...] = ()
    detail: str = ""
    since: datetime | None = None
    exact: bool = False
    fixed: bool = False
    made: tuple[Made, ...] = ()
    beyond_git: tuple[str, ...] = ()

    @property
    def drift(self) -> bool:
        """Whether it is drift, and not only to be known."""
        return self.reason not in NEWS


@dataclass(frozen=True, slots=True)
class Drift:
    """All findings of one plan, in the order of the reasons; those of `new` were not in an earlier report.

    `gone` are the ids and subjects that an earlier report had and that are no more; `earlier` is when that was made.
    Who made the changes was not asked of `unasked` Workers, and `unread` says why it is not known of others.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    new: frozenset[str] | None = None
    gone: tuple[tuple[str, str], ...] = ()
    earlier: str = ""
    counts: dict[Reason, int] = field(default_factory=dict)
    unasked: int = 0
    unread: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether there is drift at all."""
        return any(finding.drift for finding in self.findings)

    @property
    def quiet(self) -> bool:
        """Whether an earlier report told all of it already."""
        return self.new is not None and not self.new

    @property
    def exit(self) -> Exit:
        """3 on drift, 5 where only somebody is stuck, 0 otherwise; and 0 where an earlier report told it all."""
        if self.quiet:
            return Exit.DONE
        if self.found:
            return Exit.PENDING
        stuck = any(finding.reason in STUCK for finding in self.findings)
        return Exit.PARTIAL if stuck else Exit.DONE


def drift_of(plan: Plan, sso: Sso | None = None) -> Drift:
    """What a plan says about drift; `sso` is the stack's single sign-on, for its certificate."""
    found = [
        *(finding for change in plan.users for finding in _with_roles(change, _of_user(change, plan))),
        *map(_unmanaged, plan.unmanaged),
        *(
            Finding(Reason.ORPHAN, one.friendly_name, _id(Reason.ORPHAN, one.sid), since=_time(one.date_updated))
            for one in plan.orphans
        ),
        *(finding for setting in plan.settings if (finding := _of_setting(setting)) is not None),
        *_provider(plan),
        *_certificate(plan, sso),
        *(
            Finding(Reason.PERSONA, email, _id(Reason.PERSONA, email, *names), names=names)
            for email, names in plan.personas.items()
        ),
    ]
    found.sort(key=lambda finding: _ORDER[finding.reason])
    counts = {reason: sum(one.reason is reason for one in found) for reason in {one.reason for one in found}}
    return Drift(plan, tuple(found), counts={reason: counts[reason] for reason in Reason if reason in counts})


def compared_with(drift: Drift, earlier: Iterable[tuple[str, str]], made: str) -> Drift:
    """The drift beside an earlier report: the `(id, subject)` of all its findings, and when it was `made`."""
    before = dict(earlier)
    now = {finding.id for finding in drift.findings}
    told = frozenset(finding.id for finding in drift.findings if finding.drift or finding.reason in STUCK)
    gone = tuple((id, subject) for id, subject in before.items() if id not in now)
    return replace(drift, new=told - before.keys(), gone=gone, earlier=made)


_ORDER: Final = {reason: place for place, reason in enumerate(Reason)}


def _of_user(change: UserChange, plan: Plan) -> Iterator[Finding]:
    if change.kind is Kind.BLOCKED:
        yield _blocked(change)
    elif change.leaves:
        yield _leaver(change, plan)
    elif change.kind is Kind.UPDATE and change.live is not None and change.live.worker is None:
        yield Finding(
            Reason.FLEX,
            change.username,
            _id(Reason.FLEX, change.username, "Worker"),
            change,
            detail="has no Worker",
            since=_time(change.live.user.updated_date),
            fixed=True,
        )
    elif change.kind in {Kind.UPDATE, Kind.AT_IDP}:
        yield from _differences(change)
    else:
        yield Finding(Reason.GIT, change.username, _id(Reason.GIT, change.username, change.kind), change, change.fields)
    if change.idp is not None:
        yield from _at_provider(change)


def _differences(change: UserChange) -> Iterator[Finding]:
    """A finding for each cause; a field that is only noted is no difference in Flex."""
    groups: dict[Reason, list[FieldChange]] = {}
    for one in change.fields:
        if one.route is Route.IDP and change.idp is None:
            groups.setdefault(Reason.AT_IDP, []).append(one)
        elif one.writes:
            groups.setdefault(_CAUSES[one.cause], []).append(one)
        elif one.key.space == "marker":
            groups.setdefault(Reason.GIT, []).append(one)
    for reason, fields in groups.items():
        said: list[Json] = [[one.key.text, _side(one.before)] for one in fields]
        yield Finding(
            reason,
            change.username,
            _id(reason, change.username, canonical(said)),
            change,
            tuple(fields),
            since=_latest(change.live, fields) if reason is not Reason.GIT else None,
            fixed=any(one.cause in FIXED for one in fields),
        )


def _at_provider(change: UserChange) -> Iterator[Finding]:
    assert change.idp is not None
    fields = tuple(one for one in change.idp.fields if one.cause is not Cause.GIT)
    if fields:
        said: list[Json] = [[one.key.text, _side(one.before)] for one in fields]
        yield Finding(Reason.IDP, change.username, _id(Reason.IDP, change.username, canonical(said)), change, fields)


def _blocked(change: UserChange) -> Finding:
    user = change.live.user if change.live else None
    if user is not None and user.deactivated:
        since = _time(user.deactivated_date)
        name = _id(Reason.DEACTIVATED, change.username, user.deactivated_date or "")
        return Finding(Reason.DEACTIVATED, change.username, name, change, since=since, exact=True)
    return Finding(Reason.BLOCKED, change.username, _id(Reason.BLOCKED, change.username, change.reason), change)


def _leaver(change: UserChange, plan: Plan) -> Finding:
    waits = change.marker.waiting_since() if change.marker else None
    if change.overdue:
        reason, since = Reason.OVERDUE, waits
    elif waits is not None and change.kind is Kind.WAIT:
        reason, since = Reason.WAITING, waits
    elif change.why is Why.EXPIRED:
        reason, since = Reason.EXPIRED, _end_of(change.desired, plan)
    else:
        reason, since = Reason.GIT, None
    return Finding(reason, change.username, _id(reason, change.username), change, since=since, exact=since is not None)


def _unmanaged(change: UserChange) -> Finding:
    reason = Reason.OTHER_STACK if change.marker is not None else Reason.UNMANAGED
    since = _time(change.live.user.created_date) if change.live else None
    found = Finding(reason, change.username, _id(reason, change.username), change, since=since, exact=True)
    return found if reason is Reason.OTHER_STACK else replace(found, beyond_git=beyond_git(change))


def _with_roles(change: UserChange, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a user; that of the roles, or else the first, tells which of them git never gave."""
    found, gained = list(findings), beyond_git(change)
    tells = next((one for one in found if any(field.key == ROLES for field in one.fields)), next(iter(found), None))
    for one in found:
        yield replace(one, beyond_git=gained) if gained and one is tells else one


def _of_setting(setting: SettingChange) -> Finding | None:
    match setting.state:
        case SettingState.DRIFT:
            reason = Reason.UNTRUSTED if setting.field == "trusted" and not setting.removal else Reason.SIGN_ON
        case SettingState.CHANGE:
            reason = Reason.SIGN_ON
        case SettingState.STALE:
            reason = Reason.ATTESTATION
        case SettingState.PENDING | SettingState.REMOVAL:
            reason = Reason.CONSOLE
        case _:
            return None
    return Finding(reason, setting.name, _id(reason, setting.name, setting.declared, setting.observed), setting=setting)


def _provider(plan: Plan) -> Iterator[Finding]:
    """What of the identity provider's set-up is not as declared."""
    for change in plan.at_idp:
        name = change.name
        before = canonical(_side(change.before))
        yield Finding(Reason.IDP, name, _id(Reason.IDP, name, before), detail=change.says)
    if plan.idp is None:
        return
    for one in plan.idp.strangers:
        name = _id(Reason.STRANGER, one.user_id, *one.roles)
        yield Finding(Reason.STRANGER, one.email, name, stranger=one)
    for other in plan.idp.differing:
        name = _id(Reason.SIGN_ON, other.key, other.offered)
        detail = f"{other.declared or 'not set'} here, {other.offered} at the identity provider"
        yield Finding(Reason.SIGN_ON, f"sso {other.key}", name, detail=detail)


def _certificate(plan: Plan, sso: Sso | None) -> Iterator[Finding]:
    expires: date | None = sso.expires if sso is not None else None
    if expires is None:
        return
    left = expires - plan.as_of.astimezone(UTC).date()
    if left <= CERTIFICATE_NOTICE:
        said = f"expired on {expires}" if left.days < 0 else f"expires on {expires}, in {left.days} days"
        yield Finding(Reason.CERTIFICATE, "certificate", _id(Reason.CERTIFICATE, expires.isoformat()), detail=said)


def _latest(live: LiveUser | None, fields: Iterable[FieldChange]) -> datetime | None:
    """The last time that Flex wrote what these fields live in: by then at the latest they had changed."""
    if live is None:
        return None
    times = [
        _time(
            live.user.updated_date if one.route is Route.PROFILE else live.worker.date_updated if live.worker else None
        )
        for one in fields
        if one.route in {Route.PROFILE, Route.ATTRIBUTE}
    ]
    known = [one for one in times if one is not None]
    return max(known) if known and len(known) == len(times) else None


def _end_of(desired: DesiredUser | None, plan: Plan) -> datetime | None:
    """The end of somebody's last day, in the policy's time zone."""
    if desired is None or desired.until is None:
        return None
    return datetime.combine(desired.until + timedelta(days=1), time(), ZoneInfo(plan.policy.timezone))


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def _side(value: Value) -> Json:
    return [] if value is ABSENT else [value]


def _id(reason: Reason, *parts: str) -> str:
    text = canonical([str(reason), *parts])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
