"""What a plan does to the task queues: its changes as people before and after, handed to `routing`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flexres.desired.model import Policy
from flexres.live.model import LiveUser, Snapshot
from flexres.reconcile.change import Arrival, Edit, Kind, Rename, Route, UserChange
from flexres.reconcile.diff import Scope, written
from flexres.routing.coverage import QueueCoverage, coverage
from flexres.routing.queues import Person, RoutingMap, people_of, person_of, routing_map

UNREAD_HINT: Final = "let the key read task queues and Workflows, or take queues out of the policy"
"""What to do where the policy asks for people in queues and nobody can tell who is in them."""

_UNTOUCHED: Final = frozenset({Kind.BLOCKED, Kind.AT_IDP, Kind.UNMANAGED, Kind.LET_GO})


@dataclass(frozen=True, slots=True)
class Routing:
    """What a plan does to the queues. `queues` are those that change, and those that the policy finds too small.

    `ways` are those into queues on which somebody comes or goes by what a Workflow's target asks for besides.
    `short` are the names of these: below what the policy asks for already, and not made so by the plan.
    `notes` is what cannot be told, one line each. `unread` says why nothing is known at all.
    """

    queues: tuple[QueueCoverage, ...] = ()
    ways: tuple[QueueCoverage, ...] = ()
    short: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unread: str = ""

    @property
    def changed(self) -> tuple[QueueCoverage, ...]:
        """The queues in which somebody comes or goes, and the ways into them of whom that is so."""
        return (*(one for one in self.queues if one.changed), *self.ways)


def routing_of(
    snapshot: Snapshot, changes: Iterable[UserChange], scope: Scope, policy: Policy, commit_time: int | None
) -> Routing | None:
    """The plan's part about queues; None where nobody looked at them."""
    setup = snapshot.routing
    if setup is None:
        return None
    if setup.unread:
        return Routing(unread=setup.unread)
    touching = [change for change in changes if change.kind not in _UNTOUCHED]
    if not touching and not policy.queues:
        return Routing()
    found = routing_map(setup)
    before, after = _both_sides(snapshot, touching, scope, commit_time)
    told = coverage(found.queues, before, after, wanted=lambda queue: policy.least_in(queue.name) > 0)
    short = {one.queue.sid for one in told if _is_short(one, policy.least_in(one.queue.name))}
    shown = (one for one in told if one.queue.sid in short or not one.stands_still)
    return Routing(
        queues=tuple(shown),
        ways=_ways(found, told, before, after),
        short=tuple(one.queue.name for one in told if one.queue.sid in short),
        notes=tuple(_notes(found, policy)),
    )


def _ways(
    found: RoutingMap, told: Iterable[QueueCoverage], before: Mapping[str, Person], after: Mapping[str, Person]
) -> tuple[QueueCoverage, ...]:
    """The ways into queues on which somebody comes or goes who does not in the queue, or on which nobody is left."""
    queues = {one.queue.sid: one for one in told}
    shown: list[QueueCoverage] = []
    for way in coverage(found.ways, before, after):
        queue = queues.get(way.queue.sid)
        moves = {*(queue.gains if queue else ()), *(queue.loses if queue else ())}
        if {*way.gains, *way.loses} - moves or (way.empties and not (queue and queue.empties)):
            shown.append(way)
    return tuple(shown)


def _is_short(one: QueueCoverage, least: int) -> bool:
    return one.after < least and not one.falls_below(least)


def _notes(found: RoutingMap, policy: Policy) -> Iterator[str]:
    for queue in found.queues:
        if queue.problem:
            yield f"queue {queue.name}: cannot tell who is in it: {queue.problem}"
    yield from found.problems
    names = {queue.name for queue in found.queues}
    for name in policy.queues:
        if name != "*" and name not in names:
            yield f"policy.queues names {name}, and there is no such queue"


def _both_sides(
    snapshot: Snapshot, changes: Iterable[UserChange], scope: Scope, commit_time: int | None
) -> tuple[dict[str, Person], dict[str, Person]]:
    """Everybody before and after. Who was marked as leaving by an earlier plan is gone on both sides."""
    before = people_of(snapshot)
    after = dict(before)
    for change in changes:
        gone = change.old.username if change.old else change.username if change.leaves else None
        if gone is not None:
            after.pop(gone, None)
            if change.leaves and change.marker is not None and change.marker.leaving is not None:
                before.pop(gone, None)
        if isinstance(change, Arrival | Edit | Rename):
            person = person_of(_as_flex_has_it(change, written(change, scope, commit_time)))
            if person is not None:
                after[change.username] = person
    return before, after


def _as_flex_has_it(change: Arrival | Edit | Rename, live: LiveUser) -> LiveUser:
    """With what an arrival brings from an old Worker, and with the profile that Flex keeps among the attributes."""
    worker, desired = live.worker, change.desired
    arrives = change.live is None or change.live.worker is None
    profile = {"full_name": desired.full_name, "email": desired.email, "roles": list(desired.roles)}
    new = (
        profile
        if arrives
        else {item.key.name: item.after for item in change.fields if item.route is Route.PROFILE and item.writes}
    )
    if worker is None or not (new or change.old):
        return live
    carried = (change.old.worker.attributes() or {}) if change.old and change.old.worker else {}
    merged: dict[str, Any] = {**_filled(worker.attributes() or {}, carried), **new}
    return replace(live, worker=replace(worker, text=json.dumps(merged, ensure_ascii=False)))


def _filled(attributes: Mapping[str, Any], carried: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with whatever they lack from those of an old Worker, member by member."""
    filled = {**carried, **attributes}
    for name, value in attributes.items():
        other = carried.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            filled[name] = _filled(value, other)
    return filled


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A queue that a plan takes below what the policy asks for, and whose leaving does it.

    It is to keep `least`; so many are in it `before` and `after`, and of `uncertain` more it cannot be told.
    """

    queue: str
    least: int
    before: int
    after: int
    uncertain: int
    usernames: tuple[str, ...]


def shortfalls(routing: Routing | None, policy: Policy, changes: Iterable[UserChange]) -> Iterator[Shortfall]:
    """The queues that these changes take below what the policy asks for; not those that are below already."""
    touched = {change.old.username if change.old else change.username for change in changes}
    for one in routing.queues if routing else ():
        name, least = one.queue.name, policy.least_in(one.queue.name)
        lost = tuple(username for username in _lost_from(one) if username in touched)
        if lost and one.falls_below(least):
            yield Shortfall(name, least, one.before, one.after, len(one.doubts), lost)


def _lost_from(one: QueueCoverage) -> tuple[str, ...]:
    """Who is not in the queue any more, those included of whom it could not be told before."""
    still = {*one.eligible, *(doubt.name for doubt in one.doubts)}
    return tuple(sorted({*one.loses, *(doubt.name for doubt in one.doubts_before if doubt.name not in still)}))
