"""Drift with names: each change that somebody made in Flex beside whoever TaskRouter's Events say did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from flexres.live.model import DELETED, History, WorkerEvent
from flexres.reconcile.change import FieldChange
from flexres.reconcile.drift.findings import Drift, Finding, Reason
from flexres.reconcile.drift.who import Made, Whose, setting_event, wrote_as_ours
from flexres.reconcile.key import Key
from flexres.reconcile.plan import Plan

_ASKED: Final = frozenset({Reason.FLEX, Reason.BOTH, Reason.LOGIN})
"""Only what somebody changed on a Worker is in its Events."""


def workers_to_ask(drift: Drift) -> tuple[str, ...]:
    """The SIDs of the Workers whose Events tell something about the drift, each once, in the order of telling."""
    found = (_worker(finding) for finding in drift.findings if finding.reason in _ASKED)
    return tuple(dict.fromkeys(sid for sid in found if sid))


def named(drift: Drift, histories: Mapping[str, History], *, unasked: int = 0) -> Drift:
    """The drift with who made each change, by the Events of the Workers; `unasked` are the Workers not asked about."""
    people = _People.of(drift.plan)
    findings = tuple(_named(finding, histories.get(_worker(finding)), people) for finding in drift.findings)
    unread = dict.fromkeys(history.unread for history in histories.values() if history.unread)
    return replace(drift, findings=findings, unasked=unasked, unread=tuple(unread))


def _worker(finding: Finding) -> str:
    live = finding.change.live if finding.change is not None else None
    if live is None:
        return ""
    return live.worker.sid if live.worker is not None else live.user.worker_sid or ""


def _named(finding: Finding, history: History | None, people: _People) -> Finding:
    if history is None or finding.reason not in _ASKED:
        return finding
    made = tuple(_made(finding, history, people))
    told = {key for one in made for key in one.keys}
    # One who did all of it, for certain: then it is known since when, too.
    if len(made) == 1 and made[0].exact and told >= {field.key for field in finding.fields}:
        return replace(finding, made=made, since=made[0].at, exact=True)
    return replace(finding, made=made)


def _made(finding: Finding, history: History, people: _People) -> Iterator[Made]:
    if not finding.fields:
        gone = next((event for event in history.events if event.type == DELETED), None)
        if gone is not None:
            yield people.made(gone, (), exact=True, ours=False)
        return
    groups: dict[tuple[str, bool], tuple[WorkerEvent, list[FieldChange]]] = {}
    for field in finding.fields:
        found = setting_event(field, history.events)
        if found is not None:
            event, exact = found
            groups.setdefault((event.sid, exact), (event, []))[1].append(field)
    for (_, exact), (event, fields) in groups.items():
        keys, ours = tuple(field.key for field in fields), wrote_as_ours(event, fields, history.events)
        yield people.made(event, keys, exact=exact, ours=ours)


@dataclass(frozen=True, slots=True)
class _People:
    """Whose a SID is, as far as the snapshot and the instance tell."""

    plan: Plan
    by_sid: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan) -> _People:
        found: dict[str, str] = {}
        for worker in plan.evidence.snapshot.orphans:
            found[worker.sid] = worker.friendly_name
        for username, live in plan.evidence.snapshot.users.items():
            for sid in (live.user.sid, live.user.worker_sid):
                if sid:
                    found[sid] = username
        return cls(plan, found)

    def made(self, event: WorkerEvent, keys: tuple[Key, ...], *, exact: bool, ours: bool) -> Made:
        """Who is behind an Event."""
        whose, name = self._actor(event, ours=ours)
        return Made(keys, whose, name, event.source, event.at, event.sid, exact, event.address)

    def _actor(self, event: WorkerEvent, *, ours: bool) -> tuple[Whose, str]:
        instance, actor = self.plan.instance, event.actor
        if actor == instance.account:
            return (Whose.OURS if ours else Whose.API), ""
        if actor == instance.sid:
            return Whose.FLEX, ""
        if actor in ("", instance.workspace):
            return Whose.NOT_TOLD, ""
        name = self.by_sid.get(actor)
        if name is None:
            return Whose.STRANGER, " ".join(filter(None, (event.actor_type, actor)))
        return (Whose.SELF if name == self.by_sid.get(event.worker) else Whose.PERSON), name
